"""Average risk plus a penalty on how environments differ: what a family of methods minimises."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize
from sklearn.utils._param_validation import Interval, StrOptions

from elinvar.baselines._regressor import Floats, PeerRegressor, Weights
from elinvar.baselines._risks import Risks
from elinvar.environments import Environments


class PenalisedRegressor(PeerRegressor):
    r"""Linear regression on the average risk and a penalty.

    .. math:: \min_w\ \sum_e \pi_e R_e(w) + \lambda P(w)

    by L-BFGS on all rows, preconditioned by the pooled second moments. :math:`\lambda` grows from
    0, each solution the start of the next, so that the answer is continuously joined to least
    squares and depends on no random start.

    Parameters
    ----------
    penalty : float, at least 0
        :math:`\lambda`.
    standardize : bool
        Take columns and target in units of their pooled sds, about their pooled means, so that one
        grid of penalties serves all tables.
    environment_weights : {"equal", "size"}
        :math:`\pi_e`: the same for all, or in proportion to rows.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    converged_ : bool
        Whether the last minimisation met its tolerance.
    """

    converged_: bool

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "penalty": [Interval(Real, 0, None, closed="left")],
        "standardize": ["boolean"],
        "environment_weights": [StrOptions({"equal", "size"})],
    }

    def __init__(
        self,
        *,
        penalty: float = 1.0,
        standardize: bool = True,
        environment_weights: Weights = "equal",
    ) -> None:
        self.penalty = penalty
        self.standardize = standardize
        self.environment_weights = environment_weights

    def _risks(self, rows: Environments) -> Risks:
        return Risks.from_moments(
            rows.moments(),
            standardize=self.standardize,
            environment_weights=self.environment_weights,
        )

    def _penalty(self, risks: Risks, w: Floats) -> tuple[float, Floats]:
        """Return the penalty at ``w`` and its gradient (q,)."""
        return 0.0, np.zeros_like(w)

    def _objective(self, risks: Risks, w: Floats, penalty: float) -> tuple[float, Floats]:
        """Return what is minimised, over 1 + penalty, and its gradient (q,)."""
        value, slope = self._penalty(risks, w)
        # over 1 + lambda, so that one tolerance serves all penalties
        size = 1 + penalty
        return (
            float(risks.weights @ risks.risk(w) + penalty * value) / size,
            (risks.weights @ risks.gradient(w) + penalty * slope) / size,
        )

    def _learn(self, rows: Environments) -> None:
        risks = self._risks(rows)
        w, self.converged_ = risks.minimizer(), True
        if self.penalty > 0:
            w = self._follow(risks, w)
        self._take(*risks.model(w))

    def _follow(self, risks: Risks, w: Floats) -> Floats:
        """Follow the minimum from penalty 0 to ``self.penalty``, two steps a decade."""
        # w = L^-T z with S = L L': in z the average risk is round, and the penalty alone has
        # directions of little curvature
        to_w = _preconditioner(risks)
        z = np.asarray(np.linalg.solve(to_w, w))
        first = min(self.penalty, 1e-3)
        n_steps = 1 + int(np.ceil(2 * np.log10(self.penalty / first)))
        for penalty in np.geomspace(first, self.penalty, n_steps):

            def objective(z: Floats, penalty: float = penalty) -> tuple[float, Floats]:
                value, slope = self._objective(risks, to_w @ z, penalty)
                return value, to_w.T @ slope

            found = minimize(
                objective,
                z,
                jac=True,
                method="L-BFGS-B",
                options={"maxcor": 50, "maxiter": 5000, "ftol": 0.0, "gtol": 1e-9},
            )
            z = found.x
        self.converged_ = bool(np.abs(found.jac).max() < 1e-6 * max(1.0, found.fun))
        return np.asarray(to_w @ z)


def _preconditioner(risks: Risks) -> Floats:
    """Return L^-T of the pooled second moments, with a small ridge where they are singular."""
    gram = np.tensordot(risks.weights, risks.gram, 1)
    ridge = 1e-9 * np.trace(gram) / len(gram)
    lower = np.linalg.cholesky(gram + ridge * np.eye(len(gram)))
    return np.asarray(np.linalg.inv(lower).T)
