"""Newton steps of (multinomial) logistic regression.

Columns come as rows of ``Z`` (k, n). Class 0 is the reference, with log odds 0; coefficients
(m, k) are those of the other m classes.
"""

from collections.abc import Callable

import numpy as np

from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._types import Bools, Floats, Places

RIDGE = 1e-4
"""Keeps coefficients finite where classes are separated; elsewhere it is far below the noise."""

_ITERATIONS = 60
# a decrement d is about d^2 after the step that it belongs to, so this one is the last
_CLOSE = 1e-6
_SHORTEST = 1e-6
# with more rows numpy goes through them as fast as compiled steps
_FEW = 10_000


def log_losses(odds: Floats, y: Places) -> tuple[Floats, Floats]:
    """Log loss of each row (n,) at log odds (m, n), and probabilities of the m classes (m, n)."""
    if len(odds) == 1:
        # log(1 + e^v) = max(v, 0) + log(1 + e^-|v|): no exponential overflows
        v = odds[0]
        small = np.exp(-np.abs(v))
        loss = np.maximum(v, 0.0) - v * y + np.log1p(small)
        return loss, (np.where(v >= 0, 1.0, small) / (1.0 + small))[None]
    # the reference has log odds 0; shifted by the largest, no exponential overflows
    top = np.maximum(odds.max(axis=0), 0.0)
    part = np.exp(odds - top)
    total = np.exp(-top) + part.sum(axis=0)
    own = np.where(y > 0, odds[np.maximum(y - 1, 0), np.arange(len(y))], 0.0)
    return top + np.log(total) - own, part / total


def gradient(Z: Floats, y: Places, weight: Floats, prob: Floats) -> Floats:
    """Gradient of the log loss (m, k) at these probabilities."""
    slope: Floats = _off(y, weight, prob) @ Z.T
    return slope


def information(Z: Floats, weight: Floats, prob: Floats) -> Floats:
    """Fisher information of the m k coefficients, class by class, (m k, m k)."""
    (m, _), k = prob.shape, len(Z)
    if m == 1:
        single: Floats = (weight * prob[0] * (1.0 - prob[0]) * Z) @ Z.T
        return single
    found = np.empty((m, k, m, k))
    for c, row in enumerate(_bend(weight, prob)):
        for d in range(c + 1):
            found[c, :, d] = (row[d] * Z) @ Z.T
            found[d, :, c] = found[c, :, d]
    return found.reshape(m * k, m * k)


def solved(curvatures: Floats, right: Floats) -> Floats:
    """Solutions (..., k, l) of systems of a curvature and its ridge (..., k, k).

    Columns that lie far from 0 in an environment, as against how much they vary there, leave less
    of the ridge than rounding takes: then what can be told is solved for, by the one rule of rank.
    """
    try:
        return np.asarray(np.linalg.solve(curvatures, right), dtype=np.float64)
    except np.linalg.LinAlgError:
        found: Floats = pseudo_inverses(curvatures)[0] @ right
        return found


def fitted(
    Z: Floats, y: Places, weight: Floats, bounds: Places, coef: Floats, pull: float, *, wide: bool
) -> tuple[Floats, Floats, Floats]:
    """Return `newton`, and log loss and weight of mistakes of rows between bounds (E + 1,).

    ``wide`` says that the table has columns enough for compiled steps.
    """
    if wide and len(coef) == 1 and len(y) <= _FEW:
        from elinvar.inference.kernels._newton import fit_of_two

        inner, found = coef[0].copy(), np.empty((2, len(bounds) - 1))
        ridge, options = _ridge_of_two(inner, pull), (_ITERATIONS, _CLOSE, _SHORTEST)
        if fit_of_two(Z, y, weight, bounds, ridge, inner, options, found):
            return inner[None], found[0], found[1]
    coef = newton(Z, y, weight, coef, pull)
    odds = coef @ Z
    each = np.array([log_losses(odds, y)[0], _mistaken(odds, y)])
    loss, mistakes = np.add.reduceat(weight * each, bounds[:-1], axis=1)
    return coef, loss, mistakes


def _mistaken(odds: Floats, y: Places) -> Bools:
    """Rows (n,) whose class is not the likeliest at log odds (m, n)."""
    # a tie is a mistake: coefficients of 0 separate nothing
    if len(odds) == 1:
        return np.asarray(np.where(y > 0, odds[0], -odds[0]) <= 0.0)
    every, rows = np.concatenate([np.zeros((1, len(y))), odds]), np.arange(len(y))
    mine = every[y, rows]
    every[y, rows] = -np.inf
    return np.asarray(mine <= every.max(axis=0))


def newton(Z: Floats, y: Places, weight: Floats, coef: Floats, pull: float = 0.0) -> Floats:
    """Minimise log loss + ridge |coef|^2 / 2 + pull |slopes - mean|^2 from ``coef`` on.

    The first column is the constant. The mean of slopes is over all classes, whose reference has
    slopes 0: of two classes the last term is pull |slopes|^2 / 2, and of several it does not depend
    on which is the reference.
    """
    if len(coef) == 1:
        return _newton_of_two(Z, y, weight, coef[0], pull)[None]
    drawn = _Pull(pull, len(coef), free=1)

    def evaluate(w: Floats) -> tuple[float, Floats]:
        loss, prob = log_losses(w @ Z, y)
        return float(weight @ loss + 0.5 * RIDGE * np.square(w).sum()) + drawn.value(w), prob

    def step(w: Floats, prob: Floats) -> tuple[Floats, float]:
        slope = (gradient(Z, y, weight, prob) + RIDGE * w + drawn.slope(w)).ravel()
        bend = information(Z, weight, prob) + RIDGE * np.eye(w.size) + drawn.bend(w)
        move = solved(bend, slope[:, None])[:, 0]
        return move.reshape(w.shape), float(move @ slope)

    return _descend(evaluate, step, coef)


def _ridge_of_two(coef: Floats, pull: float) -> Floats:
    ridge = np.full(len(coef), RIDGE)
    ridge[1:] += pull
    return ridge


def _newton_of_two(Z: Floats, y: Places, weight: Floats, coef: Floats, pull: float) -> Floats:
    """`newton` for two classes, which is most of what is fitted, in few passes over the rows."""
    # rows of class 0 turned round: t is the log odds of being right, and 1 / (1 + e^t) the slope
    turned, ridge = Z * (2.0 * y - 1.0), _ridge_of_two(coef, pull)

    def evaluate(w: Floats) -> tuple[float, Floats]:
        t = w @ turned
        small = np.exp(-np.abs(t))
        loss = np.log1p(small) - np.minimum(t, 0.0)
        wrong = np.where(t >= 0, small, 1.0) / (1.0 + small)
        return float(weight @ loss + 0.5 * (ridge * w) @ w), wrong

    def step(w: Floats, wrong: Floats) -> tuple[Floats, float]:
        off = weight * wrong
        slope = ridge * w - turned @ off
        bend = (turned * (off * (1.0 - wrong))) @ turned.T
        bend.flat[:: len(w) + 1] += ridge
        move = solved(bend, slope[:, None])[:, 0]
        return move, float(move @ slope)

    return _descend(evaluate, step, coef)


def newton_with_intercepts(
    Z: Floats, y: Places, weight: Floats, bounds: Places, slopes: Floats, intercepts: Floats,
    pull: float = 0.0,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Minimise the same where rows from each bound (E,) on have intercepts (E, m) of their own.

    They are free of the ridge, and ``Z`` has no constant. In a Newton step they are taken out of
    the system: what is left, the Schur complement, is the curvature of the loss after minimising
    over intercepts.
    """
    (m, k), count = slopes.shape, np.diff(bounds, append=len(y))
    drawn, size = _Pull(pull, m, free=0), m * k

    def parts(x: Floats) -> tuple[Floats, Floats]:
        return x[:size].reshape(m, k), x[size:].reshape(-1, m)

    def evaluate(x: Floats) -> tuple[float, Floats]:
        w, a = parts(x)
        loss, prob = log_losses(w @ Z + np.repeat(a.T, count, axis=1), y)
        return float(weight @ loss + 0.5 * RIDGE * np.square(w).sum()) + drawn.value(w), prob

    def step(x: Floats, prob: Floats) -> tuple[Floats, float]:
        w, _ = parts(x)
        off, bend = _off(y, weight, prob), _bend(weight, prob)
        slope = (off @ Z.T + RIDGE * w + drawn.slope(w)).ravel()
        own = np.add.reduceat(off, bounds, axis=1).T
        # H_aa, with a ridge in the step alone, so that no pivot is 0 where a class is missing
        inner = np.moveaxis(np.add.reduceat(bend, bounds, axis=2), -1, 0) + RIDGE * np.eye(m)
        border = np.add.reduceat(bend[:, :, None] * Z, bounds, axis=3)
        border = np.moveaxis(border, -1, 0).reshape(len(bounds), m, size)
        inside = solved(inner, np.concatenate([border, own[..., None]], axis=2))
        total = information(Z, weight, prob) + RIDGE * np.eye(size) + drawn.bend(w)
        total -= np.einsum("ecj,eck->jk", border, inside[..., :size])
        rest = slope - np.einsum("ecj,ec->j", border, inside[..., size])
        move = solved(total, rest[:, None])[:, 0]
        moves = inside[..., size] - inside[..., :size] @ move
        decrement = float(rest @ move + (own * inside[..., size]).sum())
        return np.concatenate([move, moves.ravel()]), decrement

    return parts(_descend(evaluate, step, np.concatenate([slopes.ravel(), intercepts.ravel()])))


def best_intercept(odds: Floats, y: Places, weight: Floats) -> tuple[Floats, float]:
    """Return what to add to log odds (m, n) of one environment, (m,), and the log loss then."""
    m = len(odds)

    def evaluate(a: Floats) -> tuple[float, Floats]:
        loss, prob = log_losses(odds + a[:, None], y)
        return float(weight @ loss), prob

    def step(a: Floats, prob: Floats) -> tuple[Floats, float]:
        slope = _off(y, weight, prob).sum(axis=1)
        bend = _bend(weight, prob).sum(axis=2) + RIDGE * np.eye(m)
        move = solved(bend, slope[:, None])[:, 0]
        return move, float(move @ slope)

    best = _descend(evaluate, step, np.zeros(m))
    return best, evaluate(best)[0]


class _Pull:
    """What pulls slopes towards each other over classes; the first ``free`` columns are free."""

    def __init__(self, strength: float, m: int, *, free: int) -> None:
        # squares about the mean over all classes, the reference among them
        self.form = strength * (np.eye(m) - 1.0 / (m + 1))
        self.free = free
        self.none = strength == 0.0

    def value(self, w: Floats) -> float:
        held = w[:, self.free :]
        return 0.0 if self.none else float((held * (self.form @ held)).sum())

    def slope(self, w: Floats) -> Floats | float:
        if self.none:
            return 0.0
        slope = 2.0 * self.form @ w
        slope[:, : self.free] = 0.0
        return slope

    def bend(self, w: Floats) -> Floats | float:
        if self.none:
            return 0.0
        held = np.arange(w.shape[1]) >= self.free
        return np.asarray(np.kron(2.0 * self.form, np.diag(held.astype(float))), dtype=np.float64)


def _off(y: Places, weight: Floats, prob: Floats) -> Floats:
    """Weighed probabilities less what is there, (m, n)."""
    there = y == np.arange(1, len(prob) + 1)[:, None]
    off: Floats = weight * (prob - there)
    return off


def _bend(weight: Floats, prob: Floats) -> Floats:
    """Fisher's weight of classes c and d, p_c (1{c = d} - p_d), of each row, (m, m, n)."""
    same = np.eye(len(prob))[..., None]
    bend: Floats = weight * prob[:, None] * (same - prob)
    return bend


def _descend(
    evaluate: Callable[[Floats], tuple[float, Floats]],
    step: Callable[[Floats, Floats], tuple[Floats, float]],
    start: Floats,
) -> Floats:
    """Newton's steps, shortened until they go down."""
    point, (value, prob) = start, evaluate(start)
    for _ in range(_ITERATIONS):
        # the decrement g' H^-1 g is twice what a step gains if the loss is quadratic
        move, decrement = step(point, prob)
        length, before = 1.0, value
        while True:
            there = point - length * move
            value, prob = evaluate(there)
            # Armijo's rule, with what rounding may add
            if value <= before - 1e-4 * length * decrement + 1e-11 * abs(before):
                break
            if length < _SHORTEST:
                break
            length *= 0.5
        point = there
        if decrement < _CLOSE or length < _SHORTEST:
            break
    return point
