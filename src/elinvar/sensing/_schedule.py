"""Which environments a step sees, and how many measurements of each."""

import numpy as np

from elinvar.sensing._algorithms import AnyAlgorithm, HeteroSGD
from elinvar.sensing._arrays import Floats, Indices
from elinvar.sensing._own import BatchParts, OwnBatches
from elinvar.sensing._problem import SensingProblem


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
    apart : bool
        Whether every measurement of a window has a place of its own, as plain steps draw them.
    """

    def __init__(
        self,
        problem: SensingProblem,
        algorithm: AnyAlgorithm,
        steps: int,
        rng: np.random.Generator,
        *,
        apart: bool = False,
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
        self._own: OwnBatches | None = None
        if isinstance(algorithm, HeteroSGD):
            self._own = OwnBatches(problem.truth, algorithm, steps, rng, apart=apart)
        # gain g_e + (1 - gain) g_pooled = g_pooled + gain (g_e - g_pooled)
        shares = [gain] * self._own.n_parts if self._own else []
        self.mix = np.array(shares + [1.0 - gain if hetero else 1.0] * pooled_parts)

    def _pooled_parts(self, sampled: int | None) -> int:
        # without sampling the mean is enough; of a continuum every measurement has its own
        if sampled is None:
            return 1
        return len(self._law.weights) if self._law.finite else sampled

    def parts(self, start: int, n: int) -> BatchParts:
        """Return the parts of the steps ``start`` to ``start + n``."""
        found = [] if self._own is None else [self._own.parts(start, n)]
        if len(self.mix) > sum(part.which.shape[1] for part in found):
            found.append(self._pooled(n))
        first = len(found[0].cores)
        return BatchParts(
            cores=np.concatenate([part.cores for part in found]),
            which=np.concatenate([part.which + k * first for k, part in enumerate(found)], axis=1),
            counts=np.concatenate([part.counts for part in found], axis=1),
        )

    def _pooled(self, n: int) -> BatchParts:
        """Return the parts of batches that mix the environments."""
        if not self.noisy:
            mean, which = self._truth.pooled_core[None], np.zeros((n, 1), dtype=np.int64)
            return BatchParts(cores=mean, which=which, counts=np.ones((n, 1)))
        size = int(self.batch)
        if self._law.finite:
            weights = self._law.weights
            every: Indices = np.broadcast_to(np.arange(len(weights)), (n, len(weights)))
            # how many of m measurements each gives: not the step on a mean (docs/exact-law.md, 3)
            counts: Floats = self._rng.multinomial(size, weights, size=n).astype(np.float64)
            return BatchParts(cores=self._truth.cores, which=every, counts=counts)
        cores = self._truth.cores_of(self._law.draw(self._rng, n * size))
        which = np.arange(n * size).reshape(n, size)
        return BatchParts(cores=cores, which=which, counts=np.ones((n, size)))
