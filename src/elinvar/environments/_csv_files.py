"""CSV files as tables, batch by batch."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar.environments._csv_layout import Layout, opened
from elinvar.environments._notation import PLAIN, Notation

if TYPE_CHECKING:
    import pyarrow as pa

_WRITTEN = (r"^(-?\d+)\.0+$", r"^(\d{4}-\d\d-\d\d)[ T]00:00(:00(\.0+)?)?$")
NULLS = [
    *("", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NULL", "null", "None"),
    *("NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
]


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
) -> Any:
    """Open a CSV file to be parsed and converted, batch by batch."""
    import pyarrow.csv as pc

    return pc.open_csv(
        opened(path),
        read_options=pc.ReadOptions(
            skip_rows=layout.skipped,
            column_names=layout.names,
            encoding=layout.encoding,
            block_size=layout.block,
            use_threads=threads,
        ),
        parse_options=pc.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types=types,
            include_columns=columns,
            # in columns of numbers the names of missing values cannot be labels
            strings_can_be_null=not notation.no_na,
            null_values=[*NULLS, *sorted(notation.na)],
            decimal_point=notation.decimal,
        ),
    )


def csv_batches(
    path: Path,
    layout: Layout,
    types: dict[str, Any],
    columns: list[str],
    labels: set[str],
    notation: Notation,
) -> Iterator["pa.Table"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    # Not through a dataset: that reads ahead without bound where computing is slower.
    for batch in open_csv(path, layout, notation, types, columns):
        table = pa.Table.from_batches([batch])
        for name in labels & set(types):
            # CSV has no types: what was written as 2020.0 is the label 2020, and a day is a day
            column = table[name]
            for written in _WRITTEN:
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
