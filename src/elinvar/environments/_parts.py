"""Moments of the parts of a table, on whatever machine each part lies, and their sum."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from elinvar.environments._accumulate import accumulate_part, checked
from elinvar.environments._frames import as_frame
from elinvar.environments._labels import MISSING_LEVEL
from elinvar.environments._notation import Notation
from elinvar.environments._raw_moments import RawMoments, merge
from elinvar.environments._read_batches import FrameBatches
from elinvar.environments._roles import Columns
from elinvar.environments._rows import Rows, check_no_identifier, check_some_rows
from elinvar.environments._text_columns import check_counted

_ROWS = 65_536


@dataclass(frozen=True, kw_only=True)
class Part:
    """Moments of some rows; None if all of them were left out.

    Attributes
    ----------
    moments : RawMoments or None
    n_dropped : int
        Rows left out, where no moments say so.
    words : frozenset of str
        Columns of text, which are levels unless these turn out to be numbers.
    """

    moments: RawMoments | None
    n_dropped: int = 0
    words: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tables: Iterable[Any], columns: Columns, notation: Notation, source: str) -> "Part":
        """Take the moments of tables in memory.

        Parameters
        ----------
        tables : iterable of frames
        columns : Columns
        notation : Notation
            How numbers and missing values are written in text.
        source : str
            What messages call the part.
        """
        reader = FrameBatches(columns)
        moments, n_dropped = accumulate_part(_rows(reader, tables, notation, source))
        texts = {name for name, kind in reader.kinds.items() if kind == "text"}
        return cls(
            moments=moments,
            n_dropped=0 if moments else n_dropped,
            words=frozenset(texts - columns.categorical),
        )

    def __add__(self, other: "Part") -> "Part":
        a, b = self.moments, other.moments
        return Part(
            moments=merge(a, b) if a is not None and b is not None else a or b,
            n_dropped=self.n_dropped + other.n_dropped,
            words=self.words | other.words,
        )

    def whole(self, columns: Columns) -> RawMoments:
        """Return the moments, once they are those of all rows.

        Raises
        ------
        DataError
            If no row is left, text stands for numbers, or the environments look like single rows.
        """
        moments = self.moments
        check_some_rows(0 if moments is None else len(moments.names))
        assert moments is not None
        check_no_identifier(len(moments.names), int(moments.n_rows))
        check_counted({name: _counts(moments, name) for name in sorted(self.words)}, columns)
        return checked(moments, self.n_dropped)


def _rows(
    reader: FrameBatches, tables: Iterable[Any], notation: Notation, source: str
) -> Iterator[Rows]:
    n_rows = 0
    for table in tables:
        frame = as_frame(table, first_row=n_rows, source=source, notation=notation)
        for piece in frame.pieces(_ROWS):
            yield from reader.read(piece)
        n_rows += frame.n_rows


def added(parts: Iterable[Part]) -> Part:
    """Return the sum of parts."""
    return reduce(Part.__add__, parts, Part(moments=None))


def _counts(moments: RawMoments, name: str) -> dict[str, float]:
    """Return the weight of each level of a feature, which is the mean of its indicator."""
    schema = moments.schema
    at = (schema.groups == schema.features.index(name)).nonzero()[0]
    rows = moments.weight_sum @ moments.mean_x[:, at]
    levels = schema.levels[name]
    return {v: float(k) for v, k in zip(levels, rows, strict=True) if v != MISSING_LEVEL or k}
