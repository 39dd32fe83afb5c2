"""Whether all environments agree on coefficients: laws of the statistic, a test of estimates."""

from typing import TypeVar

import numpy as np
from scipy.special import fdtrc, ndtri

from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks
from elinvar.inference.problem._types import Floats

Number = TypeVar("Number", float, Floats)


def matched_f(freedom: Number, excess: Number, half: Number) -> tuple[Number, Number]:
    r"""Match c F(f, nu) to a statistic of mean f + excess and variance 2 f + 4 excess + 2 half.

    A chi-squared law scaled by 1 + excess / f has that variance with half = 0; half is what the
    spread of estimated weights adds. To first order in the two, see docs/theory.md,

    .. math:: c = f + \text{excess} - \frac{2\,\text{half}}{f + 2}, \qquad
              \nu = \frac{f (f + 2)}{\text{half}} .

    Returns
    -------
    pair of arrays
        c and nu.
    """
    correction = freedom + excess - 2 * half / (freedom + 2)
    return correction, freedom * (freedom + 2) / (half + 1e-300)


def noncentrality_limit(statistic: Floats, freedom: Floats, confidence: float = 0.95) -> Floats:
    r"""Upper confidence limit of the noncentrality of chi-squared statistics, >= 0.

    The approximation :math:`d + z^2 + z \sqrt{2 f + 4 d + z^2}` with :math:`d = (x - f)_+`: about
    one unit below the exact limit (at most 1.5 for f <= 100), or above it where the statistic is
    well below its freedom. Own derivation, see docs/theory.md.

    Parameters
    ----------
    statistic : array of shape (M,)
    freedom : array of shape (M,)
    confidence : float in (0, 1)
    """
    # the root of (L - d)^2 = z^2 (2 f + 2 d + 2 L): a variance half way between d and L
    excess = np.maximum(statistic - freedom, 0.0)
    z = float(ndtri(confidence))
    limit: Floats = excess + z**2 + z * np.sqrt(2 * freedom + 4 * excess + z**2)
    return limit


def agreement_p_value(own: Floats, covariance: Floats, freedom: Floats) -> float:
    """p-value of equal coefficients, each in the environments that can tell it.

    The test of ``assess``, for some of the coefficients only: freedom is the sum of what each
    environment tells, less what all of them do.

    Parameters
    ----------
    own : array of shape (E, k)
    covariance : array of shape (E, k, k)
        Singular where the environment cannot tell all coefficients, 0 for those that it cannot.
    freedom : array of shape (E,)
        Residual degrees of freedom behind each covariance.

    Returns
    -------
    float
        1 if no coefficient is told by two environments.
    """
    weights, estimable = pseudo_inverses(covariance)
    able = ranks(estimable) > 0
    own, weights, estimable, freedom = own[able], weights[able], estimable[able], freedom[able]
    inverse, common = pseudo_inverses(weights.sum(axis=0))
    f = float(ranks(estimable).sum() - ranks(common))
    if f < 1:
        return 1.0
    mean = inverse @ np.einsum("ejk,ek->j", weights, own)
    statistic = float(np.einsum("ej,ejk,ek->", own - mean, weights, own - mean))
    # M_e = Pi_e - T^-1 P_e with Pi_e the projector P_e^+ P_e: what environment e can tell
    spread = covariance[able] @ weights - inverse @ weights
    traces = np.einsum("ejj->e", spread)
    b1 = float((np.einsum("ejk,ekj->e", spread, spread) / freedom).sum())
    b2 = float((traces**2 / freedom).sum())
    correction, second = matched_f(f, 2 * b1, b2 + 2 * b1)
    return float(fdtrc(f, second, statistic / correction))
