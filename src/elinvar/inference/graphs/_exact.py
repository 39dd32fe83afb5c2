"""The best of all graphs, where there are few variables."""

import numpy as np

from elinvar.inference.graphs._costs import Bools, Costs, Floats, from_bits
from elinvar.inference.kernels._mechanisms import best_order


class ExactSearch:
    """All graphs, by dynamic programming over sets of variables.

    Parameters
    ----------
    costs : Costs
        Of at most some twelve variables: p 2^p mechanisms are fitted.

    References
    ----------
    T. Silander, P. Myllymäki, "A simple approach for finding the globally optimal Bayesian network
    structure", UAI 2006.
    """

    def __init__(self, costs: Costs) -> None:
        self._costs = costs.all()
        self._masks = np.arange(self._costs.shape[1])

    def best(self) -> tuple[Bools, float]:
        """Return the graph of least cost, and its cost."""
        chosen = np.zeros(len(self._costs), dtype=np.int64)
        cost = best_order(self._costs, chosen)
        return from_bits(chosen.tolist()), float(cost)

    def turned(self, i: int, j: int) -> float:
        """Return the least cost of graphs with an edge from j to i."""
        costs = self._costs.copy()
        costs[i, ~self._holding(j)] = np.inf
        return self._least(costs)

    def parted(self, i: int, j: int) -> float:
        """Return the least cost of graphs without an edge between i and j."""
        costs = self._costs.copy()
        costs[j, self._holding(i)] = np.inf
        costs[i, self._holding(j)] = np.inf
        return self._least(costs)

    def _holding(self, i: int) -> Bools:
        return np.asarray((self._masks >> i) & 1 == 1)

    def _least(self, costs: Floats) -> float:
        return float(best_order(costs, np.zeros(len(costs), dtype=np.int64)))
