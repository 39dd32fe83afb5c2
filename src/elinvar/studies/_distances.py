"""Distances to A* and to the pooled solution over time: of a run, and where runs end."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from elinvar.plots import plot_distances
from elinvar.studies._setting import Setting, run
from elinvar.studies._study import Row
from elinvar.studies._summary import quartiles
from elinvar.studies._types import Axes, DataFrame

DISTANCES = ("error", "pooled_error")


def cell(
    *,
    rng: np.random.Generator,
    algorithm: str,
    repetition: int,
    setting: Setting,
    heterogeneity: float,
    step_size: float,
    batch_size: int,
    record_every: int,
) -> list[Row]:
    """Run once; return both distances, relative to the norm of A*, and the signals over time."""
    problem, path = run(
        algorithm, rng, setting, heterogeneity, step_size, batch_size, record_every=record_every
    )
    norm = float(np.linalg.norm(problem.invariant))
    columns = {
        "step": path.steps,
        "error": path.error / norm,
        "pooled_error": path.pooled_error / norm,
        "invariant_signal": path.invariant_signal,
        "spurious_signal": path.spurious_signal,
        "residual": path.residual / norm,
    }
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


def plot_over_time(rows: DataFrame, *, title: str | None = None) -> Axes:
    """Draw both distances of each algorithm over time, medians and quartiles over runs."""
    table = quartiles(rows.groupby(["algorithm", "step"], sort=False), DISTANCES).reset_index()
    return plot_distances(table, ylabel="distance, relative to |A*|", title=title)
