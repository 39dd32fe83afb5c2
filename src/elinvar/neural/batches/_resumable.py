"""The place in an epoch: counting batches, saving the count, and going on from it."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from elinvar._base._check import check_count
from elinvar.errors import DataError

Item = TypeVar("Item")
_PARTS = ("epoch", "batches", "fingerprint", "settings")


class Resumable:
    """What yields the same batches for the same seed and epoch, and can begin in the middle.

    Going through it again goes through the next epoch, in another order, as with torch's
    ``RandomSampler``. What :meth:`set_epoch` or :meth:`load_state_dict` names is the epoch of the
    next iteration, and those after it go on from there. An iteration counts from its first batch:
    asking for the length, or for an iterator that nothing is drawn from, changes nothing.

    Attributes
    ----------
    epoch : int
        Epoch of the iteration under way or, between two, of the last one; before the first, and
        after :meth:`set_epoch`, of the one to come.
    """

    epoch: int
    seed: int
    # whether an iteration has begun since the epoch was named
    _begun: bool
    # the batch at which the next iteration begins
    _start: int
    _n_drawn: int | None
    _n_followed: int | None

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _fingerprint(self) -> str:
        """Return a few letters that differ for different data sets."""

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """Return what else the batches depend on, in plain numbers and strings."""

    @abstractmethod
    def _check_loader(self, loader: object) -> None:
        """Refuse a loader that does not get its batches from here."""

    def _generator(self, *key: int) -> np.random.Generator:
        """Return random numbers of their own for the epoch, and the purpose, in the key."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def _go_to(self, epoch: int, start: int) -> None:
        self.epoch, self._start, self._n_followed = epoch, start, None
        self._begun = False

    def _begin(self) -> tuple[int, int]:
        """Begin an iteration; return its epoch and its first batch."""
        start, self._start = self._start, 0
        if self._begun:
            self.epoch += 1
        self._begun, self._n_drawn, self._n_followed = True, start, None
        return self.epoch, start

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration goes through.

        Without it each iteration goes through the epoch after the last one. Training loops that
        call it before every iteration lose nothing: naming the epoch that :meth:`load_state_dict`
        went back to keeps the place in it.

        Parameters
        ----------
        epoch : int
            From 0.

        Raises
        ------
        DataError
            If it is no integer of at least 0.
        """
        check_count("epoch", epoch, least=0)
        if epoch != self.epoch or self._begun:
            self._go_to(int(epoch), 0)

    def follow(self, loader: Iterable[Item]) -> Iterator[Item]:
        """Go through a loader, counting the batches that the loop has been given.

        Workers ask for batches long before the loop gets them. In
        ``for batch in sampler.follow(loader)``, a :meth:`state_dict` taken at the end of the loop's
        body counts exactly the batches that the loop is done with.

        Parameters
        ----------
        loader : DataLoader
            One that gets its batches from here.

        Yields
        ------
        object
            What the loader yields.

        Raises
        ------
        DataError
            If the loader gets its batches from elsewhere, or its data set has another length.
        """
        self._check_loader(loader)
        for number, batch in enumerate(loader, self._start + 1):
            self._n_followed = number
            yield batch

    def state_dict(self, consumed: int | None = None) -> dict[str, Any]:
        """Return the place in the epoch, in plain numbers and strings.

        Parameters
        ----------
        consumed : int, optional
            Batches of this epoch that the training loop is done with. By default what
            :meth:`follow` has counted; without it, the batches drawn so far, which is the same
            only if nothing draws ahead of the loop: no workers, no prefetching wrapper.

        Returns
        -------
        dict

        Raises
        ------
        DataError
            If ``consumed`` is no number of batches of an epoch, or is needed and not given.
        """
        if consumed is None:
            consumed = self._n_drawn if self._n_followed is None else self._n_followed
        if consumed is None:
            raise DataError(
                "The batches are drawn by other processes, so their number is not known here: "
                "loop over follow(loader), or pass consumed."
            )
        check_count("consumed", consumed, least=0)
        if consumed > len(self):
            raise DataError(f"consumed is {consumed:,}, but an epoch has {len(self):,} batches.")
        return {
            "epoch": self.epoch,
            "batches": int(consumed),
            "fingerprint": self._fingerprint(),
            "settings": self._settings(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a place: the next iteration yields the rest of that epoch.

        The iteration after it goes through the whole of the next epoch.

        Parameters
        ----------
        state : dict
            From :meth:`state_dict`.

        Raises
        ------
        DataError
            If it comes from another data set, or was saved with other settings.
        """
        missing = [part for part in _PARTS if part not in state]
        if missing:
            raise DataError(f"This is no state of a sampler: it lacks {missing[0]!r}.")
        if state["fingerprint"] != self._fingerprint():
            raise DataError(
                f"The state belongs to another data set (its fingerprint is "
                f"{state['fingerprint'][:8]}, that of this one {self._fingerprint()[:8]}): resume "
                "with the rows and environments that the run began with."
            )
        then, now = state["settings"], self._settings()
        for name in sorted({*then, *now}):
            if then.get(name) != now.get(name):
                raise DataError(
                    f"The state was saved with {name}={then.get(name)!r}, and here it is "
                    f"{now.get(name)!r}: resume with the settings that the run began with."
                )
        self._go_to(int(state["epoch"]), int(state["batches"]))
