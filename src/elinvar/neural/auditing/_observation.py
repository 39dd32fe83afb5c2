"""Which environments the batches of every process come from, and which rows."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from elinvar.environments import labels_of_rows, natural_order
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
    batches : list of dict of int to float
        Rows, or tokens, of each batch from each environment, by its index in ``names``.
    rows : tuple of str
        A few letters for the rows of each of the first batches.
    seen : array of uint8, or None
        A bit for each row of the data set, 1 for those that came; None if rows are not known.
    """

    names: tuple[str, ...]
    batches: list[dict[int, float]] = field(default_factory=list)
    rows: tuple[str, ...] = ()
    seen: NDArray[np.uint8] | None = None


def observe_ranks(
    loader: object, groups: Groups, epochs: int, limit: int | None
) -> list[Observation]:
    """Go through the row numbers of some epochs, for every process.

    Where ``torch.distributed`` runs, each process goes through its own and all are gathered;
    elsewhere copies of the samplers stand in for the processes that they share rows out to.

    Parameters
    ----------
    loader : DataLoader or sampler
    groups : Groups
        Environments of the rows.
    epochs : int
    limit : int, optional
        Batches at most.

    Returns
    -------
    list of Observation
        One a process.
    """
    _check_visible(loader)
    sampler, codes = outer_sampler(loader), groups.codes()

    def observe(rank: int | None) -> Observation:
        own = copy_at_rank(sampler, rank)
        batches = chain.from_iterable(own for _ in range(epochs))
        return _observe(islice(batches, limit), groups.names, codes)

    # the copies' generators are copies too, and torch's own is put back
    with torch.random.fork_rng(devices=[]):
        if n_processes() > 1:
            return gather(observe(None))
        return [observe(rank) for rank in range(world_size(list(samplers_of(loader))))]


def observe_batches(
    loader: Iterable[Any],
    label: Callable[[Any], Any],
    tokens: Callable[[Any], Any] | None,
    limit: int | None,
) -> list[Observation]:
    """Read batches, and ask each for its environments.

    Parameters
    ----------
    loader : iterable
        What yields batches.
    label : callable
        Returns the label of each row of a batch, or of each token.
    tokens : callable, optional
        Returns the tokens of each row, as a number or as a mask.
    limit : int, optional
        Batches at most.

    Returns
    -------
    list of Observation
        One a process.

    Raises
    ------
    DataError
        If a batch does not say its environments, or its tokens.
    """
    found: list[dict[str, float]] = []
    for number, batch in enumerate(islice(loader, limit)):
        try:
            found.append(_amounts(label(batch), None if tokens is None else tokens(batch)))
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise DataError(
                f"Batch {number} does not say its environments ({type(error).__name__}: {error}): "
                "give the entry of a batch that holds them, or a function that returns the label "
                "of each row of a batch."
            ) from error
    names = tuple(natural_order({name for batch in found for name in batch}))
    places = {name: place for place, name in enumerate(names)}
    batches = [{places[name]: amount for name, amount in batch.items()} for batch in found]
    return gather(Observation(names=names, batches=batches))


def _amounts(labels: Any, tokens: Any) -> dict[str, float]:
    """Return rows, or tokens, by label."""
    labels, tokens = (
        part.detach().cpu().numpy() if isinstance(part, torch.Tensor) else part
        for part in (labels, tokens)
    )
    labels = np.atleast_1d(np.asarray(labels, dtype=object))
    amounts = np.ones(labels.shape) if tokens is None else np.asarray(tokens, dtype=float)
    if amounts.ndim > labels.ndim:
        amounts = amounts.reshape(*labels.shape, -1).sum(axis=-1)
    if amounts.shape != labels.shape:
        raise ValueError(f"{labels.shape} labels, but tokens of shape {amounts.shape}")
    found: dict[str, float] = {}
    names = labels_of_rows(labels.ravel().tolist(), labels.size)
    for name, amount in zip(names, amounts.ravel().tolist(), strict=True):
        found[name] = found.get(name, 0.0) + amount
    return {name: amount for name, amount in found.items() if amount}


def _check_visible(loader: object) -> None:
    if isinstance(getattr(loader, "dataset", None), IterableDataset):
        raise DataError(
            "The rows of this loader's batches are not known, because its data set is read "
            "through: give the entry of a batch that names its environments, as in "
            "audit(loader, 'source'), or make it an EnvironmentStream."
        )
    if type(loader).__name__ == "DataLoaderDispatcher":
        raise DataError(
            "Accelerate reads all batches of this loader in one process, so what the others get "
            "is not seen here: set dispatch_batches=False, or leave the loader out of prepare()."
        )


def observe_stream(
    loader: object, stream: EnvironmentStream, epochs: int, limit: int | None
) -> list[Observation]:
    """Return the environments of a stream's batches, for every process, without reading it."""
    check_unbatched(loader)
    turns = np.concatenate([stream.schedule(stream.epoch + epoch) for epoch in range(epochs)])
    size = stream.batch_size // stream.num_replicas
    batches = [{code: float(size)} for code in turns.tolist()[:limit]]
    seen = Observation(names=stream.environments, batches=batches)
    if n_processes() > 1:
        return gather(seen)
    return [seen] * stream.num_replicas


def _observe(
    found: Iterable[object], names: tuple[str, ...], codes: NDArray[np.int32]
) -> Observation:
    batches: list[dict[int, float]] = []
    rows: list[str] = []
    seen = np.zeros(len(codes), dtype=np.bool_)
    for numbers in found:
        batch = _row_numbers(numbers, len(codes))
        if len(rows) < _COMPARED:
            # rows in any order: processes that read the same rows do the work of one
            rows.append(hashlib.blake2b(np.sort(batch).tobytes(), digest_size=8).hexdigest())
        batches.append(dict(Counter(codes[batch].tolist())))
        seen[batch] = True
    return Observation(names=names, batches=batches, rows=tuple(rows), seen=np.packbits(seen))


def _row_numbers(found: object, n_rows: int) -> NDArray[np.int64]:
    """Return what a sampler yields as row numbers, or refuse it."""
    if isinstance(found, list | tuple) and any(isinstance(part, list | tuple) for part in found):
        raise DataError(
            "This loader puts whole batches of row numbers into batches again: a batch sampler "
            "was given as sampler=. Pass it as DataLoader(..., batch_sampler=sampler), without "
            "batch_size."
        )
    try:
        batch = np.atleast_1d(np.asarray(found))
        whole = batch.dtype.kind in "iu" and batch.ndim == 1
        fits = whole and (not batch.size or (batch.min() >= -n_rows and batch.max() < n_rows))
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise DataError(
            f"The sampler yields {found!r:.60}, which is no row number of {n_rows:,} "
            "labels; give one label for each row of the data set, or, if rows have names of "
            "another kind, the entry of a batch that holds its environments."
        )
    return batch.astype(np.int64)
