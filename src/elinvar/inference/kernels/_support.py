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
# beyond so many environments the sums without each are those of all, less its own
_MANY = 8
# a mean that is wrong by less than this share of a standard deviation does no harm
_ROUGH = 0.1
# from pooled least squares the weights settle in four rounds, even with one row to spare
_ROUNDS = 4


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
def invert(lower: Floats, inverse: Floats, size: int) -> None:
    """Inverse of a lower factor without skipped columns."""
    # row after row, so that wide supports are gone through as they lie in memory
    for b in range(size):
        inverse[b, :b] = 0.0
        for m in range(b):
            entry = lower[b, m]
            for a in range(m + 1):
                inverse[b, a] -= entry * inverse[m, a]
        for a in range(b):
            inverse[b, a] /= lower[b, b]
        inverse[b, b] = 1.0 / lower[b, b]


@compiled()
def workspace(n_environments: int, width: int) -> Work:
    """Scratch arrays for supports of up to ``width`` columns."""
    return (
        np.zeros((n_environments, width, width)),  # factors of each environment
        np.zeros((n_environments, width)),  # their forward solutions
        np.zeros((4, n_environments)),  # precision, freedom, rank, residual
        np.zeros((width, width)),  # factor of the total
        np.zeros((width, width)),  # its inverse
        np.zeros((width, width)),  # leverage, and other products
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


@compiled(fastmath=True)
def excess(e: int, size: int, work: Work) -> float:
    """Return what the common fit loses in environment e: (w - w_e)' G_e (w - w_e)."""
    factors, solutions, _, _, _, _, coef, _ = work
    total = 0.0
    for a in range(size):
        # |L_e' w - z_e|^2: z_e = L_e^-1 c_e and w_e = L_e'^-1 z_e, so it comes without w_e
        value = -solutions[e, a]
        for b in range(a, size):
            value += factors[e, b, a] * coef[b]
        total += value * value
    return total


@compiled()
def few_rows(size: int, work: Work) -> bool:
    """Whether estimated variances are too rough to be weights: after `fit_each`.

    1 / s^2 has the mean 1 + 2 / nu + 4 / nu^2 + ... times the true one. The test's law leaves out
    the third term, which may come to a tenth of the statistic's standard deviation.
    """
    ranks, freedom = work[2][2], work[2][1]
    f = ranks.sum() - size
    left_out = 4.0 * (ranks / (freedom * freedom)).sum()
    return bool(f > 0.0 and left_out > _ROUGH * np.sqrt(2.0 * max(f, 0.0)))


@compiled(fastmath=True)
def settle(data: Data, size: int, work: Work) -> float:
    """Weigh environments by their residuals about the common fit, from pooled least squares on.

    The precisions in ``work`` become m_e / |y_e - X_e w|^2, and so do those of the next `fit_all`;
    the freedoms m_e + 2, m_e = n_e - tr T^-1 P_e. Returns how far these precisions make the
    covariance of w too small, (1 - 2 sum tr T^-1 P_e / (k m_e))^2; 0 if w cannot be told.
    """
    gram, count, absorbed = data[0], data[3], data[5]
    facts, total, inverse, product, columns = work[2], work[3], work[4], work[5], work[7]
    facts[0] = count
    shrunk = 0.0
    for _ in range(_ROUNDS):
        if fit_all(data, size, work, -1) < size:
            return 0.0
        invert(total, inverse, size)
        # T^-1 = L^-T L^-1
        product[:size] = 0.0
        for m in range(size):
            for a in range(m + 1):
                for b in range(a + 1):
                    product[a, b] += inverse[m, a] * inverse[m, b]
        shrunk = 0.0
        for e in range(len(count)):
            share = 0.0
            for a in range(size):
                share += product[a, a] * gram[e, columns[a], columns[a]]
                for b in range(a):
                    share += 2.0 * product[a, b] * gram[e, columns[a], columns[b]]
            share *= facts[0, e]
            freedom = count[e] - absorbed - share
            shrunk += share / freedom
            facts[0, e] = freedom / (facts[3, e] + excess(e, size, work))
            facts[1, e] = freedom + 2.0
    return float((1.0 - 2.0 * shrunk / max(size, 1)) ** 2)


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


@compiled()
def widest(masks: Bools) -> int:
    widest = 1
    for i in range(len(masks)):
        widest = max(widest, masks[i].sum())
    return int(widest)


@compiled(fastmath=True)
def _pull(data: Data, size: int, work: Work, pull: Floats) -> None:
    """Write sum P_e w_e = sum (nu_e / residual) c_e to ``pull``."""
    cross, facts, columns = data[1], work[2], work[7]
    for a in range(size):
        value = 0.0
        for e in range(len(cross)):
            value += facts[0, e] * cross[e, columns[a]]
        pull[a] = value


@compiled(fastmath=True)
def _fit_without(data: Data, size: int, work: Work, e: int, total: Floats, pull: Floats) -> int:
    """`fit_all` of all environments but ``e``, from the sums over all of them."""
    gram, cross = data[0], data[1]
    facts, lower, coef, columns = work[2], work[3], work[6], work[7]
    for a in range(size):
        coef[a] = pull[a] - facts[0, e] * cross[e, columns[a]]
        for b in range(a + 1):
            lower[a, b] = total[a, b] - facts[0, e] * gram[e, columns[a], columns[b]]
    rank = factor(lower, coef, size)
    back_solve(lower, coef, size)
    return rank


@compiled(fastmath=True)
def leave_out_errors(data: Data, means: Floats, target_means: Floats, masks: Bools) -> Floats:
    """Error of every support on each environment, its efficient refit made on the others."""
    gram, cross, power, count, weights, absorbed, _ = data
    n_environments = len(count)
    work = workspace(n_environments, widest(masks))
    coef, columns = work[6], work[7]
    total, pull = np.empty_like(work[5]), np.empty_like(coef)
    level, target_level = weights @ means, weights @ target_means
    errors = np.empty((len(masks), n_environments))
    for i in range(len(masks)):
        size, kept = support_columns(masks[i], columns)
        if not fit_each(data, size, kept, work):
            errors[i] = np.inf
            continue
        if few_rows(size, work):
            settle(data, size, work)
        many = n_environments > _MANY
        if many:
            fit_all(data, size, work, -1)
            _pull(data, size, work, pull)
            total[:] = work[5]
        for e in range(n_environments):
            # the sums of all less its own: what all of them cost does not grow with the square
            if many and _fit_without(data, size, work, e, total, pull) == size:
                pass
            elif fit_all(data, size, work, e) < size:
                _fit_least_norm(data, size, work, e)
            # y'y - w'(2 c - G w) in the environment left out
            error = power[e]
            for a in range(size):
                value = 2.0 * cross[e, columns[a]]
                for b in range(size):
                    value -= gram[e, columns[a], columns[b]] * coef[b]
                error -= coef[a] * value
            if absorbed and weights[e] < 1.0:
                # its own intercept less the mean of the others'
                off = target_means[e] - target_level
                for a in range(size):
                    off -= (means[e, columns[a]] - level[columns[a]]) * coef[a]
                error += (off / (1.0 - weights[e])) ** 2
            errors[i, e] = max(error, 0.0)
    return errors
