"""Numbers in the cells of tables."""

from elinvar._base._numbers import bracket, estimate, interval

__all__ = ["bracket", "estimate", "span"]


def span(low: float, high: float) -> str:
    """Return a range in words."""
    return f"from {interval(low, high)}"
