"""CSV files as tables, batch by batch."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar._base._lent import lent
from elinvar.environments._csv_layout import NULLS, Layout
from elinvar.environments._notation import PLAIN, Notation
from elinvar.environments._packed import opened

if TYPE_CHECKING:
    import pyarrow as pa

_WRITTEN = (r"^(-?\d+)\.0+$", r"^(\d{4}-\d\d-\d\d)[ T]00:00(:00(\.0+)?)?$")


class NotNumbers(Exception):
    """A CSV column that began with numbers holds something else further down."""

    def __init__(self, column: str, value: str) -> None:
        super().__init__(column)
        self.column = column
        self.value = value


def open_csv(
    path: Path,
    layout: Layout,
    notation: Notation,
    types: dict[str, Any] | None = None,
    columns: list[str] | None = None,
    *,
    threads: bool = True,
    notes: list[str] | None = None,
) -> Any:
    """Open a CSV file to be parsed and converted, batch by batch.

    ``notes`` gets the lines that are passed over: comments and sentences among the rows.
    """
    import pyarrow as pa
    import pyarrow.csv as pc

    said = [] if notes is None else notes
    source = opened(path)
    if layout.delimiter == " " and layout.padded:
        source = pa.TransformInputStream(source, lent(_squeezer()))
    return pc.open_csv(
        source,
        read_options=pc.ReadOptions(
            skip_rows=layout.skipped,
            column_names=layout.names,
            encoding=layout.encoding,
            block_size=layout.block,
            use_threads=threads,
        ),
        parse_options=pc.ParseOptions(
            delimiter=layout.delimiter,
            newlines_in_values=True,
            invalid_row_handler=lent(partial(_passed_over, notes=said)),
        ),
        convert_options=pc.ConvertOptions(
            column_types=types,
            include_columns=columns,
            # in columns of numbers the names of missing values cannot be labels
            strings_can_be_null=not notation.no_na,
            null_values=[*NULLS, *sorted(notation.na)],
            decimal_point=notation.decimal,
        ),
    )


def _passed_over(row: Any, notes: list[str]) -> str:
    """Pass over comments, and sentences such as the source below a table; refuse other rows."""
    cells = [cell.strip() for cell in re.split(r"[,;\t|]", row.text)]
    if not row.text.startswith("#"):
        few = 2 * row.actual_columns <= row.expected_columns and " " in row.text.strip()
        if not few or not cells[0][:1].isalpha() or any(re.match(r"\W*\d", c) for c in cells):
            return "error"
        notes.append(row.text.strip())
    return "skip"


def _squeezer() -> Callable[[bytes], bytes]:
    """Return what leaves one blank of several, and none at the ends of lines."""
    held, fresh = b"", True

    def squeezed(chunk: bytes) -> bytes:
        nonlocal held, fresh
        text = held + bytes(chunk)
        body = text.rstrip(b" ")
        held = text[len(body) :]
        if not body:
            return b""
        out = re.sub(rb" *(\r?\n) *", rb"\1", re.sub(rb" {2,}", b" ", body))
        out, fresh = out.lstrip(b" ") if fresh else out, body.endswith(b"\n")
        return out

    return squeezed


def csv_batches(
    path: Path,
    layout: Layout,
    types: dict[str, Any],
    columns: list[str],
    labels: set[str],
    notation: Notation,
    notes: list[str],
) -> Iterator["pa.Table"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = {name for name, kind in types.items() if pa.types.is_string(kind)}
    trimmed = texts if layout.padded and layout.delimiter != " " else set()
    nulls = pa.array([""] if notation.no_na else [*NULLS, *sorted(notation.na)])
    # Not through a dataset: that reads ahead without bound where computing is slower.
    for batch in open_csv(path, layout, notation, types, columns, notes=notes):
        table = pa.Table.from_batches([batch])
        for name in trimmed | (labels & texts):
            column = table[name]
            if name in trimmed:
                column = pc.utf8_trim_whitespace(column)
                column = pc.if_else(pc.is_in(column, nulls), None, column)
            # CSV has no types: what was written as 2020.0 is the label 2020, and a day is a day
            for written in _WRITTEN if name in labels else ():
                column = pc.replace_substring_regex(column, written, r"\1")
            table = table.set_column(table.column_names.index(name), name, column)
        yield table


def is_rewritten(label: str) -> bool:
    """Whether a text would not stay as it is in a CSV column that is read as labels."""
    return any(re.search(written, label) for written in _WRITTEN)


def ragged_line(path: Path, layout: Layout) -> str:
    """Name the first line of another number of fields, which one thread alone can tell."""
    import pyarrow as pa

    types = dict.fromkeys(layout.names, pa.string())
    try:
        for _ in open_csv(path, layout, PLAIN, types, threads=False):
            pass
    except pa.ArrowInvalid as error:
        if found := re.search(r"Row #(\d+)", str(error)):
            return f"line {found[1]}"
    return "a line"
