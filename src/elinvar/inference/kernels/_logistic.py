"""Compiled Newton steps of (multinomial) logistic regression on many supports.

Columns come as rows of ``Z`` (q, n), so that inner loops run over data; class 0 is the reference,
with log odds 0, and ``coef`` (m, k) holds those of the other m. Rows ``lo`` to ``hi`` count.
"""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.inference.kernels._factor import Floats, Ints, back_solve, factor

_ITERATIONS = 60
# a decrement d is about d^2 after the step that it belongs to, so this one is the last
_CLOSE = 1e-6
_BLOCK = 512


@compiled(fastmath=True)
def _two_classes(eta: Floats, y: Ints, weight: Floats, plain: bool) -> float:
    """Log loss of log odds ``eta``, which become probabilities in place."""
    loss = 0.0
    # of weights 0 and 1 the logarithms of a block are one logarithm of a product, at most 2^512
    product = 1.0
    for i in range(len(eta)):
        value = eta[i]
        # log(1 + e^v) = max(v, 0) + log(1 + e^-|v|): no exponential overflows
        small = np.exp(-abs(value))
        side = 1.0 / (1.0 + small)
        loss += weight[i] * (max(value, 0.0) - value * y[i])
        eta[i] = side if value >= 0 else small * side
        if plain:
            product *= 1.0 + weight[i] * small
            if i % _BLOCK == _BLOCK - 1:
                loss += np.log(product)
                product = 1.0
        else:
            loss += weight[i] * np.log(1.0 + small)
    return float(loss + np.log(product))


@compiled(fastmath=True)
def _many_classes(eta: Floats, y: Ints, weight: Floats) -> float:
    """Log loss of log odds ``eta`` (m, n), which become probabilities in place."""
    m, loss = len(eta), 0.0
    for i in range(len(y)):
        # the reference has log odds 0; shifted by the largest, no exponential overflows
        top = 0.0
        for c in range(m):
            top = max(top, eta[c, i])
        own = eta[y[i] - 1, i] if y[i] > 0 else 0.0
        total = np.exp(-top)
        for c in range(m):
            eta[c, i] = np.exp(eta[c, i] - top)
            total += eta[c, i]
        for c in range(m):
            eta[c, i] /= total
        loss += weight[i] * (top + np.log(total) - own)
    return loss


@compiled(fastmath=True)
def objective(
    Z: Floats, y: Ints, weight: Floats, lo: int, hi: int, columns: Ints, coef: Floats, prob: Floats
) -> float:
    """Log loss, summed; ``prob`` (m, n) gets the probabilities of the classes but the first."""
    m, own_y, w = len(coef), y[lo:hi], weight[lo:hi]
    for c in range(m):
        eta = prob[c, : hi - lo]
        for a in range(len(columns)):
            value, z = coef[c, a], Z[columns[a], lo:hi]
            if a == 0:
                for i in range(len(eta)):
                    eta[i] = value * z[i]
            else:
                for i in range(len(eta)):
                    eta[i] += value * z[i]
    if m > 1:
        return _many_classes(prob[:, : hi - lo], own_y, w)
    plain = True
    for i in range(len(w)):
        plain = plain and (w[i] == 0.0 or w[i] == 1.0)
    return _two_classes(prob[0, : hi - lo], own_y, w, plain)


@compiled(fastmath=True)
def curvature(
    Z: Floats,
    weight: Floats,
    lo: int,
    hi: int,
    columns: Ints,
    prob: Floats,
    hessian: Floats,
    work: Floats,
) -> None:
    """Fisher information of the m k coefficients, class by class, into ``hessian``."""
    k, n, w = len(columns), hi - lo, weight[lo:hi]
    bend, lean = work[0, :n], work[1, :n]
    for c in range(len(prob)):
        for d in range(c + 1):
            first, second, same = prob[c, :n], prob[d, :n], 1.0 if c == d else 0.0
            for i in range(n):
                # Fisher's weight of classes c and d: p_c (1{c = d} - p_d)
                bend[i] = w[i] * first[i] * (same - second[i])
            for a in range(k):
                z = Z[columns[a], lo:hi]
                for i in range(n):
                    lean[i] = bend[i] * z[i]
                # the block of two classes is symmetric, as each weight is a number
                for b in range(a + 1):
                    other, total = Z[columns[b], lo:hi], 0.0
                    for i in range(n):
                        total += lean[i] * other[i]
                    hessian[c * k + a, d * k + b] = total
                    hessian[c * k + b, d * k + a] = total
                    hessian[d * k + b, c * k + a] = total
                    hessian[d * k + a, c * k + b] = total


@compiled(fastmath=True)
def gradient(
    Z: Floats,
    y: Ints,
    weight: Floats,
    lo: int,
    hi: int,
    columns: Ints,
    prob: Floats,
    slope: Floats,
    work: Floats,
) -> None:
    """Gradient of the log loss (m k,) into ``slope``."""
    k, n, w, own_y, off = len(columns), hi - lo, weight[lo:hi], y[lo:hi], work[0, : hi - lo]
    for c in range(len(prob)):
        p = prob[c, :n]
        for i in range(n):
            off[i] = w[i] * (p[i] - (1.0 if own_y[i] == c + 1 else 0.0))
        for a in range(k):
            z, total = Z[columns[a], lo:hi], 0.0
            for i in range(n):
                total += off[i] * z[i]
            slope[c * k + a] = total


@compiled(fastmath=True)
def _eliminate(hessian: Floats, slope: Floats, m: int, k: int, border: Floats) -> None:
    """Take one environment's intercepts out of its Newton system, pivot after pivot.

    What is left in the slopes' places is the Schur complement: the curvature of the loss after
    minimising over intercepts. ``border`` (m, m k + 1) keeps the pivots' rows for the way back.
    """
    size = m * k
    for c in range(m):
        pivot = c * k
        for a in range(size):
            border[c, a] = hessian[pivot, a]
        border[c, size] = slope[pivot]
        for a in range(size):
            # S = H_ww - H_wa H_aa^-1 H_aw, one intercept after another
            part = border[c, a] / border[c, pivot]
            if a == pivot or part == 0.0:
                continue
            slope[a] -= part * border[c, size]
            for b in range(size):
                hessian[a, b] -= part * border[c, b]


@compiled(fastmath=True)
def _total(
    Z: Floats, y: Ints, weight: Floats, starts: Ints, stops: Ints, columns: Ints, ridge: float,
    pull: float, own: bool, coef: Floats, intercepts: Floats, prob: Floats,
) -> tuple[float, float]:  # fmt: skip
    """Log loss over stretches of rows, and the same with ridge and pull."""
    loss, square, (m, k) = 0.0, 0.0, coef.shape
    for e in range(len(starts)):
        if own:
            coef[:, 0] = intercepts[e]
        lo, hi = starts[e], stops[e]
        loss += objective(Z, y, weight, lo, hi, columns, coef, prob[:, lo:hi])
    pulled = 0.0
    for a in range(1 if own else 0, k):
        each, total = 0.0, 0.0
        for c in range(m):
            each += coef[c, a] * coef[c, a]
            total += coef[c, a]
        square += each
        if a > 0:
            # sum of squares about the mean over all classes, the reference among them
            pulled += each - total * total / (m + 1)
    return loss, loss + 0.5 * ridge * square + pull * pulled


@compiled(fastmath=True)
def _system(
    Z: Floats, y: Ints, weight: Floats, starts: Ints, stops: Ints, columns: Ints, ridge: float,
    pull: float, own: bool, coef: Floats, prob: Floats, work: Floats, total: Floats, rhs: Floats,
    borders: Floats,
) -> float:  # fmt: skip
    """Write the Newton system of the coefficients; return the intercepts' part of the decrement."""
    m, k = coef.shape
    size = m * k
    hessian, slope = np.empty((size, size)), np.empty(size)
    total[:], rhs[:] = 0.0, 0.0
    decrement = 0.0
    for e in range(len(starts)):
        lo, hi = starts[e], stops[e]
        # the probabilities are those of the last loss
        gradient(Z, y, weight, lo, hi, columns, prob[:, lo:hi], slope, work)
        curvature(Z, weight, lo, hi, columns, prob[:, lo:hi], hessian, work)
        if own:
            for c in range(m):
                # in the step alone, so it moves no optimum: no pivot is 0 where a class is missing
                hessian[c * k, c * k] += ridge
            _eliminate(hessian, slope, m, k, borders[e])
            for c in range(m):
                # g_a' H_aa^-1 g_a, what the intercepts by themselves gain
                decrement += borders[e, c, size] ** 2 / borders[e, c, c * k]
        total += hessian
        rhs += slope
    for a in range(size):
        if own and a % k == 0:  # nothing is left of the intercepts here
            total[a, :], total[:, a], rhs[a] = 0.0, 0.0, 0.0
            total[a, a] = 1.0
        else:
            rhs[a] += ridge * coef[a // k, a % k]
            total[a, a] += ridge
    if pull > 0.0:
        _pull(pull, coef, total, rhs)
    return decrement


@compiled(fastmath=True)
def _pull(pull: float, coef: Floats, total: Floats, rhs: Floats) -> None:
    """Add what pulls slopes towards each other over classes to a Newton system."""
    m, k = coef.shape
    for a in range(1, k):
        for c in range(m):
            for d in range(m):
                share = 2.0 * pull * ((1.0 if c == d else 0.0) - 1.0 / (m + 1))
                rhs[c * k + a] += share * coef[d, a]
                total[c * k + a, d * k + a] += share


@compiled(fastmath=True)
def newton(
    Z: Floats, y: Ints, weight: Floats, starts: Ints, stops: Ints, columns: Ints, ridge: float,
    pull: float, own: bool, frozen: bool, coef: Floats, intercepts: Floats, prob: Floats,
    work: Floats,
) -> float:  # fmt: skip
    """Minimise log loss + ridge |coef|^2 / 2 + pull |slopes - mean|^2 over rows, in place.

    The mean is over all classes, whose reference has slopes 0: of two classes the last term is
    pull |slopes|^2 / 2, and of several it does not depend on which is the reference.

    Returns the log loss. Where each stretch has its ``own`` intercepts (E, m), they are free of the
    ridge, and the first column of ``coef`` (m, k) is but their place; where ``frozen`` only they
    move. The system then has a border a stretch, and a step costs what it does without.
    """
    m, k = coef.shape
    size = m * k
    total, rhs, step = np.empty((size, size)), np.empty(size), np.empty(size)
    borders, moves = np.empty((len(starts), m, size + 1)), np.empty((len(starts), m))
    before, kept = coef.copy(), intercepts.copy()
    loss, value = _total(
        Z, y, weight, starts, stops, columns, ridge, pull, own, coef, intercepts, prob
    )
    for _ in range(_ITERATIONS):
        # the decrement g' H^-1 g is twice what a step gains if the loss is quadratic
        decrement = _system(
            Z, y, weight, starts, stops, columns, ridge, pull, own, coef, prob, work, total, rhs,
            borders,
        )  # fmt: skip
        step[:] = 0.0
        if not frozen:
            step[:] = rhs
            factor(total, step, size)
            for a in range(size):
                decrement += step[a] * step[a]
            back_solve(total, step, size)
        if own:
            _retrace(borders, step, moves, k)
        before[:], kept[:] = coef, intercepts
        length = 1.0
        while True:
            for a in range(size):
                coef[a // k, a % k] = before[a // k, a % k] - length * step[a]
            if own:
                intercepts[:] = kept - length * moves
            loss, now = _total(
                Z, y, weight, starts, stops, columns, ridge, pull, own, coef, intercepts, prob
            )
            # Armijo's rule, with what rounding may add
            done = now <= value - 1e-4 * length * decrement + 1e-11 * abs(value)
            if done or length < 1e-6:
                break
            length *= 0.5
        value = now
        if decrement < _CLOSE or length < 1e-6:
            break
    return loss


@compiled(fastmath=True)
def _retrace(borders: Floats, step: Floats, moves: Floats, k: int) -> None:
    """Write how far intercepts go (E, m), given the step of the slopes."""
    n_environments, m = moves.shape
    size = m * k
    for e in range(n_environments):
        for c in range(m - 1, -1, -1):
            # back substitution in H_aa d_a = g_a - H_aw d_w, the last pivot first
            entry = borders[e, c, size]
            for a in range(size):
                if a % k != 0:
                    entry -= borders[e, c, a] * step[a]
            for d in range(c + 1, m):
                entry -= borders[e, c, d * k] * moves[e, d]
            moves[e, c] = entry / borders[e, c, c * k]


@compiled()
def _mistakes(y: Ints, weight: Floats, lo: int, hi: int, prob: Floats) -> float:
    """Weight of the rows whose class is not the likeliest."""
    wrong = 0.0
    for i in range(hi - lo):
        rest, own = 1.0, y[lo + i]
        for c in range(len(prob)):
            rest -= prob[c, i]
        mine = prob[own - 1, i] if own > 0 else rest
        best = rest if own > 0 else -1.0
        for c in range(len(prob)):
            if c + 1 != own:
                best = max(best, prob[c, i])
        # a tie is a mistake: coefficients of 0 separate nothing
        if mine <= best:
            wrong += weight[lo + i]
    return wrong


@compiled()
def fit_environments(
    Z: Floats, y: Ints, weight: Floats, bounds: Ints, columns: Ints, ridge: float, coef: Floats,
    loss: Floats, wrong: Floats, prob: Floats, work: Floats,
) -> None:  # fmt: skip
    """Fit each environment by itself from ``coef`` (E, m, k), in place."""
    nothing = np.zeros((1, coef.shape[1]))
    for e in range(len(loss)):
        lo, hi = bounds[e], bounds[e + 1]
        ends = bounds[e : e + 1], bounds[e + 1 : e + 2]
        loss[e] = newton(
            Z, y, weight, ends[0], ends[1], columns, ridge, 0.0, False, False, coef[e], nothing,
            prob, work,
        )  # fmt: skip
        wrong[e] = _mistakes(y, weight, lo, hi, prob[:, lo:hi])


@compiled()
def losses(
    Z: Floats, y: Ints, weight: Floats, bounds: Ints, columns: Ints, coef: Floats,
    intercepts: Floats, prob: Floats,
) -> Floats:  # fmt: skip
    """Log loss in each environment, (E,), with its intercepts (E, m) before ``coef`` (m, k)."""
    found = np.empty(len(intercepts))
    for e in range(len(found)):
        coef[:, 0] = intercepts[e]
        found[e] = objective(Z, y, weight, bounds[e], bounds[e + 1], columns, coef, prob)
    return found
