"""The paper's problem: multi-environment matrix sensing, HeteroSGD and PooledSGD, solved."""

from elinvar._base._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
