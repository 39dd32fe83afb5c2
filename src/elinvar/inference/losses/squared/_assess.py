"""The overidentification test: whether all environments agree on a support's coefficients."""

import numpy as np

from elinvar.inference.losses._records import Assessment
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import solve
from elinvar.inference.problem._supports import SupportFits, by_width, fit_supports
from elinvar.inference.problem._types import Bools, Floats
from elinvar.inference.tests._overidentification import estimated_law, restricted_law


def assess(problem: LinearProblem, masks: Bools, *, thorough: bool = True) -> Assessment:
    r"""Test and refit every support in ``masks``.

    For a support of k columns (a shared intercept included), per-environment least squares
    :math:`w_e`, noise :math:`\sigma_e^2` with divisor :math:`\nu_e = n_e - k` (less 1 where each
    environment has its own intercept, which is not tested), precision
    :math:`P_e = n_e G_e / \sigma_e^2`, :math:`T = \sum P_e`, :math:`w = T^{-1} \sum P_e w_e`,

    .. math:: Q = \sum_e (w_e - w)' P_e (w_e - w), \qquad f = (E - 1) k.

    With :math:`M_e = \Pi_e - T^{-1} P_e` (:math:`\Pi_e` the identity, or the projector on what
    environment e can tell where columns are collinear there; f and :math:`\nu_e` count ranks
    accordingly),
    :math:`B_1 = \sum \mathrm{tr}(M_e^2) / \nu_e`, :math:`B_2 = \sum (\mathrm{tr} M_e)^2 / \nu_e`,
    Q/c is referred to :math:`F(f, \nu)` with :math:`c = f + 2 B_1 - 2 (B_2 + 2 B_1) / (f + 2)` and
    :math:`\nu = f (f + 2) / (B_2 + 2 B_1)`. Where rows are few, environments are weighed by their
    residuals about the common fit, and Q has the law `restricted_law`.

    Parameters
    ----------
    problem : LinearProblem
    masks : boolean array of shape (M, n_gates)
    thorough : bool
        Whether to test supports with a gate that is not needed (``weakest`` below 1), too.

    References
    ----------
    Chow (1960) and Hansen (1982) for the test; Welch (1951) for the correction when the support is
    empty; its general form and the ranks are our own derivation, see docs/theory.md. Valid if the
    noise variance does not depend on the features within an environment.
    """
    inside = problem.column_masks(masks)
    facts, coef = np.full((8, len(masks)), np.nan), np.zeros((len(masks), inside.shape[1] + 1))
    facts[0] = np.inf
    # a hair below the threshold, for rounding
    traced = 0.0 if thorough else problem.needed[1] * (1.0 - 1e-9)
    for rows, columns in by_width(problem, inside):
        fits = fit_supports(problem, columns, traced=traced)
        fits, rows = fits.take(fits.told), rows[fits.told]
        facts[:, rows], coef[rows[:, None], fits.columns] = (
            _facts(problem, fits, thorough),
            fits.coef,
        )
    q, freedom, b1, b2, risk, worst, weakest, whole = facts
    valid = np.isfinite(q)
    known = valid & ~np.isnan(b1)
    tested = known & (freedom > 0)
    few = tested & (whole > 0)
    q, freedom, b1, b2 = (np.where(tested, value, 0.0) for value in (q, freedom, b1, b2))
    # E Q = f + 2 B1 and Var Q = 2 f + 8 B1 + 2 (B2 + 2 B1) to first order: Q ~ c F(f, nu)
    law = estimated_law(q, freedom, 2 * b1, b2 + 2 * b1)
    if few.any():
        law = law.replaced(few, restricted_law(q[few], freedom[few], b1[few], b2[few], whole[few]))
    return Assessment(
        masks=masks,
        coef=coef[:, :-1],
        p_value=np.where(known, law.p_value, np.nan),
        statistic=np.where(known, law.ratio * law.first, np.inf),
        freedom=law.first,
        residual_freedom=np.where(tested, law.second, np.inf),
        risk=np.where(valid, risk, np.inf),
        worst=np.where(valid, worst, np.inf),
        weakest=weakest,
        rough_excess=np.where(valid, np.maximum(q - freedom, 0.0), np.inf),
        scale=np.ones(len(masks)),
    )


def _facts(problem: LinearProblem, fits: SupportFits, thorough: bool) -> Floats:
    """Q, f, B1, B2, mean and worst risk, ``weakest``, and where rows are few Q's total, (8, M).

    B1 and B2, the dearest, are NaN where a gate is not needed, unless ``thorough``.
    """
    weight, rank = fits.weight, fits.rank
    risk = fits.residual + fits.lost
    weakest = _weakest(problem, fits) * fits.shrunk
    # K_e = T^-1 P_e, of which the traces are those of M_e = Pi_e - K_e and of its square
    first, second = fits.trace, fits.square
    known = 1.0 if thorough else np.where(weakest >= 1, 1.0, np.nan)
    return np.stack(
        [
            (weight * fits.lost).sum(axis=1),
            rank.sum(axis=1) - fits.size,
            known * ((rank - 2 * first + second) / fits.freedom).sum(axis=1),
            known * ((rank - first) ** 2 / fits.freedom).sum(axis=1),
            risk @ problem.weights,
            risk.max(axis=1),
            weakest,
            fits.few * (weight * risk * (rank > 0)).sum(axis=1),
        ]
    )


def _weakest(problem: LinearProblem, fits: SupportFits) -> Floats:
    """Smallest squared t over its threshold; a gate of several columns by its Wald statistic."""
    weakest: Floats = fits.least_t / problem.needed[1]
    if not problem.joint:
        return weakest
    gates = np.append(problem.tested, -1)[fits.columns]
    for gate in np.flatnonzero(np.bincount(problem.gate_of[problem.offset :]) > 1):
        rows = np.flatnonzero((gates == gate).any(axis=1))
        if len(rows):
            at = np.nonzero(gates[rows] == gate)[1].reshape(len(rows), -1)
            block = fits.inverse[rows[:, None, None], at[:, :, None], at[:, None, :]]
            own = fits.coef[rows[:, None], at]
            wald = np.einsum("mj,mj->m", own, solve(block, own))
            weakest[rows] = np.minimum(weakest[rows], wald / problem.needed[at.shape[1]])
    return weakest
