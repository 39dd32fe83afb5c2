"""Tables as rows of plain values, for figures that draw row by row."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Row = dict[str, Any]


class Table(Protocol):
    """Columns by name: a DataFrame, or a mapping of names to lists or arrays."""

    def __getitem__(self, name: str, /) -> Any: ...

    def __contains__(self, name: object, /) -> bool: ...


def records(
    table: Table, *, texts: Sequence[str], numbers: Sequence[str], needed: str = ""
) -> list[Row]:
    """Return the rows of a DataFrame or mapping of columns.

    Parameters
    ----------
    table : DataFrame or mapping of columns
        The first of ``texts`` must be there; of the others a column that it lacks is "" or NaN.
    texts, numbers : sequence of str
        Columns to read as str and as float.
    needed : str
        What the rows hold, where there must be some.

    Returns
    -------
    list of dict
        A dict of plain values for each row.

    Raises
    ------
    ValueError
        If there are no rows where some are needed.
    """
    count = len(table[texts[0]])
    if needed and not count:
        raise ValueError(f"the table of {needed} has no rows; needed at least one.")
    columns: dict[str, list[Any]] = {}
    for key in texts:
        columns[key] = [str(cell) for cell in table[key]] if key in table else [""] * count
    for key in numbers:
        cells = list(table[key]) if key in table else [float("nan")] * count
        columns[key] = [float(cell) for cell in cells]
    return [{key: cells[i] for key, cells in columns.items()} for i in range(count)]


def column(rows: Sequence[Row], key: str) -> NDArray[np.float64]:
    """Return a column of numbers, NaN where they are not finite or the rows lack it."""
    values = np.array([row.get(key, np.nan) for row in rows], dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def largest(rows: Sequence[Row], sizes: Sequence[float], top: int) -> list[Row]:
    """Return the ``top`` rows of the largest sizes, in the order of the table."""
    order = sorted(range(len(rows)), key=lambda j: -sizes[j])
    return [rows[j] for j in sorted(order[:top])]


def distinct(rows: Sequence[Row], key: str) -> list[str]:
    """Return the texts of a column in the order in which they first come."""
    return list(dict.fromkeys(row[key] for row in rows))
