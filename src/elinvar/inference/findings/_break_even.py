"""From which shift on the invariant model is the better forecast: where risk lines cross."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from elinvar.inference.losses._records import Predictor
from elinvar.inference.problem._types import Floats

_LEVEL = 0.975
# of the interval on the logarithm: lines are straight to first order only (docs/theory.md, 10)
_LOG_LEVEL = 0.995
# multiples of today's differences that are looked at for the range
_SHIFTS = np.geomspace(1e-3, 1e4, 701)


@dataclass(frozen=True, kw_only=True)
class RiskLine:
    r"""Risk of a model in environments that differ :math:`\kappa` times as much, in variance.

    .. math:: R(\kappa) = a + \kappa\, b

    Attributes
    ----------
    model : {"pooled", "nearly_invariant", "invariant"}
    level : float
        Its risk :math:`a` were all environments alike: mean squared error, in squared units of the
        target, or mean log loss.
    rise : float
        What today's differences add, :math:`b \ge 0`.
    """

    model: Predictor
    level: float
    rise: float


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """When the invariant model is the better forecast.

    Attributes
    ----------
    lines : tuple of RiskLine
        Of the pooled, the invariant and, if another predicts, that model.
    rival : {"pooled", "nearly_invariant"}
        What the invariant model is held against: what predicts, or the pooled model.
    shift : float
        New environments must differ this many times as much (in variance) as those seen for the
        invariant model to be better; 0 if it is better whatever the shift, infinity if it never is.
    low, high : float
        Range for it, made to hold the shift for 9 tables of 10, environments taken as drawn; it
        may begin at 0 and end at infinity.
    """

    lines: tuple[RiskLine, ...]
    rival: Predictor
    shift: float
    low: float
    high: float


def break_even(
    parts: dict[Predictor, tuple[Floats, Floats]], weights: Floats, used: Predictor
) -> BreakEven:
    r"""Find where the risk line of the invariant model crosses that of what predicts.

    With :math:`d_{\kappa e} = a_e - a'_e - \kappa (b'_e - b_e)` the difference of the two risks in
    environment e, the shift is where its mean is 0. The range holds those :math:`\kappa` at which
    it is not told from 0 by Student's t at 95% (Fieller 1954), and what the delta method says at
    99% of the logarithm of the shift, which suits means of squares, skewed as they are: with
    :math:`\bar a, \bar b` the means of a - a' and b' - b,

    .. math:: \log\kappa \pm t_{E-1} \sqrt{\textstyle\sum_e \pi_e
        \bigl((a_e - a'_e)/\bar a - (b'_e - b_e)/\bar b\bigr)^2 / (E - 1)} .

    Parameters
    ----------
    parts : dict of str to pairs of arrays of shape (E,)
        Level and rise of each model in every environment, "pooled" and "invariant" among them.
    weights : array of shape (E,)
        Weight of each environment, summing to one.
    used : str
        What predicts.
    """
    rival: Predictor = used if used in parts and used != "invariant" else "pooled"
    gap = parts["invariant"][0] - parts[rival][0]
    gain = parts[rival][1] - parts["invariant"][1]
    ahead, steeper = float(weights @ gap), float(weights @ gain)
    never = np.inf if ahead > 0 else 0.0
    shift = max(ahead, 0.0) / steeper if steeper > 0 else never
    ends = [shift, *_interval(gap, gain, weights), *_on_logarithm(gap, gain, weights)]
    lines = tuple(
        RiskLine(model=name, level=float(weights @ a), rise=max(float(weights @ b), 0.0))
        for name, (a, b) in parts.items()
    )
    return BreakEven(
        lines=lines,
        rival=rival,
        shift=float(shift),
        low=float(min(ends)),
        high=float(max(ends)),
    )


def _interval(gap: Floats, gain: Floats, weights: Floats) -> tuple[float, ...]:
    """Shifts at which the mean difference of risks is not told from 0."""
    # in units of their size, so that squares stay finite
    unit = max(np.abs(gap).max(), np.abs(gain).max(), 1e-300)
    apart = gap / unit - _SHIFTS[:, None] * (gain / unit)
    mean = apart @ weights
    error = np.sqrt(((apart - mean[:, None]) ** 2) @ weights / (len(weights) - 1))
    unsure = np.abs(mean) <= float(stdtrit(len(weights) - 1, _LEVEL)) * error
    if not unsure.any():
        return ()
    first, last = np.flatnonzero(unsure)[[0, -1]]
    low = 0.0 if first == 0 else float(_SHIFTS[first])
    return low, np.inf if last == len(_SHIFTS) - 1 else float(_SHIFTS[last])


def _on_logarithm(gap: Floats, gain: Floats, weights: Floats) -> tuple[float, ...]:
    """Return the ends of an interval for the logarithm of the shift, by the delta method."""
    ahead, steeper = float(weights @ gap), float(weights @ gain)
    if ahead <= 0 or steeper <= 0:
        return ()
    spread = np.square(gap / ahead - gain / steeper) @ weights / (len(weights) - 1)
    reach = float(stdtrit(len(weights) - 1, _LOG_LEVEL)) * float(np.sqrt(spread))
    low, high = np.log(ahead / steeper) + np.array([-reach, reach])
    # beyond what is looked at, as of the other interval, there is no end
    low = 0.0 if low < np.log(_SHIFTS[0]) else float(np.exp(low))
    return low, np.inf if high > np.log(_SHIFTS[-1]) else float(np.exp(high))
