"""The paper's setting, which the studies share: one problem, its algorithms, what a run leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.studies._study import StudyConfig

if TYPE_CHECKING:
    from pandas import DataFrame

    from elinvar.sensing import SensingProblem, Trajectory

# sampling noise then holds no spurious part above the window in which slopes are measured
HUGE_BATCH = 10**14


@dataclass(frozen=True, kw_only=True)
class SensingConfig(StudyConfig):
    """A study of two-point heterogeneity, spurious eigenvalues 1 + M and 1 - M.

    Parameters
    ----------
    dim : int
        Rows of the matrices.
    invariant_rank, spurious_rank : int
        Of A* and of each A^(e).
    steps : int
        Of a trajectory.
    init_scale : float
        U starts at this times the identity.
    """

    dim: int = 50
    invariant_rank: int = 2
    spurious_rank: int = 2
    steps: int = 1500
    init_scale: float = 1e-3

    def fixed(self) -> dict[str, Any]:
        """Return what every cell is told."""
        return {
            "dim": self.dim,
            "invariant_rank": self.invariant_rank,
            "spurious_rank": self.spurious_rank,
            "steps": self.steps,
            "init_scale": self.init_scale,
        }


def run(
    algorithm: str,
    rng: np.random.Generator,
    *,
    heterogeneity: float,
    step_size: float,
    batch_size: int,
    dim: int,
    invariant_rank: int,
    spurious_rank: int,
    steps: int,
    init_scale: float,
    record_every: int = 1,
) -> "tuple[SensingProblem, Trajectory]":
    """Return a two-point problem and one trajectory of the algorithm of this name on it."""
    from elinvar import sensing

    problem = sensing.SensingProblem.two_point(
        dim=dim,
        invariant_rank=invariant_rank,
        spurious_rank=spurious_rank,
        heterogeneity=heterogeneity,
        rng=rng,
    )
    batch = {} if algorithm == "PooledGD" else {"batch_size": batch_size}
    maker = getattr(sensing, algorithm)
    start = maker(step_size=step_size, init_scale=init_scale, **batch)
    path = sensing.solve(problem, start, steps=steps, rng=rng, record_every=record_every)
    return problem, path


def settled(trajectory: "Trajectory") -> dict[str, Any]:
    """Return what a run ended with: averages over its last third, since spurious parts burst."""
    last = slice(2 * len(trajectory.steps) // 3, None)
    spurious = np.asarray(trajectory.spurious_signal, dtype=np.float64)[last]
    diverged = trajectory.status == "diverged"
    means = {
        "invariant_signal": float(np.mean(trajectory.invariant_signal[last])),
        "spurious_signal": float(np.mean(spurious)),
        "residual": float(np.mean(trajectory.residual[last])),
        "bursts": float(np.mean(spurious > 0.1)),
    }
    if diverged:
        means = dict.fromkeys(means, float("nan"))
    return {**means, "diverged": diverged, "last_step": int(trajectory.steps[-1])}


def quartiles(groups: Any, names: Sequence[str]) -> "DataFrame":
    """Return, for each group, its ``runs`` and of each column the median and both quartiles."""
    table: DataFrame = groups.size().rename("runs").to_frame()
    for name in names:
        for end, share in (("", 0.5), ("_low", 0.25), ("_high", 0.75)):
            table[f"{name}{end}"] = groups[name].quantile(share)
    return table


def signals(rows: "DataFrame", by: list[str]) -> "DataFrame":
    """Return quartiles of both signals over repetitions, and the share of runs that diverged.

    Parameters
    ----------
    rows : DataFrame
        The columns ``by``, ``invariant_signal``, ``spurious_signal`` and ``diverged``.
    by : list of str
        One row for each of their combinations.
    """
    groups = rows.groupby(by, sort=False)
    table = quartiles(groups, ("invariant_signal", "spurious_signal"))
    return table.assign(diverged=groups["diverged"].mean()).reset_index()
