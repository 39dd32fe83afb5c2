"""Batches from one environment of data that can only be read through: one shard an environment."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, default_collate, get_worker_info

from elinvar._base._check import check_count
from elinvar.environments import natural_order
from elinvar.errors import DataError
from elinvar.neural.batches._order import (
    Order,
    Scheduled,
    Weights,
    resolve_block,
    resolve_weights,
    warn_of_one,
)
from elinvar.neural.batches._ranks import resolve_ranks

Shard = Iterable[Any] | Callable[[], Iterable[Any]]

_MARKS = 2**31


class EnvironmentStream(Scheduled, IterableDataset[Any]):
    """Read every batch from one shard, where each shard holds the rows of one environment.

    Give it to a loader as ``DataLoader(stream, batch_size=None)``: it makes whole batches itself.
    Rows come in the order in which a shard yields them, and a shard that ends is opened anew, so
    shuffling is the reader's task. With W workers, the k-th batch is made by worker k modulo W, and
    the batches do not depend on W; every worker reads through all shards, so put costly work into
    ``collate_fn``, which only sees the rows of the worker's own batches.

    Going through it again goes through the next epoch, with environments drawn anew, also where
    workers read, and each shard goes on where the epoch before ended: no row comes a second time
    before its shard has been read to the end. Whoever begins in the middle (a run that is resumed,
    workers that are new) reads through what has come before, so let workers persist.

    Parameters
    ----------
    shards : mapping of str to iterable, or to function that opens one
        The rows of each environment. What can be read only once, such as a generator, must be
        given as a function.
    batch_size : int
        Rows of a batch; of the **global** batch, if there are several processes.
    n_batches : int
        Batches of an epoch.
    order, weights, seed, block
        As in :class:`EnvironmentBatchSampler`; there is no ``weights="size"``.
    collate_fn : callable, optional
        Makes a batch of a list of rows, by default torch's ``default_collate``.
    num_replicas, rank : int, optional
        As in :class:`EnvironmentBatchSampler`: all processes read the same environment and keep
        different rows of the batch.

    Attributes
    ----------
    environments : tuple of str
        Names of the shards, in natural order.
    epoch : int
        Of the iteration under way, or the last one; :meth:`set_epoch` names that of the next.

    Raises
    ------
    DataError
        If there are no shards, a shard can be read only once or is empty, or a setting is out of
        range.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> shards = {"Oslo": [1.0, 2.0, 3.0, 4.0], "Rome": [10.0, 20.0]}
    >>> stream = EnvironmentStream(shards, batch_size=2, n_batches=4, order="cyclic")
    >>> for batch in DataLoader(stream, batch_size=None):
    ...     print(batch.tolist())
    [1.0, 2.0]
    [10.0, 20.0]
    [3.0, 4.0]
    [10.0, 20.0]
    """

    # where the readers stand: the epoch, the batches read of it, and they
    _stand: tuple[int, int, list[Iterator[Any]]] | None = None

    def __init__(
        self,
        shards: Mapping[str, Shard],
        batch_size: int,
        n_batches: int,
        *,
        order: Order = "random",
        weights: Weights = "uniform",
        seed: int = 0,
        block: int | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        check_count("batch_size", batch_size)
        check_count("n_batches", n_batches)
        check_count("seed", seed, least=0)
        if isinstance(weights, str) and weights == "size":
            raise DataError("The sizes of shards are not known; give weights as numbers.")
        self.environments = _names(shards)
        warn_of_one(self.environments)
        self.num_replicas, self.rank = resolve_ranks(num_replicas, rank, batch_size)
        self._shards = [shards[name] for name in self.environments]
        counts = np.ones(len(shards), dtype=np.int64)
        self.weights, self._weights_name = resolve_weights(weights, self.environments, counts)
        self.batch_size, self.n_batches, self.seed = int(batch_size), int(n_batches), int(seed)
        self.order, self.block = order, resolve_block(order, block)
        self.collate_fn = collate_fn or default_collate
        # Shared memory, so that workers see another epoch, and this process what they have begun:
        # the epoch that was named, the batch to begin at, and the iterations begun since.
        self._shared = torch.zeros(3, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._iterations = 0
        self._n_drawn = self._n_followed = None

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        part, parts = (worker.id, worker.num_workers) if worker else (0, 1)
        epoch, start = self._begin()
        readers, read = self._readers_before(epoch), 0
        try:
            for number, environment in enumerate(self.schedule(epoch).tolist()):
                rows, read = islice(readers[environment], self.batch_size), number + 1
                if number >= start and (number - start) % parts == part:
                    yield self.collate_fn(list(rows)[self.rank :: self.num_replicas])
                else:
                    _read_through(rows)
        finally:
            self._stand = (epoch, read, readers)

    def _readers_before(self, epoch: int) -> list[Iterator[Any]]:
        """Return readers of the shards as they stand where an epoch begins."""
        # taken from here while they are used, so that two iterations at once do not share them
        stand, self._stand = self._stand, None
        if stand is None or stand[0] >= epoch:
            stand = (0, 0, [self._rows(shard) for shard in range(len(self._shards))])
        number, read, readers = stand
        for earlier in range(number, epoch):
            turns = np.bincount(self.schedule(earlier)[read:], minlength=len(readers))
            for reader, count in zip(readers, turns.tolist(), strict=True):
                _read_through(islice(reader, count * self.batch_size))
            read = 0
        return readers

    def __getstate__(self) -> dict[str, Any]:
        # a copy, such as that of a worker, opens the shards itself
        return {name: value for name, value in vars(self).items() if name != "_stand"}

    def _rows(self, shard: int) -> Iterator[Any]:
        """Yield the rows of a shard, over and over."""
        # chained in C: a generator would be woken up for every row
        return chain.from_iterable(self._readings(shard))

    def _readings(self, shard: int) -> Iterator[Iterator[Any]]:
        """Open a shard, and again when it has been read to the end."""
        source = self._shards[shard]
        while True:
            rows = iter(source() if callable(source) else source)
            first = list(islice(rows, 1))
            if not first:
                raise DataError(
                    f"The shard of environment {self.environments[shard]!r} has no rows; leave it "
                    "out."
                )
            yield chain(first, rows)

    @property
    def epoch(self) -> int:  # type: ignore[override]
        """The present epoch."""
        return int(self._shared[0]) + max(self._count() - 1, 0)

    @property
    def _begun(self) -> bool:  # type: ignore[override]
        return self._count() > 0

    @property
    def _start(self) -> int:  # type: ignore[override]
        return 0 if self._begun else int(self._shared[1])

    def _count(self) -> int:
        return int(self._shared[2]) // _MARKS

    def _go_to(self, epoch: int, start: int) -> None:
        self._shared[0], self._shared[1], self._shared[2] = epoch, start, 0
        self._n_followed = None

    def _begin(self) -> tuple[int, int]:
        # All workers of a loader begin an iteration, at different times, and the first of them is
        # to count it. They know it by a mark: the seed that they share, new for every iteration
        # unless they persist, and how many each has begun. The count and its mark are one number,
        # so that no worker sees the one without the other, and whoever counts writes the same.
        worker = get_worker_info()
        self._iterations += 1
        mark = hash((worker.seed - worker.id, self._iterations)) % _MARKS if worker else 0
        count, counted = divmod(int(self._shared[2]), _MARKS)
        if worker is None or mark != counted:
            count += 1
            self._shared[2] = count * _MARKS + mark
        return int(self._shared[0]) + count - 1, int(self._shared[1]) if count == 1 else 0

    def _fingerprint(self) -> str:
        return hashlib.blake2b("\0".join(self.environments).encode(), digest_size=12).hexdigest()

    def _settings(self) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "block": self.block,
            "n_batches": self.n_batches,
            "order": self.order,
            "seed": self.seed,
            "weights": self._weights_name,
        }

    def _check_loader(self, loader: object) -> None:
        if getattr(loader, "dataset", None) is not self:
            raise DataError("This loader reads another data set; follow the loader of this one.")
        check_unbatched(loader)


def _read_through(rows: Iterator[Any]) -> None:
    deque(rows, maxlen=0)


def check_unbatched(loader: object) -> None:
    """Refuse a loader that would put batches of a stream together again.

    Raises
    ------
    DataError
    """
    together = getattr(loader, "batch_size", None)
    if together is not None:
        raise DataError(
            f"This loader would put {together} batches of the stream into one; an "
            "EnvironmentStream makes whole batches: DataLoader(stream, batch_size=None)."
        )


def _names(shards: Mapping[str, Shard]) -> tuple[str, ...]:
    """Return the names of shards in natural order, or refuse them."""
    if not isinstance(shards, Mapping) or not shards:
        raise DataError("shards must name at least one environment and its rows, as a dict.")
    for name, shard in shards.items():
        if not isinstance(name, str):
            raise DataError(f"shards must be named by strings; got {name!r}.")
        if isinstance(shard, Iterator) or not (callable(shard) or isinstance(shard, Iterable)):
            raise DataError(
                f"The shard of environment {name!r} can be read at most once; give a function that "
                "opens it."
            )
    return tuple(natural_order(shards))
