r"""Growth under whole laws of the spurious eigenvalue: two values, uniform, cosine, normal, a list.

An eigenvalue is :math:`s = \mu + M \delta` with the heterogeneity M and a standard deviate
:math:`\delta`: :math:`\pm 1`, uniform on [-1, 1], the cosine of a uniform angle, standard normal,
or one of a given list.
"""

from collections.abc import Callable, Iterator
from itertools import count, islice, starmap
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import gammaln, polygamma, psi, spence

from elinvar._base._check import check_count, check_number
from elinvar.errors import DataError
from elinvar.theory._growth import Floats, checked, critical_heterogeneity, positive
from elinvar.theory._results import GrowthExponent, Window

Law = Literal["two_point", "uniform", "cosine", "gaussian"]
# mean and variance of log|centre + half * deviate|
Moments = Callable[[float, float], tuple[float, float]]

# below this ratio of the half-width to the middle, expansions are better than differences
_NARROW = 0.02
_GRID = 600
_MOST_SUMS = 2**22
_NOWHERE = Window(low=np.nan, high=np.nan)


def law_growth_exponent(
    heterogeneity: float,
    step_size: float,
    *,
    law: Law | ArrayLike = "two_point",
    weights: ArrayLike | None = None,
    mean: float = 1.0,
    environments: int = 1,
) -> GrowthExponent:
    r"""Return the growth exponent of a spurious direction for a law of its eigenvalue.

    .. math:: \gamma = E \log |1 + \eta (\mu + M \delta)|

    With :math:`c = 1 + \eta\mu`, :math:`h = \eta M`: uniform,
    :math:`\gamma = [x \log|x| - x]_{c-h}^{c+h} / (2h)`; cosine,
    :math:`\gamma = \log \tfrac12 (c + \sqrt{c^2 - h^2})` up to :math:`h = c` and
    :math:`\log(h/2)` beyond; normal,
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
    law : {"two_point", "uniform", "cosine", "gaussian"} or array of shape (E,)
        Law of :math:`\delta`; an array lists its values.
    weights : array of shape (E,), optional
        How often each value of a list is drawn; equally often if not given.
    mean : float
        :math:`\mu`.
    environments : int >= 1
        Environments drawn anew for a batch, in equal shares: the step then sees the mean of so many
        :math:`s`. More than one for two values, a normal law and a list.

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
    Own derivation, docs/theory-matrix.md, sections 2 and 10.

    Examples
    --------
    >>> from elinvar.theory import law_growth_exponent
    >>> print(law_growth_exponent(6, 0.1))
    -0.0813 a step (spread 0.61)
    >>> print(law_growth_exponent(6, 0.1, environments=2))
    0.00703 a step (spread 0.44)
    >>> print(law_growth_exponent(6, 0.1, law="gaussian"))
    -0.101 a step (spread 0.81)
    """
    check_number("mean", mean)
    check_number("heterogeneity", heterogeneity, least=0.0)
    centre = 1.0 + positive("step_size", step_size) * mean
    half = float(step_size * heterogeneity)
    exponent, variance = _moments_of(law, weights, environments)(centre, half)
    return GrowthExponent(exponent=exponent, spread=float(np.sqrt(variance)))


def heterogeneity_window(
    step_size: float,
    *,
    law: Law | ArrayLike = "two_point",
    weights: ArrayLike | None = None,
    mean: float = 1.0,
    environments: int = 1,
) -> Window:
    r"""Return the heterogeneities at which a spurious direction dies under the matrix step.

    The first stretch of M with a negative growth exponent. Its lower end is the critical
    heterogeneity. For two values it is :math:`\mu^2 + 2\mu/\eta < M^2 < (\mu + 1/\eta)^2 +
    1/\eta^2`; for a cosine :math:`2\sqrt{\mu/\eta} < M < 2/\eta`. A uniform law can only outweigh
    :math:`1 + \eta\mu < 1.509`, a normal one 1.278, a cosine 2.

    Parameters
    ----------
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    law : {"two_point", "uniform", "cosine", "gaussian"} or array of shape (E,)
        Law of the deviations, as in `law_growth_exponent`.
    weights : array of shape (E,), optional
        Of the values of a list.
    mean : float >= 0
        :math:`\mu`.
    environments : int >= 1
        Environments drawn anew for a batch, as in `law_growth_exponent`.

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
    moments = _moments_of(law, weights, environments)
    if moments is _two_point:
        return Window(low=low, high=float(np.hypot(centre, 1.0) / step))
    if moments is _cosine:
        if centre >= 2:
            return _NOWHERE
        return Window(low=float(2 * np.sqrt(mean / step)), high=2 / step)
    return _first_negative(lambda m: moments(centre, step * m)[0], centre / step)


def step_window(
    heterogeneity: float,
    *,
    law: Law | ArrayLike = "two_point",
    weights: ArrayLike | None = None,
    mean: float = 1.0,
    environments: int = 1,
) -> Window:
    r"""Return the step sizes at which a spurious direction dies under the matrix step.

    The first stretch of :math:`\eta` with a negative growth exponent. Its lower end is the
    critical step size. For two values and :math:`M > |\mu|` it is :math:`2\mu/(M^2 - \mu^2) < \eta
    < 2/(\sqrt{2M^2 - \mu^2} - \mu)`, for a cosine and :math:`M > 2\mu` it is :math:`4\mu/M^2 < \eta
    < 2/M`.

    Parameters
    ----------
    heterogeneity : float >= 0
        M.
    law : {"two_point", "uniform", "cosine", "gaussian"} or array of shape (E,)
        Law of the deviations, as in `law_growth_exponent`.
    weights : array of shape (E,), optional
        Of the values of a list.
    mean : float >= 0
        :math:`\mu`.
    environments : int >= 1
        Environments drawn anew for a batch, as in `law_growth_exponent`.

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
    moments = _moments_of(law, weights, environments)
    if moments is _two_point:
        if wide <= mean:
            return _NOWHERE
        root = float(np.sqrt(2 * wide**2 - mean**2))
        return Window(low=2 * mean / (wide**2 - mean**2), high=2 / (root - mean))
    if wide == 0 or (moments is _cosine and wide <= 2 * mean):
        return _NOWHERE
    if moments is _cosine:
        return Window(low=4 * mean / wide**2, high=2 / wide)
    return _first_negative(lambda eta: moments(1 + eta * mean, eta * wide)[0], 1 / wide)


def _moments_of(law: Law | ArrayLike, weights: ArrayLike | None, environments: int) -> Moments:
    """Return the function of centre and half-width, for batches of so many environments."""
    check_count("environments", environments)
    if not isinstance(law, str):
        means = _means_of_draws(*checked(law, weights))
        return _listed(*next(islice(means, environments - 1, None)))
    if law not in _STANDARD:
        known = "two_point, uniform, cosine, gaussian or an array"
        raise DataError(f"law must be {known}; got {law!r}.")
    if weights is not None:
        raise DataError(f"weights are those of a list of values; with law={law!r} leave them out.")
    if environments == 1:
        return _STANDARD[law]
    if law == "gaussian":
        # the mean of b normal deviates is normal
        return lambda centre, half: _gaussian(centre, half / np.sqrt(environments))
    if law == "two_point":
        # the mean of b signs is binomial
        b, ups = environments, np.arange(environments + 1)
        chance = np.exp(gammaln(b + 1) - gammaln(ups + 1) - gammaln(b - ups + 1) - b * np.log(2))
        return _listed(2 * ups / b - 1, chance / chance.sum())
    raise DataError(
        f"Of the mean of {environments} environments with law={law!r} no closed form is known; "
        "give a list of values."
    )


def moments_by_count(law: Law | ArrayLike, weights: ArrayLike | None) -> Iterator[Moments]:
    """Yield the functions of centre and half-width for batches of 1, 2, 3, ... environments."""
    if isinstance(law, str):
        yield from (_moments_of(law, weights, environments) for environments in count(1))
    else:
        yield from starmap(_listed, _means_of_draws(*checked(law, weights)))


def _means_of_draws(values: Floats, weights: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield values and weights of the mean of 1, 2, 3, ... independent draws."""
    total: Floats = np.zeros(1)
    chance: Floats = np.ones(1)
    for environments in count(1):
        sums = (total[:, None] + values).ravel()
        if sums.size > _MOST_SUMS:
            raise DataError(
                f"The mean of {environments} draws of {values.size} values takes too many values; "
                "give fewer of either."
            )
        # sums of the same draws in another order differ by rounding
        _, first, place = np.unique(sums.round(12), return_index=True, return_inverse=True)
        chance = np.bincount(place, np.outer(chance, weights).ravel()).astype(np.float64)
        total = sums[first]
        yield total / environments, chance


def _listed(values: Floats, weights: Floats) -> Moments:
    def moments(centre: float, half: float) -> tuple[float, float]:
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm = np.log(np.abs(centre + half * values))[weights > 0]
            first = float(weights[weights > 0] @ logarithm)
            return first, float(weights[weights > 0] @ (logarithm - first) ** 2)

    return moments


_two_point = _listed(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))


def _cosine(centre: float, half: float) -> tuple[float, float]:
    c, b = abs(centre), half
    if b <= c:
        # c + b cos x = K |1 + r e^ix|^2, and log|1 + r e^ix|^2 = -2 sum (-r)^k cos(kx) / k
        size = 0.5 * (c + np.sqrt((c - b) * (c + b)))
        r2 = (0.5 * b / size) ** 2
        return float(np.log(size)), float(2 * spence(1 - r2))
    # the same series with both roots on the unit circle, at the angles +-angle
    angle = float(np.arccos(c / b))
    return float(np.log(b / 2)), np.pi**2 / 3 - np.pi * angle + angle**2


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


_STANDARD: dict[str, Moments] = {
    "two_point": _two_point,
    "uniform": _uniform,
    "cosine": _cosine,
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
