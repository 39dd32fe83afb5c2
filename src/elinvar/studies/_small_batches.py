"""PooledSGD with small batches: does their noise do what heterogeneity does? The paper's figure."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from elinvar._base._numbers import percent
from elinvar.studies._distances import DISTANCES, ends, plot_over_time
from elinvar.studies._distances import cell as cell
from elinvar.studies._setting import SensingConfig
from elinvar.studies._study import Claim
from elinvar.studies._summary import rows_of
from elinvar.studies._types import Axes, DataFrame
from elinvar.theory import noise_floor

TITLE = "Small batches are no heterogeneity"
CLAIM = (
    "It is not noise that leads to A*: PooledSGD with small batches is as noisy a step, and ends "
    "far from A* and from the pooled solution, too."
)
AXES = {"step_size": "step_sizes"}


@dataclass(frozen=True, kw_only=True)
class Config(SensingConfig):
    """The settings of this study.

    Parameters
    ----------
    algorithm : str
        On batches that mix the environments.
    heterogeneity, batch_size
        Of every run.
    step_sizes : tuple of float
        A panel of the picture each.
    record_every : int
        Steps between rows.
    far : float
        Distance, relative to the norm of A*, from which a run is far from a solution.
    tolerance : float
        Largest deviation from the noise floor at the smallest step, where noise is small enough
        for its derivation.
    """

    algorithm: str = "PooledSGD"
    heterogeneity: float = 5.0
    batch_size: int = 80
    step_sizes: tuple[float, ...] = (0.01, 0.05, 0.1)
    dim: int = 40
    steps: int = 3000
    record_every: int = 10
    far: float = 0.25
    tolerance: float = 0.1
    repetitions: int = 20
    core_seconds: float = 3.0


QUICK = Config(record_every=30, repetitions=5, core_seconds=1.0)


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return where each step size ended: medians over the last third, quartiles over runs."""
    table = ends(rows, "step_size", config.step_sizes, steps=config.steps, over_time="median")
    floors = [_floor(eta, config) for eta in config.step_sizes]
    return table.assign(predicted_pooled_error=floors)


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw both distances over time, medians and quartiles over runs."""
    nearest = min(row[key] for row in rows_of(summary) for key in DISTANCES)
    return plot_over_time(
        rows.assign(algorithm=rows["step_size"].map("step size {:g}".format)),
        title=f"{config.algorithm} with batches of {config.batch_size:,} ends at least "
        f"{percent(nearest)} of |A*| from A* and from the pooled solution",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge that no step size leads to either solution, and what the smallest leads to."""
    rows = rows_of(summary)
    nearest = {key: min(row[key] for row in rows) for key in DISTANCES}
    first = min(rows, key=lambda row: float(row["step_size"]))
    deviation = first["pooled_error"] / first["predicted_pooled_error"] - 1.0
    growing = all(before[key] < after[key] for before, after in pairwise(rows) for key in DISTANCES)
    whole = all(row["runs"] == config.repetitions for row in rows)
    return (
        Claim(
            holds=bool(whole and min(nearest.values()) >= config.far),
            sentence=f"{config.algorithm} with {config.batch_size:,} measurements a step is at "
            f"least {percent(nearest['error'])} of |A*| from A*, and "
            f"{percent(nearest['pooled_error'])} from A* plus the mean of A^(e), at every step "
            f"size (needed: {percent(config.far)}; medians of {config.repetitions} runs).",
        ),
        Claim(
            holds=bool(growing),
            sentence="A larger step, which HeteroSGD needs, only adds noise: from A* "
            + ", ".join(f"{percent(row['error'])} at {row['step_size']:g}" for row in rows)
            + " (needed: both distances grow).",
        ),
        Claim(
            holds=bool(abs(deviation) <= config.tolerance),
            sentence=f"At {first['step_size']:g} it is the pooled solution within sampling noise: "
            f"{percent(first['pooled_error'])} away, predicted "
            f"{percent(first['predicted_pooled_error'])} (needed: within "
            f"{percent(config.tolerance)}).",
        ),
    )


def _floor(step_size: float, config: Config) -> float:
    """Return the predicted distance to the pooled solution, relative to the norm of A*."""
    # at A* + E A^(e) what is left of A^(e) has the eigenvalues M and -M; the mean ones are 1
    floor = noise_floor(
        np.ones(config.invariant_rank + config.spurious_rank),
        step_size,
        dim=config.dim,
        batch_size=config.batch_size,
        power=config.spurious_rank * config.heterogeneity**2,
        steps=config.steps,
        init_scale=config.init_scale,
    )
    return float(floor.error / np.sqrt(config.invariant_rank))
