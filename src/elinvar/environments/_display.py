"""How environments and moments look when they are printed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from elinvar._base._display import SHOWN
from elinvar._base._numbers import count, counted
from elinvar.environments._schema import Schema


def heading(kind: str, names: Sequence[str], rows: float, schema: Schema, n_dropped: int) -> str:
    """Return the sentence above the table."""
    features = counted(len(schema.features), "feature")
    if schema.levels:
        features += f" in {counted(schema.n_columns, 'column')}"
    dropped = f", {n_dropped:,} dropped" if n_dropped else ""
    return (
        f"{kind}: {counted(len(names), 'environment')}, {counted(rows, 'row')}{dropped}, "
        f"{features}, target {schema.target!r}"
    )


def table_rows(
    names: Sequence[str],
    rows_of: NDArray[np.float64],
    mean_y: NDArray[np.float64],
    var_y: NDArray[np.float64],
) -> list[tuple[str, ...]]:
    """Return the header and a row for each of the first environments."""
    rows: list[tuple[str, ...]] = [("environment", "rows", "target mean", "target sd")]
    shown = len(names) if len(names) <= SHOWN else SHOWN - 1
    for e in range(shown):
        rows.append((names[e], count(rows_of[e]), f"{mean_y[e]:.4g}", f"{np.sqrt(var_y[e]):.4g}"))
    return rows
