"""Invariant combinations of columns for two classes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from elinvar.inference.losses._records import Subspace
from elinvar.inference.losses.logistic._newton import newton
from elinvar.inference.losses.squared._subspace import invariant_subspace
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._types import Floats


def logistic_subspace(
    problem: LogisticProblem, alpha: float, *, seed: int = 0, near: Floats | None = None
) -> Subspace | None:
    r"""Find the subspace of the class as a number, and fit log odds along its least squares.

    Directions are those of :func:`invariant_subspace` for the target 0 or 1: least squares has the
    direction of the log odds, exactly if columns are normal within classes (Fisher 1936). Size and
    level of the log odds are then the two coefficients of a logistic regression on that one column.
    Own derivation.

    Parameters
    ----------
    problem : LogisticProblem
    alpha : float
        Level of the test, which is that of the class as a number.
    seed : int
        Seed of some of the starts.
    near : array of shape (n_columns, r), optional
        Combinations to start from, as in `invariant_subspace`.

    Returns
    -------
    Subspace or None
        None beyond two classes, and where `invariant_subspace` finds nothing.
    """
    found = None
    if problem.n_classes == 2:
        found = invariant_subspace(problem.linear, alpha, seed=seed, near=near)
    if found is None:
        return None
    E = len(problem.count)
    left_out, losses = np.empty((E, 1, len(problem.Z))), np.empty(E)
    for e, (low, high) in enumerate(pairwise(problem.bounds.tolist())):
        others = problem.weight.copy()
        others[low:high] = 0.0
        left_out[e] = _along(problem, found.left_out[e], others)
        odds = left_out[e, 0] @ problem.Z[:, low:high]
        # -log p of the class that is there
        own = np.logaddexp(0.0, np.where(problem.y[low:high] == 1, -odds, odds))
        losses[e] = problem.weight[low:high] @ own / problem.count[e]
    coef = _along(problem, found.coef, problem.weight)
    return replace(found, coef=coef, left_out=left_out, errors=losses)


def _along(problem: LogisticProblem, direction: Floats, weight: Floats) -> Floats:
    """Logistic regression (1, q) on the column that a direction (q,) makes of all."""
    n = len(problem.y)
    column = direction @ problem.Z
    # of unit spread, so that the ridge does not depend on units
    spread = max(float(column.std()), 1e-150)
    table = np.stack([np.ones(n), column / spread])
    coef = newton(table, problem.y, weight, np.zeros((1, 2)))
    along = coef[:, 1:] / spread * direction
    along[:, 0] += coef[0, 0]
    return along
