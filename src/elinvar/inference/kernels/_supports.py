"""Compiled fits of supports, one after the other, in every environment and in all of them."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.intp]
Moments: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats, Bools]
Fits: TypeAlias = tuple[Bools, Floats, Floats, Floats, Floats, Floats, Floats, Floats]

# stands for the pivot of a column that the others make up
_NONE = 1e-150


@compiled(fastmath=True)
def _append(matrix: Floats, a: int, lower: Floats, unit: Floats) -> None:
    """Append row ``a`` of a matrix to its Cholesky factor; ``unit`` is 1 over the pivots."""
    rest = matrix[a, a]
    for b in range(a):
        entry = matrix[a, b]
        for c in range(b):
            entry -= lower[a, c] * lower[b, c]
        entry *= unit[b]
        lower[a, b] = entry
        rest -= entry * entry
    pivot = max(np.sqrt(max(rest, 0.0)), _NONE)
    lower[a, a] = pivot
    unit[a] = 1.0 / pivot


@compiled(fastmath=True)
def _invert(lower: Floats, unit: Floats, size: int, back: Floats) -> None:
    """L^-1, turned round: upper."""
    for a in range(size):
        for b in range(a):
            entry = 0.0
            for c in range(b, a):
                entry -= lower[a, c] * back[b, c]
            back[b, a] = entry * unit[a]
        back[a, a] = unit[a]


@compiled(fastmath=True)
def _traces(
    back: Floats, lower: Floats, weight: float, size: int, squared: bool, product: Floats
) -> tuple[float, float]:
    """Traces of K = T^-1 P_e and, if asked, of its square; ``back`` is L^-1 of T = L L', upper."""
    first, second = 0.0, 0.0
    for a in range(size):
        # with B = L^-1 L_e they are those of B B' times the weight, and of its square
        for b in range(a + 1):
            product[a, b] = 0.0
        for c in range(a + 1):
            for b in range(c + 1):
                product[a, b] += back[c, a] * lower[c, b]
        for b in range(a + 1):
            first += weight * product[a, b] * product[a, b]
            if squared:
                entry = 0.0
                for c in range(b + 1):
                    entry += product[a, c] * product[b, c]
                entry *= weight
                second += (1.0 if a == b else 2.0) * entry * entry
    return first, second


@compiled(fastmath=True)
def regular_fits(
    moments: Moments, columns: Ints, weights: Floats, limits: tuple[float, float], fits: Fits
) -> None:
    """Fit supports of up to k columns each, (M, k), all that are far from losing a rank.

    ``moments`` are gram (E, q, q), cross (E, q), the target's (E,), rows (E,), less what an
    intercept takes, the smallest residual (E,), and which columns are tested alone (q,). ``fits``,
    to be filled, are whether a support is regular (M,), the smallest squared t (M,), residual, what
    the common fit loses, tr T^-1 P_e, tr (T^-1 P_e)^2, (M, E) each, the common fit (M, k) and T^-1
    (M, k, k) or (M, 0, 0), 0 before. Environments weigh by ``weights`` (E,), and then there is no
    trace of a square, or, where these are 0, by their precision. ``limits`` are that share of the
    largest pivot which is far, and the smallest squared t from which traces are wanted.
    """
    gram, cross, power, rows, floor, alone = moments
    regular, least_t, residual, lost, traces, squares, coef, inverse = fits
    far, traced = limits
    n_environments = len(power)
    width = columns.shape[1]
    parts, lower = np.zeros((2, n_environments, width, width))
    z, unit = np.zeros((2, n_environments, width))
    weight = np.zeros(n_environments)
    whole, common, back, product = np.zeros((4, width, width))
    pull, total_unit = np.zeros((2, width))
    for m in range(len(columns)):
        size = 0
        kept = 0
        own = columns[m]
        while size < width and own[size] >= 0:
            # supports in turn share their first columns, and the factors of these
            kept += m > 0 and kept == size and columns[m - 1, size] == own[size]
            size += 1
        good = True
        for e in range(n_environments):
            left = power[e]
            least, most = np.inf, 0.0
            for a in range(size):
                if a >= kept:
                    for b in range(a + 1):
                        parts[e, a, b] = gram[e, own[a], own[b]]
                    _append(parts[e], a, lower[e], unit[e])
                    value = cross[e, own[a]]
                    for b in range(a):
                        value -= lower[e, a, b] * z[e, b]
                    z[e, a] = value * unit[e, a]
                least, most = min(least, lower[e, a, a]), max(most, lower[e, a, a])
                left -= z[e, a] * z[e, a]
            good = good and least > max(far * most, _NONE)
            residual[m, e] = max(left, floor[e])
            weight[e] = weights[e]
            if weight[e] == 0.0:
                weight[e] = max(rows[e] - size, 1.0) / residual[m, e]
        # T = sum P_e = L L', and L^-1 T w = L^-1 sum P_e w_e
        least, most = np.inf, 0.0
        for a in range(size):
            for b in range(a + 1):
                entry = 0.0
                for e in range(n_environments):
                    entry += weight[e] * parts[e, a, b]
                whole[a, b] = entry
            _append(whole, a, common, total_unit)
            entry = 0.0
            for e in range(n_environments):
                entry += weight[e] * cross[e, own[a]]
            for b in range(a):
                entry -= common[a, b] * pull[b]
            pull[a] = entry * total_unit[a]
            pivot = common[a, a] / np.sqrt(max(whole[a, a], 1e-300))
            least, most = min(least, pivot), max(most, pivot)
        regular[m] = good and least > max(far * most, _NONE)
        if not regular[m]:
            continue
        _invert(common, total_unit, size, back)
        least_t[m] = np.inf
        for a in range(size):
            entry = variance = 0.0
            for b in range(a, size):
                entry += back[a, b] * pull[b]
                variance += back[a, b] * back[a, b]
            coef[m, a] = entry
            if alone[own[a]]:
                least_t[m] = min(least_t[m], entry * entry / variance)
        if inverse.shape[1]:
            for a in range(size):
                for c in range(a + 1):
                    for b in range(a + 1):
                        inverse[m, c, b] += back[c, a] * back[b, a]
        for e in range(n_environments):
            entry = 0.0
            for a in range(size):
                apart = -z[e, a]
                for b in range(a, size):
                    apart += lower[e, b, a] * coef[m, b]
                # (w - w_e)' G_e (w - w_e) = |L_e' w - z_e|^2
                entry += apart * apart
            lost[m, e] = entry
            if least_t[m] >= traced:
                traces[m, e], squares[m, e] = _traces(
                    back, lower[e], weight[e], size, weights[e] == 0.0, product
                )
