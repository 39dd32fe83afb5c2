"""How bursty a dying amplitude is: the power of its tail."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elinvar.theory._growth import Floats, checked, mean_log, positive

_HALVINGS = 60
_LARGEST = 200.0


def burst_exponent(
    eigenvalues: ArrayLike, step_size: float, weights: ArrayLike | None = None
) -> Any:
    r"""Return the tail exponent of a spurious amplitude that dies on average.

    .. math:: \nu > 0: \qquad E_e |1 + \eta s_e|^\nu = 1

    From the amplitude a, a direction with a negative growth exponent ever climbs to L with a
    probability of at most :math:`(a / L)^\nu`. Fed by noise, its stationary law has the tail
    :math:`P(|u| > L) \sim C L^{-\nu}`. So :math:`\nu` says how close to the line one can measure:
    below 1, the mean of the linear amplitude is infinite, and last iterates and time averages are
    ruled by single bursts.

    Parameters
    ----------
    eigenvalues : array of shape (..., E)
        :math:`s_e`, one for each environment. For the amplitude that noise feeds, which lies in
        the columns of U that hold an invariant eigenvalue sigma, pass :math:`s_e - \sigma`.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    weights : array of shape (E,), optional
        How often an environment is drawn; equally often if not given.

    Returns
    -------
    float or array of shape (...)
        0 where the growth exponent is not negative; infinity where no step makes it grow.

    Raises
    ------
    DataError
        If an argument is not finite, negative where it must not be, or of another shape.

    References
    ----------
    H. Kesten, "Random difference equations and renewal theory for products of random matrices",
    Acta Mathematica 131 (1973); the probability is Lundberg's inequality. Their use here is an
    own derivation, docs/theory-matrix.md, section 5.

    Examples
    --------
    >>> from elinvar.theory import burst_exponent
    >>> round(burst_exponent([1 + 5, 1 - 5], 0.1), 3), round(burst_exponent([7, -5], 0.1), 3)
    (0.17, 0.439)
    """
    values, weights = checked(eigenvalues, weights)
    factors = np.abs(1.0 + positive("step_size", step_size) * values)
    used = weights > 0
    with np.errstate(divide="ignore"):
        logarithm = np.log(factors[..., used])
    largest = logarithm.max(axis=-1)
    low, high = np.zeros(largest.shape), np.full(largest.shape, _LARGEST)
    # log E|f|^nu is convex in nu, 0 at 0 and falls there if the exponent is negative: it has one
    # more zero, which is bisected
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = _log_moment(logarithm, weights[used], middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    # at the upper end of the search nu is as good as infinite
    found = np.where((largest <= 0) | (low > 0.999 * _LARGEST), np.inf, low)
    found = np.where(mean_log(factors, weights) < 0, found, 0.0)
    return float(found) if found.ndim == 0 else found


def _log_moment(logarithm: Floats, weights: Floats, power: Floats) -> Floats:
    """Logarithm of E |factor|^power, safely."""
    with np.errstate(invalid="ignore"):
        exponent = np.where(np.isfinite(logarithm), power[..., None] * logarithm, -np.inf)
    top = np.maximum(exponent.max(axis=-1), -700.0)
    value: Floats = top + np.log(np.exp(exponent - top[..., None]) @ weights)
    return value
