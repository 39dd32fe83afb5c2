"""The plain step, which draws every measurement: the reference, and the way for finite data."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from elinvar.sensing._algorithms import AnyAlgorithm, HeteroSGD
from elinvar.sensing._arrays import Indices, Reals
from elinvar.sensing._descent import descend
from elinvar.sensing._measurements import Rectangular, pieces
from elinvar.sensing._own import environment_order
from elinvar.sensing._problem import SensingProblem
from elinvar.sensing._records import Records
from elinvar.sensing._run import Outcome, Run
from elinvar.sensing._schedule import Schedule
from elinvar.sensing._start import start_factor


class Source(Protocol):
    """Where averaged gradients come from."""

    def gradient(self, A: Reals, step: int) -> Reals:
        """Return the mean of r_i sym(X_i) over the batch of a step, (d, d)."""


def run_plain(run: Run, *, exact: bool = False) -> Outcome:
    """Draw every measurement, or use the finite data, in the problem's own coordinates.

    With ``exact`` sums over the measurements of rectangular matrices are drawn from their law.
    """
    problem, algorithm = run.problem, run.algorithm
    factor = start_factor(algorithm, problem.dim, None, run.dtype, run.start_rng, run.start)
    source: Source
    loss: Callable[[Reals], float] | None = None
    if problem.data is not None:
        source = data = DataSource(problem, algorithm, run.steps, run.environment_rng)
        loss = data.loss
    else:
        fresh = LawSource if exact else FreshSource
        source = fresh(problem, run.schedule(apart=True), run.noise_rng)
    law = problem.measurements
    basis = None if problem.truth is None else problem.truth.basis.astype(run.dtype)
    records = Records(run.steps, run.record_every, 0 if basis is None else basis.shape[1])

    def keep(A: Reals, step: int) -> None:
        if step % run.record_every == 0 or step == run.steps:
            at = -(-step // run.record_every)
            records.keep(at, law.seen(A), basis)
            if loss is not None:
                records.losses[at] = loss(A)
        run.report(step)

    kept = descend(factor, source.gradient, keep, steps=run.steps, bound=run.bound)
    matrix = law.block(factor.matrix()).astype(np.float64) if kept > run.steps else None
    return Outcome(records=records, taken=kept, matrix=matrix)


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

    def gradient(self, A: Reals, step: int) -> Reals:
        """Return the mean of r_i sym(X_i)."""
        parts, law = self._schedule.parts(step, 1), self._problem.measurements
        total = np.zeros_like(A)
        basis = self._basis.astype(A.dtype)
        for c in np.flatnonzero(parts.counts[0] > 0):
            core = parts.cores[parts.which[0, c]].astype(A.dtype)
            # R = A* + A^(e) - A, from the core of the environment
            R = basis @ core @ basis.T - A
            # a part of a batch enters with its weight, as a mean over the whole batch
            scale = self._schedule.mix[c] / self._schedule.batch
            if self._schedule.noisy:
                total += A.dtype.type(scale) * self._sum(R, int(parts.counts[0, c]))
            else:
                total += A.dtype.type(scale) * law.expected(R)
        return total

    def _sum(self, R: Reals, count: int) -> Reals:
        law, noise = self._problem.measurements, self._problem.noise
        total = np.zeros_like(R)
        for n in pieces(law, count, len(R)):
            X = law.draw(self._rng, n, len(R), R.dtype)
            r = law.apply(X, R)
            if noise > 0.0:
                r = r + R.dtype.type(noise) * self._rng.standard_normal(n, dtype=R.dtype)
            total += law.average(X, r)
        return total


class LawSource(FreshSource):
    """The same for rectangular matrices, from the law of the sum."""

    def _sum(self, R: Reals, count: int) -> Reals:
        law = self._problem.measurements
        assert isinstance(law, Rectangular)
        return law.total(self._rng, R, count, self._problem.noise)


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
        self, problem: SensingProblem, algorithm: AnyAlgorithm, steps: int, rng: np.random.Generator
    ) -> None:
        assert problem.data is not None
        self._law, self._data, self._rng = problem.measurements, problem.data, rng
        self._batch, self._gain = algorithm.batch_size, float(algorithm.gain)
        self._order: Indices | None = None
        if isinstance(algorithm, HeteroSGD):
            self._order = environment_order(algorithm, self._data.weights, steps, rng)

    def gradient(self, A: Reals, step: int) -> Reals:
        """Return the mean of r_i sym(X_i) over the batch of a step."""
        whole = slice(0, len(self._data.y))
        if self._order is None:
            return self._average(A, whole)
        own = self._own(A, self._order[step].tolist())
        if self._gain == 1.0:
            return own
        # g_pooled + gain (g_e - g_pooled)
        gain = A.dtype.type(self._gain)
        mixed: Reals = gain * own + (1 - gain) * self._average(A, whole)
        return mixed

    def _own(self, A: Reals, chosen: list[int]) -> Reals:
        """Average over a batch that the chosen environments share evenly."""
        rows = [slice(*map(int, self._data.offsets[e : e + 2])) for e in chosen]
        if self._batch is None:
            total = sum((self._average(A, part) for part in rows), np.zeros_like(A))
            return total if len(rows) == 1 else (total / len(rows)).astype(A.dtype, copy=False)
        each, more = divmod(self._batch, len(rows))
        mean = np.zeros_like(A)
        for k, part in enumerate(rows):
            size = each + (k < more)
            mean += A.dtype.type(size / self._batch) * self._average(A, part, size)
        return mean

    def _average(self, A: Reals, rows: slice, batch: int | None = None) -> Reals:
        batch = self._batch if batch is None else batch
        X, y = self._data.X[rows], self._data.y[rows]
        times: int | Indices = 1
        if batch is not None and batch > len(y):
            # how often each row is in the batch, in law: the rows are measured once
            times = self._rng.multinomial(batch, np.full(len(y), 1 / len(y)))
        elif batch is not None:
            chosen = self._rng.integers(len(y), size=batch)
            X, y = X[chosen], y[chosen]
        X, y = X.astype(A.dtype, copy=False), y.astype(A.dtype, copy=False)
        r = (times * (y - self._law.apply(X, A))).astype(A.dtype, copy=False)
        mean: Reals = self._law.average(X, r) / A.dtype.type(batch or len(y))
        return mean

    def loss(self, A: Reals) -> float:
        """Return the mean squared error over the data set."""
        residual = self._data.y - self._law.apply(self._data.X, A.astype(np.float64))
        return float(residual @ residual / len(residual))
