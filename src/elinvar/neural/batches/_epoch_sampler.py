"""What all samplers of row numbers share: their length, their epochs, the rows of a process."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from elinvar._base._check import check_count
from elinvar.errors import DataError
from elinvar.neural.batches._groups import group_rows
from elinvar.neural.batches._loaders import check_length, samplers_of
from elinvar.neural.batches._order import Weights, resolve_weights
from elinvar.neural.batches._ranks import check_late_start, resolve_ranks
from elinvar.neural.batches._resumable import Resumable


class EpochSampler(Resumable, Sampler[list[int]]):
    """Batches of row numbers, the same for the same seed and epoch.

    An epoch is ``ceil(n / batch_size)`` batches, ``floor(n / batch_size)`` with ``drop_last``.
    """

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
        check_count("seed", seed, least=0)
        if drop_last and n_rows < batch_size:
            raise DataError(
                f"With drop_last, {n_rows:,} rows give no batch of {batch_size:,}; take a smaller "
                "batch_size, or drop_last=False."
            )
        self.n_rows, self.batch_size, self.drop_last = n_rows, int(batch_size), bool(drop_last)
        self.seed = int(seed)
        self._ranks_given = num_replicas is not None
        self.num_replicas, self.rank = resolve_ranks(num_replicas, rank, self.batch_size)
        self._go_to(0, 0)

    def __len__(self) -> int:
        whole, rest = divmod(self.n_rows, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        # A generator: nothing of this runs before the first batch is asked for. A DataLoader with
        # workers calls iter() twice and throws the first result away.
        if not self._ranks_given:
            check_late_start(self.num_replicas)
        epoch, start = self._begin()
        for number, rows in enumerate(self._batches(epoch)):
            if number >= start:
                self._n_drawn = number + 1
                # every process draws the whole batch, and takes its part: nothing is exchanged
                yield rows[self.rank :: self.num_replicas].tolist()

    @abstractmethod
    def _batches(self, epoch: int) -> Iterator[NDArray[Any]]:
        """Yield the rows of all batches of an epoch, each good until the next is asked for."""

    def _go_to(self, epoch: int, start: int) -> None:
        super()._go_to(epoch, start)
        self._n_drawn = start

    def _settings(self) -> dict[str, Any]:
        return {"batch_size": self.batch_size, "drop_last": self.drop_last, "seed": self.seed}

    def _check_loader(self, loader: object) -> None:
        if not any(link is self for link in samplers_of(loader)):
            raise DataError(
                "This loader does not draw from this sampler; pass the sampler to it as "
                "DataLoader(..., batch_sampler=sampler)."
            )
        check_length(loader, self.n_rows)


class LabelledSampler(EpochSampler):
    """A sampler that knows the environment of each row.

    Attributes
    ----------
    groups : Groups
        Rows of each environment.
    weights : (M,) array adding up to 1
        Share of each environment.
    """

    def __init__(
        self,
        environments: ArrayLike,
        batch_size: int,
        *,
        weights: Weights = "uniform",
        replacement: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        self.groups = group_rows(environments)
        n_rows = len(self.groups.rows)
        super().__init__(n_rows, batch_size, drop_last, seed, num_replicas, rank)
        self.environments = self.groups.names
        self.replacement = bool(replacement)
        self.weights, self._weights_name = resolve_weights(weights, self.groups.counts)

    def _fingerprint(self) -> str:
        return self.groups.fingerprint

    def _settings(self) -> dict[str, Any]:
        own = {"replacement": self.replacement, "weights": self._weights_name}
        return super()._settings() | own
