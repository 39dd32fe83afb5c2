"""Compiled inner loops on supports: factor, refit, test and left-out error.

Kernels see the standardised moments of a ``LinearProblem`` as the tuple ``data`` = (gram (E, q, q),
cross (E, q), power (E,), count (E,), weights (E,), absorbed, floor (E,)) and hold no state.
Whatever they need comes as an argument: a compiled kernel is kept on disk until its own file
changes.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.intp]
Data: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats, int, Floats]
Work: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats, Ints]

# a column of whose second moment the others leave no more than this share depends on them
_PIVOT = 1e-10


@compiled(fastmath=True)
def factor(matrix: Floats, rhs: Floats, size: int) -> int:
    """Cholesky in place (lower) and forward solve in place; dependent columns are skipped."""
    rank = 0
    for j in range(size):
        pivot = matrix[j, j]
        floor = max(_PIVOT * pivot, 1e-300)
        value = rhs[j]
        for m in range(j):
            pivot -= matrix[j, m] * matrix[j, m]
            value -= matrix[j, m] * rhs[m]
        # dependent on the columns before it: coefficient 0, and nothing is taken from the others
        if pivot <= floor:
            rhs[j] = 0.0
            for i in range(j, size):
                matrix[i, j] = 0.0
            continue
        rank += 1
        root = np.sqrt(pivot)
        matrix[j, j] = root
        rhs[j] = value / root
        for i in range(j + 1, size):
            entry = matrix[i, j]
            for m in range(j):
                entry -= matrix[i, m] * matrix[j, m]
            matrix[i, j] = entry / root
    return rank


@compiled(fastmath=True)
def _append(
    e: int, a: int, gram: Floats, cross: Floats, columns: Ints, lower: Floats, rhs: Floats
) -> None:
    """Append column ``a`` to environment e's factor and forward solution."""
    # `factor` one column at a time: supports in turn share their first columns
    own = columns[a]
    value = cross[e, own]
    pivot = gram[e, own, own]
    floor = max(_PIVOT * pivot, 1e-300)
    for b in range(a):
        entry = 0.0
        if lower[e, b, b] != 0.0:
            entry = gram[e, own, columns[b]]
            for m in range(b):
                entry -= lower[e, a, m] * lower[e, b, m]
            entry /= lower[e, b, b]
        lower[e, a, b] = entry
        pivot -= entry * entry
        value -= entry * rhs[e, b]
    lower[e, a, a] = 0.0
    rhs[e, a] = 0.0
    if pivot > floor:
        lower[e, a, a] = np.sqrt(pivot)
        rhs[e, a] = value / lower[e, a, a]


@compiled(fastmath=True)
def back_solve(lower: Floats, rhs: Floats, size: int) -> None:
    """Solve L' x = rhs in place; skipped columns get 0."""
    for a in range(size - 1, -1, -1):
        if lower[a, a] == 0.0:
            rhs[a] = 0.0
            continue
        value = rhs[a]
        for b in range(a + 1, size):
            value -= lower[b, a] * rhs[b]
        rhs[a] = value / lower[a, a]


@compiled(fastmath=True)
def _invert(lower: Floats, inverse: Floats, size: int) -> None:
    """Inverse of a lower factor without skipped columns."""
    for a in range(size):
        inverse[a, a] = 1.0 / lower[a, a]
        for b in range(a + 1, size):
            value = 0.0
            for m in range(a, b):
                value -= lower[b, m] * inverse[m, a]
            inverse[b, a] = value / lower[b, b]


@compiled()
def workspace(n_environments: int, width: int) -> Work:
    """Scratch arrays for supports of up to ``width`` columns."""
    return (
        np.zeros((n_environments, width, width)),  # factors of each environment
        np.zeros((n_environments, width)),  # their forward solutions
        np.zeros((4, n_environments)),  # precision, freedom, rank, residual
        np.zeros((width, width)),  # factor of the total
        np.zeros((width, width)),  # its inverse
        np.zeros((width, width)),  # leverage
        np.zeros(width),  # coefficients
        np.full(width, -1),  # columns
    )


@compiled()
def support_columns(mask: Bools, columns: Ints) -> tuple[int, int]:
    """Write the columns in ``mask`` to ``columns``: how many, and how many of them stood there."""
    size = 0
    kept = 0
    for j in range(len(mask)):
        if mask[j]:
            kept += kept == size and columns[size] == j
            columns[size] = j
            size += 1
    columns[size:] = -1
    return size, kept


@compiled(fastmath=True)
def fit_each(data: Data, size: int, kept: int, work: Work) -> bool:
    """Least squares in every environment; False if one has no freedom left.

    The first ``kept`` columns are those of the last call.
    """
    gram, cross, power, count, _, absorbed, floor = data
    factors, solutions, facts, _, _, _, _, columns = work
    spare = True
    for e in range(len(count)):
        rank = 0
        residual = power[e]
        for a in range(size):
            if a >= kept:
                _append(e, a, gram, cross, columns, factors, solutions)
            rank += factors[e, a, a] != 0.0
            # with G = L L' and z = L^-1 c the residual second moment is y'y - z'z
            residual -= solutions[e, a] * solutions[e, a]
        freedom = count[e] - rank - absorbed
        spare = spare and freedom >= 1.0
        facts[3, e] = max(residual, floor[e])
        facts[2, e] = rank
        facts[1, e] = freedom
        # P_e = n_e G_e / sigma_e^2 = (nu_e / residual) G_e: the precision but for the gram matrix
        facts[0, e] = freedom / facts[3, e]
    return spare


@compiled(fastmath=True)
def fit_all(data: Data, size: int, work: Work, left_out: int) -> int:
    """Efficient refit on all environments but ``left_out``; returns its rank."""
    gram, cross = data[0], data[1]
    _, _, facts, total, _, whole, coef, columns = work
    # T = sum P_e, and T w = sum P_e w_e = sum (nu_e / residual) c_e
    for a in range(size):
        value = 0.0
        for e in range(len(gram)):
            if e != left_out:
                value += facts[0, e] * cross[e, columns[a]]
        coef[a] = value
        for b in range(a + 1):
            value = 0.0
            for e in range(len(gram)):
                if e != left_out:
                    value += facts[0, e] * gram[e, columns[a], columns[b]]
            total[a, b] = value
            whole[a, b] = value
    rank = factor(total, coef, size)
    back_solve(total, coef, size)
    return rank


@compiled()
def _fit_least_norm(data: Data, size: int, work: Work, left_out: int) -> None:
    """Mend the last refit where the others cannot tell all columns apart.

    The coefficients of least norm: which columns ``factor`` skips depends on their order.
    """
    cross, facts, coef, columns = data[1], work[2], work[6], work[7]
    # T, of which the refit has left the lower half in the scratch array
    whole, pull = work[5][:size, :size].copy(), np.zeros(size)
    for a in range(size):
        for b in range(a):
            whole[b, a] = whole[a, b]
        for e in range(len(cross)):
            if e != left_out:
                pull[a] += facts[0, e] * cross[e, columns[a]]
    values, vectors = np.linalg.eigh(whole)
    coef[:size] = 0.0
    for m in range(size):
        if values[m] > _PIVOT * values[size - 1]:
            part = 0.0
            for a in range(size):
                part += vectors[a, m] * pull[a]
            for a in range(size):
                coef[a] += vectors[a, m] * part / values[m]


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
    for a in range(width):
        for b in range(a + 1):
            value = 0.0
            for m in range(start + a, size):
                value += inverse[m, start + a] * inverse[m, start + b]
            block[a, b] = value
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

    ``out`` gets Q, f, B1, B2, mean risk, worst risk and the smallest (t / t_min)^2; Q is infinite
    if the support cannot be fitted. If that smallest is below 1, B1 and B2 are NaN unless
    ``thorough``. The first ``kept`` columns are those of the last call with ``work``.
    """
    weights = data[4]
    factors, solutions, facts, total, inverse, _, coef, _ = work
    out[:] = np.nan
    out[0] = np.inf
    if not fit_each(data, size, kept, work) or fit_all(data, size, work, -1) < size:
        return
    _invert(total, inverse, size)
    out[6] = _weakest(size, gates, needed, work)
    # the traces cost O(E k^3), and no support with a gate to spare is taken
    tested = thorough or out[6] >= 1.0
    statistic = 0.0
    risk = 0.0
    worst = 0.0
    freedom = -float(size)
    b1 = 0.0
    b2 = 0.0
    for e in range(len(weights)):
        # |L_e' w - z_e|^2 = (w - w_e)' G_e (w - w_e): what the common fit loses in environment e
        excess = 0.0
        for a in range(size):
            # z_e = L_e^-1 c_e and w_e = L_e'^-1 z_e, so residuals come without w_e
            value = -solutions[e, a]
            for b in range(a, size):
                value += factors[e, b, a] * coef[b]
            excess += value * value
        statistic += facts[0, e] * excess
        risk += weights[e] * (facts[3, e] + excess)
        worst = max(worst, facts[3, e] + excess)
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


@compiled()
def evaluate_many(
    data: Data, masks: Bools, gates: Ints, needed: Floats, thorough: bool
) -> tuple[Floats, Floats]:
    """Rows of ``evaluate_support`` and coefficients for masks over columns, (M, q) boolean."""
    n_masks, q = masks.shape
    work = workspace(len(data[3]), _widest(masks))
    coef, columns = work[6], work[7]
    rows = np.empty((n_masks, 7))
    coefs = np.zeros((n_masks, q))
    for i in range(n_masks):
        size, kept = support_columns(masks[i], columns)
        evaluate_support(data, size, kept, gates, needed, thorough, work, rows[i])
        if np.isfinite(rows[i, 0]):
            for a in range(size):
                coefs[i, columns[a]] = coef[a]
    return rows, coefs


@compiled()
def _widest(masks: Bools) -> int:
    widest = 1
    for i in range(len(masks)):
        widest = max(widest, masks[i].sum())
    return int(widest)


@compiled(fastmath=True)
def leave_out_errors(data: Data, means: Floats, target_means: Floats, masks: Bools) -> Floats:
    """Error of every support on each environment, its efficient refit made on the others."""
    gram, cross, power, count, weights, absorbed, _ = data
    n_environments = len(count)
    work = workspace(n_environments, _widest(masks))
    coef, columns = work[6], work[7]
    errors = np.empty((len(masks), n_environments))
    for i in range(len(masks)):
        size, kept = support_columns(masks[i], columns)
        if not fit_each(data, size, kept, work):
            errors[i] = np.inf
            continue
        for e in range(n_environments):
            if fit_all(data, size, work, e) < size:
                _fit_least_norm(data, size, work, e)
            # y'y - w'(2 c - G w) in the environment left out
            error = power[e]
            for a in range(size):
                value = 2.0 * cross[e, columns[a]]
                for b in range(size):
                    value -= gram[e, columns[a], columns[b]] * coef[b]
                error -= coef[a] * value
            if absorbed:
                error += _intercept_error(e, weights, means, target_means, columns, coef, size)
            errors[i, e] = max(error, 0.0)
    return errors


@compiled(fastmath=True)
def _intercept_error(
    e: int,
    weights: Floats,
    means: Floats,
    target_means: Floats,
    columns: Ints,
    coef: Floats,
    size: int,
) -> float:
    """Squared distance of environment e's own intercept from the mean of the others'."""
    mean = 0.0
    total = 0.0
    own = 0.0
    for o in range(len(weights)):
        intercept = target_means[o]
        for a in range(size):
            intercept -= means[o, columns[a]] * coef[a]
        if o == e:
            own = intercept
        else:
            mean += weights[o] * intercept
            total += weights[o]
    if total <= 0.0:
        return 0.0
    return float((own - mean / total) ** 2)
