"""A good graph among many variables: orders, improved by moving one variable at a time."""

from collections.abc import Sequence

import numpy as np

from elinvar.inference.graphs._costs import Bools, Costs, from_bits

_GAIN = 1e-7

Order = list[int]


class OrderSearch:
    """Orders of variables, each with the parents that growing and shrinking finds before it.

    Parameters
    ----------
    costs : Costs
    restarts : int
        Random orders to start from, beside that of the columns.
    seed : int
        Of these.
    start : list of int, optional
        An order to start from in place of all these.

    References
    ----------
    B. Andrews, J. Ramsey, R. Sanchez Romero, J. Camchong, E. Kummerfeld, "Fast scalable and
    accurate discovery of DAGs using the best order score search and grow shrink trees", NeurIPS
    2023; M. Teyssier, D. Koller, "Ordering-based search", UAI 2005.
    """

    def __init__(
        self, costs: Costs, *, restarts: int, seed: int, start: Order | None = None
    ) -> None:
        self._costs, self._restarts, self._seed, self._start = costs, restarts, seed, start
        self._memo: dict[tuple[int, int, int], tuple[float, int]] = {}
        self.order: Order = []

    def best(self) -> tuple[Bools, float]:
        """Return the graph of the best order found, and its cost."""
        p, rng = self._costs.n_variables, np.random.default_rng(self._seed)
        free = _Rules()
        starts = [list(range(p)), *(rng.permutation(p).tolist() for _ in range(self._restarts))]
        starts = starts if self._start is None else [self._start]
        found = [self._climb(start, free) for start in starts]
        cost, self.order = min(found, key=lambda pair: pair[0])
        parents, before = [0] * p, 0
        for j in self.order:
            parents[j] = self._grow(j, before, free)[1]
            before |= 1 << j
        return from_bits(parents), cost

    def turned(self, i: int, j: int) -> float:
        """Return the cost of a good graph with an edge from j to i."""
        rules = _Rules(needs={i: 1 << j})
        later, sooner = self._without(i), self._without(j)
        later.insert(later.index(j) + 1, i)
        sooner.insert(sooner.index(i), j)
        return min(self._cost(self._sweep(order, rules), rules) for order in (later, sooner))

    def parted(self, i: int, j: int) -> float:
        """Return the cost of a good graph without an edge between i and j."""
        rules = _Rules(lacks={i: 1 << j, j: 1 << i})
        return self._cost(self._sweep(self.order, rules), rules)

    def _without(self, v: int) -> Order:
        return [u for u in self.order if u != v]

    def _climb(self, order: Order, rules: "_Rules") -> tuple[float, Order]:
        cost = self._cost(order, rules)
        while True:
            order = self._sweep(order, rules)
            now = self._cost(order, rules)
            if now > cost - _GAIN:
                return now, order
            cost = now

    def _sweep(self, order: Order, rules: "_Rules") -> Order:
        """Move each variable in turn to the best place."""
        for v in list(order):
            rest = [u for u in order if u != v]
            before = [0]
            for u in rest:
                before.append(before[-1] | 1 << u)
            pairs = list(zip(rest, before, strict=False))
            plain = [self._grow(u, mask, rules)[0] for u, mask in pairs]
            after = [self._grow(u, mask | 1 << v, rules)[0] for u, mask in pairs]
            own = np.array([self._grow(v, mask, rules)[0] for mask in before])
            # v at place t: those before it as they were, those after it may have it as a parent
            costs = own + _sums(plain) + _sums(after[::-1])[::-1]
            here, best = order.index(v), int(np.argmin(costs))
            if costs[best] < costs[here] - _GAIN or not np.isfinite(costs[here]):
                order = [*rest[:best], v, *rest[best:]]
        return order

    def _cost(self, order: Order, rules: "_Rules") -> float:
        total, before = 0.0, 0
        for j in order:
            total += self._grow(j, before, rules)[0]
            before |= 1 << j
        return total

    def _grow(self, j: int, before: int, rules: "_Rules") -> tuple[float, int]:
        """Return cost and parents of j among those before it: join or leave while it pays."""
        needed = rules.needs.get(j, 0)
        if needed & ~before:
            return np.inf, 0
        allowed = before & ~rules.lacks.get(j, 0) & ~needed
        key = (j, allowed, needed)
        if key not in self._memo:
            self._memo[key] = self._settle(j, allowed, needed)
        return self._memo[key]

    def _settle(self, j: int, allowed: int, parents: int) -> tuple[float, int]:
        bits = [1 << i for i in range(self._costs.n_variables) if allowed >> i & 1]
        cost = float(self._costs.of(j, [parents])[0])
        while bits:
            trials = [parents ^ bit for bit in bits]
            costs = self._costs.of(j, trials)
            k = int(np.argmin(costs))
            if costs[k] >= cost - _GAIN:
                break
            cost, parents = float(costs[k]), trials[k]
        return cost, parents


class _Rules:
    """Parents that some variables must have, or must not have, as bits."""

    def __init__(
        self, needs: dict[int, int] | None = None, lacks: dict[int, int] | None = None
    ) -> None:
        self.needs, self.lacks = needs or {}, lacks or {}


def _sums(costs: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.concatenate([[0.0], np.cumsum(costs)])
