"""Numbers as a reader wants them: the one place that decides on digits, for words and tables."""

from math import floor, isfinite, isinf, isnan, log10


def number(value: float, *, digits: int = 4, missing: str = "-", infinite: str = "inf") -> str:
    """Return significant digits, without an exponent for numbers of everyday size.

    Zeros at the end stay, so that the numbers of a column are alike; sentences take :func:`figure`.
    """
    if isnan(value):
        return missing
    if not isfinite(value):
        return infinite if value > 0 else f"-{infinite}"
    if value == 0:
        return "0"
    # the size after rounding: 9.9996 is 10.00 to four digits, not 10.000
    size = floor(log10(abs(float(f"{value:.{digits - 1}e}"))))
    if -4 <= size < 7:
        return _fixed(value, max(digits - 1 - size, 0))
    return f"{value:.{digits - 1}e}"


def figure(value: float, digits: int = 3, *, missing: str = "unknown") -> str:
    """Return a number for a sentence: significant digits without zeros at the end."""
    if isinf(value):
        return "infinity" if value > 0 else "minus infinity"
    text = number(value, digits=digits, missing=missing)
    if "." not in text:
        return text
    mantissa, e, exponent = text.partition("e")
    return mantissa.rstrip("0").rstrip(".") + e + exponent


def interval(low: float, high: float) -> str:
    """Return both ends of an interval in words, to two significant digits of its half-width."""
    if isnan(low) or isnan(high):
        return "-"
    digits = _decimals(low, high)
    return f"{_end(low, digits)} to {_end(high, digits)}"


def bracket(low: float, high: float) -> str:
    """Return an interval in brackets, to two significant digits of its half-width.

    Thousands stay together here: the comma stands between the ends.
    """
    if isnan(low) or isnan(high):
        return "-"
    digits = _decimals(low, high)
    return f"[{_end(low, digits, apart=False)}, {_end(high, digits, apart=False)}]"


def estimate(value: float, low: float, high: float) -> str:
    """Return a value and its interval in brackets, to two digits of the half-width."""
    if isnan(value):
        return "-"
    if isnan(low) or isnan(high):
        return number(value, digits=3)
    return f"{_end(value, _decimals(low, high), apart=False)} {bracket(low, high)}"


def count(value: float) -> str:
    """Return a count, or a sum of weights, with its thousands apart."""
    whole = isinf(value) or abs(value - round(value)) < 1e-6 * max(abs(value), 1.0)
    return f"{value:,.0f}" if whole else f"{value:,.1f}"


def counted(value: float, noun: str, ending: str = "s") -> str:
    """Return a count with its noun: "1 row", "1,200 rows"."""
    return f"{count(value)} {noun}{'' if value == 1 else ending}"


def percent(share: float, digits: int = 2, *, missing: str = "an unknown share") -> str:
    """Return a share in percent, to so many significant digits."""
    return missing if isnan(share) else f"{figure(100 * share, digits)}%"


def p_value(value: float) -> str:
    """Return a p-value; what is below a ten-thousandth is not told apart."""
    if isnan(value):
        return "-"
    if value < 1e-4:
        return "< 0.0001"
    return f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def p_words(value: float) -> str:
    """Return a p-value for a sentence: "p = 0.03" or "p < 0.0001"."""
    return f"p {p_value(value)}" if value < 1e-4 else f"p = {p_value(value)}"


def _decimals(low: float, high: float) -> int | None:
    """Decimals that two digits of the half-width need, or None where they would be too long."""
    half = (high - low) / 2
    if not isfinite(half) or not 1e-5 <= half or not max(abs(low), abs(high)) < 1e7:
        return None
    return max(1 - floor(log10(half)), 0)


def _end(value: float, digits: int | None, *, apart: bool = True) -> str:
    return number(value, digits=3) if digits is None else _fixed(value, digits, apart=apart)


def _fixed(value: float, digits: int, *, apart: bool = True) -> str:
    """Return ``value`` with so many decimals, and its thousands apart once there are ten."""
    # + 0.0 takes the minus from a zero
    value = round(value, digits) + 0.0
    return f"{value:,.{digits}f}" if apart and abs(value) >= 1e4 else f"{value:.{digits}f}"
