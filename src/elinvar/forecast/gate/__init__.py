"""The gate: whether the forecast leaves out what differs between places, and how far."""

from elinvar.forecast.gate._choice import STEADY, Choice, Reason, Steady, at_premium, choose
from elinvar.forecast.gate._screen import screen
from elinvar.forecast.gate._shift import (
    Disagreement,
    Shift,
    disagreement,
    shift_share,
)

__all__ = [
    "STEADY",
    "Choice",
    "Disagreement",
    "Reason",
    "Shift",
    "Steady",
    "at_premium",
    "choose",
    "disagreement",
    "screen",
    "shift_share",
]
