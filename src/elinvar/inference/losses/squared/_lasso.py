"""The lasso from moments: the rival that every table already has, chosen without a look outside."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar.inference.losses._records import LinearModel
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._types import Bools, Floats

if TYPE_CHECKING:
    from elinvar.environments import Moments

# penalties, smallest over largest, tolerance along paths and of the answer, most sweeps
_OPTIONS = (50, 1e-3, 1e-5, 1e-9, 1000)


def lasso_model(moments: "Moments", weights: Floats) -> LinearModel:
    r"""Lasso over all rows with one intercept, its penalty chosen on left-out environments.

    .. math:: \min_{b, w}\ \tfrac12 \sum_e \pi_e\, \mathbb E_e (y - b - x^\top w)^2
        + \lambda \sum_j s_j |w_j|

    with :math:`s_j` the pooled standard deviation of column j. Of 50 penalties, geometric from the
    smallest that closes every column down to a thousandth of it, it takes the one with the lowest
    mean squared error, by ``weights``, on training environments left out in turn; with a single
    environment the one with the lowest Bayesian information criterion, among models with at most
    half as many columns as rows.

    Parameters
    ----------
    moments : Moments
    weights : array of shape (E,)
        Weight of each environment, summing to one.

    References
    ----------
    Tibshirani (1996); coordinate descent on moments: Friedman, Hastie and Tibshirani (2010),
    section 2.2; degrees of freedom in the criterion: Zou, Hastie and Tibshirani (2007).
    """
    return _fits(moments, weights[None], np.ones((1, len(weights)), dtype=bool))[0]


def lasso_without_each(moments: "Moments", weights: Floats) -> list[LinearModel]:
    """``lasso_model`` of the other environments, for each environment left out.

    Parameters
    ----------
    moments : Moments
    weights : array of shape (E, E)
        In row e the weights of the others where e is left out, summing to one; 0 for e itself.
    """
    return _fits(moments, weights, ~np.eye(len(weights), dtype=bool))


def _fits(moments: "Moments", weights: Floats, inside: Bools) -> list[LinearModel]:
    from elinvar.inference.kernels._lasso import lasso_fits

    problem = LinearProblem.from_moments(moments)
    # descent goes through columns in turn: by strength, so that their order decides nothing
    rank = np.argsort(problem.by_strength)
    turn = np.argsort(rank[problem.gate_of[1:]], kind="stable")
    columns, scale, target_scale = problem.columns[turn], problem.scale[turn], problem.target_scale
    center = problem.center[turn]
    data = (
        moments.cov_xx[:, columns[:, None], columns] / (scale[:, None] * scale),
        moments.cov_xy[:, columns] / (scale * target_scale),
        moments.var_y / target_scale**2,
        np.ascontiguousarray(problem.means[:, 1:][:, turn]),
        problem.target_means,
        problem.count,
        # a variance below the rounding of the mean's square is that of a constant
        1e-26 * (1 + (center / scale) ** 2),
    )
    slopes, intercepts, _ = lasso_fits(data, weights, inside, _OPTIONS)
    coef = np.zeros((len(weights), moments.n_columns))
    coef[:, columns] = slopes * (target_scale / scale)
    own = problem.target_center + target_scale * intercepts - coef[:, columns] @ center
    return [LinearModel(coef=w, intercept=float(b)) for w, b in zip(coef, own, strict=True)]
