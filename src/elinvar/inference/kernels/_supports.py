"""Compiled fits of supports, one after the other, in every environment and in all of them."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.intp]
Moments: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats]
Fits: TypeAlias = tuple[Bools, Floats, Floats, Floats, Floats, Floats]

# stands for the pivot of a column that the others make up
_NONE = 1e-150


@compiled(fastmath=True)
def _append(matrix: Floats, a: int, lower: Floats, unit: Floats) -> None:
    """Append row ``a`` of a matrix to its Cholesky factor; ``unit`` is 1 over the pivots."""
    for b in range(a):
        entry = matrix[a, b]
        for c in range(b):
            entry -= lower[a, c] * lower[b, c]
        lower[a, b] = entry * unit[b]
    entry = matrix[a, a]
    for c in range(a):
        entry -= lower[a, c] * lower[a, c]
    lower[a, a] = max(np.sqrt(max(entry, 0.0)), _NONE)
    unit[a] = 1.0 / lower[a, a]


@compiled(fastmath=True)
def _invert(lower: Floats, unit: Floats, size: int, back: Floats, inverse: Floats) -> None:
    """(L L')^-1, to be added to 0, by way of L^-1."""
    for a in range(size):
        back[a, :a] = 0.0
        for c in range(a):
            for b in range(c + 1):
                back[a, b] -= lower[a, c] * back[c, b]
        back[a, a] = 1.0
        for b in range(a + 1):
            back[a, b] *= unit[a]
        for c in range(a + 1):
            for b in range(c + 1):
                inverse[c, b] += back[a, c] * back[a, b]
    for a in range(size):
        for b in range(a):
            inverse[b, a] = inverse[a, b]


@compiled(fastmath=True)
def regular_fits(moments: Moments, columns: Ints, weights: Floats, far: float, fits: Fits) -> None:
    """Fit supports of up to k columns each, (M, k), all that are far from losing a rank.

    ``moments`` are gram (E, q, q), cross (E, q), the target's (E,), rows (E,), less what an
    intercept takes, and the smallest residual (E,). ``fits``, to be filled, are whether a support
    is regular (M,), residual, what the common fit loses, tr T^-1 G_e (M, E) each, the common fit
    (M, k) and T^-1 (M, k, k), 0 before. Environments weigh by ``weights`` (E,) or, where these are
    0, by their precision.
    """
    gram, cross, power, rows, floor = moments
    regular, residual, lost, traces, coef, inverse = fits
    n_environments = len(power)
    width = columns.shape[1]
    parts, lower = np.zeros((2, n_environments, width, width))
    z, unit = np.zeros((2, n_environments, width))
    weight = np.zeros(n_environments)
    whole, common, back = np.zeros((3, width, width))
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
        # T = sum P_e, and T w = sum P_e w_e
        least, most = np.inf, 0.0
        for a in range(size):
            pull[a] = 0.0
            whole[a] = 0.0
            for e in range(n_environments):
                pull[a] += weight[e] * cross[e, own[a]]
                for b in range(a + 1):
                    whole[a, b] += weight[e] * parts[e, a, b]
            _append(whole, a, common, total_unit)
            pivot = common[a, a] / np.sqrt(max(whole[a, a], 1e-300))
            least, most = min(least, pivot), max(most, pivot)
        regular[m] = good and least > max(far * most, _NONE)
        if not regular[m]:
            continue
        _invert(common, total_unit, size, back, inverse[m])
        for a in range(size):
            for b in range(size):
                coef[m, a] += inverse[m, a, b] * pull[b]
        for e in range(n_environments):
            for a in range(size):
                apart = -z[e, a]
                trace = 0.0
                for b in range(a, size):
                    apart += lower[e, b, a] * coef[m, b]
                for b in range(a):
                    trace += inverse[m, a, b] * parts[e, a, b]
                # (w - w_e)' G_e (w - w_e) = |L_e' w - z_e|^2
                lost[m, e] += apart * apart
                traces[m, e] += 2.0 * trace + inverse[m, a, a] * parts[e, a, a]


@compiled(fastmath=True)
def squared_traces(
    gram: Floats, columns: Ints, weight: Floats, inverse: Floats, traces: Floats
) -> None:
    """Add tr (T^-1 P_e)^2 of supports of up to k columns, (M, k), to ``traces`` (M, E)."""
    width = columns.shape[1]
    product = np.zeros((width, width))
    for m in range(len(columns)):
        own = columns[m]
        size = 0
        while size < width and own[size] >= 0:
            size += 1
        for e in range(len(gram)):
            for a in range(size):
                product[a, :size] = 0.0
                for c in range(size):
                    part = weight[m, e] * gram[e, own[a], own[c]]
                    for b in range(size):
                        product[a, b] += part * inverse[m, c, b]
                for b in range(a):
                    traces[m, e] += 2.0 * product[a, b] * product[b, a]
                traces[m, e] += product[a, a] * product[a, a]
