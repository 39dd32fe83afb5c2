"""Batches that mix all environments: PooledSGD, the mirror of HeteroSGD."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.neural.batches._epoch_sampler import LabelledSampler
from elinvar.neural.batches._reshuffling import Reshuffling


class PooledBatchSampler(LabelledSampler):
    """Draw every batch from all environments, as :class:`EnvironmentBatchSampler` does from one.

    For each row of a batch an environment is drawn, so that the rows of a batch of m are divided
    among environments by a multinomial law; each environment hands out its rows as there. The two
    samplers differ in nothing else: with one environment their batches are equal.

    Parameters
    ----------
    environments : (n,) array, Series, Categorical, tensor or sequence
        Label of the environment of each row, of any kind.
    batch_size : int
        Rows of a batch, of all processes together; a multiple of their number.
    weights : {"uniform", "size"}, (M,) array or mapping of labels to numbers
        Share of rows from each environment: the same from all, in proportion to its rows, or
        numbers of at least 0, in the order of ``environments`` or by label.
    replacement : bool
        Draw every row independently of all others.
    drop_last : bool
        Make an epoch ``floor(n / batch_size)`` batches.
    seed : int
        Of the random order; the same seed and epoch give the same batches.
    num_replicas, rank : int, optional
        As in :class:`EnvironmentBatchSampler`: processes take disjoint rows of every batch.

    Attributes
    ----------
    environments : tuple of str
        Names of the environments, in natural order.
    epoch : int
        Of the iteration under way, or the last one; :meth:`set_epoch` names that of the next.

    Raises
    ------
    DataError
        As :class:`EnvironmentBatchSampler`.

    Examples
    --------
    >>> sampler = PooledBatchSampler(["a", "b"] * 50, batch_size=20)
    >>> [len({row % 2 for row in batch}) for batch in sampler]
    [2, 2, 2, 2, 2]
    """

    def _draw(self, epoch: int, source: Reshuffling) -> Iterator[NDArray[Any]]:
        rng = self._generator(epoch, 0)
        for _ in range(len(self)):
            found, sizes = np.unique(self._places(rng, self.batch_size), return_counts=True)
            parts = zip(found.tolist(), sizes.tolist(), strict=True)
            yield np.concatenate([source.take(environment, size) for environment, size in parts])

    def _rows_drawn(self, epoch: int) -> NDArray[np.int64]:
        places = self._places(self._generator(epoch, 0), len(self) * self.batch_size)
        return np.bincount(places, minlength=len(self.weights))

    def _places(self, rng: np.random.Generator, size: int) -> NDArray[np.intp]:
        """Draw the environments of rows."""
        # numbers in [0, 1) find their environment; rounding must not leave one beyond the last
        bounds = np.cumsum(self.weights)
        bounds[np.flatnonzero(self.weights)[-1] :] = 1.0
        return np.searchsorted(bounds, rng.random(size), side="right")

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"order": "pooled"}
