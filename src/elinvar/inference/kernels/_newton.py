"""Compiled Newton steps of logistic regression for two classes, where rows are few."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]


@compiled(fastmath=True)
def _exp(x: float) -> float:
    """e^x of x <= 0, written out so that a loop can take several rows at once."""
    x = max(x, -700.0)
    # e^x = 2^n e^r with |r| <= log(2) / 2, where 13 terms of the series leave less than rounding
    n = np.floor(x * 1.4426950408889634 + 0.5)
    r, series = x - n * 0.6931471805599453, 1.0
    for i in range(12, 0, -1):
        series = 1.0 + series * r / i
    return series * np.int64((np.int64(n) + 1023) << 52).view(np.float64)


@compiled(fastmath=True)
def _log1p(u: float) -> float:
    """log(1 + u) of 0 <= u <= 1, likewise."""
    # 2 artanh(z) with z <= 1 / 3, of whose series 16 terms are enough
    z, series = u / (2.0 + u), 0.0
    for i in range(31, 0, -2):
        series = series * z * z + 1.0 / i
    return 2.0 * z * series


@compiled(fastmath=True)
def _evaluate(
    turned: Floats, weight: Floats, ridge: Floats, w: Floats, wrong: Floats, losses: Floats
) -> float:
    """Loss at ``w``; writes that of rows, and what probabilities of their classes lack of one."""
    value = 0.0
    for i in range(len(wrong)):
        wrong[i] = 0.0
    for j in range(len(w)):
        value += 0.5 * ridge[j] * w[j] * w[j]
        for i in range(len(wrong)):
            wrong[i] += w[j] * turned[j, i]
    for i in range(len(wrong)):
        odds = wrong[i]
        small = _exp(-abs(odds))
        losses[i] = weight[i] * (_log1p(small) - min(odds, 0.0))
        value += losses[i]
        wrong[i] = (small if odds >= 0.0 else 1.0) / (1.0 + small)
    return value


@compiled(fastmath=True)
def _step(
    turned: Floats, weight: Floats, ridge: Floats, point: Floats, wrong: Floats, lower: Floats,
    move: Floats,
) -> float:  # fmt: skip
    """Write Newton's step and return its decrement, negative if a rank is lost."""
    k, n = turned.shape
    off, bent = np.empty(n), np.empty(n)
    for i in range(n):
        off[i] = weight[i] * wrong[i]
        wrong[i] = off[i] * (1.0 - wrong[i])
    for j in range(k):
        slope = ridge[j] * point[j]
        for i in range(n):
            slope -= turned[j, i] * off[i]
        for i in range(n):
            bent[i] = turned[j, i] * wrong[i]
        # H = L L', row after row, and L z = g on the way
        for b in range(j + 1):
            entry = ridge[j] if b == j else 0.0
            for i in range(n):
                entry += bent[i] * turned[b, i]
            for c in range(b):
                entry -= lower[j, c] * lower[b, c]
            if b < j:
                lower[j, b] = entry / lower[b, b]
            elif entry > 0.0:
                lower[j, j] = np.sqrt(entry)
            else:
                return -1.0
        for c in range(j):
            slope -= lower[j, c] * move[c]
        move[j] = slope / lower[j, j]
    decrement = 0.0
    for j in range(k - 1, -1, -1):
        # the decrement g' H^-1 g is |z|^2
        decrement += move[j] * move[j]
        for c in range(j + 1, k):
            move[j] -= lower[c, j] * move[c]
        move[j] /= lower[j, j]
    return decrement


@compiled(fastmath=True)
def fit_of_two(
    Z: Floats, y: Ints, weight: Floats, bounds: Ints, ridge: Floats, point: Floats,
    options: tuple[int, float, float], found: Floats,
) -> bool:  # fmt: skip
    """Fit two classes from ``point`` (k,) on, in place, as `newton`; False if a rank is lost.

    ``options`` are most steps, the decrement of the last one, and the shortest length. ``found``
    (2, E) gets the loss and the weight of mistakes in rows from each of ``bounds`` to the next.
    """
    iterations, close, shortest = options
    k, n = Z.shape
    turned, wrong, losses = np.empty((k, n)), np.empty(n), np.empty(n)
    there, move, lower = np.empty(k), np.zeros(k), np.empty((k, k))
    # rows of class 0 turned round: t is the log odds of being right, and 1 / (1 + e^t) the slope
    for i in range(n):
        wrong[i] = 2.0 * y[i] - 1.0
    for j in range(k):
        for i in range(n):
            turned[j, i] = Z[j, i] * wrong[i]
    length, decrement, before = 1.0, 0.0, np.inf
    for turn in range(iterations + 1):
        while True:
            for j in range(k):
                there[j] = point[j] - length * move[j]
            value = _evaluate(turned, weight, ridge, there, wrong, losses)
            # Armijo's rule, with what rounding may add; the start is taken as it is
            if turn == 0 or value <= before - 1e-4 * length * decrement + 1e-11 * abs(before):
                break
            if length < shortest:
                break
            length *= 0.5
        for j in range(k):
            point[j] = there[j]
        if turn == iterations or (turn > 0 and (decrement < close or length < shortest)):
            break
        decrement = _step(turned, weight, ridge, point, wrong, lower, move)
        if decrement < 0.0:
            return False
        length, before = 1.0, value
    for e in range(len(bounds) - 1):
        loss, mistakes = 0.0, 0.0
        for i in range(bounds[e], bounds[e + 1]):
            loss += losses[i]
            # a tie is a mistake: coefficients of 0 separate nothing
            mistakes += weight[i] if wrong[i] >= 0.5 else 0.0
        found[0, e], found[1, e] = loss, mistakes
    return True
