"""The plain step, which draws every measurement: the reference, and the way for finite data."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.sensing._algorithms import Algorithm
from elinvar.sensing._measurements import pieces
from elinvar.sensing._problem import SensingProblem
from elinvar.sensing._schedule import Schedule, environment_order

Floats = NDArray[np.floating[Any]]


class FreshSource:
    """Every step draws its measurements.

    Parameters
    ----------
    problem : SensingProblem
        With a known truth.
    schedule : Schedule
        The environments of every step.
    rng : Generator
        Draws measurements.
    """

    def __init__(
        self, problem: SensingProblem, schedule: Schedule, rng: np.random.Generator
    ) -> None:
        assert problem.truth is not None
        self._problem, self._schedule, self._rng = problem, schedule, rng
        self._basis = problem.truth.basis

    def gradient(self, A: Floats, step: int) -> Floats:
        """Return the mean of r_i sym(X_i)."""
        parts, law = self._schedule.parts(step, 1), self._problem.measurements
        total = np.zeros_like(A)
        basis = self._basis.astype(A.dtype)
        for c in np.flatnonzero(parts.counts[0] > 0):
            core = parts.cores[parts.which[0, c]].astype(A.dtype)
            R = basis @ core @ basis.T - A
            scale = self._schedule.mix[c] / self._schedule.batch
            if self._schedule.noisy:
                total += A.dtype.type(scale) * self._sum(R, int(parts.counts[0, c]))
            else:
                total += A.dtype.type(scale) * law.expected(R)
        return total

    def _sum(self, R: Floats, count: int) -> Floats:
        law, noise = self._problem.measurements, self._problem.noise
        total = np.zeros_like(R)
        for n in pieces(law, count, len(R)):
            X = law.draw(self._rng, n, len(R), R.dtype)
            r = law.apply(X, R)
            if noise > 0.0:
                r = r + R.dtype.type(noise) * self._rng.standard_normal(n, dtype=R.dtype)
            total += law.average(X, r)
        return total


class DataSource:
    """Every step uses the same finite data set.

    Parameters
    ----------
    problem : SensingProblem
        With data.
    algorithm : HeteroSGD, PooledSGD or PooledGD
        Says what a step sees.
    steps : int
        How many there will be.
    rng : Generator
        Draws environments and measurements.
    """

    def __init__(
        self, problem: SensingProblem, algorithm: Algorithm, steps: int, rng: np.random.Generator
    ) -> None:
        assert problem.data is not None
        self._law, self._data, self._rng = problem.measurements, problem.data, rng
        self._batch: int | None = algorithm.batch_size  # type: ignore[attr-defined]
        self._gain = float(algorithm.gain)  # type: ignore[attr-defined]
        self._order: NDArray[np.int64] | None = None
        if algorithm.sampling == "one":
            self._order = environment_order(algorithm, self._data.weights, steps, rng)

    def gradient(self, A: Floats, step: int) -> Floats:
        """Return the mean of r_i sym(X_i) over the batch of a step."""
        whole = slice(0, len(self._data.y))
        if self._order is None:
            return self._average(A, whole)
        e = int(self._order[step])
        own = self._average(A, slice(*map(int, self._data.offsets[e : e + 2])))
        if self._gain == 1.0:
            return own
        gain = A.dtype.type(self._gain)
        mixed: Floats = gain * own + (1 - gain) * self._average(A, whole)
        return mixed

    def _average(self, A: Floats, rows: slice) -> Floats:
        X, y = self._data.X[rows], self._data.y[rows]
        times: Any = 1
        if self._batch is not None and self._batch > len(y):
            # how often each row is in the batch, in law: the rows are measured once
            times = self._rng.multinomial(self._batch, np.full(len(y), 1 / len(y)))
        elif self._batch is not None:
            chosen = self._rng.integers(len(y), size=self._batch)
            X, y = X[chosen], y[chosen]
        X, y = X.astype(A.dtype, copy=False), y.astype(A.dtype, copy=False)
        r = (times * (y - self._law.apply(X, A))).astype(A.dtype, copy=False)
        mean: Floats = self._law.average(X, r) / A.dtype.type(self._batch or len(y))
        return mean

    def loss(self, A: Floats) -> float:
        """Return the mean squared error over the data set."""
        residual = self._data.y - self._law.apply(self._data.X, A.astype(np.float64))
        return float(residual @ residual / len(residual))
