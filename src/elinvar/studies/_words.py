"""Numbers in the sentences of verdicts."""

from math import isnan


def percent(share: float, digits: int = 2) -> str:
    """Return a share in percent, to so many significant digits."""
    if isnan(share):
        return "an unknown share"
    value = 100.0 * share
    if abs(value) >= 10.0 ** (digits - 1):
        return f"{value:,.0f}%"
    return f"{value:.{digits}g}%"


def figure(value: float, digits: int = 3) -> str:
    """Return a number to so many significant digits."""
    return f"{value:.{digits}g}"
