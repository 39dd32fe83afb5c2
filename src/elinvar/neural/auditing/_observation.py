"""Which environments the batches of every process come from."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from elinvar.errors import DataError
from elinvar.neural._processes import gather
from elinvar.neural._processes import world_size as n_processes
from elinvar.neural.batches._groups import Groups
from elinvar.neural.batches._loaders import copy_at_rank, outer_sampler, samplers_of, world_size
from elinvar.neural.batches._stream import EnvironmentStream, check_unbatched

# batches whose rows are compared between processes
_COMPARED = 8


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one process sees.

    Attributes
    ----------
    names : tuple of str
        Environments.
    batches : list of frozenset of int
        Environments of each batch, as indices into ``names``.
    rows : tuple of str
        A few letters for the rows of each of the first batches.
    """

    names: tuple[str, ...]
    batches: list[frozenset[int]]
    rows: tuple[str, ...] = ()


def observe_ranks(loader: object, groups: Groups, limit: int | None) -> list[Observation]:
    """Go through the row numbers of an epoch, for every process.

    Where ``torch.distributed`` runs, each process goes through its own and all are gathered;
    elsewhere copies of the samplers stand in for the processes that they share rows out to.

    Parameters
    ----------
    loader : DataLoader or sampler
    groups : Groups
        Environments of the rows.
    limit : int, optional
        Batches at most.

    Returns
    -------
    list of Observation
        One a process.
    """
    _check_visible(loader)
    sampler, codes = outer_sampler(loader), groups.codes()
    # the copies' generators are copies too, and torch's own is put back
    with torch.random.fork_rng(devices=[]):
        if n_processes() > 1:
            return gather(_observe(copy_at_rank(sampler, None), groups.names, codes, limit))
        ranks = range(world_size(list(samplers_of(loader))))
        return [_observe(copy_at_rank(sampler, rank), groups.names, codes, limit) for rank in ranks]


def _check_visible(loader: object) -> None:
    if isinstance(getattr(loader, "dataset", None), IterableDataset):
        raise DataError(
            "The rows of this loader's batches are not known, because its data set is read "
            "through; make it an EnvironmentStream."
        )
    if type(loader).__name__ == "DataLoaderDispatcher":
        raise DataError(
            "Accelerate reads all batches of this loader in one process, so what the others get "
            "is not seen here: set dispatch_batches=False, or leave the loader out of prepare()."
        )


def observe_stream(
    loader: object, stream: EnvironmentStream, limit: int | None
) -> list[Observation]:
    """Return the environments of a stream's batches, for every process, without reading it."""
    check_unbatched(loader)
    batches = [frozenset([code]) for code in stream.schedule().tolist()[:limit]]
    seen = Observation(names=stream.environments, batches=batches)
    if n_processes() > 1:
        return gather(seen)
    return [seen] * stream.num_replicas


def _observe(
    sampler: Iterable[object], names: tuple[str, ...], codes: NDArray[np.int32], limit: int | None
) -> Observation:
    batches: list[frozenset[int]] = []
    rows: list[str] = []
    for found in islice(sampler, limit):
        batch = np.atleast_1d(np.asarray(found))
        if len(rows) < _COMPARED:
            # rows in any order: processes that read the same rows do the work of one
            rows.append(hashlib.blake2b(np.sort(batch).tobytes(), digest_size=8).hexdigest())
        try:
            batches.append(frozenset(codes[batch].tolist()))
        except IndexError as error:
            raise DataError(
                f"The sampler yields {found!r:.60}, which is no row number of {len(codes):,} "
                "labels; give one label for each row of the data set."
            ) from error
    return Observation(names=names, batches=batches, rows=tuple(rows))
