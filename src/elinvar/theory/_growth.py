"""How fast a multiplicative amplitude grows when each step sees one environment."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._check import as_numbers, as_weights, check_number
from elinvar.errors import DataError

Floats = NDArray[np.float64]


def growth_exponent(
    eigenvalues: ArrayLike, step_size: float, weights: ArrayLike | None = None
) -> Any:
    r"""Return the growth exponent of a spurious direction under the paper's matrix step.

    .. math:: \gamma = E_e \log |1 + \eta s_e|

    The linearised step :math:`U \leftarrow U + \eta A^{(e)} U` multiplies the amplitude along a
    direction with the eigenvalue :math:`s_e` by :math:`1 + \eta s_e`. Below 0 it dies, though
    pooled steps, with the exponent :math:`\log(1 + \eta E s)`, may make it grow.

    Parameters
    ----------
    eigenvalues : array of shape (..., E)
        :math:`s_e`, one for each environment.
    step_size : float > 0
        :math:`\eta` of the matrix step; twice that of the gates.
    weights : array of shape (E,), optional
        How often an environment is drawn; equally often if not given.

    Returns
    -------
    float or array of shape (...)
        Per step; minus infinity where a step multiplies by 0.

    Raises
    ------
    DataError
        If an argument is not finite, negative where it must not be, or of another shape.

    References
    ----------
    The step: Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A
    Study of Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, Algorithm 1. The
    exponent is an own derivation, docs/theory.md.

    Examples
    --------
    >>> from elinvar.theory import growth_exponent
    >>> round(growth_exponent([1 + 6, 1 - 6], step_size=0.1), 4)
    -0.0813
    """
    values, weights = checked(eigenvalues, weights)
    return _plain(mean_log(1.0 + positive("step_size", step_size) * values, weights))


def gate_growth_exponent(
    slopes: ArrayLike, step_size: float, gain: float = 1.0, weights: ArrayLike | None = None
) -> Any:
    r"""Return the growth exponent of a closed pair of gates: the faster one of u and v.

    .. math::

        \gamma = \max_{\pm} E_e \log |1 \pm 2 \eta s_e^\kappa|, \qquad
        s_e^\kappa = \bar s + \kappa (s_e - \bar s)

    A closed gate of a feature whose marginal slope in e is :math:`s_e` sees the gradient
    :math:`-s_e`. The feature stays out if both gates shrink.

    Parameters
    ----------
    slopes : array of shape (..., E)
        The target's slope on the feature in each environment, both standardised.
    step_size : float > 0
        :math:`\eta` of the gates' step.
    gain : float >= 0
        :math:`\kappa`; 1 is the paper's step.
    weights : array of shape (E,), optional
        How often an environment is drawn; equally often if not given.

    Returns
    -------
    float or array of shape (...)
        Per step, at least minus infinity.

    Raises
    ------
    DataError
        If an argument is not finite, negative where it must not be, or of another shape.

    References
    ----------
    Own derivation, docs/theory.md.

    Examples
    --------
    >>> from elinvar.theory import gate_growth_exponent
    >>> slopes = [0.4, 0.8]                             # one sign: plain steps cannot suppress it
    >>> round(gate_growth_exponent(slopes, 0.25), 3)
    0.259
    >>> round(gate_growth_exponent(slopes, 0.25, gain=10.0), 3)
    -0.186
    """
    values, weights = checked(slopes, weights)
    step = 2.0 * positive("step_size", step_size)
    pull = step * extrapolated(values, weights, gain)
    return _plain(np.maximum(mean_log(1.0 + pull, weights), mean_log(1.0 - pull, weights)))


def critical_heterogeneity(step_size: float, mean: float = 1.0) -> float:
    r"""Return the spread beyond which a spurious direction dies under the matrix step.

    .. math:: M^2 = \mu^2 + 2 \mu / \eta

    for two equally likely eigenvalues :math:`\mu \pm M`: the lower line of the window
    :math:`\mu^2 + 2 \mu / \eta < M^2 < (\mu + 1/\eta)^2 + 1/\eta^2` in which
    :math:`\gamma = \tfrac12 \log |(1 + \eta \mu)^2 - \eta^2 M^2|` is negative.

    Parameters
    ----------
    step_size : float > 0
        :math:`\eta` of the matrix step; twice that of the gates.
    mean : float >= 0
        :math:`\mu`.

    Returns
    -------
    float
        M.

    Raises
    ------
    DataError
        If an argument is not finite, or out of its range.

    References
    ----------
    Own derivation, docs/theory.md.

    Examples
    --------
    >>> from elinvar.theory import critical_heterogeneity
    >>> round(critical_heterogeneity(step_size=0.1), 2)
    4.58
    """
    check_number("mean", mean, least=0.0)
    return float(np.sqrt(mean**2 + 2.0 * mean / positive("step_size", step_size)))


def mean_log(factors: Floats, weights: Floats) -> Floats:
    """Return E log|factor| over the last axis, minus infinity at a factor of 0."""
    with np.errstate(divide="ignore"):
        logarithm = np.log(np.abs(factors))
    mean: Floats = (weights * np.where(weights > 0, logarithm, 0.0)).sum(-1)
    return mean


def extrapolated(values: Floats, weights: Floats, gain: float) -> Floats:
    """Return the mean plus ``gain`` times the deviations from it."""
    check_number("gain", gain, least=0.0)
    mean = (values @ weights)[..., None]
    return np.asarray(mean + gain * (values - mean))


def checked(values: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats]:
    """Return finite values (..., E), with weights (E,) that sum to one.

    Raises
    ------
    DataError
        If they are not finite, or the weights are negative or too few.
    """
    array = as_numbers("values", values)
    if array.ndim == 0 or array.shape[-1] == 0 or not np.isfinite(array).all():
        raise DataError("One finite number for each environment is needed, along the last axis.")
    n_environments = array.shape[-1]
    if weights is None:
        return array, np.full(n_environments, 1.0 / n_environments)
    return array, as_weights("weights", weights, n_environments)


def positive(name: str, value: float) -> float:
    """Return ``value`` as a float.

    Raises
    ------
    DataError
        If it is not a finite number above 0.
    """
    check_number(name, value, least=0.0, above=True)
    return float(value)


def _plain(values: Floats) -> Any:
    return float(values) if values.ndim == 0 else values
