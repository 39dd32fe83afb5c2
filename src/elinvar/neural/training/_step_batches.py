"""Batches for the steps of a run, epoch after epoch, from where an earlier run stopped."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elinvar.errors import DataError
from elinvar.neural.batches._epoch_sampler import EpochSampler, LabelledSampler
from elinvar.neural.batches._loaders import samplers_of
from elinvar.neural.rules._learner import Batch, as_batch
from elinvar.neural.rules._rule import StepRule

# what a loader may hold that is told the epoch
_TOLD = ("batch_sampler", "sampler", "dataset")
_EXHAUSTED = object()


class StepBatches:
    """Groups of batches, one group a step; a group may begin in one epoch and end in the next.

    Parameters
    ----------
    loader : iterable of (x, y), or of what the loss takes
        A `DataLoader`, or anything that can be gone through again and again. Its ``set_epoch``, or
        that of its sampler or data set, is called before each epoch.
    rule : StepRule
        Says how many batches a step takes.
    device : torch.device
        Where the model is.
    whole : bool
        Whether batches may be anything, and not pairs only.

    Raises
    ------
    DataError
        If the rule needs a batch of each environment and the sampler does not give it so.
    """

    def __init__(
        self, loader: Iterable[object], rule: StepRule, device: torch.device, whole: bool
    ) -> None:
        self._loader, self._group, self._device = loader, rule.environments, device
        self._whole = whole
        self._far = device.type != "cpu"
        links = [link for link in samplers_of(loader) if isinstance(link, EpochSampler)]
        self._sampler = links[0] if links else None
        self._batches: Iterator[object] | None = None
        self._random: dict[str, Tensor] = {}
        self.epoch = self._taken = 0
        if rule.every_environment:
            _check_sampler(self._sampler, rule)

    def next(self) -> list[Batch]:
        """Return the batches of the next step, where the model is.

        Raises
        ------
        DataError
            If the loader gives nothing, or something else than pairs where the loss needs them.
        """
        group = [self._one() for _ in range(self._group)]
        return [_to(batch, self._device) for batch in group] if self._far else group

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch, the batches taken in it, and the random numbers at its start."""
        if self._batches is None:
            self._begin()
        sampler = None if self._sampler is None else self._sampler.state_dict(self._taken)
        state = {"epoch": self.epoch, "batches": self._taken, "random": self._random}
        return {**state, "sampler": sampler}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go where another feed was.

        Parameters
        ----------
        state : dict
            From :meth:`state_dict`.

        Raises
        ------
        DataError
            If the sampler has other environments or settings.
        """
        self.epoch = state["epoch"]
        if self._sampler is not None and state["sampler"] is not None:
            self._sampler.load_state_dict(state["sampler"])
        # torch's samplers draw their order from these numbers when an epoch begins
        torch.set_rng_state(state["random"]["torch"])
        generator = getattr(self._loader, "generator", None)
        if generator is not None and "loader" in state["random"]:
            generator.set_state(state["random"]["loader"])
        self._begin()
        self._taken = state["batches"]
        if self._sampler is None:
            assert self._batches is not None
            # and go to the batch; our own samplers begin there
            for _ in islice(self._batches, self._taken):
                pass

    def _one(self) -> Batch:
        batch = _EXHAUSTED if self._batches is None else next(self._batches, _EXHAUSTED)
        if batch is _EXHAUSTED:
            batch = self._first()
        self._taken += 1
        return batch if self._whole else as_batch(batch)

    def _first(self) -> object:
        """Return the first batch of the next epoch."""
        if self._batches is not None and self._taken:
            self.epoch += 1
        self._begin()
        assert self._batches is not None
        for batch in self._batches:
            return batch
        raise DataError("The loader gives no batch: it is empty, or can be gone through only once.")

    def _begin(self) -> None:
        self._taken, self._random = 0, {"torch": torch.get_rng_state()}
        generator = getattr(self._loader, "generator", None)
        if generator is not None:
            self._random["loader"] = generator.get_state()
        for part in (self._loader, *(getattr(self._loader, name, None) for name in _TOLD)):
            if (set_epoch := getattr(part, "set_epoch", None)) is not None:
                set_epoch(self.epoch)
        self._batches = iter(self._loader)


def _to(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if hasattr(value, "to"):  # batches that move themselves, such as those of Hugging Face
        return value.to(device)
    if isinstance(value, dict):
        return {key: _to(part, device) for key, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {part.name: _to(getattr(value, part.name), device) for part in fields(value)}
        return replace(value, **parts)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_to(part, device) for part in value))
    if isinstance(value, tuple | list):
        return [_to(part, device) for part in value]
    return value


def _check_sampler(sampler: EpochSampler | None, rule: StepRule) -> None:
    """Refuse a sampler that is seen not to give a batch of each environment at every step."""
    if sampler is None:
        return
    count, order = len(getattr(sampler, "environments", ())), getattr(sampler, "order", None)
    even = isinstance(sampler, LabelledSampler) and np.ptp(sampler.weights) < 1e-9
    if count != rule.environments or order != "cyclic" or not even:
        raise DataError(
            f"{type(rule).__name__} needs a batch of each environment at every step, and takes "
            f'{rule.environments}; this sampler has {count}, order={order!r}: use order="cyclic", '
            f'weights="uniform" and environments={count or "their number"}.'
        )
