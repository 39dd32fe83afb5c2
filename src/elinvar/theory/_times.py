"""How many steps learning takes."""

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import as_numbers
from elinvar.errors import DataError
from elinvar.theory._growth import Floats, positive

# an amplitude this small against its goal grows by a constant factor to within rounding
_LINEAR = 1e-4
_ROUNDING = 1e-12
# eigenvalues that differ by less, as a share, count as equal
_EQUAL = 1e-6
# below this eta * sigma the step follows its differential equation
_SMOOTH = 1e-4


def escape_steps(
    eigenvalue: float, step_size: float, init_scale: float, *, share: float = 0.5
) -> float:
    r"""Return the steps until an eigenvalue is learned to a given share, from a small start.

    .. math:: u \leftarrow u (1 + \eta (\sigma - u^2)), \qquad u_0 = \alpha,
        \qquad u_T^2 \ge \text{share} \cdot \sigma

    The scalar recursion itself, which invariant directions follow exactly when U starts at
    :math:`\alpha I` and batches are infinite; about
    :math:`\log(\sqrt\sigma / \alpha) / \log(1 + \eta\sigma)`. From any other start
    :math:`\alpha` is what the direction has of its own, `start_amplitudes`. Under pooled steps
    spurious directions follow it with the mean eigenvalue.

    Parameters
    ----------
    eigenvalue : float
        :math:`\sigma`.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    init_scale : float >= 0
        :math:`\alpha`; from 0 nothing is ever learned.
    share : float in (0, 1)
        What share of the eigenvalue counts as learned.

    Returns
    -------
    float
        A whole number of steps; infinity if the eigenvalue is not positive, or the step so large
        that the iteration does not settle, :math:`\eta\sigma \ge 1`; 0 from a start beyond it.

    Raises
    ------
    DataError
        If an argument is not finite, or out of its range.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 6.

    Examples
    --------
    >>> from elinvar.theory import escape_steps
    >>> escape_steps(1.0, 0.1, 1e-3)
    72.0
    """
    eta = positive("step_size", step_size)
    alpha = 0.0 if init_scale == 0 else positive("init_scale", init_scale)
    if not (np.isfinite(eigenvalue) and 0 < share < 1):
        raise DataError(
            f"eigenvalue must be finite and share between 0 and 1; got {eigenvalue!r}, {share!r}."
        )
    pull, start = eta * eigenvalue, alpha**2 / eigenvalue if eigenvalue > 0 else 0.0
    if eigenvalue <= 0 or pull >= 1 or start == 0:
        return float(np.inf)
    if start >= share:
        return 0.0
    if pull < _SMOOTH:
        # the limit, d(x^2)/dt = 2 eta sigma x^2 (1 - x^2): the logistic curve
        odds = share / (1 - share) * (1 - start) / start
        return float(np.ceil(np.log(odds) / (2 * pull)))
    steps = max(0, int(np.log(_LINEAR * share**0.5 / start**0.5) / np.log1p(pull)))
    # x = u / sqrt(sigma): x <- x (1 + eta sigma (1 - x^2)); linear while x^2 is small
    x = start**0.5 * (1 + pull) ** steps
    while x * x < share:
        x *= 1 + pull * (1 - x * x)
        steps += 1
    return float(steps)


def convergence_steps(
    eigenvalue: float, step_size: float, init_scale: float, *, accuracy: float = 0.05
) -> float:
    r"""Return the steps until an eigenvalue is learned but for a small rest.

    :math:`|u_T^2 - \sigma| \le \text{accuracy} \cdot \sigma`, under the recursion of
    `escape_steps`: the rest falls by about :math:`1 - 2\eta\sigma` a step.

    Parameters
    ----------
    eigenvalue : float
        :math:`\sigma`.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    init_scale : float > 0
        :math:`\alpha`.
    accuracy : float in (0, 1)
        The rest that is allowed.

    Returns
    -------
    float
        A whole number of steps; infinity as in `escape_steps`.

    Raises
    ------
    DataError
        If an argument is not finite, or out of its range.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 6.

    Examples
    --------
    >>> from elinvar.theory import convergence_steps
    >>> convergence_steps(1.0, 0.1, 1e-3)
    86.0
    """
    if not 0 < accuracy < 1:
        raise DataError(f"accuracy must be between 0 and 1; got {accuracy!r}.")
    rising = escape_steps(eigenvalue, step_size, init_scale, share=1 - accuracy)
    pull = step_size * eigenvalue
    if not np.isfinite(rising) or init_scale**2 <= (1 + accuracy) * eigenvalue or pull < _SMOOTH:
        return rising
    # from above the recursion falls, by more than a factor only while it is far above
    x, steps = init_scale / eigenvalue**0.5, 0
    while abs(x * x - 1) > accuracy:
        x *= 1 + pull * (1 - x * x)
        steps += 1
        if not np.isfinite(x) or abs(x) > 1e6:
            return float(np.inf)
    return float(steps)


def start_amplitudes(start: ArrayLike, eigenvalues: ArrayLike) -> Floats:
    r"""Return what each invariant direction has of its own in the start of the factor.

    Rows of :math:`U^{*\top} U_0` that belong to larger eigenvalues are learned first and then keep
    their directions in the columns for themselves. What is left of a row beside them grows on; of
    equal eigenvalues, the singular values of what is left. So a direction is missed, and never
    learned without noise, if its row is a combination of those before it.

    Parameters
    ----------
    start : array of shape (r1, k)
        :math:`U^{*\top} U_0`.
    eigenvalues : array of shape (r1,)
        Of A*, positive.

    Returns
    -------
    ndarray of shape (r1,)
        A start for `escape_steps`, one for each eigenvalue, in their order; 0 if it is missed.

    Raises
    ------
    DataError
        If shapes do not fit, or a number is not finite or not positive.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 16.

    Examples
    --------
    >>> from elinvar.theory import start_amplitudes
    >>> start_amplitudes([[3.0, 4.0], [0.0, 1.0]], [2.0, 1.0])
    array([5. , 0.6])
    >>> start_amplitudes([[3.0], [1.0]], [2.0, 1.0])
    array([3., 0.])
    """
    B, sigma = as_numbers("start", start), as_numbers("eigenvalues", eigenvalues)
    if B.ndim != 2 or sigma.shape != (len(B),) or not (np.isfinite(B).all() and (sigma > 0).all()):
        raise DataError(
            f"start must be finite, (r1, k), with a positive eigenvalue for each of its rows; got "
            f"the shapes {B.shape} and {sigma.shape}."
        )
    amplitudes, left = np.zeros(len(sigma)), np.eye(B.shape[1])
    order = np.argsort(-sigma, kind="stable")
    # beside one another, and equal but for rounding: each in one group, whatever the units
    falls = np.flatnonzero(-np.diff(sigma[order]) > _EQUAL * sigma[order[:-1]]) + 1
    for group in np.split(order, falls):
        rows = B[group] @ left
        sizes, basis = np.linalg.svd(rows, full_matrices=False)[1:]
        # rounding is no amplitude
        kept = sizes > _ROUNDING * np.linalg.norm(B[group])
        amplitudes[group[: len(sizes)]] = np.where(kept, sizes, 0.0)
        left = left - basis[kept].T @ basis[kept]
    return amplitudes
