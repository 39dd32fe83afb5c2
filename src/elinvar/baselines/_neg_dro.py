"""Distributionally robust optimisation with negative weights."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.baselines._risks import Risks
from elinvar.environments import Environments

_RIDGES = np.geomspace(1.0, 1e-3, 13)


class NegDRORegressor(PeerRegressor):
    r"""NegDRO: the smallest worst mixture of risks, where an environment may count negatively.

    .. math:: \min_w \max_q \sum_e q_e R_e(w), \qquad \sum_e q_e = 1,\ q_e \ge -\gamma

    A large :math:`\gamma` makes unequal risks expensive: the value is
    :math:`(1 + E \gamma) \max_e R_e - \gamma \sum_e R_e`. Under shifts of the noise of columns that
    are rich enough, the causal w is the only one with equal risks, and near every stationary
    point.

    As in the paper a ridge on q makes the maximum smooth,
    :math:`\max_q \sum_e q_e R_e - \rho \lVert q \rVert^2`, and shrinks.

    Deviations: for the paper's 1,500 steps of Adam from a random start, L-BFGS from least squares
    on, each solution the start of the next, :math:`\rho` from 1 to .001 times the variance of the
    target; an intercept; standardised columns.

    Parameters
    ----------
    gamma : float, at least 0
        :math:`\gamma`; 0 is `GroupDRORegressor`, and the paper's experiments have 20.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    risks_ : ndarray of shape (E,)
        Risks in the order of ``environments_``, over the pooled variance of the target.

    References
    ----------
    Z. Wang, Y. Hu, P. Bühlmann, Z. Guo, "Causal invariance learning via efficient nonconvex
    optimization" (2024), arXiv:2412.11850.
    """

    risks_: Floats

    _fewest: ClassVar[int] = 2
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "gamma": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, *, gamma: float = 20.0) -> None:
        self.gamma = gamma

    def _learn(self, rows: Environments) -> None:
        risks = Risks.from_moments(rows.moments())
        w = risks.minimizer()
        for ridge in _RIDGES:
            w = minimize(
                _objective,
                w,
                args=(risks, self.gamma, ridge),
                jac=True,
                method="L-BFGS-B",
                options={"maxcor": 50, "maxiter": 2000, "ftol": 0.0, "gtol": 1e-9},
            ).x
        self.risks_ = risks.risk(w)
        self._take(*risks.model(w))


def _objective(w: Floats, risks: Risks, gamma: float, ridge: float) -> tuple[float, Floats]:
    """Return the worst mixture less the ridge, over 1 + E gamma, and its gradient (q,)."""
    risk = risks.risk(w)
    worst = onto_simplex(risk / (2 * ridge))
    # by Danskin's theorem the gradient is that of the mixture at its worst
    weights = worst - gamma / (1 + len(risk) * gamma)
    value = float(weights @ risk - ridge * worst @ worst)
    return value, np.asarray(weights @ risks.gradient(w))


def onto_simplex(v: Floats) -> Floats:
    """Return the point of the probability simplex nearest to v."""
    falling = np.sort(v)[::-1]
    excess = (np.cumsum(falling) - 1) / np.arange(1, len(v) + 1)
    shift = excess[np.flatnonzero(falling > excess)[-1]]
    return np.asarray(np.maximum(v - shift, 0.0))
