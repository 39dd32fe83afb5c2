"""The processes that share a batch, and which of them this is."""

import os
from typing import Any

from torch import distributed as dist

from elinvar._base._check import check_count
from elinvar.errors import DataError
from elinvar.neural._processes import gather, world_size
from elinvar.neural._processes import rank as own_rank


def resolve_ranks(num_replicas: int | None, rank: int | None, batch_size: int) -> tuple[int, int]:
    """Return how many processes share a batch evenly, and which of them this is.

    Raises
    ------
    DataError
        If one is given without the other, they do not fit, they cannot be known, or the batch
        cannot be shared out.
    """
    if (num_replicas is None) != (rank is None):
        raise DataError("Give num_replicas and rank together, or neither of them.")
    if num_replicas is None or rank is None:
        _check_met()
        num_replicas, rank = world_size(), own_rank()
    check_count("num_replicas", num_replicas)
    check_count("rank", rank, least=0)
    if rank >= num_replicas:
        raise DataError(f"rank must be below num_replicas={num_replicas}; got {rank}.")
    if batch_size % num_replicas:
        below = batch_size // num_replicas * num_replicas
        above = below + num_replicas
        near = f"{below} or {above}" if below else f"{above}"
        raise DataError(
            f"batch_size is the global batch, and {num_replicas} processes cannot share "
            f"{batch_size} rows evenly; take {near}."
        )
    return int(num_replicas), int(rank)


def check_late_start(num_replicas: int) -> None:
    """Refuse that processes met after a sampler was built for ``num_replicas`` of them.

    Raises
    ------
    DataError
    """
    if world_size() != num_replicas:
        raise DataError(
            f"This sampler was built for {num_replicas} process, before torch.distributed was "
            "initialised; build it afterwards, or pass num_replicas and rank."
        )


def check_agreement(epoch: int, start: int, settings: dict[str, Any]) -> None:
    """Refuse, in all processes, that they are about to draw different batches.

    Raises
    ------
    DataError
        If data, settings, epoch or the batch to begin at are not the same in all processes.
    """
    own = {**settings, "epoch": epoch, "first batch": start}
    all_of_them = gather(own)
    for name in own:
        values = [other.get(name) for other in all_of_them]
        rank = next((rank for rank, value in enumerate(values) if value != values[0]), 0)
        if rank:
            raise DataError(
                f"Processes would draw different batches: {name} is {values[0]!r} in process 0 and "
                f"{values[rank]!r} in process {rank}. Build the sampler with the same labels and "
                "settings in all, and go through it equally often."
            )


def _check_met() -> None:
    launched = os.environ.get("WORLD_SIZE", "1")
    if launched != "1" and not (dist.is_available() and dist.is_initialized()):
        raise DataError(
            f"This is one of {launched} launched processes, but torch.distributed is not "
            "initialised: call torch.distributed.init_process_group() before building the "
            "sampler, or pass num_replicas and rank."
        )
