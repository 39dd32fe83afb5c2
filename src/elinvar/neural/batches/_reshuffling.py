"""Rows of one environment after another, each pass through it in a new random order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.neural.batches._groups import Groups


class Reshuffling:
    """Rows drawn from environments, without replacement until a pass is over.

    A pass hands out the rows of an environment once each, in random order. When a pass ends within
    a batch, the rest comes from the next pass, and no row comes twice in the batch unless the
    environment has fewer rows than it.

    Parameters
    ----------
    groups : Groups
        Rows of each environment.
    rng : Generator
    replacement : bool
        Draw every row independently.
    """

    def __init__(self, groups: Groups, rng: np.random.Generator, *, replacement: bool) -> None:
        self._rows = groups.rows if replacement else groups.rows.copy()
        self._starts = groups.starts
        self._rng = rng
        self._replacement = replacement
        self._pools: dict[int, NDArray[Any]] = {}
        self._used: dict[int, int] = {}

    def take(self, environment: int, size: int) -> NDArray[Any]:
        """Return the next ``size`` rows of an environment; copy them before the next call."""
        pool = self._pools.get(environment)
        if pool is None:
            pool = self._open(environment)
        if self._replacement:
            return np.asarray(pool[self._rng.integers(0, len(pool), size)])
        used = self._used[environment]
        if used + size <= len(pool):
            self._used[environment] = used + size
            return pool[used : used + size]
        # an environment smaller than the batch: all of it, as often as it fits in
        copies, rest = divmod(size, len(pool))
        if copies:
            whole = np.tile(pool, copies)
            return np.concatenate([whole, self.take(environment, rest)]) if rest else whole
        left, fresh = pool[used:].copy(), size - (len(pool) - used)
        # What is left of this pass is joined by rows used in it, hence others; then all rows but
        # these others are shuffled for the pass that has begun.
        self._rng.shuffle(pool[:used])
        batch = np.concatenate([left, pool[:fresh]])
        self._rng.shuffle(pool[fresh:])
        self._used[environment] = fresh
        return batch

    def _open(self, environment: int) -> NDArray[Any]:
        pool = self._rows[self._starts[environment] : self._starts[environment + 1]]
        if not self._replacement:
            self._rng.shuffle(pool)
        self._pools[environment], self._used[environment] = pool, 0
        return pool
