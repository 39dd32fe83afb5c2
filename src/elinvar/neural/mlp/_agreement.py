r"""Which of several networks to keep: the one that environments would least disagree about.

What a network makes of a row, and the features that it uses, are put in a linear (or logistic)
model of the target, and its coefficients tested for being the same in all environments: if
environments differ in what the network leaves unexplained, they differ here. With Q and f the
statistic and freedom of that test and R the network's risk, the smallest of

.. math:: \log R + \log\bigl(1 + \kappa\, \delta / N\bigr)

among accepted networks is kept, :math:`\delta` the upper 95% limit of the noncentrality of Q and
:math:`\kappa = 10`: the rule of `InvariantRegressor`, applied to networks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from elinvar.environments import Environments
from elinvar.inference import LinearProblem, LogisticLoss, assess, noncentrality_limit

Floats = NDArray[np.float64]

_KAPPA = 10.0


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far environments agree about a network.

    Parameters
    ----------
    p_value : float
        Of the test that they do.
    disagreement : float
        Upper limit of the share of what is left unexplained that models of their own would spare.
    score : float
        What is to be small.
    """

    p_value: float
    disagreement: float
    score: float


def agreement_of_numbers(
    output: Floats, used: Floats, y: Floats, codes: NDArray[np.intp]
) -> Agreement:
    """Return how far environments agree about a network that predicts a number.

    Parameters
    ----------
    output : ndarray of shape (n,)
        Of the network.
    used : ndarray of shape (n, q)
        Columns that it uses.
    y : ndarray of shape (n,)
        Target.
    codes : ndarray of shape (n,)
        Environment of each row.
    """
    rows = Environments.from_arrays(np.column_stack([output, used]), y, codes)
    problem = LinearProblem.from_moments(rows.moments())
    table = assess(problem, np.ones((1, len(problem.features)), dtype=bool))
    if not np.isfinite(table.statistic[0]):
        return Agreement(p_value=0.0, disagreement=np.inf, score=np.inf)
    limit = float(noncentrality_limit(table.statistic, table.freedom)[0]) / len(y)
    risk = float(np.mean((y - output) ** 2))
    # log R + log(1 + kappa delta / N)
    score = float(np.log(max(risk, 1e-300)) + np.log1p(_KAPPA * limit))
    return Agreement(p_value=float(table.p_value[0]), disagreement=limit, score=score)


def agreement_of_classes(
    log_odds: Floats, used: Floats, y: NDArray[np.intp], codes: NDArray[np.intp]
) -> Agreement:
    """Return how far environments agree about a network that predicts classes.

    Parameters
    ----------
    log_odds : ndarray of shape (n, n_classes)
        Of the network, up to a term that all classes share.
    used : ndarray of shape (n, q)
        Columns that it uses.
    y : ndarray of shape (n,)
        Class of each row.
    codes : ndarray of shape (n,)
        Environment of each row.
    """
    n_classes = log_odds.shape[1]
    # what the network says is its log odds against the first class
    columns = np.column_stack([log_odds[:, 1:] - log_odds[:, :1], used])
    rows = Environments.from_arrays(columns, y.astype(np.float64), codes)
    outcomes = tuple(str(c) for c in range(n_classes))
    loss = LogisticLoss.from_rows(rows, outcomes, t_threshold=0.0)
    test = loss.assess(np.ones((1, loss.problem.n_gates), dtype=bool))
    limit = float(noncentrality_limit(test.statistic, test.freedom)[0]) / len(y)
    risk = -float(log_softmax(log_odds, axis=1)[np.arange(len(y)), y].mean())
    # the mean negative log likelihood of numbers is log(R) / 2 + constant: half of the penalty
    # joins that of classes, to first order
    score = risk + _KAPPA * limit / 2
    return Agreement(p_value=float(test.p_value[0]), disagreement=limit, score=score)
