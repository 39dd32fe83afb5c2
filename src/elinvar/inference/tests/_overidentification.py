"""Whether all environments agree on coefficients: laws of the statistic, a test of estimates."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.special import fdtrc, ndtri

from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks
from elinvar.inference.problem._types import Bools, Floats

Number = TypeVar("Number", float, Floats)

# as in the compiled kernels, `few_rows` and `settle`
_ROUGH = 0.1
ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class Law:
    """Statistics and the laws F(``first``, ``second``) that they are held against, (M,) each."""

    ratio: Floats
    first: Floats
    second: Floats

    @property
    def p_value(self) -> Floats:
        """Upper tails; 1 where there is nothing to test."""
        p_value: Floats = fdtrc(self.first, self.second, self.ratio)
        return p_value

    def replaced(self, rows: Bools, others: "Law") -> "Law":
        """Return the laws with others in the place of those of ``rows``."""
        found = Law(ratio=self.ratio.copy(), first=self.first.copy(), second=self.second.copy())
        found.ratio[rows], found.first[rows] = others.ratio, others.first
        found.second[rows] = others.second
        return found


def estimated_law(q: Floats, f: Floats, excess: Floats, half: Floats) -> Law:
    """Law of statistics whose weights are environments' own variances: `matched_f`."""
    safe = np.where(f > 0, f, 1.0)
    correction, second = matched_f(safe, excess, half)
    ratio = np.where(f > 0, np.maximum(q, 0.0) / correction, 0.0)
    return Law(ratio=ratio, first=safe, second=second)


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


def restricted_law(q: Floats, f: Floats, b1: Floats, b2: Floats, whole: Floats) -> Law:
    r"""Law of statistics whose weights are variances about the common fit.

    Given :math:`|y_e - X_e w|^2` the residuals of an environment are uniform on a sphere of
    :math:`m_e` dimensions, whatever its noise, and ``q`` is the square of their projection on f
    dimensions. With :math:`\sum_e m_e` = ``whole``, its mean is f and its variance
    :math:`2 f - 4 B_1 - 2 B_2`: ``q / whole`` has the law of Beta with these two moments, and
    the ratio of its parts that of F.

    Parameters
    ----------
    q, f, whole : arrays of shape (M,)
    b1, b2 : arrays of shape (M,)
        :math:`\sum \mathrm{tr}(M_e^2) / (m_e + 2)` and
        :math:`\sum (\mathrm{tr} M_e)^2 / (m_e + 2)`.

    References
    ----------
    Own derivation, see docs/theory.md, section 5. Where environments have one variance, the ratio
    is Chow's (1960).
    """
    tested = (f > 0) & (whole > f)
    f, whole = np.where(tested, f, 1.0), np.where(tested, whole, 2.0)
    variance = np.where(tested, 2 * f - 4 * b1 - 2 * b2, 1.0)
    # the two parameters of Beta add up to mean (whole - mean) / variance - 1
    both = np.maximum(f * (whole - f) / np.maximum(variance, 1e-12) - 1, 1e-3)
    first, second = 2 * both * f / whole, 2 * both * (1 - f / whole)
    part = np.clip(np.where(tested, q, 0.0) / whole, 0.0, 1 - 1e-15)
    return Law(ratio=part / (1 - part) * (second / first), first=first, second=second)


def few_rows(rank: Floats, freedom: Floats, f: Floats) -> Bools:
    """Whether ``estimated_law`` is too rough: ranks and freedoms (M, E), f (M,).

    What it leaves out of the mean, about sum 4 r_e / nu_e^2, comes to a tenth of the statistic's
    standard deviation.
    """
    left_out = (4 * rank / freedom**2).sum(axis=1)
    few: Bools = (f > 0) & (left_out > _ROUGH * np.sqrt(2 * np.maximum(f, 0.0)))
    return few


@dataclass(frozen=True, kw_only=True)
class Estimates:
    r"""Estimates of environments, M sets of k each, in the shape that sums need.

    Attributes
    ----------
    precision : array of shape (M, E, k, k)
        :math:`P_e`; singular where the environment cannot tell all of them.
    pull : array of shape (M, E, k)
        :math:`P_e w_e`.
    explained : array of shape (M, E)
        :math:`w_e' P_e w_e`.
    rank, freedom : arrays of shape (M, E)
        Of the precision, and the freedom of the variance behind it.
    noise : array of shape (M, E)
        That variance, up to one factor for all environments: says which are as noisy as others.
    """

    precision: Floats
    pull: Floats
    explained: Floats
    rank: Floats
    freedom: Floats
    noise: Floats

    def agreement(self) -> Law:
        """Hold their disagreement against its law, (M,)."""
        f = self.rank.sum(axis=1) - ranks(pseudo_inverses(self.precision.sum(axis=1))[1])
        lost, first, second = self._common_fit(np.ones_like(self.noise))
        b1, b2 = self._spread(first, second, self.freedom)
        law = estimated_law(lost.sum(axis=1), f, 2 * b1, b2 + 2 * b1)
        few = few_rows(self.rank, self.freedom, f)
        if few.any():
            rough = Estimates(**{name: getattr(self, name)[few] for name in self.__annotations__})
            law = law.replaced(few, rough._settled(f[few]))
        return law

    def _settled(self, f: Floats) -> Law:
        """Law with environments weighed by their residuals about the common fit."""
        weight = self.noise
        for _ in range(ROUNDS):
            lost, first, _ = self._common_fit(weight)
            # |y_e - X_e w|^2 = s_e^2 (nu_e + what the common fit loses)
            weight = (self.freedom + self.rank - first) / (self.freedom + lost)
        lost, first, second = self._common_fit(weight)
        b1, b2 = self._spread(first, second, self.freedom + self.rank - first + 2)
        q = (weight * lost).sum(axis=1)
        whole = ((self.rank > 0) * weight * (self.freedom + lost)).sum(axis=1)
        return restricted_law(q, f, b1, b2, whole)

    def _common_fit(self, weight: Floats) -> tuple[Floats, Floats, Floats]:
        """Return what the common fit loses in each environment, tr K_e and tr K_e^2, (M, E)."""
        weighed = weight[..., None, None] * self.precision
        inverse = pseudo_inverses(weighed.sum(axis=1))[0]
        common = np.einsum("mjk,me,mek->mj", inverse, weight, self.pull)
        fitted = np.einsum("mejk,mk->mej", self.precision, common)
        lost = self.explained + np.einsum("mj,mej->me", common, fitted - 2 * self.pull)
        # K_e = T^-1 P_e
        part = inverse[:, None] @ weighed
        first, second = np.einsum("mejj->me", part), np.einsum("mejk,mekj->me", part, part)
        return np.maximum(lost, 0.0), first, second

    def _spread(self, first: Floats, second: Floats, freedom: Floats) -> tuple[Floats, Floats]:
        """B1 and B2, from tr M_e^2 = r_e - 2 tr K_e + tr K_e^2 and tr M_e = r_e - tr K_e."""
        b1 = ((self.rank - 2 * first + second) / freedom).sum(axis=1)
        b2 = ((self.rank - first) ** 2 / freedom).sum(axis=1)
        return b1, b2


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
    precision, estimable = pseudo_inverses(covariance)
    able = (ranks(estimable) > 0) & (freedom > 0)
    own, precision, rank = own[able], precision[able], ranks(estimable[able])
    # about their mean, so that the digits that differ are kept
    total = pseudo_inverses(precision.sum(axis=0))[0]
    own = own - total @ np.einsum("ejk,ek->j", precision, own)
    pull = np.einsum("ejk,ek->ej", precision, own)
    estimates = Estimates(
        precision=precision[None],
        pull=pull[None],
        explained=np.einsum("ej,ej->e", own, pull)[None],
        rank=rank[None],
        freedom=freedom[able][None],
        noise=np.ones((1, len(own))),
    )
    return float(estimates.agreement().p_value[0])
