"""What each variable's mechanism costs given its parents, worked out once and remembered."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from elinvar.inference.kernels._mechanisms import mechanism, mechanisms

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphMoments:
    """Moments of p variables in E environments, in units of their spread within environments.

    Attributes
    ----------
    count : (E,) array
        Rows.
    products : (E, q, q) array
        Second moments: about a common origin with a constant as the last of q = p + 1 columns, or
        about each environment's own means, q = p.
    scale : (p,) array
        The units: standard deviations within environments.
    """

    count: Floats
    products: Floats
    scale: Floats

    @classmethod
    def of(cls, count: Floats, mean: Floats, cov: Floats, *, own_levels: bool) -> "GraphMoments":
        """Make them of means (E, p) and covariances (E, p, p), divisor ``count``."""
        share = count / count.sum()
        scale = np.sqrt(np.einsum("e,ejj->j", share, cov))
        products = cov / np.multiply.outer(scale, scale)
        if not own_levels:
            level = (mean - share @ mean) / scale
            level = np.column_stack([level, np.ones(len(count))])
            products = np.pad(products, ((0, 0), (0, 1), (0, 1)))
            products += level[:, :, None] * level[:, None, :]
        return cls(count=count.astype(float), products=products, scale=scale)

    @property
    def n_variables(self) -> int:
        """Number of variables, p."""
        return len(self.scale)

    def columns(self, parents: Sequence[int]) -> Ints:
        """Return the columns on which a variable with these parents is regressed."""
        q = self.products.shape[1]
        return np.array([*parents, *range(self.n_variables, q)], dtype=np.intp)


@dataclass(frozen=True, kw_only=True, eq=False)
class Costs:
    """Costs of mechanisms: minus their log-likelihood, and a price for every number of their own.

    Attributes
    ----------
    moments : GraphMoments
    price : (p + 4,) array
        What so many numbers cost, that only one environment or one edge needs.
    temper : (p,) array
        How much equal noise counts: 1 for normal noise, less for heavy tails, 0 not at all.
    known : (E, p) array
        What is known beforehand of each environment and variable: FREE, STAYS or ACTED.
    """

    moments: GraphMoments
    price: Floats
    temper: Floats
    known: Ints
    _memo: list[dict[int, float]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_memo", [{} for _ in self.temper])

    @property
    def n_variables(self) -> int:
        """Number of variables, p."""
        return len(self.temper)

    @property
    def _data(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.moments.products, self.moments.count, self.price, self.temper

    def of(self, j: int, parents: Sequence[int]) -> Floats:
        """Return the cost of variable j given each set of parents, as bits of a whole number."""
        memo = self._memo[j]
        new = [mask for mask in dict.fromkeys(parents) if mask not in memo]
        if new:
            known = np.ascontiguousarray(self.known[:, j])
            found = mechanisms(self._data, j, np.array(new, dtype=np.intp), known)
            memo.update(zip(new, found.tolist(), strict=True))
        return np.array([memo[mask] for mask in parents])

    def all(self) -> Floats:
        """Return the costs of all variables given all sets of parents, (p, 2^p)."""
        p = self.n_variables
        found, masks = np.full((p, 1 << p), np.inf), np.arange(1 << p)
        for j in range(p):
            allowed = masks[(masks >> j) & 1 == 0]
            found[j, allowed] = self.of(j, allowed.tolist())
        return found

    def kinds(self, adjacency: Bools) -> Ints:
        """Return how each environment goes with each variable's mechanism, (E, p)."""
        found = np.zeros(self.known.shape, dtype=np.intp)
        cost, kinds = np.empty(len(found)), np.empty(len(found), dtype=np.intp)
        for j in range(self.n_variables):
            columns = self.moments.columns(np.flatnonzero(adjacency[:, j]).tolist())
            known = np.ascontiguousarray(self.known[:, j])
            mechanism(self._data, j, columns, known, kinds, cost)
            found[:, j] = kinds
        return found


def prices(level: float, most: int) -> Floats:
    """Return half the quantiles of chi-squared at a level, for 0 to ``most`` numbers.

    What costs as much as it explains is significant at just that level.
    """
    return np.concatenate([[0.0], 0.5 * chi2.isf(level, np.arange(1, most + 1))])


def from_bits(parents: Sequence[int]) -> Bools:
    """Return the adjacency [i, j] of variables with these parents, as bits."""
    p = len(parents)
    return np.array([[bool(parents[j] >> i & 1) for j in range(p)] for i in range(p)])
