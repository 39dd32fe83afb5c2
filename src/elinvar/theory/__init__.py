"""Growth exponents, critical lines, windows of step size and gain, noise, times and predictions."""

from elinvar._base._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
