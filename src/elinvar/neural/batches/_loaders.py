"""Loaders, and the samplers inside samplers that they draw from."""

import copy
from collections.abc import Iterator, Sized
from typing import Any

import torch

from elinvar.errors import DataError

_INNER = ("batch_sampler", "sampler")


def samplers_of(loader: object) -> Iterator[Any]:
    """Yield the samplers of a loader, the outermost first; of a sampler, itself first."""
    link = outer_sampler(loader)
    seen: list[Any] = []
    while link is not None and not any(link is other for other in seen):
        seen.append(link)
        yield link
        link = next((inner for name in _INNER if (inner := _get(link, name)) is not None), None)


def outer_sampler(loader: object) -> Any:
    """Return what yields the row numbers of a loader's batches; a sampler yields its own."""
    if not hasattr(loader, "dataset"):
        return loader
    found = _get(loader, "batch_sampler")
    return _get(loader, "sampler") if found is None else found


def check_length(loader: object, n_rows: int) -> None:
    """Refuse labels that are not one for each row of the loader's data set.

    Raises
    ------
    DataError
    """
    dataset = getattr(loader, "dataset", None)
    if isinstance(dataset, Sized) and len(dataset) != n_rows:
        raise DataError(
            f"The data set has {len(dataset):,} rows, but there are {n_rows:,} labels of "
            "environments; give one label for each row."
        )


def copy_at_rank(sampler: Any, rank: int | None) -> Any:
    """Copy a chain of samplers, as the process of this rank would hold it.

    Copies share their arrays, and iterating them leaves the originals, and their generators of
    random numbers, where they are.
    """
    if not hasattr(sampler, "__dict__"):
        return sampler
    twin = copy.copy(sampler)
    if hasattr(twin, "_start"):
        twin._start, twin._audited = 0, True
    if isinstance(generator := getattr(twin, "generator", None), torch.Generator):
        twin.generator = generator.clone_state()
    for own, world in (("rank", "num_replicas"), ("process_index", "num_processes")):
        if rank is not None and hasattr(twin, own) and getattr(twin, world, 1) > 1:
            setattr(twin, own, rank)
    for name in _INNER:
        if (inner := _get(twin, name)) is not None and inner is not twin:
            setattr(twin, name, copy_at_rank(inner, rank))
    return twin


def world_size(links: list[Any]) -> int:
    """Return the number of processes that a chain of samplers shares rows out to."""
    sizes = [getattr(link, name, 1) for link in links for name in ("num_replicas", "num_processes")]
    return max([1, *sizes])


def _get(thing: object, name: str) -> Any:
    """Return a sampler held under this name, or None."""
    inner = getattr(thing, name, None)
    return inner if hasattr(inner, "__iter__") else None
