"""How environments and moments look when they are printed."""

import numpy as np

from elinvar._base._display import SHOWN
from elinvar._base._numbers import count, counted
from elinvar.environments._checks import Floats
from elinvar.environments._schema import Schema


def overview(
    kind: str,
    names: tuple[str, ...],
    rows: Floats,
    mean_y: Floats,
    var_y: Floats,
    schema: Schema,
    n_dropped: int,
) -> tuple[str, list[tuple[str, ...]], int]:
    """Return a sentence, a table of the first environments, and how many more there are."""
    features = counted(len(schema.features), "feature")
    if schema.levels:
        features += f" in {counted(schema.n_columns, 'column')}"
    dropped = f", {n_dropped:,} dropped" if n_dropped else ""
    sentence = (
        f"{kind}: {counted(len(names), 'environment')}, {counted(float(rows.sum()), 'row')}"
        f"{dropped}, {features}, target {schema.target!r}"
    )
    shown = len(names) if len(names) <= SHOWN else SHOWN - 1
    table: list[tuple[str, ...]] = [("environment", "rows", "target mean", "target sd")]
    for e in range(shown):
        sd = f"{np.sqrt(var_y[e]):.4g}"
        table.append((names[e], count(rows[e]), f"{mean_y[e]:.4g}", sd))
    return sentence, table, len(names) - shown
