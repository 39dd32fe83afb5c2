"""The torch face: batches from one environment, training steps, penalties, batched sensing.

The names below are loaded when they are first used; without torch, that is when the error comes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from elinvar._base import import_extra

__all__ = [
    "DistributedEnvironmentBatchSampler",
    "EnvironmentBatchSampler",
    "PooledBatchSampler",
]

_HOME = {
    "DistributedEnvironmentBatchSampler": "_distributed",
    "EnvironmentBatchSampler": "_sampler",
    "PooledBatchSampler": "_pooled",
}

if TYPE_CHECKING:
    from elinvar.neural._distributed import DistributedEnvironmentBatchSampler
    from elinvar.neural._pooled import PooledBatchSampler
    from elinvar.neural._sampler import EnvironmentBatchSampler


def __getattr__(name: str) -> Any:
    if name in _HOME:
        import_extra("torch", "torch")
        return getattr(import_module(f"elinvar.neural.{_HOME[name]}"), name)
    raise AttributeError(f"module 'elinvar.neural' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
