"""Batches from one environment: HeteroSGD as a batch sampler."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._check import check_choice
from elinvar.errors import DataError
from elinvar.neural.batches._epoch_sampler import LabelledSampler
from elinvar.neural.batches._order import (
    Order,
    Scheduled,
    Weights,
    resolve_block,
    warn_of_one,
)
from elinvar.neural.batches._reshuffling import Reshuffling

Small = Literal["repeat", "shrink", "refuse"]


class EnvironmentBatchSampler(LabelledSampler, Scheduled):
    """Draw every batch from one environment.

    At step t an environment e_t is chosen, and the batch holds ``batch_size`` of its rows. Each
    environment hands out its rows in a random order, all of them before any comes again, from
    epoch to epoch. An epoch is as many batches as that of an ordinary loader,
    ``ceil(n / batch_size)``; with uniform weights small environments are gone through more than
    once in it, and large ones not to the end: ``epochs_to_cover`` says after how many epochs
    every row has come. With ``weights="size"`` it is one, and an epoch has the batches that this
    takes, ``ceil(n_e / batch_size)`` from environment e.

    Going through the sampler again goes through the next epoch. Training loops that call
    :meth:`set_epoch` before each epoch decide themselves; on several processes either all go
    through it equally often, or all call it, and an iteration begins with a look whether they
    agree. An iteration counts from its first batch: ``len``, or an iterator that nothing is drawn
    from, changes nothing.

    On several processes all choose the same environment at the same step and take disjoint rows of
    one batch, so that the gradient that they average is that of the whole batch, as one process
    would compute it. **batch_size is the global batch**: each of N processes gets
    ``batch_size / N`` rows. The order depends on ``seed``, the epoch and nothing else, so nothing
    is exchanged between processes, and a run may go on with another number of them (but for
    ``small="shrink"``). Nothing else may share out the loader once more: with Accelerate leave it
    out of ``prepare()``, in Lightning set ``use_distributed_sampler=False``.

    Parameters
    ----------
    environments : (n,) array, Series, Categorical, tensor or sequence
        Label of the environment of each row, of any kind; the same in all processes, as all else.
    batch_size : int
        Rows of a batch, of all processes together; a multiple of their number.
    order : {"random", "cyclic", "blocks"}
        How environments follow each other: each drawn by ``weights``; in turn, as often as
        ``weights`` say, the next epoch going on where this one ends; or drawn by ``weights`` for
        ``block`` batches at a time.
    weights : {"uniform", "size"}, (M,) array or mapping of labels to numbers
        Share of batches of each environment: the same for all, in proportion to its rows, or
        numbers of at least 0, in the order of ``environments`` or by label.
    replacement : bool
        Draw every row of a batch independently of all others.
    drop_last : bool
        Make an epoch ``floor(n / batch_size)`` batches, or ``floor(n_e / batch_size)`` of each
        environment with ``weights="size"``, one at the least.
    seed : int
        Of the random order; the same seed and epoch give the same batches.
    small : {"repeat", "shrink", "refuse"}
        What to do with an environment of fewer rows than a batch: fill the batch with repeated
        rows, no row more than once oftener than another; make the batch all its rows, once each;
        or raise an error. Of no matter with ``replacement``. Of several processes, two may see the
        same of the repeated rows; and with ``"shrink"`` an environment gives as many rows as can be
        shared out evenly.
    block : int, optional
        Batches of a block for ``order="blocks"``, 10 by default. Where gradients of k batches are
        accumulated, ``block=k`` keeps them to one environment.
    num_replicas, rank : int, optional
        Processes that share every batch, and which of them this is: by default those of
        ``torch.distributed`` if it is initialised, 1 and 0 if it is not.

    Attributes
    ----------
    environments : tuple of str
        Names of the environments, in natural order.
    epoch : int
        Of the iteration under way, or the last one; :meth:`set_epoch` names that of the next.

    Raises
    ------
    DataError
        If labels are missing or none repeats, a category has no rows, the batch is larger than the
        smallest environment with ``small="refuse"``, a setting is out of range, ``batch_size`` or
        an environment cannot be shared out, or ``torch.distributed`` has not been initialised in
        one of several launched processes.

    See Also
    --------
    audit : Count the environments that each step of a loader sees.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", 2024, Algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> sites = ["Oslo", "Rome", "Oslo", "Rome", "Oslo", "Rome"]
    >>> sampler = EnvironmentBatchSampler(sites, batch_size=3, order="cyclic")
    >>> data = TensorDataset(torch.arange(6))
    >>> for (rows,) in DataLoader(data, batch_sampler=sampler):
    ...     print(sorted(rows.tolist()))
    [0, 2, 4]
    [1, 3, 5]

    The second of two processes, and two rows of each batch of four:

    >>> sites = ["Oslo"] * 4 + ["Rome"] * 4
    >>> sampler = EnvironmentBatchSampler(sites, 4, order="cyclic", num_replicas=2, rank=1)
    >>> [[sites[row] for row in batch] for batch in sampler]
    [['Oslo', 'Oslo'], ['Rome', 'Rome']]
    """

    def __init__(
        self,
        environments: ArrayLike,
        batch_size: int,
        *,
        order: Order = "random",
        weights: Weights = "uniform",
        replacement: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        small: Small = "repeat",
        block: int | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        super().__init__(
            environments,
            batch_size,
            weights=weights,
            replacement=replacement,
            drop_last=drop_last,
            seed=seed,
            num_replicas=num_replicas,
            rank=rank,
        )
        check_choice("small", small, ("repeat", "shrink", "refuse"))
        self.order, self.small, self.block = order, small, resolve_block(order, block)
        warn_of_one(self.environments)
        self._sizes = self._batch_sizes()
        if self._weights_name == "size" and not self.replacement:
            self._turns = self._turns_by_size()
            self.weights = self._turns / self._turns.sum()

    def __len__(self) -> int:
        return super().__len__() if self._turns is None else int(self._turns.sum())

    def _draw(self, epoch: int, source: Reshuffling) -> Iterator[NDArray[Any]]:
        sizes = self._sizes.tolist()
        for environment in self.schedule(epoch).tolist():
            yield source.take(environment, sizes[environment])

    def _rows_drawn(self, epoch: int) -> NDArray[np.int64]:
        turns = np.bincount(self.schedule(epoch), minlength=len(self.environments))
        return turns * self._sizes

    def _turns_by_size(self) -> NDArray[np.int64]:
        """Return the batches of an epoch from each environment that reach all of its rows, (M,).

        With ``drop_last`` what does not fill a batch waits for a later epoch, but for environments
        smaller than a batch; blocks are whole.
        """
        counts, unit = self.groups.counts, self.block if self.order == "blocks" else 1
        turns = -(-counts // self._sizes)
        if self.drop_last:
            turns = np.maximum(counts // self._sizes, 1)
        return -(-turns // unit) * unit

    def _batch_sizes(self) -> NDArray[np.int64]:
        """Return the rows of a batch from each environment, (M,)."""
        counts = self.groups.counts
        if self.replacement or self.small == "repeat":
            return np.full(len(counts), self.batch_size)
        sizes = np.minimum(counts, self.batch_size) // self.num_replicas * self.num_replicas
        # the smallest environment of those that are drawn
        least = int(np.where(self.weights > 0, counts, self.n_rows).argmin())
        if self.small == "refuse" and counts[least] < self.batch_size:
            raise DataError(
                f"A batch of {self.batch_size:,} rows is larger than environment "
                f"{self.environments[least]!r} with {counts[least]:,}; take a smaller "
                "batch_size, or small='repeat' or 'shrink'."
            )
        if sizes[least] == 0:
            raise DataError(
                f"Environment {self.environments[least]!r} has fewer rows than there are processes "
                f"({self.num_replicas}); take small='repeat', or leave it out."
            )
        return sizes

    def _settings(self) -> dict[str, Any]:
        # the batch of all processes does not depend on their number, unless small ones shrink
        shared = {"num_replicas": self.num_replicas} if self.small == "shrink" else {}
        own = {"block": self.block, "order": self.order, "small": self.small}
        return super()._settings() | own | shared
