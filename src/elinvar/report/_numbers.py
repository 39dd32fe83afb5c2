"""Numbers as a reader wants them."""

from math import floor, isfinite, isnan, log10


def number(value: float, *, missing: str = "-", infinite: str = "inf") -> str:
    """Return four significant digits, without an exponent for numbers of everyday size."""
    if isnan(value):
        return missing
    if not isfinite(value):
        return infinite if value > 0 else f"-{infinite}"
    if value == 0:
        return "0"
    size = floor(log10(abs(value)))
    if -4 <= size < 7:
        return f"{value:.{max(3 - size, 0)}f}"
    return f"{value:.3e}"


def count(value: float) -> str:
    """Return a count, or a sum of weights, with its thousands apart."""
    whole = abs(value - round(value)) < 1e-6 * max(abs(value), 1.0)
    return f"{value:,.0f}" if whole else f"{value:,.1f}"


def p_value(value: float) -> str:
    """Return a p-value; what is below a ten-thousandth is not told apart."""
    if isnan(value):
        return "-"
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"
