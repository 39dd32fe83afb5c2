"""Tables as rows of plain values, for figures that draw row by row."""

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def records(table: Any, *, texts: Sequence[str], numbers: Sequence[str]) -> list[Row]:
    """Return the rows of a DataFrame or mapping of columns.

    Parameters
    ----------
    table : DataFrame or mapping of columns
        The first of ``texts`` must be there; of the others a column that it lacks is "" or NaN.
    texts, numbers : sequence of str
        Columns to read as str and as float.

    Returns
    -------
    list of dict
        A dict of plain values for each row.
    """
    count = len(table[texts[0]])
    columns: dict[str, list[Any]] = {}
    for key in texts:
        columns[key] = [str(cell) for cell in table[key]] if key in table else [""] * count
    for key in numbers:
        cells = list(table[key]) if key in table else [float("nan")] * count
        columns[key] = [float(cell) for cell in cells]
    return [{key: cells[i] for key, cells in columns.items()} for i in range(count)]
