"""Which environment each batch of an epoch comes from, and how often each."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._check import as_weights, check_choice, check_count
from elinvar._base._warn import warn
from elinvar.environments import numbers_by_label
from elinvar.errors import DataError
from elinvar.neural.batches._resumable import Resumable

Floats = NDArray[np.float64]
Order = Literal["random", "cyclic", "blocks"]
Weights = Literal["uniform", "size"] | ArrayLike | Mapping[Any, float]

_BLOCK = 10


def resolve_block(order: Order, block: int | None) -> int:
    """Return the batches of a block.

    Raises
    ------
    DataError
        If the order is unknown, or the block is no number or not needed.
    """
    check_choice("order", order, ("random", "cyclic", "blocks"))
    if block is None:
        return _BLOCK
    check_count("block", block)
    if order != "blocks":
        raise DataError(f"block is for order='blocks'; with {order!r} leave it out.")
    return int(block)


def resolve_weights(
    weights: Weights, names: Sequence[str], counts: NDArray[np.int64]
) -> tuple[Floats, str]:
    """Return the weight of each environment, (M,), adding up to 1, and a name for a saved state.

    Raises
    ------
    DataError
        If they are neither ``"uniform"`` nor ``"size"`` nor a usable array, or a mapping names
        other environments.
    """
    if isinstance(weights, Mapping):
        weights = numbers_by_label("weights", weights, names)
    if isinstance(weights, str):
        if weights not in ("uniform", "size"):
            raise DataError(
                f"weights must be 'uniform', 'size' or one number for each environment; got "
                f"{weights!r}."
            )
        numbers = counts if weights == "size" else np.ones(len(counts))
        return as_weights("weights", numbers, len(counts)), weights
    shares = as_weights("weights", weights, len(counts))
    return shares, "array " + hashlib.blake2b(shares.tobytes(), digest_size=6).hexdigest()


def warn_of_one(environments: Sequence[str]) -> None:
    """Warn where there is nothing that could differ from batch to batch."""
    if len(environments) == 1:
        warn(
            f"There is only one environment, {environments[0]!r}: batches of it are ordinary "
            "batches, and this is no HeteroSGD. Give labels that tell where rows come from."
        )


class Scheduled(Resumable):
    """What draws every batch from one environment, in a known order.

    Attributes
    ----------
    environments : tuple of str
        Names of the environments, in natural order.
    weights : (M,) array adding up to 1
        Share of batches of each environment.
    """

    environments: tuple[str, ...]
    order: Order
    weights: Floats
    block: int
    # batches of an epoch from each environment, (M,), where they are no chance
    _turns: NDArray[np.int64] | None = None

    @property
    def n_environments(self) -> int:
        """Number of environments."""
        return len(self.environments)

    def schedule(self, epoch: int | None = None) -> NDArray[Any]:
        """Return the environment of each batch of an epoch.

        Parameters
        ----------
        epoch : int, optional
            The present one by default.

        Returns
        -------
        (len(self),) array of int
            Indices into ``environments``.

        Examples
        --------
        >>> from elinvar.neural import EnvironmentBatchSampler
        >>> sampler = EnvironmentBatchSampler(["a", "b", "c"] * 4, batch_size=2, order="cyclic")
        >>> sampler.schedule()
        array([0, 1, 2, 0, 1, 2], dtype=uint8)
        """
        number, n_batches = self.epoch if epoch is None else epoch, len(self)
        if self.order == "cyclic":
            # goes on where the last epoch ended
            sequence = _cyclic(self.weights, number * n_batches, n_batches)
        else:
            length = self.block if self.order == "blocks" else 1
            rng, M = self._generator(number, 0), len(self.weights)
            if self._turns is None:
                drawn = rng.choice(M, size=-(-n_batches // length), p=self.weights)
            else:
                drawn = rng.permutation(np.repeat(np.arange(M), self._turns // length))
            sequence = np.repeat(drawn, length)[:n_batches]
        return sequence.astype(np.min_scalar_type(len(self.weights) - 1))


def _cyclic(weights: Floats, first: int, length: int) -> NDArray[np.intp]:
    """Return batches ``first`` to ``first + length`` when each environment comes evenly spaced.

    The j-th batch of an environment with weight w falls at time (j + 1/2) / w; batches are taken in
    order of time, and of environments where times are equal. With equal weights: 0, 1, ..., M - 1,
    over and over.
    """
    present = np.flatnonzero(weights)
    w, M = weights[present], len(present)
    # Every batch up to number `first` falls at or before time first + M/2: those well before the
    # window are counted, and only those near it are sorted.
    low = np.maximum(np.floor(w * (first - M)) - 1, 0).astype(np.int64)
    high = np.ceil(w * (first + length + M)).astype(np.int64) + 1
    number = high - low
    which = np.repeat(np.arange(M), number)
    j = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number - low, number)
    ordered = which[np.lexsort((which, (j + 0.5) / w[which]))]
    skipped = first - int(low.sum())
    return present[ordered[skipped : skipped + length]]
