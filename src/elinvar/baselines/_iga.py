"""Inter-environmental gradient alignment, in closed form."""

import numpy as np

from elinvar.baselines._penalised import PenalisedRegressor
from elinvar.baselines._regressor import Floats
from elinvar.baselines._risks import Risks


class IGARegressor(PenalisedRegressor):
    r"""IGA: environments agree on where to step.

    .. math:: \min_w\ \bar R(w) + \lambda \sum_e \pi_e \lVert \nabla R_e(w) - \nabla \bar R(w)
        \rVert^2

    Gradients are linear in w, so the minimum solves :math:`(\bar S + 4 \lambda V) w = \bar c + 4
    \lambda v` with :math:`V = \sum_e \pi_e (S_e - \bar S)^2` and :math:`v = \sum_e \pi_e
    (S_e - \bar S)(c_e - \bar c)`.

    Deviations: solved exactly, where the paper takes stochastic steps; average over environments
    for the sum; standardised units by default.

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
        True.

    References
    ----------
    M. Koyama, S. Yamaguchi, "Out-of-distribution generalization with maximal invariant predictor",
    arXiv:2008.01883 (2020).
    """

    def _penalty(self, risks: Risks, w: Floats) -> tuple[float, Floats]:
        gradient = risks.gradient(w)
        # the gradient of R_e is 2 (S_e w - c_e), and so linear in w
        apart = gradient - risks.weights @ gradient
        slope = 2 * np.einsum("e,ej,ejk->k", risks.weights, apart, 2 * risks.gram)
        return float(risks.weights @ (apart**2).sum(axis=1)), slope

    def _follow(self, risks: Risks, w: Floats) -> Floats:
        weights = risks.weights
        gram, cross = np.tensordot(weights, risks.gram, 1), weights @ risks.cross
        apart = risks.gram - gram
        V = np.tensordot(weights, apart @ apart, 1)
        v = np.einsum("e,ejk,ek->j", weights, apart, risks.cross - cross)
        # both sides over 1 + lambda: lstsq drops what is small beside the largest singular value
        size = 1 + self.penalty
        left, right = gram + 4 * self.penalty * V, cross + 4 * self.penalty * v
        found: Floats = np.linalg.lstsq(left / size, right / size, rcond=None)[0]
        return found
