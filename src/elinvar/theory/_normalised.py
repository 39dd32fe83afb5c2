"""What becomes of the growth exponent when an optimiser divides steps by the gradient's size."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from elinvar._base._check import as_numbers, check_number
from elinvar.errors import DataError


def critical_normalised_step(heterogeneity: ArrayLike, mean: float = 1.0) -> NDArray[np.float64]:
    r"""Return the step size from which normalised steps lose what is spurious.

    RMSprop steps by :math:`\eta\, g / \sqrt v`, v a running mean of :math:`g^2` that is long beside
    a burst. One spurious direction has :math:`g = (s_e - u^2) u` with :math:`s_e = \mu \pm M`, so
    that at an amplitude u it takes the plain step of size

    .. math:: h(u) = \frac{\eta}{\rho(u)}, \qquad \rho(u)^2 = u^2 (M^2 + a^2), \quad a = \mu - u^2 .

    There is no growth exponent any more, but one for each amplitude: near 0 the plain step grows
    without bound, and nothing dies. It falls where h(u) is above the critical step
    :math:`2a / (M^2 - a^2)` of the residual mean a. That keeps it from the pooled solution if it
    holds at every u below :math:`\sqrt\mu`:

    .. math:: \eta > \max_u \frac{2 a u \sqrt{M^2 + a^2}}{M^2 - a^2}
        \approx \frac{4}{3 \sqrt 3} \frac{\mu^{3/2}}{M} .

    Parameters
    ----------
    heterogeneity : array
        M, above the mean.
    mean : float > 0
        :math:`\mu`.

    Returns
    -------
    ndarray
        Of the shape of ``heterogeneity``. Own derivation: docs/theory-matrix.md, "Normalised
        steps". Where v forgets within a burst it takes larger steps, and momentum, which averages
        over environments, larger ones still.

    Raises
    ------
    DataError
        If a heterogeneity is not above the mean: then no step loses what is spurious.

    Examples
    --------
    >>> from elinvar.theory import critical_normalised_step
    >>> critical_normalised_step([6.0, 12.0]).round(3)
    array([0.131, 0.064])
    """
    check_number("mean", mean, least=0.0, above=True)
    values = as_numbers("heterogeneity", heterogeneity)
    if not (np.isfinite(values) & (values > mean)).all():
        raise DataError(
            f"heterogeneity must be finite, and above the mean of {mean:g}, or no step loses what "
            f"is spurious; got {values.tolist()}."
        )
    found = [_largest(float(M), float(mean)) for M in values.ravel()]
    return np.array(found, dtype=np.float64).reshape(values.shape)


def _largest(M: float, mean: float) -> float:
    def negative(u: float) -> float:
        a = mean - u * u
        return float(-2.0 * a * u * np.sqrt(M * M + a * a) / (M * M - a * a))

    return -float(minimize_scalar(negative, bounds=(0.0, np.sqrt(mean)), method="bounded").fun)
