"""The paper's setting, which the studies share: one problem, its algorithms, what a run leaves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from elinvar.studies._study import StudyConfig
from elinvar.studies._summary import quartiles
from elinvar.studies._types import DataFrame

if TYPE_CHECKING:
    from elinvar.sensing import SensingProblem, Trajectory

Floats = NDArray[np.float64]

# sampling noise then holds no spurious part above the window in which slopes are measured
HUGE_BATCH = 10**14


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Two-point heterogeneity, spurious eigenvalues 1 + M and 1 - M, and a trajectory.

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

    def problem(
        self, heterogeneity: float, rng: np.random.Generator, measurements: str = "gaussian"
    ) -> "SensingProblem":
        """Return a problem with this M."""
        from elinvar.sensing import SensingProblem

        return SensingProblem.two_point(
            dim=self.dim,
            invariant_rank=self.invariant_rank,
            spurious_rank=self.spurious_rank,
            heterogeneity=heterogeneity,
            measurements=measurements,
            rng=rng,
        )


@dataclass(frozen=True, kw_only=True)
class SensingConfig(StudyConfig, Setting):
    """A study of two-point heterogeneity; its cells take the ``setting``."""


@dataclass(frozen=True, kw_only=True)
class NoisyConfig(SensingConfig):
    """A study with huge batches, and beside them with some that one can have.

    Parameters
    ----------
    algorithm : str
        That is to forget the spurious part.
    batch_size : int
        Large, so that the spurious part can fall far before sampling noise holds it.
    noisy_batches, noisy_runs : tuple of int, int
        Batches of a size that one can have, and how many of the repetitions run with these, too.
    """

    algorithm: str = "HeteroSGD"
    batch_size: int = HUGE_BATCH
    # sampling noise is there, and so is the transition
    noisy_batches: tuple[int, ...] = (2_000, 20_000)
    noisy_runs: int

    @property
    def batches(self) -> str:
        """The huge ones, by the exact law, and those that one can have."""
        if not self.noisy_batches:
            return super().batches
        those = " and ".join(f"{size:,}" for size in self.noisy_batches)
        return (
            f"{super().batches}, drawn by the exact law, so that none is noisy; {those} where it "
            f"says so ({self.noisy_runs} run{'s' * (self.noisy_runs != 1)} each)"
        )

    @property
    def noisy_columns(self) -> list[str]:
        """What the signals with those are called in the rows."""
        return [noisy_column(size) for size in self.noisy_batches]


@dataclass(frozen=True, kw_only=True)
class TransitionConfig(NoisyConfig):
    """A study of where the spurious part stops growing along an axis.

    Parameters
    ----------
    near : (low, high)
        Multiples of the predicted transition between which it is measured.
    learnt, forgotten : float
        Multiples of it up to which the spurious part must be learnt, and from which it must be
        forgotten.
    tolerance : float
        Largest deviation of the transition from the prediction, relative to it.
    """

    near: tuple[float, float]
    learnt: float = 0.6
    forgotten: float
    tolerance: float


def noisy_column(batch_size: int) -> str:
    """Return the name of the column with spurious signals of noisy batches of this size."""
    return f"noisy_{batch_size}"


def run(
    algorithm: str,
    rng: np.random.Generator,
    setting: Setting,
    heterogeneity: float,
    step_size: float,
    batch_size: int,
    *,
    record_every: int = 1,
) -> "tuple[SensingProblem, Trajectory]":
    """Return a two-point problem and one trajectory of the algorithm of this name on it."""
    from elinvar import sensing

    problem = setting.problem(heterogeneity, rng)
    batch = {} if algorithm == "PooledGD" else {"batch_size": batch_size}
    maker = getattr(sensing, algorithm)
    start = maker(step_size=step_size, init_scale=setting.init_scale, **batch)
    path = sensing.solve(problem, start, steps=setting.steps, rng=rng, record_every=record_every)
    return problem, path


def last_third(trajectory: "Trajectory") -> slice:
    """Return the steps to average over: spurious parts burst, and a last iterate tells little."""
    return slice(2 * len(trajectory.steps) // 3, None)


def settled(trajectory: "Trajectory") -> dict[str, Any]:
    """Return what a run ended with: averages over its last third."""
    last = last_third(trajectory)
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


def noisy(
    algorithm: str,
    rng: np.random.Generator,
    setting: Setting,
    heterogeneity: float,
    step_size: float,
    batch_sizes: tuple[int, ...],
    *,
    skip: bool,
    settle: Callable[[Floats], float] = np.median,
) -> dict[str, float]:
    """Return the spurious signal of a run with each of these batch sizes; NaN where it diverged.

    Of the last third, by default the median: near the line a signal that noise feeds has no mean
    (docs/theory-matrix.md, section 5).
    """
    ends = {noisy_column(size): float("nan") for size in batch_sizes}
    if not skip:
        for size in batch_sizes:
            _, path = run(algorithm, rng, setting, heterogeneity, step_size, size)
            if path.status != "diverged":
                signal = np.asarray(path.spurious_signal, dtype=np.float64)[last_third(path)]
                ends[noisy_column(size)] = float(settle(signal))
    return ends


def signals(rows: DataFrame, by: list[str]) -> DataFrame:
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
