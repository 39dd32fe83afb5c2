"""What all samplers of row numbers share: their length, their epochs, the rows of a process."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from elinvar._base._check import check_count
from elinvar.errors import DataError
from elinvar.neural._processes import check_shares, resolve_ranks
from elinvar.neural.batches._loaders import check_length, samplers_of
from elinvar.neural.batches._resumable import Resumable, check_whole


class EpochSampler(Resumable, Sampler[list[int]]):
    """Batches of row numbers, the same for the same seed and epoch.

    An epoch is ``ceil(n / batch_size)`` batches, ``floor(n / batch_size)`` with ``drop_last``.
    """

    batch_size: int
    drop_last: bool
    num_replicas: int
    rank: int

    def __init__(
        self,
        n_rows: int,
        batch_size: int,
        drop_last: bool,
        seed: int,
        num_replicas: int | None,
        rank: int | None,
    ) -> None:
        check_count("batch_size", batch_size)
        check_whole("seed", seed)
        if drop_last and n_rows < batch_size:
            raise DataError(
                f"With drop_last, {n_rows:,} rows give no batch of {batch_size:,}; take a smaller "
                "batch_size, or drop_last=False."
            )
        self.n_rows, self.batch_size, self.drop_last = n_rows, int(batch_size), bool(drop_last)
        self.seed = int(seed)
        self._asked = num_replicas, rank
        self.num_replicas, self.rank = resolve_ranks(num_replicas, rank)
        check_shares(self.batch_size, self.num_replicas)
        self._go_to(0, 0)

    def __len__(self) -> int:
        whole, rest = divmod(self.n_rows, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        # A generator: nothing of this runs before the first batch is asked for. A DataLoader with
        # workers calls iter() twice and throws the first result away.
        if self._asked == (None, None) and resolve_ranks(None, None)[0] != self.num_replicas:
            raise DataError(
                f"This sampler was built for {self.num_replicas} process, before torch.distributed "
                "was initialised; build it afterwards, or pass num_replicas and rank."
            )
        epoch, start = self._begin()
        for number, rows in enumerate(self._batches(epoch)):
            if number >= start:
                self._n_drawn = number + 1
                yield rows[self.rank :: self.num_replicas].tolist()

    @abstractmethod
    def _batches(self, epoch: int) -> Iterator[NDArray[Any]]:
        """Yield the rows of all batches of an epoch, each good until the next is asked for."""

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def _go_to(self, epoch: int, start: int) -> None:
        super()._go_to(epoch, start)
        self._n_drawn = start

    def _check_loader(self, loader: Any) -> None:
        if not any(link is self for link in samplers_of(loader)):
            raise DataError(
                "This loader does not draw from this sampler; pass the sampler to it as "
                "DataLoader(..., batch_sampler=sampler)."
            )
        check_length(loader, self.n_rows)
