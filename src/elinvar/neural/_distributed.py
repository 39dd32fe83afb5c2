"""Batches on many processes: all from the same environment, or window, of different rows."""

import os
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray

from elinvar._base._check import check_choice, check_count
from elinvar.errors import DataError
from elinvar.neural._epochs import EpochSampler
from elinvar.neural._place import check_whole
from elinvar.neural._sampler import EnvironmentBatchSampler, Small
from elinvar.neural._turns import Order
from elinvar.neural._windows import WindowBatchSampler


class SharedOut(EpochSampler):
    """A sampler that all processes hold, each taking its part of the rows of every batch.

    Attributes
    ----------
    num_replicas, rank : int
        Number of processes, and which of them this is.
    """

    num_replicas: int
    rank: int
    _assumed: bool

    def _join(self, batch_size: int, num_replicas: int | None, rank: int | None) -> None:
        """Learn which process this is, and that a batch can be shared out evenly."""
        check_count("batch_size", batch_size)
        self._assumed = num_replicas is None
        self.num_replicas, self.rank = resolve_ranks(num_replicas, rank)
        refuse_uneven(batch_size, self.num_replicas)

    def __iter__(self) -> Iterator[list[int]]:
        if self._assumed and resolve_ranks(None, None) != (self.num_replicas, self.rank):
            raise DataError(
                f"This sampler was built for {self.num_replicas} process, before torch.distributed "
                "was initialised; build it afterwards, or pass num_replicas and rank."
            )
        yield from super().__iter__()

    def _share(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows[self.rank :: self.num_replicas]


class DistributedEnvironmentBatchSampler(SharedOut, EnvironmentBatchSampler):
    """Draw every batch from one environment, and share its rows out to all processes.

    All processes choose the same environment at the same step and take disjoint rows of one batch.
    The gradient that they average is then that of the whole batch, as one process would compute it
    with :class:`EnvironmentBatchSampler` and the same settings. **batch_size is the global batch**:
    each of N processes gets ``batch_size / N`` rows.

    The order depends on ``seed``, the epoch and nothing else, so nothing is exchanged between
    processes, and a run may go on with another number of them (but for ``small="shrink"``).

    Nothing else may share out the loader once more: with Accelerate leave it out of ``prepare()``,
    in Lightning set ``use_distributed_sampler=False``. :func:`audit` tells whether it is right.

    Parameters
    ----------
    environments : (n,) array, Series, Categorical, tensor or sequence
        Label of the environment of each row; the same in all processes.
    batch_size : int
        Rows of the **global** batch, all processes together; a multiple of their number.
    order, weights, replacement, drop_last, seed, block
        As in :class:`EnvironmentBatchSampler`; the same in all processes.
    small : {"repeat", "shrink", "refuse"}
        As there. With ``"shrink"`` a small environment gives as many rows as can be shared out
        evenly; with ``"repeat"`` processes may see the same row of an environment that is smaller
        than the global batch.
    num_replicas, rank : int, optional
        Number of processes, and which of them this is; by default what ``torch.distributed`` says,
        or 1 and 0 where nothing was launched.

    Raises
    ------
    DataError
        As :class:`EnvironmentBatchSampler`; also if the number of processes does not divide
        ``batch_size``, an environment is too small to be shared out, or ``torch.distributed`` has
        not been initialised in one of several launched processes.

    Examples
    --------
    >>> sites = ["Oslo"] * 4 + ["Rome"] * 4
    >>> for rank in (0, 1):
    ...     sampler = DistributedEnvironmentBatchSampler(
    ...         sites, batch_size=4, order="cyclic", num_replicas=2, rank=rank
    ...     )
    ...     print([sorted(sites[row] for row in batch) for batch in sampler])
    [['Oslo', 'Oslo'], ['Rome', 'Rome']]
    [['Oslo', 'Oslo'], ['Rome', 'Rome']]
    """

    def __init__(
        self,
        environments: Any,
        batch_size: int,
        *,
        order: Order = "random",
        weights: Any = "uniform",
        replacement: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        small: Small = "repeat",
        block: int | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        self._join(batch_size, num_replicas, rank)
        super().__init__(
            environments,
            batch_size,
            order=order,
            weights=weights,
            replacement=replacement,
            drop_last=drop_last,
            seed=seed,
            small=small,
            block=block,
        )

    def _batch_sizes(self) -> NDArray[np.int64]:
        sizes = super()._batch_sizes() // self.num_replicas * self.num_replicas
        least = self._smallest(sizes)
        if sizes[least] == 0:
            raise DataError(
                f"Environment {self.environments[least]!r} has fewer rows than there are processes "
                f"({self.num_replicas}); take small='repeat', or leave it out."
            )
        return sizes

    def _settings(self) -> dict[str, Any]:
        shared = {"num_replicas": self.num_replicas} if self.small == "shrink" else {}
        return super()._settings() | shared


class DistributedWindowBatchSampler(SharedOut, WindowBatchSampler):
    """Draw every batch from a window of an axis, and share its rows out to all processes.

    All processes choose the same window at the same step and take disjoint rows of one batch, as
    in :class:`DistributedEnvironmentBatchSampler`; the batches are those of
    :class:`WindowBatchSampler` with the same settings. **batch_size is the global batch.**

    Parameters
    ----------
    values : (n,) array, Series, tensor or sequence of numbers, dates or durations
        Where each row lies on the axis; the same in all processes.
    batch_size : int
        Rows of the **global** batch, all processes together; a multiple of their number.
    width, weights, drop_last, seed
        As in :class:`WindowBatchSampler`; the same in all processes.
    small : {"repeat", "refuse"}
        As there; with ``"repeat"`` processes may see the same row of a window that holds fewer
        rows than the global batch.
    num_replicas, rank : int, optional
        As in :class:`DistributedEnvironmentBatchSampler`.

    Raises
    ------
    DataError
        As :class:`WindowBatchSampler`; also if the number of processes does not divide
        ``batch_size``, or ``torch.distributed`` has not been initialised in one of several launched
        processes.

    Examples
    --------
    >>> hours = [7, 0, 3, 1, 6, 2, 5, 4]
    >>> for rank in (0, 1):
    ...     sampler = DistributedWindowBatchSampler(hours, 4, seed=1, num_replicas=2, rank=rank)
    ...     print([sorted(hours[row] for row in batch) for batch in sampler])
    [[3, 5], [0, 2]]
    [[4, 6], [1, 3]]
    """

    def __init__(
        self,
        values: Any,
        batch_size: int,
        *,
        width: Any = None,
        weights: Literal["uniform", "size"] = "uniform",
        drop_last: bool = False,
        seed: int = 0,
        small: Literal["repeat", "refuse"] = "repeat",
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        self._join(batch_size, num_replicas, rank)
        check_choice("small", small, ("repeat", "refuse"))
        super().__init__(
            values,
            batch_size,
            width=width,
            weights=weights,
            drop_last=drop_last,
            seed=seed,
            small=small,
        )


def resolve_ranks(num_replicas: int | None, rank: int | None) -> tuple[int, int]:
    """Return how many processes there are, and which of them this is.

    Raises
    ------
    DataError
        If one is given without the other, they do not fit, or they cannot be known.
    """
    if num_replicas is not None and rank is not None:
        check_count("num_replicas", num_replicas)
        check_whole("rank", rank)
        if rank >= num_replicas:
            raise DataError(f"rank must be below num_replicas={num_replicas}; got {rank}.")
        return int(num_replicas), int(rank)
    if num_replicas is not None or rank is not None:
        raise DataError("Give num_replicas and rank together, or neither of them.")
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size(), dist.get_rank()
    launched = os.environ.get("WORLD_SIZE", "1")
    if launched != "1":
        raise DataError(
            f"This is one of {launched} launched processes, but torch.distributed is not "
            "initialised: call torch.distributed.init_process_group() before building the "
            "sampler, or pass num_replicas and rank."
        )
    return 1, 0


def refuse_uneven(batch_size: int, num_replicas: int) -> None:
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
