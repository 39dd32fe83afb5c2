"""Where the matrix step stays bounded, settles, and suppresses: its three limits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from elinvar.theory._growth import checked, positive


@dataclass(frozen=True, kw_only=True)
class StepLimits:
    """The largest steps at which invariant directions settle and spurious ones stay bounded.

    Attributes
    ----------
    settles : float
        Below it invariant directions converge: 1 / (curvature * largest eigenvalue). Up to twice
        that they stay bounded, but oscillate.
    bounded : float
        Below it no order of the environments can make a spurious direction diverge.

    Examples
    --------
    >>> print(StepLimits(settles=1.0, bounded=0.15))
    settles below 1, bounded below 0.15
    """

    settles: float
    bounded: float

    def __str__(self) -> str:
        return f"settles below {self.settles:.4g}, bounded below {self.bounded:.4g}"


def step_limits(
    invariant_eigenvalues: ArrayLike, spurious_eigenvalues: ArrayLike, curvature: float = 1.0
) -> StepLimits:
    r"""Return the limits of the step size in the paper's matrix step.

    .. math:: \eta c \sigma_{\max} < 1, \qquad
        \tfrac{4}{27} (1 + \eta c\, s_{\max})^3 < 2 + \eta c\, s_{\min}

    Parameters
    ----------
    invariant_eigenvalues : array of shape (r1,)
        Of A*.
    spurious_eigenvalues : array
        All eigenvalues that a spurious direction can have, in any environment.
    curvature : float > 0
        c of :math:`E[\langle X, R \rangle X] = c R`: 1 for Gaussian measurements.

    Returns
    -------
    StepLimits
        Infinite where nothing limits.

    Raises
    ------
    DataError
        If an argument is not finite, or out of its range.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 3.

    Examples
    --------
    >>> from elinvar.theory import step_limits
    >>> print(step_limits([1.0, 1.0], [7.0, -5.0]))
    settles below 1, bounded below 0.1485
    """
    sigma = float(checked(np.ravel(invariant_eigenvalues), None)[0].max())
    s = checked(np.ravel(spurious_eigenvalues), None)[0]
    c = positive("curvature", curvature)
    top, bottom = max(float(s.max()), 0.0), min(float(s.min()), 0.0)
    reach = max(top, -bottom)
    limit = np.inf
    if reach > 0:
        limit = brentq(lambda t: -_slack(t * top / reach, t * bottom / reach), 0.0, 4.0) / reach
    return StepLimits(settles=1 / sigma / c if sigma > 0 else float(np.inf), bounded=limit / c)


def bounded_slack(step_size: float, low: float, high: float) -> float:
    """Return the room to the line: above 0 no order of eigenvalues in [low, high] diverges."""
    return _slack(step_size * max(high, 0.0), step_size * min(low, 0.0))


def _slack(high: float, low: float) -> float:
    return float(2 + low - 4 / 27 * (1 + high) ** 3)
