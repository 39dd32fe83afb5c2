"""The torch face: batches from one environment, training steps, penalties, small networks.

The names of ``__init__.pyi`` are loaded when they are first used; without torch, that is when the
error comes.
"""

from elinvar._base._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__, extra="torch")
