"""Compiled cost of a variable's mechanism: which environments share it, and what the rest cost.

``data`` is the tuple (products (E, q, q), count (E,), price, temper (p,)): second moments of each
environment, the last of q = p + 1 columns the constant, or about its own means with q = p; what so
many numbers of its own cost; and how much the equality of each variable's noise counts.

With residual second moments s_e at the shared coefficients, those of the environment's own fit o_e,
and s the shared noise variance, environment e costs

    n_e/2 log s_e + temper n_e/2 (s_e/s - 1 - log s_e/s)    if it shares the mechanism,
    n_e/2 log o_e + price                                   if it has its own;

with temper = 1 their sum is the Gaussian log-likelihood, and with temper = 0 noises are free.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled
from elinvar.inference.kernels._factor import back_solve, factor

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Data: TypeAlias = tuple[Floats, Floats, Floats, Floats]

SHARED, NOISE, LEVEL, LEVEL_NOISE, CUT, OWN = 0, 1, 2, 3, 4, 5
FREE, STAYS, ACTED = 0, 1, 2

_ROUNDS = 8
_REWEIGHTS = 2
_STARTS = 8
_TINY = 1e-300


@compiled()
def _power(products: Floats, columns: Ints, w: Floats, j: int) -> float:
    """Mean square of x_j - w' x[columns]."""
    total = float(products[j, j])
    for a in range(len(columns)):
        part = -2.0 * products[columns[a], j]
        for b in range(len(columns)):
            part += w[b] * products[columns[a], columns[b]]
        total += w[a] * part
    return max(total, _TINY)


@compiled()
def _fit(products: Floats, weights: Floats, columns: Ints, j: int, gram: Floats, w: Floats) -> None:
    """Weighted least squares of x_j on the columns, over environments."""
    k = len(columns)
    w[:k] = 0.0
    gram[:k, :k] = 0.0
    for e in range(len(weights)):
        if weights[e] != 0.0:
            for a in range(k):
                w[a] += weights[e] * products[e, columns[a], j]
                for b in range(a + 1):
                    gram[a, b] += weights[e] * products[e, columns[a], columns[b]]
    factor(gram, w, k)
    back_solve(gram, w, k)


@compiled()
def _own_costs(data: Data, j: int, columns: Ints, own: Floats, cut: Floats) -> None:
    """Find what environments cost with a mechanism of their own, and cut off from all causes."""
    products, count, price, temper = data
    k, q = len(columns), products.shape[1]
    gram, w, one = np.empty((k, k)), np.empty(k), np.zeros(len(count))
    noise = 1 if temper[j] > 0.0 else 0
    level = 1 if q > len(temper) else 0
    for e in range(len(count)):
        one[e] = 1.0
        _fit(products, one, columns, j, gram, w)
        one[e] = 0.0
        own[e] = 0.5 * count[e] * np.log(_power(products[e], columns, w, j)) + price[k + noise]
        alone = products[e, j, j]
        if level == 1:
            alone -= products[e, j, q - 1] ** 2
        cut[e] = 0.5 * count[e] * np.log(max(alone, _TINY)) + price[level + noise]


@compiled()
def _together(power: float, shared: float, c: float, rows: float) -> float:
    """Cost of an environment whose residuals are taken to have the shared variance."""
    ratio = power / shared
    return float(0.5 * rows * (np.log(power) + c * (ratio - 1.0 - np.log(ratio))))


@compiled()
def _change(
    data: Data,
    j: int,
    columns: Ints,
    w: Floats,
    e: int,
    powers: tuple[float, float],
    kinds: Ints,
    cost: Floats,
) -> None:
    """Let environment e keep the shared slopes, and have a noise or a level of its own."""
    products, count, price, temper = data
    power, shared = powers
    q, half = products.shape[1], 0.5 * count[e]
    noise = 1 if temper[j] > 0.0 else 0
    if noise == 1 and half * np.log(power) + price[1] < cost[e]:
        kinds[e], cost[e] = NOISE, half * np.log(power) + price[1]
    if q == len(temper):
        return
    off = products[e, j, q - 1]
    for a in range(len(columns)):
        off -= w[a] * products[e, columns[a], q - 1]
    about = max(power - off * off, _TINY)
    trial = _together(about, shared, temper[j], count[e]) + price[1]
    if trial < cost[e]:
        kinds[e], cost[e] = LEVEL, trial
    if noise == 1 and half * np.log(about) + price[2] < cost[e]:
        kinds[e], cost[e] = LEVEL_NOISE, half * np.log(about) + price[2]


@compiled()
def _settle(
    data: Data,
    j: int,
    columns: Ints,
    known: Ints,
    alone: tuple[Floats, Floats],
    kinds: Ints,
    cost: Floats,
) -> float:
    """Fit what the environments of kind SHARED share, and let each choose its kind anew."""
    products, count, _, temper = data
    own, cut = alone
    E, k = len(count), len(columns)
    gram, w, weights, power = np.empty((k, k)), np.empty(k), np.zeros(E), np.zeros(E)
    c = temper[j]
    for e in range(E):
        weights[e] = count[e] if kinds[e] == SHARED else 0.0
    shared = 1.0
    for turn in range(_REWEIGHTS + 1):
        _fit(products, weights, columns, j, gram, w)
        total, rows = 0.0, 0.0
        for e in range(E):
            power[e] = _power(products[e], columns, w, j)
            if kinds[e] == SHARED:
                total += count[e] * power[e]
                rows += count[e]
        shared = total / rows
        if c == 1.0 or turn == _REWEIGHTS:
            break
        for e in range(E):
            if kinds[e] == SHARED:
                # the derivative of the cost with respect to the coefficients
                weights[e] = count[e] * ((1.0 - c) / power[e] + c / shared)
    found = 0.0
    for e in range(E):
        kinds[e], cost[e] = SHARED, np.inf
        if known[e] != ACTED:
            cost[e] = _together(power[e], shared, c, count[e])
        if known[e] != STAYS:
            _change(data, j, columns, w, e, (power[e], shared), kinds, cost)
            if cut[e] < cost[e]:
                kinds[e], cost[e] = CUT, cut[e]
            if own[e] < cost[e]:
                kinds[e], cost[e] = OWN, own[e]
        found += cost[e]
    return found


@compiled()
def mechanism(data: Data, j: int, columns: Ints, known: Ints, kinds: Ints, cost: Floats) -> float:
    """Find which environments share the mechanism of x_j given the columns, at the least cost.

    From all environments, and from single ones: fit what they share, let every environment join or
    leave, and so on until none does. ``known`` (E,) is FREE, STAYS or ACTED; kinds and costs of
    environments go to ``kinds`` and ``cost`` (E,). Returns their sum.
    """
    E = len(known)
    own, cut = np.empty(E), np.empty(E)
    _own_costs(data, j, columns, own, cut)
    best = np.inf
    trial, before, trial_cost = np.empty(E, np.intp), np.empty(E, np.intp), np.empty(E)
    # of many environments some do to start from: half of them and more share, or it is refused
    stride = 1 + (E - 1) // _STARTS
    for start in range(-1, E):
        if start > 0 and start % stride != 0:
            continue
        some = 0
        for e in range(E):
            alone = start >= 0 and e != start
            trial[e] = OWN if alone or known[e] == ACTED else SHARED
            some += 1 if trial[e] == SHARED else 0
        if some == 0:
            continue
        for _ in range(_ROUNDS):
            before[:] = trial
            total = _settle(data, j, columns, known, (own, cut), trial, trial_cost)
            if total < best:
                best = total
                kinds[:] = trial
                cost[:] = trial_cost
            same, some = True, 0
            for e in range(E):
                same = same and (trial[e] == SHARED) == (before[e] == SHARED)
                some += 1 if trial[e] == SHARED else 0
            if same or some == 0:
                break
    return best


@compiled()
def mechanisms(data: Data, j: int, masks: Ints, known: Ints) -> Floats:
    """Cost of x_j given each set of parents, the bits of ``masks``; a parent costs a number."""
    products, count, price, temper = data
    p, q = len(temper), products.shape[1]
    found = np.empty(len(masks))
    kinds, cost = np.empty(len(count), np.intp), np.empty(len(count))
    columns = np.empty(q, np.intp)
    for m in range(len(masks)):
        k = 0
        for i in range(p):
            if (masks[m] >> i) & 1:
                columns[k] = i
                k += 1
        edges = k * price[1]
        if q > p:
            columns[k] = q - 1
            k += 1
        found[m] = mechanism(data, j, columns[:k].copy(), known, kinds, cost) + edges
    return found


@compiled()
def best_order(costs: Floats, chosen: Ints) -> float:
    """Find the graph of least cost by dynamic programming over sets of variables.

    ``costs`` (p, 2^p) are those of each variable given each set of parents; the parents of the
    best graph go to ``chosen`` (p,), as bits. Returns its cost, infinity if there is none.
    """
    p, size = costs.shape
    best, parents = costs.copy(), np.empty((p, size), np.int64)
    # the best parents within each set: the set itself, or what is best without one of them
    for j in range(p):
        for mask in range(size):
            parents[j, mask] = mask
            for i in range(p):
                rest = mask & ~(1 << i)
                if rest != mask and best[j, rest] < best[j, mask]:
                    best[j, mask] = best[j, rest]
                    parents[j, mask] = parents[j, rest]
    total, last = np.full(size, np.inf), np.zeros(size, np.int64)
    total[0] = 0.0
    for mask in range(1, size):
        for j in range(p):
            rest = mask & ~(1 << j)
            if rest != mask and total[rest] + best[j, rest] < total[mask]:
                total[mask] = total[rest] + best[j, rest]
                last[mask] = j
    mask = size - 1
    if total[mask] < np.inf:
        while mask > 0:
            j = last[mask]
            mask &= ~(1 << j)
            chosen[j] = parents[j, mask]
    return float(total[size - 1])
