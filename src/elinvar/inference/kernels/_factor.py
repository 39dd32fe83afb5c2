"""Compiled factors, of which other kernels are made."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]

# a column of whose second moment the others leave no more than this share depends on them
_PIVOT = 1e-10


@compiled()
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


@compiled()
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
