"""Counting the environments that an optimiser step sees."""

from dataclasses import dataclass
from html import escape
from textwrap import fill
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._check import check_count
from elinvar._base._numbers import counted
from elinvar.errors import DataError
from elinvar.neural.auditing._advice import advice
from elinvar.neural.auditing._observation import Observation, observe_ranks, observe_stream
from elinvar.neural.batches._epoch_sampler import LabelledSampler
from elinvar.neural.batches._groups import Groups, group_rows
from elinvar.neural.batches._loaders import check_length, samplers_of
from elinvar.neural.batches._stream import EnvironmentStream

Mixing = Literal["hetero", "pooled", "mixed"]
_WIDTH = 100


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Audit:
    """What the optimiser steps of an epoch see.

    Attributes
    ----------
    verdict : {"hetero", "pooled", "mixed"}
        Every step sees one environment; every step sees several; or some steps see one and
        others several.
    per_step : (T,) array of int
        Number of environments that each step sees, over all processes and accumulated batches.
    environments : tuple of str
        Names of all environments.
    n_processes : int
        Processes whose gradients are averaged.
    accumulate : int
        Batches of each process in a step.
    notes : tuple of str
        What is behind it, and what to do.
    """

    verdict: Mixing
    per_step: NDArray[np.int64]
    environments: tuple[str, ...]
    n_processes: int
    accumulate: int
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        notes = [
            fill(text, _WIDTH, subsequent_indent="  ", initial_indent="- ") for text in self.notes
        ]
        return "\n".join([fill(self._head(), _WIDTH), *notes])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(text)}</li>" for text in self.notes)
        return f"<p>{escape(self._head())}</p>" + (f"<ul>{notes}</ul>" if notes else "")

    def _head(self) -> str:
        k, M = self.per_step, len(self.environments)
        steps = (
            f"{counted(len(k), 'optimiser step')}, {counted(self.n_processes, 'process', 'es')}, "
        )
        steps += f"{counted(self.accumulate, 'batch', 'es')} a step of each"
        if self.verdict == "hetero":
            seen = f"every step sees one of {counted(M, 'environment')}"
        else:
            seen = f"a step sees {k.mean():.3g} of {counted(M, 'environment')} on average"
            seen += f", {k.min()} at the least and {k.max()} at the most"
        return f"Audit: {self.verdict}. {seen[0].upper()}{seen[1:]} ({steps})."


def audit(
    loader: object,
    environments: ArrayLike | None = None,
    *,
    accumulate: int = 1,
    steps: int | None = None,
) -> Audit:
    """Count the environments that each optimiser step of an epoch sees.

    HeteroSGD needs one environment a step. Several processes, each with a sampler of its own, or
    gradients accumulated over batches, make it PooledSGD without a word: their gradients are
    averaged. The samplers of the loader are gone through, not its data; they, and the random
    numbers of torch, are left as they were.

    Where ``torch.distributed`` runs, call it in all processes: what they see is gathered, and each
    gets the same answer. In a single process, samplers that share rows out to several are asked on
    behalf of each, so a script for many processes can be checked on one.

    Parameters
    ----------
    loader : DataLoader or sampler
        Any loader of torch that draws row numbers, one that Accelerate has prepared, a batch
        sampler by itself, or a loader of an :class:`EnvironmentStream`.
    environments : (n,) array, Series, tensor or sequence, optional
        Label of the environment of each row; by default those of the sampler, if it is of this
        package.
    accumulate : int
        Batches whose gradients are added up before the optimiser takes a step.
    steps : int, optional
        Look at this many steps, instead of a whole epoch.

    Returns
    -------
    Audit

    Raises
    ------
    DataError
        If the environments of rows cannot be known, are not one for each row of the data set, or
        there is no step to look at.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> from elinvar.neural import EnvironmentBatchSampler
    >>> sites, data = ["a", "b"] * 30, list(range(60))
    >>> sampler = EnvironmentBatchSampler(sites, batch_size=10)
    >>> audit(DataLoader(data, batch_sampler=sampler))
    Audit: hetero. Every step sees one of 2 environments (6 optimiser steps, 1 process, 1 batch a
    step of each).
    >>> audit(DataLoader(data, batch_size=10), sites).verdict
    'pooled'
    """
    check_count("accumulate", accumulate)
    if steps is not None:
        check_count("steps", steps)
    limit = None if steps is None else steps * accumulate
    dataset = getattr(loader, "dataset", None)
    if isinstance(dataset, EnvironmentStream):
        ranks = observe_stream(loader, dataset, limit)
    else:
        ranks = observe_ranks(loader, _groups(loader, environments), limit)
    names = tuple(dict.fromkeys(name for seen in ranks for name in seen.names))
    per_step = _per_step(ranks, accumulate)
    if not len(per_step):
        raise DataError("The loader yields no batch, so there is no step to look at.")
    several = per_step > 1
    verdict: Mixing = "pooled" if several.all() else "mixed" if several.any() else "hetero"
    return Audit(
        verdict=verdict,
        per_step=per_step,
        environments=names,
        n_processes=len(ranks),
        accumulate=accumulate,
        notes=advice(loader, ranks, accumulate),
    )


def _groups(loader: object, environments: ArrayLike | None) -> Groups:
    """Return the environments of the rows of a loader."""
    if environments is not None:
        groups = group_rows(environments)
    else:
        own = [link for link in samplers_of(loader) if isinstance(link, LabelledSampler)]
        if not own:
            raise DataError(
                "The environments of the rows are not known: give the label of each, as in "
                "audit(loader, environments)."
            )
        groups = own[0].groups
    check_length(loader, len(groups.rows))
    return groups


def _per_step(ranks: list[Observation], accumulate: int) -> NDArray[np.int64]:
    """Count the environments of each step, over ranks and accumulated batches."""
    n_batches = max(len(seen.batches) for seen in ranks)
    counts = []
    for first in range(0, n_batches, accumulate):
        # gradients of all processes and accumulated batches are averaged before the step
        together: set[str] = set()
        for seen in ranks:
            for batch in seen.batches[first : first + accumulate]:
                together.update(seen.names[code] for code in batch)
        counts.append(len(together))
    return np.array(counts, dtype=np.int64)
