r"""Where the spurious part stops growing, measured from the slope of its logarithm.

While the spurious amplitude is small, a step multiplies it by :math:`1 + \eta s_e` with an
environment that is drawn at that step, whatever the amplitude is. So the mean of
:math:`\tfrac12 \Delta \log(\text{spurious signal})` over all steps at which the signal is within a
window of small values is the growth exponent, without bias, although the trajectory bursts, is
pushed back and bursts again. It crosses zero at the transition. The window must lie above what
sampling noise leaves: its lower end asks for a large batch.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import figure, percent
from elinvar.studies._study import Claim
from elinvar.studies._types import DataFrame

if TYPE_CHECKING:
    from elinvar.sensing import Trajectory

WINDOW = (1e-10, 1e-2)
_RESAMPLES = 400

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A zero crossing, and its standard error; NaN where there is none.

    Attributes
    ----------
    at, error : float
    """

    at: float
    error: float


def slope(
    trajectory: "Trajectory",
    window: tuple[float, float] = WINDOW,
    signal: Literal["spurious_signal", "invariant_signal"] = "spurious_signal",
) -> dict[str, Any]:
    """Return the mean slope a step of the log amplitude within the window, and its steps.

    Parameters
    ----------
    trajectory : Trajectory
        With every step recorded.
    window : (low, high)
        Of the signal.
    signal : {"spurious_signal", "invariant_signal"}
        Whose amplitude.

    Returns
    -------
    dict
        ``slope`` and ``slope_steps``.
    """
    sizes = np.asarray(getattr(trajectory, signal), dtype=np.float64)
    # the step out of the window counts, the one into it does not: whether a step counts is known
    # before it is drawn, so that their mean stays unbiased
    within = (sizes[:-1] > window[0]) & (sizes[:-1] < window[1]) & (sizes[1:] > 0)
    growth = 0.5 * np.diff(np.log(np.where(sizes > 0, sizes, 1.0)))[within]
    mean = float(growth.mean()) if len(growth) else 0.0
    return {"slope": mean, "slope_steps": len(growth)}


def transition(rows: DataFrame, along: str) -> Transition:
    """Return where the slope crosses zero as ``along`` increases, from growth to decay.

    A quadratic is fitted to the slopes, weighted by their steps. The standard error is that of a
    bootstrap over repetitions.

    Parameters
    ----------
    rows : DataFrame
        ``along``, ``repetition``, ``slope`` and ``slope_steps``: one row a run near the
        transition.
    along : str
        Column with the parameter.

    Returns
    -------
    Transition
    """
    tables = rows.pivot(index="repetition", columns=along)
    x = tables["slope"].columns.to_numpy(dtype=np.float64)
    steps = tables["slope_steps"].to_numpy(dtype=np.float64)
    growth = tables["slope"].to_numpy(dtype=np.float64) * steps
    at = _crossing(x, growth.sum(axis=0), steps.sum(axis=0))
    # whole repetitions are drawn: steps of one run are not independent, runs are
    draws = np.random.default_rng(0).integers(len(steps), size=(_RESAMPLES, len(steps)))
    again = [_crossing(x, growth[draw].sum(axis=0), steps[draw].sum(axis=0)) for draw in draws]
    found = np.array([value for value in again if np.isfinite(value)])
    # no transition where a tenth of the resamples has none
    known = np.isfinite(at) and len(found) > 0.9 * _RESAMPLES
    return Transition(at=at if known else np.nan, error=float(found.std()) if known else np.nan)


def transition_claim(
    found: Transition, predicted: float, tolerance: float, *, where: str, nowhere: str
) -> Claim:
    """Return the claim that a transition is where theory says, within a tolerance.

    Parameters
    ----------
    found : Transition
    predicted : float
    tolerance : float
        Largest deviation, relative to the prediction.
    where, nowhere : str
        What the sentence begins with: before the place, and where there is none.

    Returns
    -------
    Claim
    """
    needed = f"needed: within {percent(tolerance)}"
    if np.isnan(found.at):
        return Claim(holds=False, sentence=f"{nowhere} ({needed}).")
    deviation = found.at / predicted - 1.0
    return Claim(
        holds=bool(abs(deviation) <= tolerance),
        sentence=f"{where} {figure(found.at)} ± {found.error:.1g} (standard error); predicted "
        f"{figure(predicted)}, a deviation of {percent(deviation)} ({needed}).",
    )


def _crossing(x: Floats, growth: Floats, steps: Floats) -> float:
    """Return the falling zero of a weighted quadratic fit, if it lies among the values."""
    seen = steps > 0
    # three points lie on some parabola whatever they say
    if seen.sum() < 4:
        return float("nan")
    middle, half = 0.5 * (x[0] + x[-1]), 0.5 * (x[-1] - x[0])
    # on [-1, 1] the powers are well conditioned
    place = (x[seen] - middle) / half
    # polyfit squares its weights; a mean of n steps has 1 / n of the variance of one
    fit = np.polyfit(place, growth[seen] / steps[seen], 2, w=np.sqrt(steps[seen]))
    zeros = np.roots(fit)
    zeros = zeros[np.abs(zeros.imag) < 1e-12].real
    # growth turns to decay where the slope falls through 0
    falling = [zero for zero in zeros if abs(zero) <= 1.0 and np.polyval(np.polyder(fit), zero) < 0]
    return float(middle + half * falling[0]) if falling else float("nan")
