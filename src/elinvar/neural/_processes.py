"""The processes of a run: how many there are, which one this is, and what they tell each other."""

import os
from typing import TypeVar

import torch
from torch import distributed as dist

from elinvar._base._check import check_count
from elinvar.errors import DataError
from elinvar.neural.batches._resumable import check_whole

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


def resolve_ranks(num_replicas: int | None, rank_: int | None) -> tuple[int, int]:
    """Return how many processes share a batch, and which of them this is.

    Raises
    ------
    DataError
        If one is given without the other, they do not fit, or they cannot be known.
    """
    if num_replicas is not None and rank_ is not None:
        check_count("num_replicas", num_replicas)
        check_whole("rank", rank_)
        if rank_ >= num_replicas:
            raise DataError(f"rank must be below num_replicas={num_replicas}; got {rank_}.")
        return int(num_replicas), int(rank_)
    if num_replicas is not None or rank_ is not None:
        raise DataError("Give num_replicas and rank together, or neither of them.")
    launched = os.environ.get("WORLD_SIZE", "1")
    if launched != "1" and not (dist.is_available() and dist.is_initialized()):
        raise DataError(
            f"This is one of {launched} launched processes, but torch.distributed is not "
            "initialised: call torch.distributed.init_process_group() before building the "
            "sampler, or pass num_replicas and rank."
        )
    return world_size(), rank()


def check_shares(batch_size: int, num_replicas: int) -> None:
    """Refuse a global batch that cannot be shared out evenly.

    Raises
    ------
    DataError
    """
    if batch_size % num_replicas:
        below = batch_size // num_replicas * num_replicas
        above = below + num_replicas
        near = f"{below} or {above}" if below else f"{above}"
        raise DataError(
            f"batch_size is the global batch, and {num_replicas} processes cannot share "
            f"{batch_size} rows evenly; take {near}."
        )
