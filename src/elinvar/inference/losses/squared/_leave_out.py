"""Errors on environments left out of the fit, from moments alone."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar.inference.problem._linear import WIDE, LinearProblem, average
from elinvar.inference.problem._linear_algebra import (
    pseudo_inverses,
    ranks,
    solve,
)
from elinvar.inference.problem._supports import (
    SupportFits,
    by_width,
    fit_supports,
    moments_of,
)
from elinvar.inference.problem._types import Bools, Floats, Places

if TYPE_CHECKING:
    from elinvar.environments import Moments


def support_errors(problem: LinearProblem, masks: Bools, *, intercepts: bool = True) -> Floats:
    """Mean squared error of each support on each environment, refitted on the others.

    With an intercept per environment, the left-out one is predicted with the average intercept.

    Parameters
    ----------
    problem : LinearProblem
    masks : boolean array of shape (M, n_gates)
    intercepts : bool
        Whether an environment's own intercept counts, where each has its own intercept.

    Returns
    -------
    array of shape (M, E)
        In units of the standardised target, squared.
    """
    inside = problem.column_masks(masks)
    errors = np.full((len(masks), len(problem.count)), np.inf)
    for rows, columns in by_width(problem, inside):
        fits = fit_supports(problem, columns)
        some = fits.take(fits.spare)
        errors[rows[fits.spare]] = _left_out_errors(problem, some, intercepts)
    return errors


def _left_out_errors(problem: LinearProblem, fits: SupportFits, intercepts: bool) -> Floats:
    """Errors (M, E) of supports on each environment, with the weights of all environments."""
    (gram, cross, _), weights = moments_of(problem, fits.columns), problem.weights
    total = _of_others(fits.weight[..., None, None] * gram)
    # where a support has no column, and a coefficient of 0
    absent = (fits.columns < 0)[:, None, :, None] * np.eye(gram.shape[-1])
    total += absent * np.einsum("mejj->me", total)[..., None, None]
    coef = solve(total, _of_others(fits.weight[..., None] * cross))
    # y'y - w'(2 c - G w) in the environment left out
    pull = np.einsum("mej,mej->me", 2 * cross - (gram @ coef[..., None])[..., 0], coef)
    errors = problem.target_power - pull
    if problem.absorbed and intercepts:
        # its own intercept less the mean of the others'
        above = np.moveaxis(problem.means[:, fits.columns], 1, 0)
        above = above - np.einsum("e,mej->mj", weights, above)[:, None]
        off = problem.target_means - weights @ problem.target_means
        off = off - np.einsum("mej,mej->me", above, coef)
        alone = weights >= 1
        errors = errors + np.where(alone, 0.0, off / np.where(alone, 1.0, 1 - weights)) ** 2
    above_0: Floats = np.maximum(errors, 0.0)
    return above_0


def _of_others(parts: Floats) -> Floats:
    """Sum over all environments but each in turn, (M, E, ...)."""
    # from both ends, so that nothing is taken away that would drown the rest
    found = np.zeros(parts.shape)
    np.cumsum(parts[:, :-1], axis=1, out=found[:, 1:])
    found[:, :-1] += np.cumsum(parts[:, :0:-1], axis=1)[:, ::-1]
    return found


def pooled_errors(problem: LinearProblem) -> Floats:
    """Mean squared error of pooled least squares on each environment left out, shape (E,).

    ``problem`` must have a shared intercept.
    """
    return _errors(problem, problem.gram, problem.cross)


def mean_errors(problem: LinearProblem) -> Floats:
    """Mean squared error of the other environments' mean on each environment, shape (E,)."""
    return _errors(problem, problem.gram[:, :1, :1], problem.cross[:, :1])


def risk_lines(problem: LinearProblem, masks: Bools) -> tuple[Floats, Floats]:
    """Level and rise of the risk of supports where environments differ more, (2, M).

    And their weighted least squares (M, q). Infinite where an environment has no rows to spare, or
    columns cannot be told apart.
    """
    inside, weights = problem.column_masks(masks), problem.weights
    lines, coefs = np.full((2, len(masks)), np.inf), np.zeros((len(masks), inside.shape[1] + 1))
    for rows, columns in by_width(problem, inside):
        fits = fit_supports(problem, columns, weights, traced=0.0)
        noise = fits.residual / fits.freedom  # sigma_e^2 / n_e
        # E sum pi_e (w_e - w)' G_e (w_e - w) = sum pi_e s_e k_e - tr T^-1 V where nothing differs
        rise = (fits.lost + noise * (fits.trace - fits.rank)) @ weights
        good = fits.told
        lines[:, rows[good]] = (noise * problem.count @ weights)[good], np.maximum(rise[good], 0)
        coefs[rows[good, None], columns[good]] = fits.coef[good]
    return lines, coefs[:, :-1]


def risk_parts(problem: LinearProblem, columns: Places) -> tuple[Floats, Floats] | None:
    r"""Level and rise of the risk of least squares on some columns, environment by environment.

    With :math:`w_e` an environment's own fit, :math:`\sigma_e^2` its noise by degrees of freedom,
    :math:`w_{-e}` the fit to the others, weighted by :math:`\pi`, and :math:`v_e` what the sampling
    error of :math:`w_{-e}` adds in e,

    .. math:: a_e = \sigma_e^2 + v_e, \qquad b_e = (w_e - w_{-e})^\top G_e (w_e - w_{-e})
        - \sigma_e^2 k_e / n_e - v_e.

    As :math:`w_{-e}` was not fitted to e, and :math:`w_e` errs by sampling, too, the mean of
    :math:`b_e` is what differences between environments cost in a new one. Own derivation.

    Parameters
    ----------
    problem : LinearProblem
        With a shared intercept.
    columns : integer array of shape (k,)

    Returns
    -------
    pair of arrays of shape (E,), in units of the standardised target, squared; or None
        None where an environment has no rows to spare.
    """
    weights, count = problem.weights, problem.count
    gram = problem.gram[:, columns[:, None], columns]
    cross = problem.cross[:, columns]
    if count.min() <= len(columns) or len(columns) > WIDE or weights.max() >= 1:
        return None
    inverse, estimable = pseudo_inverses(gram)
    rank = ranks(estimable)
    own = np.einsum("ejk,ek->ej", inverse, cross)
    left = np.maximum(problem.target_power - np.einsum("ej,ej->e", own, cross), problem.floor)
    noise = left / (count - rank)  # sigma_e^2 / n_e
    total, pull = average(weights, gram), weights @ cross
    spread = average(weights**2 * noise, gram)
    level, rise = np.empty((2, len(weights)))
    for e in range(len(weights)):
        # moments of the others are those of all less its own
        others = pseudo_inverses(total - weights[e] * gram[e])[0]
        coef = others @ (pull - weights[e] * cross[e])
        error = others @ (spread - weights[e] ** 2 * noise[e] * gram[e]) @ others
        added = float(np.einsum("jk,kj->", gram[e], error))
        apart = own[e] - coef
        level[e] = noise[e] * count[e] + added
        rise[e] = float(apart @ gram[e] @ apart) - noise[e] * rank[e] - added
    return level, rise


def _errors(problem: LinearProblem, gram: Floats, cross: Floats) -> Floats:
    """Errors of least squares, weighted by ``weights``, on each environment left out."""
    weights = problem.weights
    total, total_cross = average(weights, gram), weights @ cross
    errors = np.empty(len(weights))
    for e in range(len(weights)):
        # moments of the others are those of all less its own
        coef = solve(total - weights[e] * gram[e], total_cross - weights[e] * cross[e])
        error = problem.target_power[e] - 2 * cross[e] @ coef + coef @ gram[e] @ coef
        errors[e] = max(float(error), 0.0)
    return errors


def moment_error(moments: "Moments", place: int, coef: Floats, intercept: float) -> float:
    """Mean squared error of a linear model on one environment, from its moments.

    Parameters
    ----------
    moments : Moments
    place : int
        Index of the environment.
    coef : array of shape (n_columns,)
    intercept : float
    """
    bias = moments.mean_y[place] - moments.mean_x[place] @ coef - intercept
    scatter = (
        moments.var_y[place]
        - 2 * moments.cov_xy[place] @ coef
        + coef @ moments.cov_xx[place] @ coef
    )
    return float(max(scatter, 0.0) + bias**2)
