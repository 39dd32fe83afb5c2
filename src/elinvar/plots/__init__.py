"""Figures: arrays and tables in, matplotlib axes out; nothing is computed here."""

from elinvar._base._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
