"""The compiled test of a support: its refit, the statistic and the traces of its law."""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.inference.kernels._support import (
    Bools,
    Data,
    Floats,
    Ints,
    Work,
    excess,
    factor,
    few_rows,
    fit_all,
    fit_each,
    invert,
    settle,
    support_columns,
    widest,
    workspace,
)


@compiled(fastmath=True)
def _weakest(size: int, gate_of: Ints, needed: Floats, work: Work) -> float:
    """Smallest squared t over its threshold; a gate of several columns by its Wald statistic."""
    inverse, coef, columns = work[4], work[6], work[7]
    smallest = np.inf
    start = 0
    while start < size:
        gate = gate_of[columns[start]]
        stop = start
        while stop < size and gate_of[columns[stop]] == gate:
            stop += 1
        if gate >= 0 and stop - start == 1:
            # a diagonal entry of T^-1 = (L L')^-1 is a column's square sum of L^-1
            variance = 0.0
            for m in range(start, size):
                variance += inverse[m, start] * inverse[m, start]
            smallest = min(smallest, coef[start] * coef[start] / (variance * needed[1]))
        elif gate >= 0:
            wald = _wald(inverse, coef, start, stop, size)
            smallest = min(smallest, wald / needed[stop - start])
        start = stop
    return smallest


@compiled()
def _wald(inverse: Floats, coef: Floats, start: int, stop: int, size: int) -> float:
    """Wald statistic of coef[start:stop] = 0, its covariance being a block of (L L')^-1."""
    width = stop - start
    block = np.zeros((width, width))
    rhs = coef[start:stop].copy()
    for m in range(start, size):
        for a in range(min(width, m - start + 1)):
            for b in range(a + 1):
                block[a, b] += inverse[m, start + a] * inverse[m, start + b]
    # with the block L L' the statistic is |L^-1 w|^2
    factor(block, rhs, width)
    return float((rhs * rhs).sum())


@compiled(fastmath=True)
def _leverage(e: int, size: int, work: Work) -> tuple[float, float]:
    """Traces of K and K^2, K = L^-1 P_e L^-T with L the factor of the total."""
    own, precision = work[0], work[2][0, e]
    inverse, product = work[4], work[5]
    for a in range(size):
        for b in range(a + 1):
            value = 0.0
            for m in range(b, a + 1):
                value += inverse[a, m] * own[e, m, b]
            # L^-1 L_e: its square is K but for the precision, as P_e is L_e L_e' times that
            product[a, b] = value
    first = 0.0
    second = 0.0
    for a in range(size):
        for b in range(a + 1):
            value = 0.0
            for m in range(b + 1):
                value += product[a, m] * product[b, m]
            value *= precision
            if a == b:
                first += value
                second += value * value
            else:
                second += 2.0 * value * value
    return first, second


@compiled(fastmath=True)
def evaluate_support(
    data: Data,
    size: int,
    kept: int,
    gates: Ints,
    needed: Floats,
    thorough: bool,
    work: Work,
    out: Floats,
) -> None:
    """Test and refit the support in ``work``'s columns; its coefficients stay in ``work``.

    ``out`` gets Q, f, B1, B2, mean risk, worst risk, the smallest (t / t_min)^2 and, where rows are
    few, the total of which Q is a part (otherwise 0); Q is infinite if the support cannot be
    fitted. If that smallest is below 1, B1 and B2 are NaN unless ``thorough``. The first ``kept``
    columns are those of the last call with ``work``.
    """
    weights = data[4]
    _, _, facts, total, inverse, _, _, _ = work
    out[:] = np.nan
    out[0] = np.inf
    if not fit_each(data, size, kept, work):
        return
    few = few_rows(size, work)
    shrunk = settle(data, size, work) if few else 1.0
    if fit_all(data, size, work, -1) < size or shrunk == 0.0:
        return
    invert(total, inverse, size)
    out[6] = _weakest(size, gates, needed, work) * shrunk
    # the traces cost O(E k^3), and no support with a gate to spare is taken
    tested = thorough or out[6] >= 1.0
    statistic = 0.0
    risk = 0.0
    worst = 0.0
    whole = 0.0
    freedom = -float(size)
    b1 = 0.0
    b2 = 0.0
    for e in range(len(weights)):
        # |L_e' w - z_e|^2 = (w - w_e)' G_e (w - w_e): what the common fit loses in environment e
        lost = excess(e, size, work)
        statistic += facts[0, e] * lost
        if facts[2, e] > 0.0:
            whole += facts[0, e] * (facts[3, e] + lost)
        risk += weights[e] * (facts[3, e] + lost)
        worst = max(worst, facts[3, e] + lost)
        # f = sum of ranks - k
        freedom += facts[2, e]
        if tested:
            first, second = _leverage(e, size, work)
            # tr M_e^2 and (tr M_e)^2 with M_e = Pi_e - T^-1 P_e
            b1 += (facts[2, e] - 2.0 * first + second) / facts[1, e]
            b2 += (facts[2, e] - first) ** 2 / facts[1, e]
    out[0] = statistic
    out[1] = freedom
    if tested:
        out[2] = b1
        out[3] = b2
    out[4] = risk
    out[5] = worst
    out[7] = whole if few else 0.0


@compiled()
def evaluate_many(
    data: Data, masks: Bools, gates: Ints, needed: Floats, thorough: bool
) -> tuple[Floats, Floats]:
    """Rows of ``evaluate_support`` and coefficients for masks over columns, (M, q) boolean."""
    n_masks, q = masks.shape
    work = workspace(len(data[3]), widest(masks))
    coef, columns = work[6], work[7]
    rows = np.empty((n_masks, 8))
    coefs = np.zeros((n_masks, q))
    for i in range(n_masks):
        size, kept = support_columns(masks[i], columns)
        evaluate_support(data, size, kept, gates, needed, thorough, work, rows[i])
        if np.isfinite(rows[i, 0]):
            for a in range(size):
                coefs[i, columns[a]] = coef[a]
    return rows, coefs


@compiled()
def settled_weights(data: Data, masks: Bools) -> tuple[Floats, Floats]:
    """Precisions and freedoms m + 2 (M, E) of masks over columns where rows are few; else 0."""
    work = workspace(len(data[3]), widest(masks))
    columns, facts = work[7], work[2]
    found = np.zeros((2, len(masks), len(data[3])))
    for i in range(len(masks)):
        size, kept = support_columns(masks[i], columns)
        if fit_each(data, size, kept, work) and few_rows(size, work):
            if settle(data, size, work) > 0.0:
                found[:, i] = facts[:2]
    return found[0], found[1]
