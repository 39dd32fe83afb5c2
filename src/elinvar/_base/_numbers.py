"""Numbers as a reader wants them."""

from math import floor, isfinite, isnan, log10


def number(value: float, *, digits: int = 4, missing: str = "-", infinite: str = "inf") -> str:
    """Return significant digits, without an exponent for numbers of everyday size."""
    if isnan(value):
        return missing
    if not isfinite(value):
        return infinite if value > 0 else f"-{infinite}"
    if value == 0:
        return "0"
    size = floor(log10(abs(value)))
    if -4 <= size < 7:
        return _fixed(value, max(digits - 1 - size, 0))
    return f"{value:.{digits - 1}e}"


def interval(low: float, high: float) -> str:
    """Return both ends of an interval, to two significant digits of its half-width."""
    if isnan(low) or isnan(high):
        return "-"
    half = (high - low) / 2
    if not 1e-5 <= half < 1e7:
        return f"{number(low)} to {number(high)}"
    digits = max(1 - floor(log10(half)), 0)
    return f"{_fixed(low, digits)} to {_fixed(high, digits)}"


def count(value: float) -> str:
    """Return a count, or a sum of weights, with its thousands apart."""
    whole = abs(value - round(value)) < 1e-6 * max(abs(value), 1.0)
    return f"{value:,.0f}" if whole else f"{value:,.1f}"


def p_value(value: float) -> str:
    """Return a p-value; what is below a ten-thousandth is not told apart."""
    if isnan(value):
        return "-"
    if value < 1e-4:
        return "< 0.0001"
    return f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def _fixed(value: float, digits: int) -> str:
    """Return ``value`` with so many decimals, and its thousands apart once there are ten."""
    value = round(value, digits) + 0.0
    return f"{value:,.{digits}f}" if abs(value) >= 1e4 else f"{value:.{digits}f}"
