"""Numbers in the cells of tables: no more digits than an interval makes meaningful."""

from math import floor, isfinite, isnan, log10

from elinvar._base._numbers import number


def estimate(value: float, low: float, high: float) -> str:
    """Return a value and its interval, to two significant digits of the half-width."""
    if isnan(value):
        return "-"
    if isnan(low) or isnan(high):
        return number(value, digits=3)
    digits = _decimals(low, high)
    return f"{_fixed(value, digits)} [{_fixed(low, digits)}, {_fixed(high, digits)}]"


def bracket(low: float, high: float) -> str:
    """Return an interval, to two significant digits of its half-width."""
    if isnan(low) or isnan(high):
        return "-"
    digits = _decimals(low, high)
    return f"[{_fixed(low, digits)}, {_fixed(high, digits)}]"


def span(low: float, high: float) -> str:
    """Return a range in words, to two significant digits of half of it."""
    digits = _decimals(low, high)
    return f"from {_fixed(low, digits)} to {_fixed(high, digits)}"


def _decimals(low: float, high: float) -> int | None:
    """Decimals to write, or None where plain decimals would be too long."""
    half = (high - low) / 2
    largest = max(abs(low), abs(high))
    if not isfinite(half) or not 1e-5 <= half or not largest < 1e7:
        return None
    return max(1 - floor(log10(half)), 0)


def _fixed(value: float, digits: int | None) -> str:
    if digits is None:
        return number(value, digits=3)
    return f"{round(value, digits) + 0.0:.{digits}f}"
