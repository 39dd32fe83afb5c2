r"""Growth under whole laws of the spurious eigenvalue: two values, uniform, normal, a list.

An eigenvalue is :math:`s = \mu + M \delta` with the heterogeneity M and a standard deviate
:math:`\delta`: :math:`\pm 1`, uniform on [-1, 1], standard normal, or one of a given list.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import gammaln, polygamma, psi

from elinvar._base._check import check_number
from elinvar.errors import DataError
from elinvar.theory._growth import Floats, checked, critical_heterogeneity, positive
from elinvar.theory._results import GrowthExponent, Window

Law = Literal["two_point", "uniform", "gaussian"]

# below this ratio of the half-width to the middle, expansions are better than differences
_NARROW = 0.02
_GRID = 600
_NOWHERE = Window(low=np.nan, high=np.nan)


def law_growth_exponent(
    heterogeneity: float, step_size: float, *, law: Law | ArrayLike = "two_point", mean: float = 1.0
) -> GrowthExponent:
    r"""Return the growth exponent of a spurious direction for a law of its eigenvalue.

    .. math:: \gamma = E \log |1 + \eta (\mu + M \delta)|

    With :math:`c = 1 + \eta\mu`, :math:`h = \eta M`: uniform,
    :math:`\gamma = [x \log|x| - x]_{c-h}^{c+h} / (2h)`; normal,
    :math:`\gamma = \log h + \tfrac12 \log 2 + \tfrac12 \sum_j p_j \psi(j + \tfrac12)` with Poisson
    weights :math:`p_j` of mean :math:`c^2 / (2 h^2)`, since :math:`(\delta + c/h)^2` is a
    noncentral chi-squared.

    Parameters
    ----------
    heterogeneity : float >= 0
        M: half the distance of the two values, the half-width, the standard deviation, or what
        multiplies the list.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    law : {"two_point", "uniform", "gaussian"} or array of shape (E,)
        Law of :math:`\delta`; an array lists equally likely values.
    mean : float
        :math:`\mu`.

    Returns
    -------
    GrowthExponent
        With the standard deviation of :math:`\log |1 + \eta s|` as its spread.

    Raises
    ------
    DataError
        If an argument is not finite, out of its range, or the law is unknown.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 2.

    Examples
    --------
    >>> from elinvar.theory import law_growth_exponent
    >>> print(law_growth_exponent(6, 0.1))
    -0.0813 a step (spread 0.61)
    >>> print(law_growth_exponent(6, 0.1, law="gaussian"))
    -0.101 a step (spread 0.81)
    """
    check_number("mean", mean)
    check_number("heterogeneity", heterogeneity, least=0.0)
    centre = 1.0 + positive("step_size", step_size) * mean
    half = float(step_size * heterogeneity)
    exponent, variance = _moments(law, centre, half)
    return GrowthExponent(exponent=exponent, spread=float(np.sqrt(variance)))


def heterogeneity_window(
    step_size: float, *, law: Law | ArrayLike = "two_point", mean: float = 1.0
) -> Window:
    r"""Return the heterogeneities at which a spurious direction dies under the matrix step.

    The first stretch of M with a negative growth exponent. Its lower end is the critical
    heterogeneity. For two values it is :math:`\mu^2 + 2\mu/\eta < M^2 < (\mu + 1/\eta)^2 +
    1/\eta^2`; a uniform law can only outweigh :math:`1 + \eta\mu < 1.509`, a normal one 1.278.

    Parameters
    ----------
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    law : {"two_point", "uniform", "gaussian"} or array of shape (E,)
        Law of the deviations, as in `law_growth_exponent`.
    mean : float >= 0
        :math:`\mu`.

    Returns
    -------
    Window
        Empty, NaN at both ends, if no heterogeneity suffices.

    Raises
    ------
    DataError
        If an argument is not finite, out of its range, or the law is unknown.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 3.

    Examples
    --------
    >>> from elinvar.theory import heterogeneity_window
    >>> print(heterogeneity_window(0.1))
    4.583 to 14.87
    >>> print(heterogeneity_window(0.1, law="uniform"))
    7.623 to 24.48
    """
    step, low = positive("step_size", step_size), critical_heterogeneity(step_size, mean)
    centre = 1.0 + step * mean
    if isinstance(law, str) and law == "two_point":
        return Window(low=low, high=float(np.hypot(centre, 1.0) / step))
    return _first_negative(lambda m: _moments(law, centre, step * m)[0], centre / step)


def step_window(
    heterogeneity: float, *, law: Law | ArrayLike = "two_point", mean: float = 1.0
) -> Window:
    r"""Return the step sizes at which a spurious direction dies under the matrix step.

    The first stretch of :math:`\eta` with a negative growth exponent. Its lower end is the
    critical step size. For two values and :math:`M > |\mu|` it is :math:`2\mu/(M^2 - \mu^2) < \eta
    < 2/(\sqrt{2M^2 - \mu^2} - \mu)`.

    Parameters
    ----------
    heterogeneity : float >= 0
        M.
    law : {"two_point", "uniform", "gaussian"} or array of shape (E,)
        Law of the deviations, as in `law_growth_exponent`.
    mean : float >= 0
        :math:`\mu`.

    Returns
    -------
    Window
        Empty, NaN at both ends, if no step size suffices. Divide by the curvature of the
        measurements if it is not 1.

    Raises
    ------
    DataError
        If an argument is not finite, out of its range, or the law is unknown.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 3.

    Examples
    --------
    >>> from elinvar.theory import step_window
    >>> print(step_window(6))
    0.05714 to 0.2693
    """
    check_number("heterogeneity", heterogeneity, least=0.0)
    check_number("mean", mean, least=0.0)
    wide = float(heterogeneity)
    if isinstance(law, str) and law == "two_point":
        if wide <= mean:
            return _NOWHERE
        root = float(np.sqrt(2 * wide**2 - mean**2))
        return Window(low=2 * mean / (wide**2 - mean**2), high=2 / (root - mean))
    if wide == 0:
        return _NOWHERE
    return _first_negative(lambda eta: _moments(law, 1 + eta * mean, eta * wide)[0], 1 / wide)


def _moments(law: Law | ArrayLike, centre: float, half: float) -> tuple[float, float]:
    """Mean and variance of log|centre + half * deviate|."""
    if isinstance(law, str):
        if law not in _STANDARD:
            raise DataError(f"law must be two_point, uniform, gaussian or an array; got {law!r}.")
        return _STANDARD[law](centre, half)
    deviations, _ = checked(law, None)
    return _discrete(centre + half * deviations)


def _discrete(factors: Floats) -> tuple[float, float]:
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log(np.abs(factors))
        return float(logarithm.mean()), float(logarithm.var())


def _two_point(centre: float, half: float) -> tuple[float, float]:
    return _discrete(np.array([centre - half, centre + half]))


def _uniform(centre: float, half: float) -> tuple[float, float]:
    if half <= _NARROW * abs(centre):
        # log|c| + E log(1 + t d), t = h / c, to the sixth power: E d^2k = 1 / (2k + 1)
        t = half / centre
        exponent = np.log(abs(centre)) - t**2 / 6 - t**4 / 20 - t**6 / 42
        return float(exponent), t**2 / 3 + 7 * t**4 / 45
    # integrals of log x and log^2 x over [c - h, c + h]: x (log x - 1), x (log^2 x - 2 log x + 2)
    ends = np.array([centre - half, centre + half])
    logarithm = np.log(np.maximum(np.abs(ends), 1e-300))
    first = np.diff(ends * (logarithm - 1))[0] / (2 * half)
    second = np.diff(ends * (logarithm**2 - 2 * logarithm + 2))[0] / (2 * half)
    return float(first), float(second - first**2)


def _gaussian(centre: float, half: float) -> tuple[float, float]:
    if half <= _NARROW * abs(centre):
        # the same with E d^2k = (2k - 1)!!
        t = half / centre
        exponent = np.log(abs(centre)) - t**2 / 2 - 3 * t**4 / 4 - 5 * t**6 / 2
        return float(exponent), t**2 + 5 * t**4 / 2 + 32 * t**6 / 3
    # (d + c/h)^2 is noncentral chi-squared: a chi-squared of 1 + 2j degrees, j Poisson of this mean
    mean = 0.5 * (centre / half) ** 2
    width = 12 * np.sqrt(mean) + 40
    j = np.arange(max(0, int(mean - width)), int(mean + width) + 1, dtype=np.float64)
    weight = np.exp(j * np.log(max(mean, 1e-300)) - mean - gammaln(j + 1))
    first = weight @ psi(j + 0.5)
    second = weight @ (polygamma(1, j + 0.5) + psi(j + 0.5) ** 2)
    exponent = np.log(half) + 0.5 * (np.log(2) + first)
    return float(exponent), float(second - first**2) / 4


_STANDARD: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "two_point": _two_point,
    "uniform": _uniform,
    "gaussian": _gaussian,
}


def _first_negative(exponent: Callable[[float], float], scale: float) -> Window:
    """First stretch of t > 0 with a negative exponent, on a fine geometric grid, ends refined."""
    grid = abs(scale) * np.geomspace(1e-4, 1e4, _GRID)
    values = np.array([exponent(t) for t in grid])
    negative = np.nonzero(values < 0)[0]
    if not len(negative):
        return _NOWHERE
    first = int(negative[0])
    last = first + int(np.argmax(values[first:] >= 0))

    def end(i: int) -> float:
        return float(brentq(lambda t: max(exponent(t), -700.0), grid[i - 1], grid[i]))

    low = end(first) if first else 0.0
    return Window(low=low, high=end(last) if last > first else float(np.inf))
