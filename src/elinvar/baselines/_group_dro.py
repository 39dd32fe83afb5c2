"""Distributionally robust optimisation over groups."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.baselines._risks import Risks
from elinvar.environments import Environments


class GroupDRORegressor(PeerRegressor):
    r"""GroupDRO: the smallest worst risk over environments.

    .. math:: \min_w \max_e \bigl\{ R_e(w) + C / \sqrt{n_e} \bigr\}

    Convex for squared loss, so it is solved through its dual,
    :math:`\max_{q \in \Delta} \min_w \sum_e q_e (R_e(w) + C / \sqrt{n_e})`, concave in the E
    weights q.

    Deviations: the exact saddle point instead of the paper's online algorithm (stochastic steps in
    w, exponentiated gradient in q); no weight decay, which the paper needs for networks with more
    parameters than rows; standardised units by default (they change C alone).

    Parameters
    ----------
    adjustment : float, at least 0
        C, in units of the target's variance: how much more small groups count.
    standardize : bool
        Units of the pooled sds, about the pooled means.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    weights_ : ndarray of shape (E,)
        The worst mixture q of the environments in ``environments_``.

    References
    ----------
    S. Sagawa, P. W. Koh, T. B. Hashimoto, P. Liang, "Distributionally robust neural networks for
    group shifts", ICLR 2020, arXiv:1911.08731, equations (4) and (5).
    """

    weights_: Floats

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "adjustment": [Interval(Real, 0, None, closed="left")],
        "standardize": ["boolean"],
    }

    def __init__(self, *, adjustment: float = 0.0, standardize: bool = True) -> None:
        self.adjustment = adjustment
        self.standardize = standardize

    def _learn(self, rows: Environments) -> None:
        risks = Risks.from_moments(rows.moments(), standardize=self.standardize)
        extra = self.adjustment / np.sqrt(risks.count)
        unit = 1.0 / float(np.mean(risks.square_y))

        # by Danskin's theorem the gradient in q is the loss of each environment at the minimiser
        def dual(q: Floats) -> tuple[float, Floats]:
            losses = unit * (risks.risk(risks.minimizer(q)) + extra)
            return -float(q @ losses), -losses

        n = len(extra)
        found = minimize(
            dual,
            np.full(n, 1 / n),
            jac=True,
            method="SLSQP",
            bounds=[(0, 1)] * n,
            constraints={"type": "eq", "fun": lambda q: q.sum() - 1, "jac": np.ones_like},
            options={"maxiter": 1000, "ftol": 1e-14},
        )
        q = np.clip(found.x, 0, None)
        self.weights_ = q / q.sum()
        self._take(*risks.model(risks.minimizer(self.weights_)))
