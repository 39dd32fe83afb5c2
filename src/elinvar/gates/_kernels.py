"""Compiled inner loops; the only place where the gates meet numba.

All kernels see standardised moments ``gram (E, q, q)``, ``cross (E, q)``, ``power (E,)`` of a
``LinearProblem`` and hold no state. They release the GIL and never use full fast-math, which would
assume that NaN cannot happen.
"""

from typing import Any

import numba
import numpy as np

FASTMATH = {"reassoc", "contract", "arcp", "nsz"}
_PIVOT = 1e-10


@numba.njit(nogil=True, cache=True, fastmath=FASTMATH)
def _factor(matrix: Any, rhs: Any, size: int) -> int:
    """Cholesky in place (lower) and forward solve in place; dependent columns are skipped."""
    rank = 0
    for j in range(size):
        pivot = matrix[j, j]
        floor = _PIVOT * pivot
        value = rhs[j]
        for m in range(j):
            pivot -= matrix[j, m] * matrix[j, m]
            value -= matrix[j, m] * rhs[m]
        if pivot <= floor or pivot <= 1e-300:
            matrix[j, j] = 0.0
            rhs[j] = 0.0
            for i in range(j + 1, size):
                matrix[i, j] = 0.0
            continue
        rank += 1
        root = np.sqrt(pivot)
        inverse = 1.0 / root
        matrix[j, j] = root
        rhs[j] = value * inverse
        for i in range(j + 1, size):
            entry = matrix[i, j]
            for m in range(j):
                entry -= matrix[i, m] * matrix[j, m]
            matrix[i, j] = entry * inverse
    return rank


@numba.njit(nogil=True, cache=True, fastmath=FASTMATH)
def evaluate_support(
    gram: Any,
    cross: Any,
    power: Any,
    count: Any,
    share: Any,
    absorbed: int,
    floor: Any,
    columns: Any,
    size: int,
    group_of: Any,
    needed: Any,
    factors: Any,
    solutions: Any,
    total: Any,
    inverse: Any,
    coef: Any,
    scratch: Any,
    out: Any,
) -> None:
    """Overidentification statistics of one support; ``out`` gets the row described in _test.py."""
    n_environments = gram.shape[0]
    for i in range(out.shape[0]):
        out[i] = np.nan
    out[0] = np.inf
    rank_sum = 0
    for e in range(n_environments):
        for a in range(size):
            ca = columns[a]
            solutions[e, a] = cross[e, ca]
            for b in range(a + 1):
                factors[e, a, b] = gram[e, ca, columns[b]]
        rank = _factor(factors[e], solutions[e], size)
        rank_sum += rank
        residual = power[e]
        for a in range(size):
            residual -= solutions[e, a] * solutions[e, a]
        freedom = count[e] - rank - absorbed
        if freedom < 1.0:
            return
        residual = max(residual, floor[e])
        scratch[0, e] = freedom / residual  # precision per unit of second moment
        scratch[1, e] = freedom
        scratch[2, e] = rank
        scratch[3, e] = residual
    for a in range(size):
        value = 0.0
        for e in range(n_environments):
            value += scratch[0, e] * cross[e, columns[a]]
        coef[a] = value
        for b in range(a + 1):
            entry = 0.0
            for e in range(n_environments):
                entry += scratch[0, e] * gram[e, columns[a], columns[b]]
            total[a, b] = entry
    if _factor(total, coef, size) < size:
        return
    for a in range(size - 1, -1, -1):
        value = coef[a]
        for b in range(a + 1, size):
            value -= total[b, a] * coef[b]
        coef[a] = value / total[a, a]
    # inverse of the lower factor, column by column
    for a in range(size):
        inverse[a, a] = 1.0 / total[a, a]
        for b in range(a + 1, size):
            value = 0.0
            for m in range(a, b):
                value -= total[b, m] * inverse[m, a]
            inverse[b, a] = value / total[b, b]
    statistic = 0.0
    risk = 0.0
    worst = 0.0
    for e in range(n_environments):
        excess = 0.0
        for a in range(size):
            value = -solutions[e, a]
            for b in range(a, size):
                value += factors[e, b, a] * coef[b]
            excess += value * value
        statistic += scratch[0, e] * excess
        risk += share[e] * (scratch[3, e] + excess)
        worst = max(worst, scratch[3, e] + excess)
    # smallest squared t statistic (one column) or Wald statistic per gate
    smallest = np.inf
    a = 0
    while a < size:
        gate = group_of[columns[a]]
        b = a
        while b < size and group_of[columns[b]] == gate:
            b += 1
        if gate >= 0:
            if b - a == 1:
                variance = 0.0
                for m in range(a, size):
                    variance += inverse[m, a] * inverse[m, a]
                wald = coef[a] * coef[a] / variance
                ratio = wald / (needed[0] ** 2)
            else:
                wald = _wald(inverse, coef, a, b, size, scratch)
                # Wilson-Hilferty: the chi-squared point with the tail of |t| = needed[0]
                d = float(b - a)
                point = d * (1.0 - 2.0 / (9.0 * d) + needed[1] * np.sqrt(2.0 / (9.0 * d))) ** 3
                ratio = wald / point
            if ratio < smallest:
                smallest = ratio
        a = b
    freedom_sum = float(rank_sum - size)
    b1 = 0.0
    b2 = 0.0
    for e in range(n_environments):
        leverage = 0.0
        square = 0.0
        # leverage matrix K = a_e L^-1 F F' L^-T, F and L the factors of environment e and total
        for a in range(size):
            for b in range(size):
                value = 0.0
                for m in range(b, a + 1):
                    value += inverse[a, m] * factors[e, m, b]
                scratch[4 + a, b] = value
        for a in range(size):
            for b in range(a + 1):
                value = 0.0
                for m in range(size):
                    value += scratch[4 + a, m] * scratch[4 + b, m]
                value *= scratch[0, e]
                if a == b:
                    leverage += value
                    square += value * value
                else:
                    square += 2.0 * value * value
        trace = scratch[2, e] - leverage
        b1 += (scratch[2, e] - 2.0 * leverage + square) / scratch[1, e]
        b2 += trace * trace / scratch[1, e]
    out[0] = statistic
    out[1] = freedom_sum
    out[2] = b1
    out[3] = b2
    out[4] = risk
    out[5] = worst
    out[6] = smallest


@numba.njit(nogil=True, cache=True)
def _wald(inverse: Any, coef: Any, start: int, stop: int, size: int, scratch: Any) -> float:
    """Wald statistic of coef[start:stop] = 0, its covariance being a block of (L L')^-1."""
    width = stop - start
    block = np.zeros((width, width))
    rhs = np.zeros(width)
    for a in range(width):
        rhs[a] = coef[start + a]
        for b in range(a + 1):
            value = 0.0
            for m in range(start + a, size):
                value += inverse[m, start + a] * inverse[m, start + b]
            block[a, b] = value
    _factor(block, rhs, width)
    result = 0.0
    for a in range(width):
        result += rhs[a] * rhs[a]
    return result


@numba.njit(nogil=True, cache=True)
def evaluate_many(
    gram: Any,
    cross: Any,
    power: Any,
    count: Any,
    share: Any,
    absorbed: int,
    floor: Any,
    masks: Any,
    group_of: Any,
    needed: Any,
) -> Any:
    """One row of statistics for every mask over columns, ``masks (M, q)`` boolean."""
    n_masks, q = masks.shape
    n_environments = gram.shape[0]
    widest = 1
    for i in range(n_masks):
        widest = max(widest, masks[i].sum())
    factors = np.zeros((n_environments, widest, widest))
    solutions = np.zeros((n_environments, widest))
    total = np.zeros((widest, widest))
    inverse = np.zeros((widest, widest))
    coef = np.zeros(widest)
    scratch = np.zeros((4 + widest, max(widest, n_environments)))
    columns = np.zeros(widest, np.int64)
    out = np.empty((n_masks, 7))
    coefs = np.zeros((n_masks, q))
    for i in range(n_masks):
        size = 0
        for j in range(q):
            if masks[i, j]:
                columns[size] = j
                size += 1
        evaluate_support(
            gram,
            cross,
            power,
            count,
            share,
            absorbed,
            floor,
            columns,
            size,
            group_of,
            needed,
            factors,
            solutions,
            total,
            inverse,
            coef,
            scratch,
            out[i],
        )
        for a in range(size):
            coefs[i, columns[a]] = coef[a]
    return out, coefs


@numba.njit(nogil=True, cache=True, fastmath=FASTMATH)
def follow_path(
    gram: Any,
    cross: Any,
    power: Any,
    count: Any,
    share: Any,
    gate_start: Any,
    gate_stop: Any,
    gated: Any,
    curvature: Any,
    strengths: Any,
    debias: float,
    damping: float,
    tolerance: float,
    max_sweeps: int,
    start: Any,
) -> Any:
    """Block coordinate descent to the mean-field fixed point, warm started over ``strengths``."""
    n_environments, q = cross.shape
    n_gates = gate_start.shape[0]
    slope_noise = np.empty(n_environments)
    inverse = np.empty((n_environments, q))
    gradient = np.empty((n_environments, q))  # c_e - S_e w
    residual = np.empty(n_environments)
    coef = start.copy()
    for e in range(n_environments):
        for j in range(q):
            inverse[e, j] = 1.0 / max(gram[e, j, j], 1e-12)
    paths = np.empty((strengths.shape[0], q))
    sweeps = np.empty(strengths.shape[0], np.int64)
    widest = 1
    for g in range(n_gates):
        widest = max(widest, gate_stop[g] - gate_start[g])
    target = np.empty(widest)
    disagreement = np.zeros(n_gates)
    for step in range(strengths.shape[0]):
        strength = strengths[step]
        # start each strength from exact gradients, so that rounding cannot build up
        for e in range(n_environments):
            for i in range(q):
                gradient[e, i] = cross[e, i]
        for j in range(q):
            if coef[j] != 0.0:
                for e in range(n_environments):
                    for i in range(q):
                        gradient[e, i] -= gram[e, j, i] * coef[j]
        for e in range(n_environments):
            residual[e] = power[e]
            for j in range(q):
                residual[e] -= coef[j] * (cross[e, j] + gradient[e, j])
        done = max_sweeps + 1
        for sweep in range(max_sweeps):
            largest = 0.0
            for e in range(n_environments):
                slope_noise[e] = max(residual[e], 0.0) / count[e]
            for g in range(n_gates):
                first = gate_start[g]
                last = gate_stop[g]
                active = False
                for j in range(first, last):
                    if coef[j] != 0.0:
                        active = True
                spread = 0.0
                if gated[g]:
                    for j in range(first, last):
                        mean = 0.0
                        square = 0.0
                        noise = 0.0
                        for e in range(n_environments):
                            slope = gradient[e, j] * inverse[e, j]
                            mean += share[e] * slope
                            square += share[e] * slope * slope
                            noise += share[e] * slope_noise[e] * inverse[e, j]
                        spread += max(0.0, square - mean * mean - debias * noise)
                    if sweep == 0 and step == 0:
                        disagreement[g] = spread
                    else:
                        disagreement[g] += damping * (spread - disagreement[g])
                norm = 0.0
                for j in range(first, last):
                    value = curvature[g] * coef[j]
                    for e in range(n_environments):
                        value += share[e] * gradient[e, j]
                    target[j - first] = value
                    norm += value * value
                norm = np.sqrt(norm)
                threshold = strength * disagreement[g]
                if norm <= threshold:
                    if not active:
                        continue
                    shrink = 0.0
                elif norm > 0.0:
                    shrink = (1.0 - threshold / norm) / curvature[g]
                else:
                    continue
                for j in range(first, last):
                    goal = shrink * target[j - first]
                    change = goal - coef[j]
                    if change == 0.0:
                        continue
                    largest = max(largest, abs(change))
                    coef[j] += change
                    for e in range(n_environments):
                        residual[e] -= change * (2.0 * gradient[e, j] - change * gram[e, j, j])
                        for i in range(q):
                            gradient[e, i] -= gram[e, j, i] * change
            if largest <= tolerance:
                done = sweep + 1
                break
        sweeps[step] = done
        paths[step] = coef
    return paths, sweeps


@numba.njit(nogil=True, cache=True)
def _score(row: Any, n_rows: float, kappa: float) -> float:
    """Log worst risk where environments differ kappa times as much; see _choose.py."""
    if not np.isfinite(row[0]):
        return np.inf
    f = row[1]
    excess = 0.0
    if f > 0:
        half = row[3] + 2.0 * row[2]
        correction = f + 2.0 * row[2] - 2.0 * half / (f + 2.0)
        excess = max(0.0, row[0] * f / correction - f)
    return float(np.log(max(row[5], 1e-300)) + np.log1p(kappa * excess / n_rows))


@numba.njit(nogil=True, cache=True)
def descend(
    gram: Any,
    cross: Any,
    power: Any,
    count: Any,
    share: Any,
    absorbed: int,
    floor: Any,
    gate_of: Any,
    tested: Any,
    needed: Any,
    starts: Any,
    kappas: Any,
    movable: Any,
    largest: int,
    max_moves: int,
) -> Any:
    """Local search from every start at every kappa: best add or drop, then best swap.

    Returns the local optima (n_starts * n_kappas, n_gates).
    """
    n_starts, n_gates = starts.shape
    q = gate_of.shape[0]
    n_environments = gram.shape[0]
    n_rows = count.sum()
    price = needed[0] ** 2 * n_environments / n_rows
    factors = np.zeros((n_environments, q, q))
    solutions = np.zeros((n_environments, q))
    total = np.zeros((q, q))
    inverse = np.zeros((q, q))
    coef = np.zeros(q)
    scratch = np.zeros((4 + q, max(q, n_environments)))
    columns = np.zeros(q, np.int64)
    row = np.zeros(7)
    found = np.zeros((n_starts * len(kappas), n_gates), np.bool_)
    candidates = np.flatnonzero(movable)
    for s in range(n_starts):
        mask = starts[s].copy()
        for k in range(len(kappas)):
            current = np.inf
            for move in range(max_moves):
                best = current
                best_in = -1
                best_out = -1
                size_now = mask.sum()
                for phase in range(2):
                    # phase 0: stay, add or drop one gate; phase 1: swap one for another
                    if phase == 1 and (best_in >= 0 or best_out >= 0):
                        break
                    for a in range(-1, len(candidates)):
                        first = candidates[a] if a >= 0 else -1
                        if phase == 1 and (first < 0 or not mask[first]):
                            continue
                        for b in range(len(candidates) if phase == 1 else 1):
                            second = candidates[b] if phase == 1 else -1
                            if phase == 1 and mask[second]:
                                continue
                            if (
                                phase == 0
                                and first >= 0
                                and not mask[first]
                                and size_now >= largest
                            ):
                                continue
                            if phase == 0 and first < 0 and move > 0:
                                continue
                            if first >= 0:
                                mask[first] = not mask[first]
                            if second >= 0:
                                mask[second] = True
                            size = 0
                            for j in range(q):
                                if gate_of[j] < 0 or mask[gate_of[j]]:
                                    columns[size] = j
                                    size += 1
                            evaluate_support(
                                gram,
                                cross,
                                power,
                                count,
                                share,
                                absorbed,
                                floor,
                                columns,
                                size,
                                tested,
                                needed,
                                factors,
                                solutions,
                                total,
                                inverse,
                                coef,
                                scratch,
                                row,
                            )
                            value = _score(row, n_rows, kappas[k]) + size * price
                            if first >= 0:
                                mask[first] = not mask[first]
                            if second >= 0:
                                mask[second] = False
                            if value < best - 1e-9:
                                best = value
                                best_in = first
                                best_out = second
                                if first < 0:
                                    current = value
                                    best_in = -1
                if best_in < 0 and best_out < 0:
                    break
                if best_in >= 0:
                    mask[best_in] = not mask[best_in]
                if best_out >= 0:
                    mask[best_out] = True
                current = best
            found[s * len(kappas) + k] = mask
    return found


@numba.njit(nogil=True, cache=True, fastmath=FASTMATH)
def leave_out_errors(
    gram: Any,
    cross: Any,
    power: Any,
    count: Any,
    share: Any,
    absorbed: int,
    floor: Any,
    level: Any,
    level_target: Any,
    masks: Any,
) -> Any:
    """Error of every support on each environment, its efficient refit made on the others."""
    n_masks, q = masks.shape
    n_environments = gram.shape[0]
    widest = 1
    for i in range(n_masks):
        widest = max(widest, masks[i].sum())
    work = np.zeros((widest, widest))
    coef = np.zeros(widest)
    precision = np.zeros(n_environments)
    columns = np.zeros(widest, np.int64)
    errors = np.empty((n_masks, n_environments))
    for i in range(n_masks):
        size = 0
        for j in range(q):
            if masks[i, j]:
                columns[size] = j
                size += 1
        for e in range(n_environments):
            for a in range(size):
                coef[a] = cross[e, columns[a]]
                for b in range(a + 1):
                    work[a, b] = gram[e, columns[a], columns[b]]
            rank = _factor(work, coef, size)
            residual = power[e]
            for a in range(size):
                residual -= coef[a] * coef[a]
            precision[e] = max(count[e] - rank - absorbed, 1.0) / max(residual, floor[e])
        for e in range(n_environments):
            for a in range(size):
                value = 0.0
                for o in range(n_environments):
                    if o != e:
                        value += precision[o] * cross[o, columns[a]]
                coef[a] = value
                for b in range(a + 1):
                    value = 0.0
                    for o in range(n_environments):
                        if o != e:
                            value += precision[o] * gram[o, columns[a], columns[b]]
                    work[a, b] = value
            _factor(work, coef, size)
            for a in range(size - 1, -1, -1):
                if work[a, a] == 0.0:
                    coef[a] = 0.0
                    continue
                value = coef[a]
                for b in range(a + 1, size):
                    value -= work[b, a] * coef[b]
                coef[a] = value / work[a, a]
            error = power[e]
            for a in range(size):
                value = 2.0 * cross[e, columns[a]]
                for b in range(size):
                    value -= gram[e, columns[a], columns[b]] * coef[b]
                error -= coef[a] * value
            if absorbed:
                mean = 0.0
                total = 0.0
                own = 0.0
                for o in range(n_environments):
                    shift = level_target[o]
                    for a in range(size):
                        shift -= level[o, columns[a]] * coef[a]
                    if o == e:
                        own = shift
                    else:
                        mean += share[o] * shift
                        total += share[o]
                if total > 0:
                    error += (own - mean / total) ** 2
            errors[i, e] = max(error, 0.0)
    return errors
