"""Invariant variances of gradients."""

import numpy as np

from elinvar.baselines._penalised import PenalisedRegressor
from elinvar.baselines._regressor import Floats
from elinvar.baselines._risks import Risks
from elinvar.environments import Environments


class FishrRegressor(PenalisedRegressor):
    r"""Fishr: gradients of single rows vary alike in every environment.

    .. math:: \min_w\ \bar R(w) + \lambda \sum_e \pi_e \lVert v_e(w) - \bar v(w) \rVert^2, \qquad
        v_e = \operatorname{Var}_{i \in e} \bigl( 2 (x_i^\top w - y_i)\, x_i \bigr)

    with variances element by element. They hold fourth moments, so rows are needed.

    Deviations: the whole linear model stands for the paper's last layer; full batch by L-BFGS along
    growing penalties, so there is no moving average and no warm-up; standardised units by default.

    Parameters
    ----------
    penalty : float, at least 0
        :math:`\lambda`.
    standardize : bool
        Units of the pooled sds, about the pooled means; the penalty depends on the units.
    environment_weights : {"equal", "size"}
        :math:`\pi_e`; the paper's are equal.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    converged_ : bool

    References
    ----------
    A. Rame, C. Dancette, M. Cord, "Fishr: invariant gradient variances for out-of-distribution
    generalization", ICML 2022, arXiv:2109.02934, equation (4).
    """

    def _learn(self, rows: Environments) -> None:
        X, y = self._risks(rows).design(rows)
        inside = [rows.codes == code for code in range(rows.n_environments)]
        self._rows = [(X[at], y[at]) for at in inside]
        try:
            super()._learn(rows)
        finally:
            del self._rows

    def _penalty(self, risks: Risks, w: Floats) -> tuple[float, Floats]:
        gradient = risks.gradient(w)
        residuals = [X @ w - y for X, y in self._rows]
        # v_e = E (2 r x)^2 - (E 2 r x)^2, element by element, with r the residual
        second = [
            4 * (r**2 @ X**2) / len(r) for (X, _), r in zip(self._rows, residuals, strict=True)
        ]
        variance = np.array(second) - gradient**2
        apart = risks.weights[:, None] * (variance - risks.weights @ variance)
        slope = np.zeros_like(w)
        for e, ((X, _), r) in enumerate(zip(self._rows, residuals, strict=True)):
            # d v_ej / dw = 8 E[r x_j^2 x] - 2 g_ej 2 S_e,j, summed with weights 2 apart_ej
            weight = r * (X**2 @ apart[e])
            slope += 16 * (weight @ X) / len(r) - 8 * (apart[e] * gradient[e]) @ risks.gram[e]
        return float((apart * variance).sum()), slope
