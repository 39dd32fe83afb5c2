"""The processes of a run: how many there are, which one this is, and what they tell each other."""

from typing import TypeVar

import torch
from torch import distributed as dist

Value = TypeVar("Value")


def world_size() -> int:
    """Return the number of processes."""
    running = dist.is_available() and dist.is_initialized()
    return dist.get_world_size() if running else 1


def rank() -> int:
    """Return the number of this process, 0 if it is alone."""
    return dist.get_rank() if world_size() > 1 else 0


def gather(value: Value) -> list[Value]:
    """Return the values of all processes, to all of them."""
    if world_size() == 1:
        return [value]
    values = [value] * world_size()
    dist.all_gather_object(values, value)
    return values


def any_process(flag: bool, device: torch.device) -> bool:
    """Return whether the flag is set in any process, to all of them."""
    if world_size() == 1:
        return flag
    value = torch.tensor(float(flag), device=device)
    dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return bool(value.item())
