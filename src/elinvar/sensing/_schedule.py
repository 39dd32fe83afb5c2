"""Which environments a step sees, and how many measurements of each."""

from dataclasses import dataclass

import numpy as np

from elinvar.errors import DataError
from elinvar.sensing._algorithms import AnyAlgorithm, HeteroSGD
from elinvar.sensing._arrays import Floats, Indices
from elinvar.sensing._problem import SensingProblem


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchParts:
    """The batches of some steps, in parts: one part, one environment.

    Parameters
    ----------
    cores : ndarray of shape (N, s, s)
        A* + A^(e) in the basis of the problem.
    which : ndarray of shape (n, C)
        Index into ``cores`` of each part.
    counts : ndarray of shape (n, C)
        Measurements of each part; a share of 1 where they are infinitely many.
    """

    cores: Floats
    which: Indices
    counts: Floats


def environment_order(
    algorithm: HeteroSGD, weights: Floats, steps: int, rng: np.random.Generator
) -> Indices:
    """Return the environment of every step, (steps,)."""
    if algorithm.order == "cyclic":
        return np.arange(steps) % len(weights)
    block = algorithm.block if algorithm.order == "blocks" else 1
    drawn = rng.choice(len(weights), size=-(-steps // block), p=weights)
    return np.repeat(drawn, block)[:steps]


class Schedule:
    """BatchParts for the steps of a run on fresh measurements.

    Parameters
    ----------
    problem : SensingProblem
        With a known truth.
    algorithm : HeteroSGD, PooledSGD or PooledGD
        Says what a step sees.
    steps : int
        How many there will be.
    rng : Generator
        Draws environments.

    Raises
    ------
    DataError
        If environments cannot be used in turn, there being a continuum.
    """

    def __init__(
        self, problem: SensingProblem, algorithm: AnyAlgorithm, steps: int, rng: np.random.Generator
    ) -> None:
        assert problem.truth is not None
        self._truth, self._law, self._rng = problem.truth, problem.truth.law, rng
        sampled = algorithm.batch_size
        self.noisy = sampled is not None
        self.batch = float(sampled or 1)
        hetero, gain = isinstance(algorithm, HeteroSGD), float(algorithm.gain)
        mixed = not hetero or gain != 1.0
        pooled_parts = 0
        if mixed:
            pooled_parts = self._pooled_parts(sampled)
        # gain g_e + (1 - gain) g_pooled = g_pooled + gain (g_e - g_pooled)
        shares = ([gain] if hetero else []) + [1.0 - gain if hetero else 1.0] * pooled_parts
        self.mix = np.array(shares)
        self._order: Indices | None = None
        self._drawn: Floats | None = None
        if isinstance(algorithm, HeteroSGD):
            self._choose(algorithm, steps)

    def _pooled_parts(self, sampled: int | None) -> int:
        # without sampling the mean is enough; of a continuum every measurement has its own
        if sampled is None:
            return 1
        return len(self._law.weights) if self._law.finite else sampled

    def _choose(self, algorithm: HeteroSGD, steps: int) -> None:
        if self._law.finite:
            self._order = environment_order(algorithm, self._law.weights, steps, self._rng)
            return
        if algorithm.order == "cyclic":
            raise DataError(
                'order="cyclic" takes environments in turn, but this problem has a continuum of '
                'them; use "random" or "blocks".'
            )
        block = algorithm.block if algorithm.order == "blocks" else 1
        drawn = self._draw_cores(-(-steps // block))
        self._drawn = np.repeat(drawn, block, axis=0)[:steps]

    def parts(self, start: int, n: int) -> BatchParts:
        """Return the parts of the steps ``start`` to ``start + n``."""
        cores, which, counts = [], [], []
        at = 0
        if self._order is not None:
            cores.append(self._truth.cores)
            which.append(self._order[start : start + n, None])
            at = len(self._truth.cores)
        elif self._drawn is not None:
            cores.append(self._drawn[start : start + n])
            which.append(np.arange(n)[:, None])
            at = n
        if which:
            counts.append(np.full((n, 1), self.batch))
        if len(self.mix) > len(which):
            pooled, chosen, many = self._pooled(n)
            cores.append(pooled)
            which.append(at + chosen)
            counts.append(many)
        return BatchParts(
            cores=np.concatenate(cores),
            which=np.concatenate(which, axis=1),
            counts=np.concatenate(counts, axis=1),
        )

    def _pooled(self, n: int) -> tuple[Floats, Indices, Floats]:
        """Return cores, and (n, C) indices and counts, of batches that mix the environments."""
        if not self.noisy:
            mean = self._truth.pooled_core[None]
            return mean, np.zeros((n, 1), dtype=np.int64), np.ones((n, 1))
        size = int(self.batch)
        if self._law.finite:
            weights = self._law.weights
            which = np.broadcast_to(np.arange(len(weights)), (n, len(weights)))
            # how many of m measurements each gives: not the step on a mean (docs/exact-law.md, 3)
            counts = self._rng.multinomial(size, weights, size=n).astype(np.float64)
            return self._truth.cores, which, counts
        cores = self._draw_cores(n * size)
        return cores, np.arange(n * size).reshape(n, size), np.ones((n, size))

    def _draw_cores(self, n: int) -> Floats:
        return self._truth.cores_of(self._law.draw(self._rng, n))
