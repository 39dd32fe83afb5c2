"""Growth under heavy-ball momentum: two steps deep, so a random product of 2 x 2 matrices."""

import numpy as np
from numpy.typing import ArrayLike

from elinvar.errors import DataError
from elinvar.theory._growth import checked, positive
from elinvar.theory._matrix import matrix_growth_exponent
from elinvar.theory._results import GrowthExponent


def momentum_growth_exponent(
    eigenvalues: ArrayLike,
    step_size: float,
    momentum: float,
    weights: ArrayLike | None = None,
    *,
    n_steps: int = 64_000,
    rng: np.random.Generator | int | None = 0,
) -> GrowthExponent:
    r"""Return the growth exponent of a spurious direction under heavy-ball momentum.

    .. math:: u_{t+1} = u_t + \beta (u_t - u_{t-1}) + \eta s_{e_t} u_t

    The top Lyapunov exponent of the random product of the companion matrices
    :math:`\begin{pmatrix} 1 + \beta + \eta s_e & -\beta \\ 1 & 0 \end{pmatrix}`.

    Parameters
    ----------
    eigenvalues : array of shape (E,)
        :math:`s_e`.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    momentum : float in [0, 1)
        :math:`\beta`; 0 is the plain step.
    weights : array of shape (E,), optional
        How often an environment is drawn; equally often if not given.
    n_steps : int
        Steps in total, over 64 chains.
    rng : Generator, int or None
        Source of randomness.

    Returns
    -------
    GrowthExponent
        Per step.

    Raises
    ------
    DataError
        If an argument is not finite, or out of its range.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 4.

    Examples
    --------
    >>> from elinvar.theory import momentum_growth_exponent
    >>> round(momentum_growth_exponent([7.0, -5.0], 0.05, momentum=0.5).exponent, 2)
    -0.04
    """
    values, weights = checked(np.ravel(np.asarray(eigenvalues, dtype=np.float64)), weights)
    if not 0 <= momentum < 1:
        raise DataError(f"momentum must lie in [0, 1); got {momentum!r}.")
    # (u_t+1, u_t) = C_e (u_t, u_t-1); the step of `matrix_growth_exponent` adds the identity
    companions = np.zeros((len(values), 2, 2))
    companions[:, 0, 0] = 1 + momentum + positive("step_size", step_size) * values
    companions[:, 0, 1] = -momentum
    companions[:, 1, 0] = 1
    return matrix_growth_exponent(companions - np.eye(2), 1.0, weights, n_steps=n_steps, rng=rng)
