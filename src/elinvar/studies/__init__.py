"""One file a claim of the paper: rows, a picture, and a verdict computed from the numbers."""

from elinvar._base._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
