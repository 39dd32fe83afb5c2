r"""What becomes of growth when batches mix environments, or when environments change slowly.

Batches of several environments, and windows of an axis, only replace the law of the eigenvalue by
that of a mean, which is narrower. A slow drift leaves the law, and the growth exponent, as they
are, and yet brings the spurious part back.
"""

from collections.abc import Callable
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from elinvar._base._check import as_numbers, check_choice, check_number
from elinvar.errors import DataError
from elinvar.theory._growth import Floats, positive
from elinvar.theory._laws import Law, heterogeneity_window, moments_by_count
from elinvar.theory._results import Window

Curve = Callable[[Floats], ArrayLike]

_TIMES = 4096
_MOST_STEPS, _MOST_MIXED = 10**6, 1000


def critical_environments(
    heterogeneity: float,
    step_size: float,
    *,
    law: Law | ArrayLike = "two_point",
    weights: ArrayLike | None = None,
    mean: float = 1.0,
) -> float:
    r"""Return how many environments a batch may mix before the spurious part grows.

    The largest b whose growth exponent, and that of all smaller b, is negative:

    .. math:: \gamma_b = E \log \Bigl|1 + \frac\eta b \sum_{i=1}^b s_{e_i}\Bigr| < 0

    with b environments drawn anew for each batch. The mean of b has the variance of one over b, so
    that b is about :math:`M^2 / (\mu^2 + 2\mu/\eta)` for two values; the exponent itself is
    summed over all that can be drawn.

    Parameters
    ----------
    heterogeneity : float >= 0
        M.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    law : {"two_point", "gaussian"} or array of shape (E,)
        Law of the deviations, as in `law_growth_exponent`.
    weights : array of shape (E,), optional
        Of the values of a list.
    mean : float
        :math:`\mu`.

    Returns
    -------
    float
        A whole number, 0 if not even batches of one environment suppress; infinity beyond 1,000,
        as where the mean is not above 0 and a step changes no sign, which any batch suppresses.

    Raises
    ------
    DataError
        If an argument is not finite, out of its range, or the mean of several draws has no known
        law.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 10.

    Examples
    --------
    >>> from elinvar.theory import critical_environments
    >>> [critical_environments(M, 0.1) for M in (4, 6, 7, 8, 9)]
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    check_number("mean", mean)
    check_number("heterogeneity", heterogeneity, least=0.0)
    centre = 1.0 + positive("step_size", step_size) * mean
    half = float(step_size * heterogeneity)
    batches = enumerate(islice(moments_by_count(law, weights), _MOST_MIXED))
    return next((float(b) for b, moments in batches if moments(centre, half)[0] >= 0), np.inf)


def width_window(
    heterogeneity: float,
    step_size: float,
    *,
    law: Literal["cosine", "uniform"] = "cosine",
    mean: float = 1.0,
) -> Window:
    r"""Return the widths of a window on a continuum with which a spurious direction dies.

    Environments lie along an axis of length 1, and a batch mixes those of a window of the width w
    whose place is drawn at each step. What a step sees is their mean. On a circle with
    :math:`s(t) = \mu + M \cos 2\pi t` it is a cosine of the heterogeneity
    :math:`M\,\mathrm{sinc}\,w`, :math:`\mathrm{sinc}\,w = \sin(\pi w) / (\pi w)`; on a ramp from
    :math:`\mu - M` to :math:`\mu + M`, in windows that lie on it as a whole, it is uniform with
    :math:`M (1 - w)`. So the direction dies if and only if

    .. math:: 2\sqrt{\mu/\eta} < M\,\mathrm{sinc}\,w < 2/\eta

    and on a ramp if :math:`M (1 - w)` is in the window of the uniform law.

    Parameters
    ----------
    heterogeneity : float > 0
        M.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    law : {"cosine", "uniform"}
        The circle, or the ramp.
    mean : float >= 0
        :math:`\mu`.

    Returns
    -------
    Window
        Within 0 and 1; its upper end is the critical width. Empty, NaN at both ends, if there is
        none.

    Raises
    ------
    DataError
        If an argument is not finite, out of its range, or the law is another.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 11.

    Examples
    --------
    >>> from elinvar.theory import width_window
    >>> print(width_window(8, 0.1))
    0 to 0.369
    >>> print(width_window(12, 0.1, law="uniform"))
    0 to 0.3647
    """
    check_choice("law", law, ("cosine", "uniform"))
    M = positive("heterogeneity", heterogeneity)
    dies = heterogeneity_window(step_size, law=law, mean=mean)
    if not dies or dies.low >= M:
        return Window(low=np.nan, high=np.nan)

    def width(share: float) -> float:
        if law == "uniform":
            return 1.0 - share
        # sinc(1) is 0, but not after rounding
        if not 0.0 < share < 1.0:
            return 0.0 if share > 0.0 else 1.0
        return float(brentq(lambda w: np.sinc(w) - share, 0.0, 1.0))

    return Window(low=max(width(min(dies.high / M, 1.0)), 0.0), high=width(dies.low / M))


def drift_peak(curve: Curve, step_size: float, speed: float, floor: float | Curve) -> float:
    r"""Return how high a spurious amplitude climbs in each turn of a slow drift.

    .. math:: u_{t+1} = (1 + \eta s(vt))\, u_t + \epsilon(vt)\, \xi_t

    with independent standard normal :math:`\xi_t`: the linearised step where environments come one
    after another along a circle, fed by noise. Its variance follows
    :math:`V \leftarrow (1 + \eta s)^2 V + \epsilon^2`, and grows in every turn by
    :math:`\exp(2 B / v)`, B as in `critical_speed`.

    Parameters
    ----------
    curve : callable
        Turns times (n,) in [0, 1) into eigenvalues s (n,); after 1 it begins anew.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    speed : float in (0, 1)
        v, in turns a step.
    floor : float >= 0 or callable
        Standard deviation :math:`\epsilon` of what is added at a step, the same at all times or a
        function of them.

    Returns
    -------
    float
        The largest standard deviation within a turn; infinity if the amplitude grows from turn to
        turn.

    Raises
    ------
    DataError
        If an argument is not finite, or out of its range.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 12.

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar.theory import drift_peak
    >>> def cosine(t):
    ...     return 1 + 8 * np.cos(2 * np.pi * t)
    >>> [round(drift_peak(cosine, 0.1, speed, 1e-6), 4) for speed in (0.03, 0.02)]
    [0.0052, 0.2823]
    """
    eta = positive("step_size", step_size)
    if not callable(floor):
        check_number("floor", floor, least=0.0)
    if not (0 < positive("speed", speed) < 1):
        raise DataError(f"speed must be below 1 turn a step; got {speed!r}.")
    if _rises(curve, eta)[1] >= 0:
        return float(np.inf)
    if speed * _MOST_STEPS < 1:
        raise DataError(
            f"A turn at the speed {speed:g} has more than {_MOST_STEPS:,} steps; take a larger one."
        )
    # the second turn has forgotten how the first began
    n = int(np.ceil(1 / speed))
    times: Floats = np.mod(np.arange(2 * n) * float(speed), 1.0)
    grown = (1.0 + eta * _along(curve, times)) ** 2
    fed = np.full(2 * n, float(floor)) if not callable(floor) else _along(floor, times)
    variance, peak = 0.0, 0.0
    for t, (factor, added) in enumerate(zip(grown.tolist(), (fed**2).tolist(), strict=True)):
        variance = factor * variance + added
        peak = max(peak, variance) if t >= n else peak
    return float(np.sqrt(peak))


def critical_speed(curve: Curve, step_size: float, floor: float, *, level: float = 0.1) -> float:
    r"""Return the speed of a drift below which the spurious part comes back in every turn.

    .. math:: v_c = \frac{B}{\log(\sqrt{\text{level}} / \epsilon)}, \qquad
        B = \max \int_{t_1}^{t_2} \log |1 + \eta s(t)| \, dt

    over all stretches of the circle: while the environments pass where :math:`|1 + \eta s| > 1`,
    the logarithm of the amplitude climbs by B / v from the floor :math:`\epsilon` left by noise.
    Whether the growth exponent, which is the integral over the whole circle, is below 0 does not
    depend on v: a negative exponent is not enough.

    Parameters
    ----------
    curve : callable
        Turns times (n,) in [0, 1) into eigenvalues s (n,); after 1 it begins anew.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    floor : float > 0
        :math:`\epsilon`: below the root of ``level``.
    level : float > 0
        Spurious eigenvalue that counts as back; its amplitude is the root.

    Returns
    -------
    float
        v_c in turns a step; infinity if the exponent is not negative: then no speed helps.

    Raises
    ------
    DataError
        If an argument is not finite, or out of its range.

    See Also
    --------
    drift_peak : the same without the approximation that the floor is met at once.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 12.

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar.theory import critical_speed
    >>> def cosine(t):
    ...     return 1 + 8 * np.cos(2 * np.pi * t)
    >>> [round(critical_speed(cosine, 0.1, floor), 4) for floor in (1e-4, 1e-8)]
    [0.029, 0.0135]
    """
    eta, low = positive("step_size", step_size), positive("floor", floor)
    top = float(np.sqrt(positive("level", level)))
    if low >= top:
        raise DataError(f"floor must be below the root of level, {top:.3g}; got {floor!r}.")
    climb, exponent = _rises(curve, eta)
    return climb / float(np.log(top / low)) if exponent < 0 else float(np.inf)


def _rises(curve: Curve, step: float) -> tuple[float, float]:
    """Return the largest rise of the integral of log|1 + h s| on the circle, and all of it."""
    times = (np.arange(_TIMES) + 0.5) / _TIMES
    with np.errstate(divide="ignore"):
        logs = np.log(np.abs(1.0 + step * _along(curve, times)))
    # twice around: the stretch may pass the point where the circle is cut
    total = np.concatenate([[0.0], np.cumsum(np.tile(np.maximum(logs, -700.0), 2))]) / _TIMES
    rise = float((total - np.minimum.accumulate(total)).max())
    return rise, float(logs.mean())


def _along(curve: Curve, times: Floats) -> Floats:
    if not callable(curve):
        raise DataError(f"curve must be a function of times (n,); got {curve!r}.")
    values = as_numbers("What curve returns", curve(times))
    if values.shape != times.shape or not np.isfinite(values).all():
        raise DataError(
            f"curve must turn times of shape (n,) into finite numbers of shape (n,); got the shape "
            f"{values.shape} for n = {len(times)}."
        )
    return values
