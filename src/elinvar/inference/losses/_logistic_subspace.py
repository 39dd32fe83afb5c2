"""Invariant combinations of columns for two classes."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from elinvar.inference.losses._logistic_problem import RIDGE, LogisticProblem
from elinvar.inference.problem._linear import Floats
from elinvar.inference.selection._subspace import invariant_subspace


@dataclass(frozen=True, kw_only=True)
class LogisticSubspace:
    """Log odds in combinations of columns that have the same effects in all environments.

    Attributes
    ----------
    coef : array of shape (1, q)
        Standardised, by column.
    left_out : array of shape (E, 1, q)
        The same without each environment; the directions left out are those of all.
    losses : array of shape (E,)
        Mean log losses of these on the environment without.
    removed : int
        Number of directions that were left out.
    p_value : float
        Of the overidentification test of the class as a number.
    """

    coef: Floats
    left_out: Floats
    losses: Floats
    removed: int
    p_value: float


def logistic_subspace(
    problem: LogisticProblem, level: float, *, seed: int = 0
) -> LogisticSubspace | None:
    r"""Find the subspace of the class as a number, and fit log odds along its least squares.

    Directions are those of :func:`invariant_subspace` for the target 0 or 1: least squares has the
    direction of the log odds, exactly if columns are normal within classes (Fisher 1936). Size and
    level of the log odds are then the two coefficients of a logistic regression on that one column.
    Own derivation.

    Parameters
    ----------
    problem : LogisticProblem
    level : float
        Level of the test.
    seed : int
        Seed of some of the starts.

    Returns
    -------
    LogisticSubspace or None
        None beyond two classes, and where `invariant_subspace` finds nothing.
    """
    found = None
    if problem.n_classes == 2:
        found = invariant_subspace(problem.linear, level, seed=seed)
    if found is None:
        return None
    E = len(problem.count)
    left_out, losses = np.empty((E, 1, len(problem.Z))), np.empty(E)
    for e, (low, high) in enumerate(pairwise(problem.bounds.tolist())):
        others = problem.weight.copy()
        others[low:high] = 0.0
        left_out[e] = _along(problem, found.left_out[e], others)
        odds = left_out[e, 0] @ problem.Z[:, low:high]
        own = np.logaddexp(0.0, np.where(problem.y[low:high] == 1, -odds, odds))
        losses[e] = problem.weight[low:high] @ own / problem.count[e]
    return LogisticSubspace(
        coef=_along(problem, found.coef, problem.weight),
        left_out=left_out,
        losses=losses,
        removed=found.removed,
        p_value=found.p_value,
    )


def _along(problem: LogisticProblem, direction: Floats, weight: Floats) -> Floats:
    """Logistic regression (1, q) on the column that a direction (q,) makes of all."""
    from elinvar.inference.kernels._logistic import newton

    n = len(problem.y)
    column = direction @ problem.Z
    spread = max(float(column.std()), 1e-150)
    coef, prob, work = np.zeros((1, 2)), np.empty((1, n)), np.empty((2, n))
    table = np.stack([np.ones(n), column / spread])
    newton(table, problem.y, weight, 0, n, np.arange(2), RIDGE, coef, prob, work)
    along = coef[:, 1:] / spread * direction
    along[:, 0] += coef[0, 0]
    return along
