"""Distances to A* and to the pooled solution over time: of a run, and where runs end."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.studies._study import Row
from elinvar.studies._summary import quartiles
from elinvar.studies._types import DataFrame

if TYPE_CHECKING:
    from elinvar.sensing import SensingProblem, Trajectory

DISTANCES = ("error", "pooled_error")


def distances(problem: "SensingProblem", path: "Trajectory") -> dict[str, NDArray[np.float64]]:
    """Return both distances relative to the norm of A*, and the steps at which they are."""
    norm = float(np.linalg.norm(problem.invariant))
    return {"step": path.steps} | {name: getattr(path, name) / norm for name in DISTANCES}


def as_rows(columns: dict[str, NDArray[np.float64]]) -> list[Row]:
    """Return columns as rows of plain numbers."""
    lists = (values.tolist() for values in columns.values())
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def ends(
    rows: DataFrame,
    by: str,
    values: Sequence[object],
    *,
    steps: int,
    over_time: Literal["mean", "median"],
) -> DataFrame:
    """Return where runs end, of each value of a column: quartiles of what the last third shows."""
    late = rows[rows["step"] > steps * 2 / 3]
    of_runs = late.groupby([by, "repetition"], sort=False)[list(DISTANCES)].agg(over_time)
    table = quartiles(of_runs.groupby(level=by, sort=False), DISTANCES)
    table = table.reindex(list(values)).rename_axis(by).reset_index()
    return table.assign(runs=table["runs"].fillna(0).astype(int))
