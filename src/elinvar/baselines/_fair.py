"""Focused adversarial invariance regularisation of linear models: the exact search."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from elinvar.baselines._regressor import Floats, PeerRegressor, Weights
from elinvar.baselines._risks import Risks
from elinvar.baselines._subsets import Positions, all_supports, best_support, solve_all
from elinvar.environments import Environments


class FAIRRegressor(PeerRegressor):
    r"""FAIR-Linear: least squares, with an opponent in each environment who sees what it sees.

    .. math:: \min_S \min_{w : \operatorname{supp} w \subseteq S}\ \sum_e \pi_e \Bigl\{
        \tfrac12 E_e (y - x^\top w)^2 + \gamma \max_{v : \operatorname{supp} v \subseteq S} E_e
        \bigl[ (y - x^\top w)\, x^\top v - \tfrac12 (x^\top v)^2 \bigr] \Bigr\}

    The opponent's best v explains what w leaves of y in environment e, and gains
    :math:`(R_e(w) - R_e^*(S)) / 2`, with :math:`R_e^*(S)` the smallest risk that a linear model of
    the columns in S has there. So for every S the best w is that of pooled least squares, and S has
    the smallest

    .. math:: (1 + \gamma) \sum_e \pi_e R_e(w_S) - \gamma \sum_e \pi_e R_e^*(S).

    All :math:`2^p` are tried, to p = 16. The units of columns do not matter.

    Deviations: the search is exact, for the paper's descent on random gates (`FAIRNetworkRegressor`
    has it, and takes more columns).

    Parameters
    ----------
    penalty : float, at least 0
        :math:`\gamma`; the authors' experiments have 36.
    environment_weights : {"equal", "size"}
        :math:`\pi_e`; the paper's are equal.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    selected_ : boolean ndarray of shape (n_columns,)

    References
    ----------
    Y. Gu, C. Fang, P. Bühlmann, J. Fan, "Causality pursuit from heterogeneous environments via
    neural adversarial invariance learning", Annals of Statistics 53 (2025), arXiv:2405.04715.
    """

    _fewest: ClassVar[int] = 2
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "penalty": [Interval(Real, 0, None, closed="left")],
        "environment_weights": [StrOptions({"equal", "size"})],
    }

    def __init__(self, *, penalty: float = 36.0, environment_weights: Weights = "equal") -> None:
        self.penalty = penalty
        self.environment_weights = environment_weights

    def _learn(self, rows: Environments) -> None:
        risks = Risks.from_moments(rows.moments(), environment_weights=self.environment_weights)
        w = best_support(
            all_supports(rows.X.shape[1], True, "FAIR"),
            lambda supports: adversarial(risks, supports, self.penalty),
            risks.cross.shape[1],
        )
        coef, intercept = risks.model(w)
        self.selected_ = w[1:] != 0
        self._take(coef, intercept)


def adversarial(risks: Risks, supports: Positions, penalty: float) -> tuple[Floats, Floats]:
    """Return the objective of supports of one size, and the coefficients on them.

    Parameters
    ----------
    risks : Risks
    supports : (m, k) array of positions
    penalty : float
    """
    m, k = supports.shape
    pooled, cross, own = np.zeros((m, k, k)), np.zeros((m, k)), np.zeros(m)
    total = float(risks.weights @ risks.square_y)
    for weight, gram, c in zip(risks.weights, risks.gram, risks.cross, strict=True):
        S, b = gram[supports[:, :, None], supports[:, None, :]], c[supports]
        pooled += weight * S
        cross += weight * b
        # what the environment's own least squares explain: s_e - R*_e
        own += weight * (b * solve_all(S, b)).sum(axis=1)
    w = solve_all(pooled, cross)
    # (1 + gamma) (s - b'w) - gamma (s - own)
    values: Floats = total - (1 + penalty) * (w * cross).sum(axis=1) + penalty * own
    return values, w
