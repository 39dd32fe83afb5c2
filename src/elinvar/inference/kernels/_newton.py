"""Compiled Newton steps of logistic regression for two classes, where rows are few."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled

Floats: TypeAlias = NDArray[np.float64]


@compiled(fastmath=True)
def _evaluate(turned: Floats, weight: Floats, ridge: Floats, w: Floats, wrong: Floats) -> float:
    """Loss at ``w``; writes what the probability of each row's class lacks of one."""
    value = 0.0
    for i in range(len(wrong)):
        wrong[i] = 0.0
    for j in range(len(w)):
        value += 0.5 * ridge[j] * w[j] * w[j]
        for i in range(len(wrong)):
            wrong[i] += w[j] * turned[j, i]
    for i in range(len(wrong)):
        odds = wrong[i]
        small = np.exp(-abs(odds))
        value += weight[i] * (np.log1p(small) - min(odds, 0.0))
        wrong[i] = (small if odds >= 0.0 else 1.0) / (1.0 + small)
    return value


@compiled(fastmath=True)
def descend_of_two(
    turned: Floats, weight: Floats, ridge: Floats, point: Floats, options: tuple[int, float, float]
) -> bool:
    """Take Newton's steps in place, as `newton` of two classes; False if a rank is lost.

    Rows of ``turned`` (k, n) are columns of the table, times 1 or -1 by the class; ``options`` are
    most steps, the decrement of the last one, and the shortest length.
    """
    iterations, close, shortest = options
    k, n = turned.shape
    wrong, off, there = np.empty(n), np.empty(n), np.empty(k)
    slope, move, lower = np.empty(k), np.empty(k), np.empty((k, k))
    value = _evaluate(turned, weight, ridge, point, wrong)
    for _ in range(iterations):
        for i in range(n):
            off[i] = weight[i] * wrong[i]
            wrong[i] = off[i] * (1.0 - wrong[i])
        for j in range(k):
            slope[j] = ridge[j] * point[j]
            for i in range(n):
                slope[j] -= turned[j, i] * off[i]
            # H = L L', row after row, and L z = g on the way
            for b in range(j + 1):
                entry = ridge[j] if b == j else 0.0
                for i in range(n):
                    entry += turned[j, i] * turned[b, i] * wrong[i]
                for c in range(b):
                    entry -= lower[j, c] * lower[b, c]
                if b < j:
                    lower[j, b] = entry / lower[b, b]
                elif entry > 0.0:
                    lower[j, j] = np.sqrt(entry)
                else:
                    return False
            move[j] = slope[j]
            for c in range(j):
                move[j] -= lower[j, c] * move[c]
            move[j] /= lower[j, j]
        decrement = 0.0
        for j in range(k - 1, -1, -1):
            # the decrement g' H^-1 g is |z|^2
            decrement += move[j] * move[j]
            for c in range(j + 1, k):
                move[j] -= lower[c, j] * move[c]
            move[j] /= lower[j, j]
        length, before = 1.0, value
        while True:
            for j in range(k):
                there[j] = point[j] - length * move[j]
            value = _evaluate(turned, weight, ridge, there, wrong)
            # Armijo's rule, with what rounding may add
            if value <= before - 1e-4 * length * decrement + 1e-11 * abs(before):
                break
            if length < shortest:
                break
            length *= 0.5
        for j in range(k):
            point[j] = there[j]
        if decrement < close or length < shortest:
            break
    return True
