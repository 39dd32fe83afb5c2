"""elinvar: learn what stays true when the environment changes.

The names of ``__init__.pyi`` are loaded when they are first used, so that ``import elinvar`` stays
cheap.
"""

from elinvar._base._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
