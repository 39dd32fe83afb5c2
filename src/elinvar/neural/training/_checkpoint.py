"""Files from which a killed run goes on as if nothing had happened."""

import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from elinvar._base import atomic_save, check_writable
from elinvar._base._check import check_count
from elinvar.errors import FileError
from elinvar.neural._processes import gather, rank, world_size
from elinvar.neural.training._fingerprint import digest_of

_FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where and how often the state of a run is written.

    A file is whole or absent, since it takes the place of the last one only when it is written. It
    holds tensors and plain values alone, and reading it runs no code.

    Parameters
    ----------
    path : path-like
        The file. Its folder must be there.
    every : int
        Steps between two writings; the end of a run is always written.

    Raises
    ------
    FileError
        If no file can be put there.
    DataError
        If ``every`` is not an integer of at least 1.

    Examples
    --------
    >>> from elinvar.neural import Checkpoint
    >>> Checkpoint(path="run.pt", every=500).every
    500
    """

    path: str | os.PathLike[str]
    every: int = 1000

    def __post_init__(self) -> None:
        check_writable(self.path)
        check_count("every", self.every, "steps between two writings")

    def exists(self) -> bool:
        """Return whether there is a file."""
        return Path(self.path).exists()

    def write(self, state: dict[str, Any]) -> None:
        """Write a state; of several processes the first one writes.

        Parameters
        ----------
        state : dict
            Of tensors and plain values.
        """
        if rank() == 0:
            whole = {"elinvar": _FORMAT, "digest": digest_of(state), **state}
            atomic_save(self.path, lambda file: torch.save(whole, file))

    def read(self) -> dict[str, Any]:
        """Return the state in the file, on the CPU.

        Returns
        -------
        dict

        Raises
        ------
        FileError
            If it cannot be read, or is no file of a run.
        """
        try:
            content = BytesIO(Path(self.path).read_bytes())
        except OSError as error:
            raise FileError(f"Cannot read {self.path}: {error.strerror or error}.") from error
        damaged = (
            f"{self.path} is no checkpoint that can be read without running code: it is "
            "damaged, or of another program. Start anew with resume=False."
        )
        try:
            # tensors and plain values alone: a pickle from elsewhere could run code
            state = torch.load(content, map_location="cpu", weights_only=True)
        except Exception as error:
            raise FileError(damaged) from error
        # as texts: a tensor has no one answer to whether it is equal
        if not isinstance(state, dict) or str(state.pop("elinvar", None)) != str(_FORMAT):
            raise FileError(
                f"{self.path} is no checkpoint of this version of HeteroTrainer; start anew with "
                "resume=False."
            )
        # torch does not look whether the numbers are those that were written
        told = str(state.pop("digest", None))
        try:
            found = digest_of(state)
        except Exception as error:
            raise FileError(damaged) from error
        if told != found:
            raise FileError(damaged)
        return state


def random_states(device: torch.device) -> list[dict[str, Tensor]]:
    """Return the random numbers' states of all processes, each with those of its device."""
    own = {"torch": torch.get_rng_state()}
    if device.type == "cuda":
        own["cuda"] = torch.cuda.get_rng_state(device)
    return gather(own)


def set_random_states(states: list[dict[str, Tensor]], device: torch.device) -> None:
    """Set the state of this process's random numbers.

    Raises
    ------
    FileError
        If the states are those of another number of processes.
    """
    if len(states) != world_size():
        raise FileError(
            f"The checkpoint is of {len(states)} processes, and this run has {world_size()}: start "
            "as many, or start anew with resume=False."
        )
    own = states[rank()]
    torch.set_rng_state(own["torch"])
    if device.type == "cuda" and "cuda" in own:
        torch.cuda.set_rng_state(own["cuda"], device)
