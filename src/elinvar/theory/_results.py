"""Small answers of the room: an exponent with its spread, and a window."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GrowthExponent:
    """How fast an amplitude grows a step, and how much that varies.

    Attributes
    ----------
    exponent : float
        Mean growth of the logarithm a step; minus infinity where a step can multiply by 0.
    spread : float
        Standard deviation of that logarithm over many steps, divided by their square root: after T
        steps the logarithm is off by about ``spread * sqrt(T)``. NaN if not finite.
    standard_error : float
        Of ``exponent``; 0 where it is a closed form.

    Examples
    --------
    >>> print(GrowthExponent(exponent=-0.081, spread=0.61))
    -0.081 a step (spread 0.61)
    """

    exponent: float
    spread: float
    standard_error: float = 0.0

    def __str__(self) -> str:
        error = f" ± {self.standard_error:.1g}" if self.standard_error > 0 else ""
        return f"{self.exponent:.3g}{error} a step (spread {self.spread:.2g})"


@dataclass(frozen=True, kw_only=True)
class Window:
    """An open interval, NaN at both ends if it is empty.

    Attributes
    ----------
    low, high : float
        The ends.

    Examples
    --------
    >>> 6.0 in Window(low=4.58, high=14.87)
    True
    """

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low < value < self.high

    def __bool__(self) -> bool:
        return self.low < self.high

    def __str__(self) -> str:
        return f"{self.low:.4g} to {self.high:.4g}" if self else "none"
