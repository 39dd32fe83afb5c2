"""What all samplers of row numbers share: their length, their epochs, the rows of a process."""

from abc import abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from elinvar._base._check import check_count
from elinvar.errors import DataError
from elinvar.neural.batches._groups import group_rows
from elinvar.neural.batches._loaders import check_length, samplers_of
from elinvar.neural.batches._order import Weights, resolve_weights
from elinvar.neural.batches._ranks import check_agreement, check_late_start, resolve_ranks
from elinvar.neural.batches._reshuffling import Reshuffling
from elinvar.neural.batches._resumable import Resumable

_MOST_EPOCHS = 10_000


class EpochSampler(Resumable, Sampler[list[int]]):
    """Batches of row numbers, the same for the same seed and epoch.

    An epoch is ``ceil(n / batch_size)`` batches, ``floor(n / batch_size)`` with ``drop_last``.
    """

    # whether this is the copy of an audit, which reports what others refuse
    _audited = False

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

    @property
    def sampler(self) -> "EpochSampler":
        """The sampler itself: Lightning names the epoch to what a batch sampler calls so."""
        return self

    def __iter__(self) -> Iterator[list[int]]:
        # A generator: nothing of this runs before the first batch is asked for. A DataLoader with
        # workers calls iter() twice and throws the first result away.
        if not self._ranks_given:
            check_late_start(self.num_replicas)
        epoch, start = self._begin()
        if self.num_replicas > 1 and not self._ranks_given and not self._audited:
            check_agreement(epoch, start, {**self._settings(), "data": self._fingerprint()})
        source = self._take_source(epoch)
        draws = self._draw(epoch, source)
        try:
            for number, rows in enumerate(draws):
                if number >= start:
                    self._n_drawn = number + 1
                    # every process draws the whole batch, and takes its part: nothing is exchanged
                    yield rows[self.rank :: self.num_replicas].tolist()
        finally:
            self._put_back(epoch, draws, source)

    def _take_source(self, epoch: int) -> Any:
        """Return what the batches of an epoch are drawn from, besides chance; nothing here."""

    @abstractmethod
    def _draw(self, epoch: int, source: Any) -> Iterator[NDArray[Any]]:
        """Yield the rows of all batches of an epoch, each good until the next is asked for."""

    def _put_back(self, epoch: int, draws: Iterator[NDArray[Any]], source: Any) -> None:
        """Keep for a later epoch what an iteration has drawn from, perhaps not to its end."""

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

    The rows of an environment are gone through in passes, each in a random order, from epoch to
    epoch: no row comes a second time before all have come once. What an epoch yields depends on
    the seed and its number alone, so the passes before it are gone through again where it does not
    follow the last one.

    Attributes
    ----------
    groups : Groups
        Rows of each environment.
    weights : (M,) array adding up to 1
        Share of each environment.
    """

    # where the passes stand: the epoch, its draws under way, and the rows that they are taken from
    _stand: tuple[int, Iterator[NDArray[Any]], Reshuffling] | None = None

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
        self.weights, self._weights_name = resolve_weights(
            weights, self.environments, self.groups.counts
        )

    def __getstate__(self) -> dict[str, Any]:
        # a copy goes its own way: two that shuffled the same rows in place would mix their passes
        return {name: value for name, value in vars(self).items() if name != "_stand"}

    @abstractmethod
    def _rows_drawn(self, epoch: int) -> NDArray[np.int64]:
        """Count the rows that an epoch takes from each environment, (M,)."""

    def _passes(self, epoch: int = 0) -> Reshuffling:
        rng = self._generator(epoch, 1)
        return Reshuffling(self.groups, rng, replacement=self.replacement)

    def _take_source(self, epoch: int) -> Reshuffling:
        """Return the passes as they stand where an epoch begins."""
        if self.replacement:
            return self._passes(epoch)
        # taken from here while it is used, so that two iterations at once do not share it
        stand, self._stand = self._stand, None
        if stand is None or stand[0] >= epoch:
            stand = (-1, iter(()), self._passes())
        number, draws, rows = stand
        for following in range(number + 1, epoch + 1):
            deque(draws, maxlen=0)
            if following < epoch:
                draws = self._draw(following, rows)
        return rows

    def _put_back(self, epoch: int, draws: Iterator[NDArray[Any]], source: Any) -> None:
        if not self.replacement:
            self._stand = (epoch, draws, source)

    def coverage(self, epochs: int = 1) -> dict[str, float]:
        """Return the share of each environment's rows that have come after some epochs.

        With ``replacement`` it is the share to be expected.

        Parameters
        ----------
        epochs : int
            From epoch 0 on.

        Returns
        -------
        dict of str to float
            Between 0 and 1, by environment.

        Raises
        ------
        DataError
            If it is no number of epochs.

        Examples
        --------
        >>> from elinvar.neural import EnvironmentBatchSampler
        >>> sites = ["large"] * 60 + ["small"] * 20
        >>> EnvironmentBatchSampler(sites, 10, order="cyclic").coverage()
        {'large': 0.6666666666666666, 'small': 1.0}
        """
        check_count("epochs", epochs)
        drawn = np.sum([self._rows_drawn(epoch) for epoch in range(epochs)], axis=0)
        return dict(zip(self.environments, self._covered(drawn).tolist(), strict=True))

    @property
    def epochs_to_cover(self) -> int | None:
        """Epochs after which every row has come, of environments with a weight.

        None with ``replacement``, where no number is enough for certain, and where it is more than
        10,000.
        """
        drawn = np.zeros(len(self.environments), dtype=np.int64)
        for epoch in range(0 if self.replacement else _MOST_EPOCHS):
            drawn += self._rows_drawn(epoch)
            if (self._covered(drawn)[self.weights > 0] == 1).all():
                return epoch + 1
        return None

    def _covered(self, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        counts = self.groups.counts
        if self.replacement:
            return 1 - (1 - 1 / counts) ** drawn
        return np.minimum(drawn / counts, 1)

    def _fingerprint(self) -> str:
        return self.groups.fingerprint

    def _settings(self) -> dict[str, Any]:
        own = {"replacement": self.replacement, "weights": self._weights_name}
        return super()._settings() | own
