r"""How large a difference between environments a test of equal effects can find.

An effect is drawn anew in every environment, :math:`b_e \sim N(\mu, v_e + \tau^2)` as estimated.
With weights :math:`w_e = 1 / v_e` the statistic :math:`Q = \sum w_e (b_e - \bar b)^2` is a
quadratic form with the matrix :math:`A = W - w w' / \sum w`, whose cumulants are polynomials in
:math:`\tau^2`:

.. math::

    \kappa_1 = f + \tau^2 t_1, \quad \kappa_2 = 2 (f + 2 \tau^2 t_1 + \tau^4 t_2), \quad
    \kappa_3 = 8 (f + 3 \tau^2 t_1 + 3 \tau^4 t_2 + \tau^6 t_3), \qquad t_k = \mathrm{tr} A^k .

A shifted chi-squared law with the same three cumulants stands for it: within two points at a power
of 80%, and up to seven points too optimistic above 90% if the :math:`v_e` differ by factors of 100.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, chdtri, fdtri

from elinvar.inference.problem._types import Floats

_NODES = 8
_HALVINGS = 28
# the search goes from 2^-8 to 2^24 times the sd at which the mean of Q has doubled
_REACH = (-8.0, 24.0)


@dataclass(frozen=True, kw_only=True)
class _Design:
    """Power sums of the weights and what is known of the test's denominator, shapes (F,)."""

    freedom: Floats
    traces: tuple[Floats, Floats, Floats]
    limit: Floats
    noise: Floats

    @classmethod
    def of(cls, variances: Floats, freedom: Floats, copies: Floats, level: float) -> "_Design":
        able = np.isfinite(variances) & (variances > 0) & (freedom >= 1)
        w = np.where(able, 1.0 / np.where(able, variances, 1.0), 0.0)
        w = w / np.maximum(w.max(axis=1, keepdims=True), 1e-300)
        s1, s2, s3, s4 = (copies * (w**k).sum(axis=1) for k in (1, 2, 3, 4))
        total = np.where(s1 > 0, s1, 1.0)
        f = copies * able.sum(axis=1) - 1.0
        f = np.where(f >= 1, f, np.nan)
        share = (1 - w / total[:, None]) ** 2 / np.where(able, freedom, np.inf)
        b = np.maximum(copies * share.sum(axis=1), 1e-300)
        # nu of Welch's law
        second = f * (f + 2) / (3 * b)
        nodes = (np.arange(_NODES) + 0.5) / _NODES
        return cls(
            freedom=f,
            # tr A^k of A = W - w w' / s_1 from the power sums s_k of the weights
            traces=(
                s1 - s2 / total,
                s2 - 2 * s3 / total + (s2 / total) ** 2,
                s3 - 3 * s4 / total + 3 * s2 * s3 / total**2 - (s2 / total) ** 3,
            ),
            limit=f * fdtri(f, second, 1 - level),
            # the denominator of F is averaged over its quantiles
            noise=chdtri(second[:, None], nodes) / second[:, None],
        )

    def power(self, spread: Floats) -> Floats:
        """Probability of finding a between-environment variance, in units of the smallest v."""
        f, (t1, t2, t3) = self.freedom, self.traces
        first = f + spread * t1
        second = 2 * (f + 2 * spread * t1 + spread**2 * t2)
        third = 8 * (f + 3 * spread * t1 + 3 * spread**2 * t2 + spread**3 * t3)
        # Hall, Buckley and Eagleson: nu = 8 k2^3 / k3^2, scale sqrt(k2 / 2 nu), shifted to mean k1
        nu = 8 * second**3 / third**2
        scale = np.sqrt(second / (2 * nu))
        point = (self.limit[:, None] * self.noise - first[:, None]) / scale[:, None] + nu[:, None]
        power: Floats = chdtrc(nu[:, None], np.maximum(point, 0.0)).mean(axis=1)
        return power


def heterogeneity_power(
    sd: Floats, variances: Floats, freedom: Floats, *, level: float = 0.05
) -> Floats:
    """Probability that Welch's test finds that effects differ between environments.

    Parameters
    ----------
    sd : array of shape (F,)
        Standard deviation of the effect between environments, the effects being normal.
    variances, freedom : array of shape (F, E)
        Sampling variances of the environments' own effects, and the degrees of freedom behind
        them. An environment counts where the variance is finite and positive.
    level : float in (0, 1)
        Level of the test.

    Returns
    -------
    array of shape (F,)
        NaN where fewer than two environments count.

    References
    ----------
    The shifted chi-squared law: Hall (1983), Buckley and Eagleson (1988). The cumulants are an own
    derivation, docs/evidence.md.
    """
    variances = np.asarray(variances, dtype=np.float64)
    design = _Design.of(variances, freedom, np.ones(len(variances)), level)
    return design.power(np.asarray(sd) ** 2 / _smallest(variances, freedom))


def detectable_sd(
    variances: Floats,
    freedom: Floats,
    *,
    level: float = 0.05,
    power: float = 0.8,
    copies: Floats | float = 1.0,
) -> Floats:
    """Smallest between-environment sd of an effect that Welch's test finds with ``power``.

    Parameters
    ----------
    variances, freedom : array of shape (F, E)
        As in `heterogeneity_power`.
    level, power : float in (0, 1)
        Level of the test, and the probability of finding the difference.
    copies : float or array of shape (F,)
        How many environments there are like each one.

    Returns
    -------
    array of shape (F,)
        NaN where fewer than two environments count.
    """
    variances = np.asarray(variances, dtype=np.float64)
    many = np.broadcast_to(np.asarray(copies, dtype=np.float64), len(variances))
    design = _Design.of(variances, freedom, many, level)
    # the tau^2 at which the mean of Q, f + tau^2 t_1, has doubled
    unit = design.freedom / np.maximum(design.traces[0], 1e-300)
    low, high = (np.full(len(variances), end) for end in _REACH)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        # sizes are not known beforehand, so the exponent is halved
        found = design.power(unit * 4.0**middle) >= power
        low, high = np.where(found, low, middle), np.where(found, middle, high)
    sd: Floats = np.sqrt(unit * _smallest(variances, freedom)) * 2.0**high
    return np.where(np.isfinite(design.freedom), sd, np.nan)


def _smallest(variances: Floats, freedom: Floats) -> Floats:
    able = np.isfinite(variances) & (variances > 0) & (freedom >= 1)
    smallest = np.where(able, variances, np.inf).min(axis=1)
    return np.where(np.isfinite(smallest), smallest, 1.0)
