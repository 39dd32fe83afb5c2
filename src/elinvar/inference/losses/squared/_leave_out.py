"""Errors on environments left out of the fit, from moments alone."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar.inference.problem._linear import LinearProblem, average
from elinvar.inference.problem._linear_algebra import solve
from elinvar.inference.problem._types import Bools, Floats

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
    from elinvar.inference.kernels._support import leave_out_errors

    # with means of 0 all intercepts are alike, and slopes alone are judged
    errors: Floats = leave_out_errors(
        problem.data,
        problem.means * intercepts,
        problem.target_means * intercepts,
        problem.column_masks(masks),
    )
    return errors


def pooled_errors(problem: LinearProblem) -> Floats:
    """Mean squared error of pooled least squares on each environment left out, shape (E,).

    ``problem`` must have a shared intercept.
    """
    return _errors(problem, problem.gram, problem.cross)


def mean_errors(problem: LinearProblem) -> Floats:
    """Mean squared error of the other environments' mean on each environment, shape (E,)."""
    return _errors(problem, problem.gram[:, :1, :1], problem.cross[:, :1])


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
