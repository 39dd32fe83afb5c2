"""One run: what was asked for, the sizes that decide of its end, and what it led to."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar.errors import DataError
from elinvar.sensing._algorithms import AnyAlgorithm
from elinvar.sensing._arrays import Floats
from elinvar.sensing._problem import SensingProblem
from elinvar.sensing._records import Records
from elinvar.sensing._schedule import Schedule
from elinvar.sensing._trajectory import Method, Trajectory
from elinvar.sensing._truth import Truth

Progress: TypeAlias = Callable[[int, int], None]

# a run has diverged when the matrix is so many times larger than the environments' own
DIVERGED = 1e4


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """Records of a run, steps that stayed bounded, and the last matrix; None if it diverged."""

    records: Records
    taken: int
    matrix: Floats | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """What was asked for.

    Parameters
    ----------
    problem : SensingProblem
        What is to be learned.
    algorithm : Algorithm
        How.
    steps, record_every : int
        Steps, and the distance between recorded ones.
    dtype : {"float32", "float64"}
        Precision.
    start_rng, environment_rng, noise_rng : Generator
        Draw the start, the environments and the measurements.
    progress : callable, optional
        Called as ``progress(done, steps)`` now and then.
    start : ndarray of shape (d, k), optional
        U_0 itself.
    """

    problem: SensingProblem
    algorithm: AnyAlgorithm
    steps: int
    record_every: int
    dtype: Literal["float32", "float64"]
    start_rng: np.random.Generator
    environment_rng: np.random.Generator
    noise_rng: np.random.Generator
    progress: Progress | None
    start: Floats | None = None

    def check_start(self) -> None:
        """Refuse a start whose squares are not finite, of which nothing could be recorded."""
        scale, most = self.algorithm.init_scale, float(np.finfo(self.dtype).max) ** 0.25
        if not scale * self.problem.dim**0.25 < most:
            raise DataError(
                f"init_scale={scale:g} is too large for {self.dtype}, which bears "
                f"less than {most / self.problem.dim**0.25:.2g} here."
            )

    @property
    def truth(self) -> Truth:
        """The truth of a generated problem."""
        assert self.problem.truth is not None
        return self.problem.truth

    @cached_property
    def bound(self) -> float:
        """Size of A beyond which the run has diverged."""
        start = self.algorithm.init_scale**2 * np.sqrt(self.problem.dim)
        if self.problem.truth is not None:
            largest = np.sqrt((self.truth.cores**2).sum((1, 2)).max())
        else:
            data = self.problem.data
            assert data is not None
            power = 2 if data.X.ndim == 2 else 1
            # y is about <X, A>, so |A| is about the root mean square of y over that of X (of x x')
            largest = np.sqrt(np.mean(data.y**2)) / np.sqrt(np.mean(data.X**2)) ** power
        return float(DIVERGED * (largest + start))

    @cached_property
    def tiny(self) -> float:
        """Size of A that is rounding."""
        return float(np.finfo(self.dtype).eps * self.bound / DIVERGED)

    def schedule(self, *, apart: bool = False) -> Schedule:
        """Return the environments of every step, of a generated problem; see `Schedule`."""
        return Schedule(self.problem, self.algorithm, self.steps, self.environment_rng, apart=apart)

    def report(self, taken: int) -> None:
        """Report progress."""
        if self.progress is not None:
            self.progress(taken, self.steps)

    def trajectory(
        self, outcome: Outcome, method: Method, reason: str, seconds: float
    ) -> Trajectory:
        """Turn what was recorded into signals."""
        records, problem = outcome.records, self.problem
        numbers: NDArray[np.int64] = np.append(records.numbers, self.steps)
        if outcome.matrix is None:
            numbers = numbers[numbers < outcome.taken]
        kept = len(numbers)
        if problem.data is not None:
            loss = records.losses[:kept]
        else:
            loss = records.expected_loss(self.truth, problem.measurements, problem.noise, kept)
        return Trajectory(
            steps=numbers,
            status="completed" if outcome.matrix is not None else "diverged",
            method=method,
            reason=reason,
            dtype=self.dtype,
            seconds=seconds,
            loss=loss,
            matrix=outcome.matrix,
            problem=problem,
            **(records.signals(self.truth, kept) if problem.truth is not None else {}),
        )
