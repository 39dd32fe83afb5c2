"""How strongly the model of all features is shrunk: as environments left out ask for."""

import numpy as np

from elinvar.inference.losses.logistic._fits import CommonFit, common_fit
from elinvar.inference.losses.logistic._newton import log_losses
from elinvar.inference.problem._folds import FEW_FOLDS, folds_of
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._types import Bools, Floats

# with none where a combination of columns separates classes everywhere
_STRENGTHS = (0.0, 1.0, 3.0, 10.0)


def shrunk_fit(problem: LogisticProblem, gates: Bools) -> tuple[CommonFit, float]:
    r"""Fit a support with one intercept, shrunk, and return the strength :math:`\lambda`, too.

    Environments count for their weights. Of the penalties :math:`\tfrac\lambda2 |w|^2` on slopes
    of standardised columns, which weigh as about :math:`\lambda` rows, it is the one whose fits
    have the lowest mean log loss on environments left out, at most five folds of them.

    Parameters
    ----------
    problem : LogisticProblem
    gates : boolean array of shape (n_gates,)
    """
    weight = problem.balanced
    found = _fit(problem, gates, weight, _STRENGTHS[0])
    if len(problem.count) < 2:
        return found, _STRENGTHS[0]
    losses = np.zeros((len(_STRENGTHS), len(problem.count)))
    for fold in folds_of(problem.count, FEW_FOLDS):
        others = np.where(np.isin(problem.place, fold), 0.0, weight)
        near = found.coef
        for row, pull in zip(losses, _STRENGTHS, strict=True):
            near = _fit(problem, gates, others, pull, near).coef
            row[fold] = [_loss(problem, near, e) for e in fold]
    best = int(np.argmin(losses.mean(axis=1)))
    if best:
        found = _fit(problem, gates, weight, _STRENGTHS[best], found.coef)
    return found, _STRENGTHS[best]


def _fit(
    problem: LogisticProblem,
    gates: Bools,
    weight: Floats,
    pull: float,
    start: Floats | None = None,
) -> CommonFit:
    return common_fit(problem, gates, own_intercepts=False, weight=weight, pull=pull, start=start)


def _loss(problem: LogisticProblem, coef: Floats, place: int) -> float:
    """Mean log loss of coefficients (m, q) on one environment."""
    here = slice(int(problem.bounds[place]), int(problem.bounds[place + 1]))
    loss, _ = log_losses(coef @ problem.Z[:, here], problem.y[here])
    return float(problem.weight[here] @ loss) / float(problem.count[place])
