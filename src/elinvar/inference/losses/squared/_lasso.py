"""The lasso from moments: the rival that every table already has, chosen without a look outside."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elinvar.inference.losses._records import LinearModel
from elinvar.inference.problem._linear import LinearProblem, average
from elinvar.inference.problem._types import Bools, Floats, Places

if TYPE_CHECKING:
    from elinvar.environments import Moments

# penalties over the largest, tolerance along paths and of the answer, most sweeps
_OPTIONS = (np.geomspace(1.0, 1e-3, 50), 1e-4, 1e-9, 1000)


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


def lasso_without(
    moments: "Moments", weights: Floats, folds: Sequence[Places]
) -> list[LinearModel]:
    """``lasso_model`` of the other folds of environments, for each of them left out.

    Folds count as environments, also where the penalty is chosen.

    Parameters
    ----------
    moments : Moments
    weights : array of shape (E,)
        Weight of each environment, summing to one; equal where all of it was in the fold.
    folds : sequence of integer arrays
        Environments in each.
    """
    share = np.array([weights[fold].sum() for fold in folds])
    rest = np.tile(share, (len(folds), 1)) * ~np.eye(len(folds), dtype=bool)
    rest[rest.sum(axis=1) <= 0] = 1.0
    np.fill_diagonal(rest, 0.0)
    rest /= rest.sum(axis=1, keepdims=True)
    merged = _merged(moments, weights, folds)
    return _fits(merged, rest, ~np.eye(len(folds), dtype=bool))


def _merged(moments: "Moments", weights: Floats, folds: Sequence[Places]) -> "Moments":
    """Moments of each fold's mixture of environments."""
    if all(len(fold) == 1 for fold in folds):
        return moments
    F, p = len(folds), moments.n_columns
    count, level, power = np.empty((3, F))
    mean, joint, inner = np.empty((F, p)), np.empty((F, p)), np.empty((F, p, p))
    for k, fold in enumerate(folds):
        weight = weights[fold] if weights[fold].sum() > 0 else np.ones(len(fold))
        share = weight / weight.sum()
        count[k], mean[k] = moments.count[fold].sum(), share @ moments.mean_x[fold]
        level[k] = share @ moments.mean_y[fold]
        # those of a mixture: the mean ones within, plus those of the means
        off, above = moments.mean_x[fold] - mean[k], moments.mean_y[fold] - level[k]
        inner[k] = average(share, moments.cov_xx[fold]) + (off * share[:, None]).T @ off
        joint[k] = share @ (moments.cov_xy[fold] + off * above[:, None])
        power[k] = share @ (moments.var_y[fold] + above**2)
    return replace(
        moments,
        names=tuple(map(str, range(F))),
        count=count,
        mean_x=mean,
        mean_y=level,
        cov_xx=inner,
        cov_xy=joint,
        var_y=power,
        weight_sum=np.array([moments.weight_sum[fold].sum() for fold in folds]),
        weight_squares=np.array([moments.weight_squares[fold].sum() for fold in folds]),
    )


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
