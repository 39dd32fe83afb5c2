"""Compiled lasso paths on pooled moments, with a fold for every environment.

``data`` is the tuple (within (E, q, q), cross (E, q), power (E,), means (E, q), target_means (E,),
count (E,), floor (q,)): centred second moments of each environment, its means about common ones,
and the variances below which a column is constant. ``options`` is (penalties over the largest one,
tolerance along paths, tolerance of the answer, most sweeps).
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled
from elinvar.inference.kernels._factor import back_solve, factor

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Data: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats]
Options: TypeAlias = tuple[Floats, float, float, int]
Work: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats]


@compiled()
def _pool(data: Data, weights: Floats, gram: Floats, target: Floats, center: Floats) -> float:
    """Centred moments of the mixture of environments; returns the target's mean."""
    within, cross, _, means, target_means, _, _ = data
    q = len(target)
    gram[:] = 0.0
    target[:] = 0.0
    center[:] = 0.0
    mean = 0.0
    for e in range(len(weights)):
        mean += weights[e] * target_means[e]
        for j in range(q):
            center[j] += weights[e] * means[e, j]
    for e in range(len(weights)):
        weight = weights[e]
        if weight == 0.0:
            continue
        for i in range(q):
            # covariance of a mixture: the mean one within, plus that of the environments' means
            shift = weight * (means[e, i] - center[i])
            target[i] += weight * cross[e, i] + shift * (target_means[e] - mean)
            for j in range(q):
                gram[i, j] += weight * within[e, i, j] + shift * (means[e, j] - center[j])
    return mean


@compiled()
def _sweep(gram: Floats, rest: Floats, w: Floats, strength: float, active_only: bool) -> float:
    """Minimise over one coordinate after another; returns the largest step in the gradient."""
    largest = 0.0
    for j in range(len(w)):
        old = w[j]
        curvature = gram[j, j]
        # a constant column stays closed; a sweep over the open columns alone costs far less
        if curvature <= 0.0 or (active_only and old == 0.0):
            continue
        # w_j <- soft(r_j, lambda) / S_jj, with r_j what the other columns leave for j to explain
        aim = rest[j] + curvature * old
        new = 0.0
        if aim > strength:
            new = (aim - strength) / curvature
        elif aim < -strength:
            new = (aim + strength) / curvature
        if new != old:
            step = new - old
            for i in range(len(w)):
                rest[i] -= gram[j, i] * step
            w[j] = new
            largest = max(largest, abs(step) * curvature)
    return largest


@compiled()
def _jump(gram: Floats, rest: Floats, w: Floats, strength: float) -> bool:
    """Go to the minimum over the open columns, or to where the first of them closes."""
    columns = np.flatnonzero(w)
    size = len(columns)
    lower, step = np.empty((size, size)), np.empty(size)
    for a in range(size):
        # signs held, the objective is quadratic: G step = c - G w - lambda sign w is its minimum
        step[a] = rest[columns[a]] - strength * np.sign(w[columns[a]])
        for b in range(a + 1):
            lower[a, b] = gram[columns[a], columns[b]]
    # collinear columns have no single minimum, so sweeps have to do alone
    if factor(lower, step, size) < size:
        return True
    back_solve(lower, step, size)
    # where a sign would turn the column closes; the first to do so ends the step
    length, first = 1.0, -1
    for a in range(size):
        value, after = w[columns[a]], w[columns[a]] + length * step[a]
        if (value > 0.0 and after <= 0.0) or (value < 0.0 and after >= 0.0):
            length, first = -value / step[a], a
    for a in range(size):
        # exactly 0, which rounding would miss
        w[columns[a]] = 0.0 if a == first else w[columns[a]] + length * step[a]
        for j in range(len(w)):
            rest[j] -= gram[columns[a], j] * length * step[a]
    return first < 0


@compiled()
def _descend(
    gram: Floats, rest: Floats, w: Floats, strength: float, tolerance: float, sweeps: int
) -> None:
    """Coordinate descent on 1/2 w'Gw - c'w + strength |w|_1; ``rest`` is c - Gw throughout.

    Where columns are so correlated that it is slow, it goes on from minima over the open ones.
    """
    for _ in range(sweeps):
        # only a sweep over all columns can open one, or tell that none wants to
        if _sweep(gram, rest, w, strength, False) <= tolerance:
            return
        for _ in range(4 + np.count_nonzero(w) // 6):  # a jump costs as much
            if _sweep(gram, rest, w, strength, True) <= tolerance:
                break
        else:
            while not _jump(gram, rest, w, strength):
                pass


@compiled()
def _error(data: Data, e: int, w: Floats, intercept: float) -> float:
    """Mean squared error in environment e."""
    within, cross, power, means, target_means, _, _ = data
    # s^2 + bias^2 of docs/evidence.md, section 3
    scatter = power[e]
    off = target_means[e] - intercept
    for i in range(len(w)):
        if w[i] == 0.0:
            continue
        off -= means[e, i] * w[i]
        value = -2.0 * cross[e, i]
        for j in range(len(w)):
            value += within[e, i, j] * w[j]
        scatter += w[i] * value
    return float(max(scatter, 0.0) + off * off)


@compiled()
def _fold_errors(
    data: Data, weights: Floats, e: int, scale: Floats, strengths: Floats, options: Options,
    work: Work, out: Floats,
) -> None:  # fmt: skip
    """Errors in environment e along the path on the others, written to ``out``."""
    gram, target, center, w, slopes = work
    mean = _pool(data, weights, gram, target, center)
    # by the s_j of all environments: a penalty has to mean the same in every fold
    _rescale(gram, target, scale)
    w[:] = 0.0
    for s in range(len(strengths)):
        _descend(gram, target, w, strengths[s], options[1] * strengths[0], options[3])
        intercept = mean
        for j in range(len(w)):
            slopes[j] = w[j] * scale[j]
            intercept -= center[j] * slopes[j]
        out[s] = _error(data, e, slopes, intercept)


@compiled()
def _without(weights: Floats, inside: Bools, e: int) -> Floats:
    """Weights of the others, equal if e had all of it."""
    left = weights.copy()
    left[e] = 0.0
    total = 0.0
    for other in range(len(left)):
        total += left[other]
    if total <= 0.0:
        left[:] = inside
        left[e] = 0.0
        total = float(np.count_nonzero(inside) - inside[e])
    left /= total
    return left


@compiled()
def _rescale(gram: Floats, target: Floats, scale: Floats) -> None:
    """Multiply the columns by ``scale``."""
    for i in range(len(scale)):
        target[i] *= scale[i]
        for j in range(len(scale)):
            gram[i, j] *= scale[i] * scale[j]


@compiled()
def _information(
    data: Data, e: int, gram: Floats, target: Floats, strengths: Floats, options: Options,
    w: Floats, out: Floats,
) -> None:  # fmt: skip
    """Bayesian information criterion along the path in environment e, its only one."""
    count, power = data[5][e], data[2][e]
    rest = target.copy()
    w[:] = 0.0
    for s in range(len(strengths)):
        _descend(gram, rest, w, strengths[s], options[1] * strengths[0], options[3])
        residual = power
        size = 0
        for j in range(len(w)):
            # y'y - w'(2 c - G w), as rest = c - G w
            residual -= w[j] * (target[j] + rest[j])
            size += w[j] != 0.0
        out[s] = np.inf
        # n log RSS + d log n, d the number of open columns, among models with 2 d <= n
        if 2 * size <= count:
            out[s] = count * np.log(max(residual, 1e-12 * power)) + size * np.log(count)


def _work(data: Data, weights: Floats, inside: Bools, options: Options) -> float:
    """Operations of ``lasso_fits``: some five sweeps over q columns for each penalty and fold."""
    q, folds = len(data[6]), np.count_nonzero(inside) + len(inside)
    return float(folds * (5 * len(options[0]) * q * (q + 10) + q * q * weights.shape[1]))


@compiled(work=_work)
def lasso_fits(
    data: Data, weights: Floats, inside: Bools, options: Options
) -> tuple[Floats, Floats, Floats]:
    """Lasso on each set of environments, its penalty chosen by leaving out each of them in turn.

    ``weights`` (T, E) sum to one over the environments ``inside`` (T, E, boolean) each set. Returns
    slopes (T, q), intercepts (T,) and penalties (T,).
    """
    n_sets, n_environments = weights.shape
    q = len(data[6])
    gram, target, center = np.empty((q, q)), np.empty(q), np.empty(q)
    work = (np.empty((q, q)), np.empty(q), np.empty(q), np.empty(q), np.empty(q))
    slopes, intercepts, penalties = np.zeros((n_sets, q)), np.empty(n_sets), np.zeros(n_sets)
    scale, w = np.empty(q), np.empty(q)
    for t in range(n_sets):
        # columns by their pooled standard deviations, so that one penalty is fair to all
        intercepts[t] = _pool(data, weights[t], gram, target, center)
        for j in range(q):
            scale[j] = 1.0 / np.sqrt(gram[j, j]) if gram[j, j] > data[6][j] else 0.0
        _rescale(gram, target, scale)
        largest = np.abs(target).max() if q else 0.0
        if largest <= 0.0:
            continue
        # max |c_j| is the smallest penalty that closes every column
        strengths = largest * options[0]
        score, errors = np.zeros(len(strengths)), np.empty(len(strengths))
        if inside[t].sum() == 1:
            only = int(np.argmax(inside[t]))
            _information(data, only, gram, target, strengths, options, w, score)
        else:
            for e in range(n_environments):
                if weights[t, e] > 0.0:
                    left = _without(weights[t], inside[t], e)
                    _fold_errors(data, left, e, scale, strengths, options, work, errors)
                    score += weights[t, e] * errors
        best = int(np.argmin(score))
        w[:] = 0.0
        # down the path at its own tolerance, sharp only where it ends
        for s in range(best):
            _descend(gram, target, w, strengths[s], options[1] * largest, options[3])
        _descend(gram, target, w, strengths[best], options[2] * largest, options[3])
        penalties[t] = strengths[best]
        for j in range(q):
            slopes[t, j] = w[j] * scale[j]
            intercepts[t] -= center[j] * slopes[t, j]
    return slopes, intercepts, penalties
