"""Invariant risk minimisation, in its practical version."""

import numpy as np

from elinvar.baselines._penalised import PenalisedRegressor
from elinvar.baselines._regressor import Floats
from elinvar.baselines._risks import Risks


class IRMv1Regressor(PenalisedRegressor):
    r"""IRMv1: no environment gains by rescaling the predictor.

    .. math:: \min_w \sum_e \pi_e \bigl[ R_e(w) + \lambda D_e(w)^2 \bigr], \qquad
        D_e(w) = \partial_s R_e(s w) |_{s = 1} = 2 (w^\top S_e w - c_e^\top w)

    The objective is not convex; :math:`w = 0` has penalty 0 at any :math:`\lambda`.

    Deviations: the paper's representation and its scalar classifier are one linear predictor with
    intercept (its own linear form); full batch from moments, by L-BFGS along growing penalties,
    where the paper takes Adam steps from a random start; averages of environments for sums;
    standardised units by default.

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
    M. Arjovsky, L. Bottou, I. Gulrajani, D. Lopez-Paz, "Invariant risk minimization",
    arXiv:1907.02893 (2019), equation (IRMv1).
    """

    def _penalty(self, risks: Risks, w: Floats) -> tuple[float, Floats]:
        # D_e = 2 (w' S_e w - c_e' w), and its gradient 2 (2 S_e w - c_e)
        image = risks.gram @ w
        change = 2 * (image - risks.cross) @ w
        slope = 2 * (2 * image - risks.cross)
        return float(risks.weights @ change**2), np.asarray(2 * (risks.weights * change) @ slope)
