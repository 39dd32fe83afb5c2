r"""What an angle between the invariant and the spurious subspace costs.

With the cosine :math:`\sin\theta` between a spurious direction and an invariant one of eigenvalue
:math:`\sigma`, the learned column of U gets the part :math:`y = \theta\sqrt\sigma\, z` along the
spurious direction, driven by the environments:

.. math:: z \leftarrow (1 + \eta (s_e - \sigma))\, z + \eta s_e

Derivation and checks are in docs/theory-matrix.md, section 15.
"""

import numpy as np
from numpy.typing import ArrayLike

from elinvar.theory._bursts import burst_exponent
from elinvar.theory._growth import checked, positive

# chains, steps of each, and steps between those that count: the median is known to within 1%
_CHAINS, _STEPS, _APART = 2000, 3000, 20


def tilt_response(
    values: ArrayLike,
    step_size: float,
    eigenvalue: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""Return c: the error that an angle leaves, over the angle, is :math:`\sqrt 2\, c`.

    The median size of z in the stationary state of

    .. math:: z \leftarrow (1 + \eta (s_e - \sigma))\, z + \eta s_e

    A* then has the off-diagonal entries :math:`\sigma\theta z`: its relative error is
    :math:`\sqrt 2\, c\, \theta`, times :math:`\sqrt{n / r_1}` if n of :math:`r_1` equal invariant
    directions are leant on, all by the same environments' signs.

    Parameters
    ----------
    values : array of shape (E,)
        Spurious eigenvalues :math:`s_e`.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    eigenvalue : float > 0
        :math:`\sigma`.
    weights : array of shape (E,), optional
        How often an environment is drawn; equally often if not given.

    Returns
    -------
    float
        Infinite where z has no stationary state.

    Raises
    ------
    DataError
        If an argument cannot be used.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 15.

    Examples
    --------
    >>> from elinvar.theory import tilt_response
    >>> round(tilt_response([7.0, -5.0], 0.1), 2)
    0.63
    """
    s, shares = checked(values, weights)
    h, sigma = positive("step_size", step_size), positive("eigenvalue", eigenvalue)
    if not burst_exponent(s - sigma, h, shares) > 0:
        return float(np.inf)
    rng, z, seen = np.random.default_rng(0), np.zeros(_CHAINS), []
    for step in range(_STEPS):
        drawn = s[rng.choice(len(s), _CHAINS, p=shares)]
        z = (1 + h * (drawn - sigma)) * z + h * drawn
        if step > _STEPS // 4 and step % _APART == 0:
            seen.append(np.abs(z))
    return float(np.median(seen))
