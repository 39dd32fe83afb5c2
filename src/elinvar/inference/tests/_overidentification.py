"""The overidentification test: whether all environments agree on a support's coefficients."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, ndtri

from elinvar.inference.problem._linear import Floats, LinearProblem

Masks = NDArray[np.bool_]
Number = TypeVar("Number", float, Floats)


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """Candidate supports, row by row, with their test and fit.

    Attributes
    ----------
    masks : boolean array of shape (M, n_gates)
    coef : array of shape (M, q)
        Efficient refit: precision-weighted over environments, standardised.
    p_value : array of shape (M,)
        Of the overidentification test; NaN where the support cannot be fitted or was not tested.
    statistic, freedom : array of shape (M,)
        Q f / c, to be held against chi-squared with ``freedom`` degrees of freedom; infinity where
        p is NaN.
    residual_freedom : array of shape (M,)
        Denominator of the F law of Q / c; infinity where nothing is tested.
    risk : array of shape (M,)
        Weighted mean squared error over environments, standardised target.
    worst : array of shape (M,)
        Largest mean squared error in any one environment.
    weakest : array of shape (M,)
        Smallest (t / min_t)^2 over the gates that may be closed; infinity if there are none.
    """

    masks: Masks
    coef: Floats
    p_value: Floats
    statistic: Floats
    freedom: Floats
    residual_freedom: Floats
    risk: Floats
    worst: Floats
    weakest: Floats

    def take(self, rows: NDArray[np.intp] | Masks) -> "Assessment":
        """Rows of the table, in the order asked for."""
        return Assessment(**{name: getattr(self, name)[rows] for name in self.__annotations__})


def assess(problem: LinearProblem, masks: Masks, *, thorough: bool = True) -> Assessment:
    r"""Test and refit every support in ``masks``.

    For a support of k columns (a shared intercept included), per-environment least squares
    :math:`w_e`, noise :math:`\sigma_e^2` with divisor :math:`\nu_e = n_e - k` (less 1 where each
    environment has its own intercept, which is not tested), precision
    :math:`P_e = n_e G_e / \sigma_e^2`, :math:`T = \sum P_e`, :math:`w = T^{-1} \sum P_e w_e`,

    .. math:: Q = \sum_e (w_e - w)' P_e (w_e - w), \qquad f = (E - 1) k.

    With :math:`M_e = \Pi_e - T^{-1} P_e` (:math:`\Pi_e` the identity, or the projector on what
    environment e can tell where columns are collinear there; f and :math:`\nu_e` count ranks
    accordingly),
    :math:`B_1 = \sum \mathrm{tr}(M_e^2) / \nu_e`, :math:`B_2 = \sum (\mathrm{tr} M_e)^2 / \nu_e`,
    Q/c is referred to :math:`F(f, \nu)` with :math:`c = f + 2 B_1 - 2 (B_2 + 2 B_1) / (f + 2)` and
    :math:`\nu = f (f + 2) / (B_2 + 2 B_1)`.

    Parameters
    ----------
    problem : LinearProblem
    masks : boolean array of shape (M, n_gates)
    thorough : bool
        Whether to test supports with a gate that is not needed (``weakest`` below 1), too.

    References
    ----------
    Chow (1960) and Hansen (1982) for the test; Welch (1951) for the correction when the support is
    empty; its general form and the ranks are our own derivation, see docs/theory.md. Valid if the
    noise variance does not depend on the features within an environment.
    """
    from elinvar.inference.kernels._support import evaluate_many

    rows, coef = evaluate_many(
        problem.data, problem.column_masks(masks), problem.tested, problem.needed, thorough
    )
    q, freedom, b1, b2, risk, worst, weakest = rows.T
    valid = np.isfinite(q)
    known = valid & ~np.isnan(b1)
    tested = known & (freedom > 0)
    safe = np.where(tested, freedom, 1.0)
    correction, second = matched_f(safe, 2 * b1, b2 + 2 * b1)
    ratio = np.where(tested, q / correction, 0.0)
    p_value = np.where(known, 1.0, np.nan)
    p_value[tested] = fdtrc(safe[tested], second[tested], ratio[tested])
    return Assessment(
        masks=masks,
        coef=coef,
        p_value=p_value,
        statistic=np.where(known, ratio * safe, np.inf),
        freedom=safe,
        residual_freedom=np.where(tested, second, np.inf),
        risk=np.where(valid, risk, np.inf),
        worst=np.where(valid, worst, np.inf),
        weakest=weakest,
    )


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
    excess = np.maximum(statistic - freedom, 0.0)
    z = float(ndtri(confidence))
    limit: Floats = excess + z**2 + z * np.sqrt(2 * freedom + 4 * excess + z**2)
    return limit
