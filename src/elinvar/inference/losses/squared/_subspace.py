"""Invariant combinations of columns, for tables whose single columns were mixed."""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from elinvar.inference.losses._records import Subspace
from elinvar.inference.problem._linear import LinearProblem, average
from elinvar.inference.problem._linear_algebra import (
    RANK,
    plainly_regular,
    pseudo_inverses,
    ranks,
    solve,
)
from elinvar.inference.problem._types import Floats

MOST_COLUMNS = 20
_STEPS = 40
_RANDOM_STARTS = 6
_ENOUGH = 0.05
_SETTLED = 1e-4
# what is kept is settled to rounding: no start may show in it
_SHARP, _SHARP_STEPS = 1e-14, 300
_VALLEY = 1e-6
_SINGULAR = 1e-8
_MOST_HELD = 3
# descents whose ends are starts where directions are held
_CARRIED = 3


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """Fit of the directions in ``basis`` (p, r), and those in ``others`` (p, d) left out.

    The first directions of the basis, those ``held`` (p, k), are given. ``gram``
    (E, r + 1, r + 1) has the moments of the constant and the basis.
    """

    held: Floats
    basis: Floats
    others: Floats
    statistic: float
    freedom: float
    gram: Floats
    coef: Floats
    precision: Floats
    pull: Floats
    weight: Floats

    @property
    def p_value(self) -> float:
        """Of the overidentification test."""
        return float(chdtrc(self.freedom, self.statistic))


def invariant_subspace(
    problem: LinearProblem, alpha: float, *, seed: int = 0, near: Floats | None = None
) -> Subspace | None:
    r"""Leave out as few directions as it takes for the rest to agree in all environments.

    For d = 1, 2, ..., over all subspaces of p - d dimensions with basis B,

    .. math:: \min_B Q(B), \qquad Q = \sum_e (w_e - w)' P_e (w_e - w),

    the statistic of ``assess`` for the columns :math:`X B` (and the constant), against chi-squared
    with :math:`\sum_e \mathrm{rank}(B' S_e B) - (p - d + 1) - d (p - d)` degrees of freedom: an
    environment has an equation for every direction that it can tell, p - d + 1 where no column is
    constant in it or a combination of others; the coefficients take p - d + 1, and choosing the
    subspace takes d (p - d). With full ranks there are fewer directions to choose than equations
    only if d < E - 1, which is how many spurious directions E environments can tell. Where too few
    equations are left, nothing is tested. A subspace with a direction that is constant in an
    environment asks less of it than any other near it, so such directions are also tried as
    given: k of them leave d (p - d - k) to choose. It ends where one more direction makes the
    statistic rise against its freedom: then what disagrees is not a few directions. Gauss-Newton
    steps in B, damped, from several starts; of minima that agree, the one with the smallest worst
    error on an environment left out is taken. Starts come from the environments alone, so that
    the order and the signs of the columns, or turning them, change nothing. Own derivation, see
    docs/theory.md.

    Parameters
    ----------
    problem : LinearProblem
    alpha : float
        Level of the test.
    seed : int
        Seed of some of the starts: of what environments weigh in them.
    near : array of shape (n_columns, r), optional
        Combinations of the data's columns to start from, instead of a search: those found on more
        environments. They are not tested again.

    Returns
    -------
    Subspace or None
        None if no subspace is accepted, or the table is not for this: own intercepts, columns that
        always stay or are collinear, more than ``MOST_COLUMNS``, or few rows.
    """
    n_environments, q = problem.cross.shape
    p = q - problem.offset
    if problem.absorbed or problem.always.any() or not 2 <= p <= MOST_COLUMNS:
        return None
    if n_environments < 3 or problem.count.min() < 2 * q:
        return None
    values, vectors = np.linalg.eigh(average(problem.weights, problem.gram)[1:, 1:])
    if values[0] < _SINGULAR * values[-1]:
        return None
    # directions are compared in columns that are pooled white, so that units do not matter
    white = np.eye(q)
    white[1:, 1:] = vectors / np.sqrt(values)
    table = _Table(
        gram=white.T @ problem.gram @ white,
        cross=problem.cross @ white,
        power=problem.target_power,
        count=problem.count,
        floor=problem.floor,
    )
    if near is not None:
        kept = np.sqrt(values)[:, None] * (
            vectors.T @ (near[problem.columns] * problem.scale[:, None])
        )
        others = _split(np.zeros((p, 0)), kept)[1]
        # columns may be lost, and with them the directions that were left out
        if not others.shape[1]:
            return None
        return _described(problem, table, white, _settled(table, np.zeros((p, 0)), others))
    rng = np.random.default_rng(seed)
    best, last = table.fit(np.zeros((p, 0)), np.eye(p), np.zeros((p, 0))), np.inf
    given = table.constant_directions()
    # E environments tell at most E - 2 spurious directions: docs/theory.md, section 10
    for d in range(1, min(n_environments - 2, p - 1) + 1):
        fits = _minima(table, given, _starts(table, best, d, rng))
        if not fits:
            return None
        # p-values of 0 are told apart by the statistic over its freedom
        best = max(fits, key=lambda fit: (fit.p_value, -fit.statistic / fit.freedom))
        least = min(_ENOUGH, best.p_value)
        if least >= alpha:
            # several minima may agree, as far as the test can see: left-out errors choose
            agree = [fit for fit in fits if fit.p_value >= least]
            fit = min(agree, key=lambda fit: float(_errors(table, _left_out(fit)).max()))
            return _described(problem, table, white, _settled(table, fit.held, fit.others))
        if best.statistic / best.freedom > last:
            return None
        last = best.statistic / best.freedom
    return None


def _minima(table: "_Table", given: list[Floats], starts: list[Floats]) -> list[_Fit]:
    """Descend from every start, and with directions held from where the lowest descents ended."""
    free, *others = given
    fits = [_descend(table, free, start) for start in starts]
    lowest = sorted(fits, key=lambda fit: fit.statistic)[:_CARRIED]
    p, d = starts[0].shape
    fits += [
        _descend(table, held, fit.others)
        for held in others
        if held.shape[1] <= p - d
        for fit in lowest
    ]
    return [fit for fit in fits if fit.freedom >= 1 and np.isfinite(fit.statistic)]


def _described(
    problem: LinearProblem, table: "_Table", white: Floats, fit: _Fit | None
) -> Subspace | None:
    """Return a fit in the problem's columns; none, if it did not settle."""
    if fit is None:
        return None
    combinations = np.zeros((problem.moments.n_columns, fit.basis.shape[1]))
    combinations[problem.columns] = (white[1:, 1:] @ fit.basis) / problem.scale[:, None]
    return Subspace(
        coef=white @ (_bordered(fit.basis) @ fit.coef),
        removed=fit.others.shape[1],
        p_value=fit.p_value,
        combinations=combinations,
        left_out=_left_out(fit) @ white.T,
        errors=_errors(table, _left_out(fit)),
    )


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Moments, the constant first and the other columns pooled white."""

    gram: Floats
    cross: Floats
    power: Floats
    count: Floats
    floor: Floats

    def constant_directions(self) -> list[Floats]:
        """Directions (p, k) to hold in turn: none, those constant in one environment, in any."""
        p = self.gram.shape[1] - 1
        values, vectors = np.linalg.eigh(self.gram)
        lost = [
            vectors[e][1:, values[e] <= RANK * values[e, -1]]
            for e in np.flatnonzero(values[:, 0] <= RANK * values[:, -1])
        ]
        found = [np.zeros((p, 0))]
        for one in [np.column_stack(lost), *lost[:_MOST_HELD]] if lost else []:
            span = _span(one)
            # environments may lose the same directions
            if not any(np.allclose(span @ span.T, known @ known.T) for known in found):
                found.append(span)
        return found

    def fit(self, held: Floats, basis: Floats, others: Floats) -> _Fit:
        """Fit one support of combinations: efficient over environments, with its test."""
        inside = _bordered(basis)
        gram, cross = inside.T @ self.gram @ inside, self.cross @ inside
        r, d = basis.shape[1], others.shape[1]
        own, rank = _own_fits(gram, cross)
        residual = np.maximum(self.power - np.einsum("ej,ej->e", own, cross), self.floor)
        weight = (self.count - rank) / residual
        precision, pull = weight[:, None, None] * gram, weight[:, None] * cross
        coef = solve(precision.sum(axis=0), pull.sum(axis=0))
        apart = own - coef
        return _Fit(
            held=held,
            basis=basis,
            others=others,
            statistic=float(np.einsum("ej,ejk,ek->", apart, precision, apart)),
            # sum of ranks - (p - d + 1) - d (p - d - k), as r = p - d
            freedom=float(rank.sum()) - (r + 1) - d * (r - held.shape[1]),
            gram=gram,
            coef=coef,
            precision=precision,
            pull=pull,
            weight=weight,
        )

    def gradients(self, fit: _Fit) -> Floats:
        """Covariance of the residual with every column, by environment."""
        return self.cross - self.gram @ (_bordered(fit.basis) @ fit.coef)


def _own_fits(gram: Floats, cross: Floats) -> tuple[Floats, Floats]:
    """Fits of single environments (E, k), and how many directions they tell (E,)."""
    if plainly_regular(gram).all():
        own = np.asarray(np.linalg.solve(gram, cross[..., None])[..., 0], dtype=np.float64)
        return own, np.full(len(cross), float(cross.shape[1]))
    # the basis is as good as any other of its span: nothing may depend on the coordinates
    inverses, estimable = pseudo_inverses(gram, rescale=False)
    return np.einsum("ejk,ek->ej", inverses, cross), ranks(estimable)


def _bordered(basis: Floats) -> Floats:
    """Put the constant before the directions, (p, r) to (p + 1, r + 1)."""
    wide = np.zeros((len(basis) + 1, basis.shape[1] + 1))
    wide[0, 0] = 1.0
    wide[1:, 1:] = basis
    return wide


def _span(vectors: Floats) -> Floats:
    """Orthonormal basis of what columns (p, m) span."""
    found, size, _ = np.linalg.svd(vectors, full_matrices=False)
    basis: Floats = found[:, size > _SINGULAR * size[0]]
    return basis


def _split(held: Floats, directions: Floats) -> tuple[Floats, Floats]:
    """Orthonormal bases of the span of ``directions`` without ``held``, and of all the rest."""
    k, stop = held.shape[1], held.shape[1] + directions.shape[1]
    turned = np.linalg.qr(np.column_stack([held, directions]), mode="complete")[0]
    return turned[:, k:stop], turned[:, stop:]


def _starts(table: _Table, last: _Fit, d: int, rng: np.random.Generator) -> list[Floats]:
    """Directions (p, d) to leave out, to start from."""
    share = table.count / table.count.sum()
    gradient = table.gradients(last)[:, 1:]
    scatter = np.einsum("e,ej,ek->jk", last.weight, gradient, gradient)
    # of the directions kept so far, last those in which the residual's gradients vary most
    within = last.basis @ np.linalg.eigh(last.basis.T @ scatter @ last.basis)[1]
    moved = table.cross[:, 1:] - share @ table.cross[:, 1:]
    spread = table.gram[:, 1:, 1:] - average(share, table.gram[:, 1:, 1:])
    # where c_e, g_e or S_e vary most over environments
    matrices = [
        np.einsum("e,ej,ek->jk", share, moved, moved),
        scatter,
        np.einsum("e,ejl,elk->jk", share, spread, spread),
    ]
    found = [np.linalg.eigh(matrix)[1][:, -d:] for matrix in matrices]
    # the first of one direction is that of ``scatter`` again
    for k in range(int(d == 1), min(2, within.shape[1])):
        found.append(np.column_stack([last.others, within[:, -1 - k]]))
    for _ in range(_RANDOM_STARTS):
        # environments are drawn for, not directions: turned columns have the same starts, turned
        share = rng.exponential(size=len(table.count))
        drawn = np.einsum("e,ej,ek->jk", share, gradient, gradient)
        found.append(np.linalg.eigh(drawn)[1][:, -d:])
    return found


def _settled(table: _Table, held: Floats, others: Floats) -> _Fit | None:
    """Go on until nothing changes but by rounding; None if that does not come, or is not alone."""
    fit = _descend(table, held, others, sharp=True)
    left, _ = _linearised(table, fit)
    turned = fit.others.shape[1] * (fit.basis.shape[1] - held.shape[1])
    # a valley has no single minimum: where it ends would be the start's doing
    curvature = np.linalg.eigvalsh(left)[:turned] if turned else np.ones(1)
    return fit if curvature[0] > _VALLEY * max(float(curvature[-1]), 1e-300) else None


def _descend(table: _Table, held: Floats, start: Floats, *, sharp: bool = False) -> _Fit:
    """Turn the directions by damped Gauss-Newton steps until the statistic settles."""
    steps, settled = (_SHARP_STEPS, _SHARP) if sharp else (_STEPS, _SETTLED)
    k = held.shape[1]
    others, free = _split(held, start)
    fit = table.fit(held, np.column_stack([held, free]), others)
    if not free.size:
        return fit
    damping = 1e-2
    for _ in range(steps):
        left, pull = _linearised(table, fit)
        better = None
        for _ in range(8):
            # Levenberg and Marquardt: the larger, the shorter the step
            short = damping * left.trace() / len(left)
            turn = solve(left + short * np.eye(len(left)), pull)
            # what it would gain were moments linear: too little, and shorter steps gain less
            foreseen = turn @ pull + short * (turn @ turn)
            if not sharp and foreseen < settled * max(fit.statistic, 1.0):
                return fit
            d, free = fit.others.shape[1], fit.basis[:, k:]
            tilt = turn[: d * free.shape[1]].reshape(-1, d).T
            free, others = _split(held, free + fit.others @ tilt)
            tried = table.fit(held, np.column_stack([held, free]), others)
            if tried.statistic < fit.statistic:
                better = tried
                break
            damping *= 4
        if better is None:
            return fit
        gain = fit.statistic - better.statistic
        fit, damping = better, max(damping / 5, 1e-9)
        if gain < settled * max(fit.statistic, 1.0):
            return fit
    return fit


def _linearised(table: _Table, fit: _Fit) -> tuple[Floats, Floats]:
    r"""Return the normal equations of a step.

    With :math:`B \to B + Z K, a \to a + \delta` the moment conditions :math:`B' g_e` change by
    :math:`K' Z' g_e - B' S_e (Z K a + B \delta)`; their weight is
    :math:`(B' S_e B)^+` over the noise.
    """
    inside = _bordered(fit.basis)
    gradient = table.gradients(fit)
    conditions = gradient @ inside
    d, r, k = fit.others.shape[1], fit.basis.shape[1], fit.held.shape[1]
    turned = d * (r - k)
    outward = gradient[:, 1:] @ fit.others
    across = inside.T @ table.gram[:, :, 1:] @ fit.others
    jacobian = np.empty((len(gradient), r + 1, turned + r + 1))
    # K has d numbers for every direction of B that is not held
    moved = across[:, :, None] * -fit.coef[1 + k :, None]
    # K' Z' g_e moves the condition of its own direction only
    free = np.arange(r - k)
    moved[:, 1 + k + free, free] += outward[:, None]
    jacobian[:, :, :turned] = moved.reshape(*moved.shape[:2], turned)
    jacobian[:, :, turned:] = -fit.gram
    metric = pseudo_inverses(fit.gram, rescale=False)[0] * fit.weight[:, None, None]
    size = jacobian.shape[-1]
    weighted = (metric @ jacobian).reshape(-1, size)
    left: Floats = jacobian.reshape(-1, size).T @ weighted
    pull: Floats = -(conditions.ravel() @ weighted)
    return left, pull


def _left_out(fit: _Fit) -> Floats:
    """Refits without each environment, (E, q)."""
    inside, precision, pull = _bordered(fit.basis), fit.precision, fit.pull
    coef: Floats = solve(precision.sum(axis=0) - precision, pull.sum(axis=0) - pull) @ inside.T
    return coef


def _errors(table: _Table, coef: Floats) -> Floats:
    """Mean squared error in each environment of coefficients of its own (E, q)."""
    square = np.einsum("ej,ejk,ek->e", coef, table.gram, coef)
    own = np.einsum("ej,ej->e", table.cross, coef)
    errors: Floats = np.maximum(table.power - 2 * own + square, 0.0)
    return errors
