"""Which environments a batch comes from: drawn, in turn, kept, mixed, near or drifting."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elinvar.sensing._algorithms import HeteroSGD
from elinvar.sensing._arrays import Floats, Indices

if TYPE_CHECKING:
    from elinvar.sensing._truth import Truth

# Environments that stand for a window: Gauss-Legendre nodes (docs/exact-law.md, section 3)
NODES = 8


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
    """Return the environments of every step, (steps, b), of a list of environments."""
    if algorithm.order == "cyclic":
        return (np.arange(steps) % len(weights))[:, None]
    turns = _turns(algorithm, steps, rng)
    drawn: Indices = rng.choice(len(weights), size=turns.max() + 1, p=weights)
    return drawn[turns]


def _turns(algorithm: HeteroSGD, steps: int, rng: np.random.Generator) -> Indices:
    """Return which draws every step uses, (steps, b), numbered from 0."""
    if algorithm.order == "markov":
        assert algorithm.stay is not None
        leaves = rng.random(steps) >= algorithm.stay
        # numbers begin at 0: the first step draws, whatever chance says of it
        leaves[0] = False
        numbers: Indices = np.cumsum(leaves, dtype=np.int64)
        return numbers[:, None]
    block = algorithm.block if algorithm.order == "blocks" else 1
    return (np.arange(steps * algorithm.environments) // block).reshape(steps, -1)


class OwnBatches:
    """The parts of a batch that HeteroSGD takes from environments of its own choice.

    Parameters
    ----------
    truth : Truth
        With its law.
    algorithm : HeteroSGD
        Says in which order environments come.
    steps : int
        How many there will be.
    rng : Generator
        Draws environments.
    apart : bool
        Whether every measurement of a window has a place of its own; otherwise `NODES` places
        stand for it.

    Attributes
    ----------
    n_parts : int
        Parts of a batch.
    """

    def __init__(
        self,
        truth: "Truth",
        algorithm: HeteroSGD,
        steps: int,
        rng: np.random.Generator,
        *,
        apart: bool,
    ) -> None:
        self._truth, self._law, self._rng = truth, truth.law, rng
        self._size, self._apart = algorithm.batch_size, apart
        # width of the window about the place of each step, on the axis of a continuum
        self._width = algorithm.window
        self._places: Floats | None = None
        self._turns: Indices | None = None
        self._cores = truth.cores
        if algorithm.order in ("window", "drift"):
            self._places = self._along(algorithm, steps)
        elif self._law.finite:
            self._turns = environment_order(algorithm, self._law.weights, steps, rng)
        else:
            self._turns = _turns(algorithm, steps, rng)
            drawn = self._law.draw(rng, int(self._turns.max()) + 1)
            self._cores = truth.cores_of(drawn)
        parts = 1 if self._turns is None else self._turns.shape[1]
        if self._width is not None and self._size is not None:
            parts = self._size if apart else min(NODES, self._size)
        # without sampling a step sees the mean of its environments, and nothing else
        self.n_parts = parts if self._size is not None else 1

    def parts(self, start: int, n: int) -> BatchParts:
        """Return the parts of the steps ``start`` to ``start + n``."""
        if self._places is not None:
            places = self._places[start : start + n, None]
            if self._width is None:
                return self._at(places, np.full((n, 1), float(self._size or 1)))
            return self._in_windows(places, self._width)
        assert self._turns is not None
        turns = self._turns[start : start + n]
        if self._size is None and turns.shape[1] > 1:
            return _one_each(self._cores[turns].mean(axis=1))
        cores = self._cores
        if not self._law.finite:
            # of a continuum only what these steps use, numbered anew
            first, last = turns.min(initial=0), turns.max(initial=0)
            cores, turns = cores[first : last + 1], turns - first
        return BatchParts(cores=cores, which=turns, counts=self._shares(turns.shape))

    def _along(self, algorithm: HeteroSGD, steps: int) -> Floats:
        """Return the place of every step on the axis."""
        if algorithm.order == "drift":
            assert algorithm.speed is not None
            start, passed = float(self._rng.random()), np.arange(steps, dtype=np.float64)
            return start + float(algorithm.speed) * passed
        u: Floats = self._rng.random(steps)
        # windows lie on an open axis as a whole, and reach around a closed one
        width = float(algorithm.window or 0.0)
        return u if self._law.closed else width / 2 + (1 - width) * u

    def _in_windows(self, places: Floats, width: float) -> BatchParts:
        n, size = len(places), self._size
        if size is not None and (self._apart or size <= NODES):
            own = places + width * (self._rng.random((n, size)) - 0.5)
            return self._at(own, np.ones((n, size)))
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        near = self._at(places + width * nodes / 2, np.ones((n, NODES)))
        if size is None:
            means = np.einsum("q,nqij->nij", weights / 2, near.cores[near.which])
            return _one_each(means)
        counts = self._rng.multinomial(size, weights / weights.sum(), size=n)
        return BatchParts(cores=near.cores, which=near.which, counts=counts.astype(np.float64))

    def _at(self, places: Floats, counts: Floats) -> BatchParts:
        """Return one part a place, (n, C)."""
        cores = self._truth.cores_along(self._law.at(places.ravel()))
        which = np.arange(len(cores)).reshape(places.shape)
        return BatchParts(cores=cores, which=which, counts=counts)

    def _shares(self, shape: tuple[int, ...]) -> Floats:
        """Return measurements of each part: as even as they can be."""
        if self._size is None:
            return np.ones(shape)
        each, more = divmod(self._size, shape[1])
        counts = np.full(shape, float(each))
        # environments are drawn in no order: which of them have one more does not matter
        counts[:, :more] += 1
        return counts


def _one_each(cores: Floats) -> BatchParts:
    n = len(cores)
    return BatchParts(cores=cores, which=np.arange(n)[:, None], counts=np.ones((n, 1)))
