r"""Windows of the gain and of the step size in which a feature is suppressed.

Both exponents have the form :math:`f(t) = \sum_e \pi_e \log |a_e + b_e t|`. Between two poles
:math:`-a_e / b_e` it is concave and falls to minus infinity at each, so :math:`f \ge 0` holds on at
most one stretch between them: one bisection finds its top, two find its ends. What the stretches of
both gates leave free is where the feature dies.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elinvar.theory._growth import Floats, checked, extrapolated, positive

_HALVINGS = 52
_EQUAL = 1e-12
# a window narrower than this share of its upper end is a sliver around a pole
_SLIVER = 1e-3


def suppressing_gains(
    slopes: ArrayLike, step_size: float, weights: ArrayLike | None = None
) -> tuple[Any, Any]:
    r"""Return the gains that suppress a feature at a given step size.

    The first window of :math:`\kappa \ge 0` with ``gate_growth_exponent`` below 0. For two equally
    likely slopes :math:`\mu \pm M` with :math:`4 \eta |\mu| < 1` it is

    .. math:: \mu^2 + \frac{|\mu|}{\eta} < \kappa^2 M^2 <
        \Bigl(\frac{1}{2 \eta} - |\mu|\Bigr)^2 + \frac{1}{4 \eta^2} .

    Parameters
    ----------
    slopes : array of shape (..., E)
        The target's slope on the feature in each environment, both standardised.
    step_size : float > 0
        :math:`\eta` of the gates' step.
    weights : array of shape (E,), optional
        How often an environment is drawn; equally often if not given.

    Returns
    -------
    low, high : float or array of shape (...)
        NaN if there is none: the slopes are equal, or so large for the step that one gate always
        grows. Windows narrower than a thousandth of their upper end are passed over.

    Raises
    ------
    DataError
        If an argument is not finite, negative where it must not be, or of another shape.

    References
    ----------
    Own derivation, docs/theory.md.

    Examples
    --------
    >>> from elinvar.theory import suppressing_gains
    >>> low, high = suppressing_gains([0.4, 0.8], step_size=0.25)
    >>> round(low, 2), round(high, 2)
    (8.31, 12.21)
    """
    values, weights = checked(slopes, weights)
    step = 2.0 * positive("step_size", step_size)
    mean = (values @ weights)[..., None]
    away = values - mean
    away = np.where(np.abs(away) > _EQUAL * np.abs(values).max(-1, keepdims=True), away, 0.0)
    pull = np.broadcast_to(step * mean, away.shape)
    return _first_window(1.0 + pull, step * away, 1.0 - pull, -step * away, weights)


def suppressing_steps(
    slopes: ArrayLike, gain: float = 1.0, weights: ArrayLike | None = None
) -> tuple[Any, Any]:
    r"""Return the step sizes that suppress a feature at a given gain.

    The first window of :math:`\eta > 0` with ``gate_growth_exponent`` below 0. Its lower end is the
    step from which on the environments' disagreement outweighs their mean; with a gain of 1 there
    is none if all slopes have the same sign.

    Parameters
    ----------
    slopes : array of shape (..., E)
        The target's slope on the feature in each environment, both standardised.
    gain : float >= 0
        :math:`\kappa`; 1 is the paper's step.
    weights : array of shape (E,), optional
        How often an environment is drawn; equally often if not given.

    Returns
    -------
    low, high : float or array of shape (...)
        NaN if there is none. Windows narrower than a thousandth of their upper end are passed over.

    Raises
    ------
    DataError
        If an argument is not finite, negative where it must not be, or of another shape.

    References
    ----------
    Own derivation, docs/theory.md.

    Examples
    --------
    >>> from elinvar.theory import suppressing_steps
    >>> low, high = suppressing_steps([-0.8, 1.0])
    >>> round(low, 3), round(high, 3)
    (0.125, 0.731)
    """
    values, weights = checked(slopes, weights)
    pull = 2.0 * extrapolated(values, weights, gain)
    largest = np.abs(values).max(-1, keepdims=True)
    pull = np.where(np.abs(pull) > _EQUAL * largest, pull, 0.0)
    one = np.ones_like(pull)
    return _first_window(one, pull, one, -pull, weights)


def _first_window(
    a_u: Floats, b_u: Floats, a_v: Floats, b_v: Floats, weights: Floats
) -> tuple[Any, Any]:
    """First window of t >= 0 that both exponents leave free, arrays (..., E) to (...)."""
    shape, n_environments = a_u.shape[:-1], a_u.shape[-1]
    used = weights > 0
    flat = [part.reshape(-1, n_environments)[:, used] for part in (a_u, b_u, a_v, b_v)]
    stretches = [_growing(a, b, weights[used]) for a, b in (flat[:2], flat[2:])]
    start = np.concatenate([stretch[0] for stretch in stretches], axis=1)
    stop = np.concatenate([stretch[1] for stretch in stretches], axis=1)
    order = np.argsort(start, axis=1)
    start, stop = (np.take_along_axis(part, order, axis=1) for part in (start, stop))
    reached = np.maximum.accumulate(np.maximum(stop, 0.0), axis=1)
    before = np.concatenate([np.zeros((len(start), 1)), reached[:, :-1]], axis=1)
    with np.errstate(invalid="ignore"):
        free = np.isfinite(start) & (start - before > _SLIVER * start)
    first = np.argmax(free, axis=1)[:, None]
    found = free.any(axis=1)
    low = np.where(found, np.take_along_axis(before, first, axis=1)[:, 0], np.nan)
    high = np.where(found, np.take_along_axis(start, first, axis=1)[:, 0], np.nan)
    low = np.where(low < _EQUAL * high, 0.0, low)
    if not shape:
        return float(low[0]), float(high[0])
    return low.reshape(shape), high.reshape(shape)


def _growing(a: Floats, b: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Stretches (F, E + 1) of t >= 0 on which f >= 0; infinite and minus infinite where none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        poles = np.where(b != 0, -a / b, np.inf)
    ends = np.sort(np.maximum(poles, 0.0), axis=1)
    row = np.arange(len(a))[:, None]
    left = np.concatenate([np.zeros((len(a), 1)), ends], axis=1)
    right = np.concatenate([ends, np.full((len(a), 1), np.inf)], axis=1)
    start, stop = np.full(left.shape, np.inf), np.full(left.shape, -np.inf)
    at = np.nonzero((right > left) & np.isfinite(left) & (b != 0).any(axis=1)[row])
    line = (a[at[0]], b[at[0]], weights)
    low, high = left[at], _bounded(*line, left[at], right[at])
    top = np.where(np.isfinite(right[at]), _top(*line, low, high), high)
    grows = _value(*line, top) >= 0
    at, low, high, top = (at[0][grows], at[1][grows]), low[grows], high[grows], top[grows]
    line = (a[at[0]], b[at[0]], weights)
    start[at] = _crossing(*line, low, top)
    stop[at] = np.where(np.isfinite(right[at]), _crossing(*line, high, top), np.inf)
    return start, stop


def _value(a: Floats, b: Floats, weights: Floats, t: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        value: Floats = np.log(np.abs(a + b * t[:, None])) @ weights
    return value


def _bounded(a: Floats, b: Floats, weights: Floats, left: Floats, right: Floats) -> Floats:
    """Replace an infinite right end, beyond the last pole, by a point where f >= 0."""
    # beyond the last pole |a + b t| >= |b| (t - left), so f >= constant + weight log(t - left)
    moving = b != 0
    weight = (moving * weights).sum(axis=1)
    constant = np.log(np.abs(np.where(moving, b, a))) @ weights
    with np.errstate(over="ignore"):
        far = left + np.exp(np.minimum(-constant / weight, 600.0)) * 1.01
    return np.where(np.isfinite(right), right, far)


def _top(a: Floats, b: Floats, weights: Floats, low: Floats, high: Floats) -> Floats:
    """Where the concave f is largest between two poles: the zero of its falling derivative."""
    low, high = low.copy(), high.copy()
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        with np.errstate(divide="ignore", invalid="ignore"):
            rising = (b / (a + b * middle[:, None])) @ weights > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return np.asarray(0.5 * (low + high))


def _crossing(a: Floats, b: Floats, weights: Floats, outer: Floats, inner: Floats) -> Floats:
    """Where f reaches 0 between ``outer`` and ``inner``, at which it is at least 0."""
    out, inside = outer.copy(), inner.copy()
    already = _value(a, b, weights, out) >= 0
    for _ in range(_HALVINGS):
        middle = 0.5 * (out + inside)
        grows = _value(a, b, weights, middle) >= 0
        out, inside = np.where(grows, out, middle), np.where(grows, middle, inside)
    return np.where(already, outer, inside)
