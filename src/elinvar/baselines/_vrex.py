"""Risk extrapolation by the variance of risks."""

import numpy as np

from elinvar.baselines._penalised import PenalisedRegressor
from elinvar.baselines._regressor import Floats
from elinvar.baselines._risks import Risks


class VRExRegressor(PenalisedRegressor):
    r"""V-REx: the risk is the same in every environment.

    .. math:: \min_w\ \bar R(w) + \lambda \sum_e \pi_e (R_e(w) - \bar R(w))^2, \qquad
        \bar R = \sum_e \pi_e R_e

    It asks for equal noise in all environments, and so looks for something else than invariance
    where the noise of the target differs.

    Deviations: average of the risks for their sum (:math:`\lambda` is the paper's :math:`\beta`
    over E); full batch from moments, by L-BFGS along growing penalties, for stochastic steps with a
    penalty that is switched on; standardised units by default.

    Parameters
    ----------
    penalty : float, at least 0
        :math:`\lambda`.
    standardize : bool
        Units of the pooled sds, about the pooled means.
    environment_weights : {"equal", "size"}
        :math:`\pi_e`; the paper's are equal.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    converged_ : bool

    References
    ----------
    D. Krueger et al., "Out-of-distribution generalization via risk extrapolation (REx)", ICML 2021,
    arXiv:2003.00688, equation (8).
    """

    def _penalty(self, risks: Risks, w: Floats) -> tuple[float, Floats]:
        risk = risks.risk(w)
        # sum_e pi_e (R_e - R)^2 = sum_e pi_e (R_e - R) R_e, as deviations average to 0
        apart = risks.weights * (risk - risks.weights @ risk)
        return float(apart @ risk), np.asarray(2 * apart @ risks.gradient(w))
