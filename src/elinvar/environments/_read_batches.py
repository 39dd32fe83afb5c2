"""Batches of frames or arrays as rows, each seen once and the whole never."""

from collections.abc import Iterable, Iterator, Sized
from dataclasses import replace

from elinvar.environments._checks import counted_from
from elinvar.environments._column_names import check_columns
from elinvar.environments._frames import Frame, Kind, as_frame, is_frame, merge_kinds
from elinvar.environments._labels import MISSING_LEVEL
from elinvar.environments._read_arrays import read_part
from elinvar.environments._read_frames import rows_of_frame
from elinvar.environments._roles import Columns, Roles
from elinvar.environments._rows import Rows
from elinvar.environments._schema import MAX_LEVELS, check_levels
from elinvar.environments._survey import counted_rows, with_labels
from elinvar.environments._text_columns import TextSummary, check_no_numbers
from elinvar.errors import DataError, DataTypeError


def read_batches(
    batches: Iterable[object], of_frames: Roles | None, of_arrays: Roles
) -> Iterator[Rows]:
    """Read batches that are all frames, or all tuples of arrays.

    Raises
    ------
    DataError
        If a batch cannot be used as asked.
    """
    if of_arrays.missing == "impute":
        raise DataError(
            "Batches are seen once, so missing must be 'error' or 'drop'; 'impute' needs a file or "
            "a frame."
        )
    if is_frame(batches) or isinstance(batches, str) or not isinstance(batches, Iterable):
        raise DataTypeError(
            "An iterable of batches is needed, each a frame or a tuple (X, y, environments); got "
            f"{type(batches).__qualname__}."
        )
    n_rows = 0
    reader: FrameBatches | None = None
    kinds = set()
    for batch in batches:
        kinds.add(isinstance(batch, tuple))
        if len(kinds) > 1:
            raise DataTypeError("Batches must be all frames or all tuples of arrays, not both.")
        if isinstance(batch, tuple):
            size = _length(batch)
            if size:
                X, y, environments, sample_weight = (*batch, None, None)[:4]
                rows = read_part(X, y, environments, sample_weight, of_arrays, n_rows)
                rows.check_finite(counted_from(n_rows))
                yield rows
        else:
            frame = as_frame(batch, first_row=n_rows)
            size = frame.n_rows
            if of_frames is None:
                raise DataError("Batches of frames need target= and environment= by name.")
            if reader is None:
                reader = FrameBatches(of_frames.find(frame.names, frame.index))
            yield from reader.read(frame)
        n_rows += size
    if reader is not None:
        reader.finish()


def _length(batch: tuple[object, ...]) -> int:
    if not 2 <= len(batch) <= 4:
        raise DataError(
            "A batch of arrays is (X, y), (X, y, environments) or (X, y, environments, "
            f"sample_weight); got {len(batch)} items."
        )
    X = batch[0]
    return len(X) if isinstance(X, Sized) else 1


class FrameBatches:
    """What has been learned of the columns from the batches so far.

    Text is taken for categories, whose levels may grow. Whether it was numbers after all is
    judged at the end from all values, so the outcome does not depend on the cuts.

    Parameters
    ----------
    columns : Columns
        Roles of the columns that every batch has.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = replace(columns, by_name=False)
        self.kinds: dict[str, Kind] = {}
        self.texts: dict[str, TextSummary] = {}

    def read(self, frame: Frame) -> Iterator[Rows]:
        """Read one more batch."""
        columns = self.columns
        check_columns(frame.names, columns.names)
        if not frame.n_rows:
            return
        self._learn_kinds({name: frame.kind(name) for name in columns.names})
        counted, weight = counted_rows(with_labels(frame, columns), columns)
        for name in columns.features:
            if name in columns.categorical or self.kinds[name] in ("text", "category"):
                summary = self.texts.setdefault(name, TextSummary())
                summary.update(counted, name, weight)
                if len(summary.levels) > MAX_LEVELS:
                    self._check_no_numbers(name)
                    check_levels({name: len(summary.levels)})
        # a level that has not been seen yet would make a categorical feature without columns
        levels = {
            name: summary.ordered_levels() or (MISSING_LEVEL,)
            for name, summary in self.texts.items()
        }
        yield rows_of_frame(frame, columns, columns.schema(levels))

    def _learn_kinds(self, kinds: dict[str, Kind]) -> None:
        """Refuse a feature that is a number in one batch and text in another."""
        self.columns.check_kinds(kinds)
        for name in self.columns.features:
            found = {self.kinds.get(name, "empty"), kinds[name]} - {"empty"}
            if "number" in found and len(found) > 1 and name not in self.columns.categorical:
                raise DataTypeError(
                    f"{name} holds numbers in some batches and text in others; give all batches "
                    "the same types, or name it in categorical=."
                )
            self.kinds[name] = merge_kinds(found)

    def _check_no_numbers(self, name: str) -> None:
        if name in self.columns.categorical or self.kinds[name] == "category":
            return
        check_no_numbers(name, self.texts[name], self.columns)

    def finish(self) -> None:
        """Judge text by all its values."""
        for name in self.texts:
            self._check_no_numbers(name)
