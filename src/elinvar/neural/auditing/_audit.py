"""Counting the environments that an optimiser step sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from math import floor
from textwrap import fill
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._check import check_count
from elinvar._base._numbers import counted
from elinvar._base._words import listed
from elinvar.errors import DataError, DataTypeError
from elinvar.neural.auditing._advice import advice
from elinvar.neural.auditing._observation import (
    Observation,
    observe_batches,
    observe_ranks,
    observe_stream,
)
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
    purity : (T,) array of float
        Share of each step's rows, or tokens, that come from its commonest environment, up to 1.
    environments : tuple of str
        Names of all environments.
    n_processes : int
        Processes whose gradients are averaged.
    accumulate : int
        Batches of each process in a step.
    epochs : int
        Epochs that were looked at.
    coverage : dict of str to float
        Share of each environment's rows that came, between 0 and 1; empty if rows are not known.
    epochs_to_cover : int or None
        Epochs after which every row has come, where a sampler of this package knows.
    notes : tuple of str
        What is behind it, and what to do.
    """

    verdict: Mixing
    per_step: NDArray[np.int64]
    purity: NDArray[np.float64]
    environments: tuple[str, ...]
    n_processes: int
    accumulate: int
    epochs: int = 1
    coverage: dict[str, float] = field(default_factory=dict)
    epochs_to_cover: int | None = None
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
            seen += f", and {self.purity.mean():.0%} of it is from its commonest one"
        return f"Audit: {self.verdict}. {seen[0].upper()}{seen[1:]} ({steps}){self._covered()}."

    def _covered(self) -> str:
        if not self.coverage:
            return ""
        within = f" in {counted(self.epochs, 'epoch')}"
        left = {name: share for name, share in self.coverage.items() if share < 1}
        if not left:
            return f"; every row came{within}"
        # rounded down: what is not all is never called 100%
        parts = [f"{floor(100 * share)}% of {name!r}" for name, share in left.items()]
        others = " and all rows of the others" if len(left) < len(self.coverage) else ""
        later = f", and all within {self.epochs_to_cover}" if self.epochs_to_cover else ""
        return f"; of the rows came {listed(parts, most=5)}{others}{within}{later}"


def audit(
    loader: object,
    environments: ArrayLike | str | Callable[[Any], Any] | None = None,
    *,
    tokens: str | Callable[[Any], Any] | None = None,
    accumulate: int = 1,
    epochs: int = 1,
    steps: int | None = None,
) -> Audit:
    """Count the environments that each optimiser step sees, and the rows that come.

    HeteroSGD needs one environment a step. Several processes, each with a sampler of its own, or
    gradients accumulated over batches, make it PooledSGD without a word: their gradients are
    averaged. The samplers of the loader are gone through, not its data; they, and the random
    numbers of torch, are left as they were.

    Where only the batches themselves say where they come from (sets that are read through, rows
    without labels beside them), name the entry of a batch that holds the label of each row, or
    give a function that returns them. Then one epoch is read, as by a training loop.

    Where ``torch.distributed`` runs, call it in all processes: what they see is gathered, and each
    gets the same answer. In a single process, samplers that share rows out to several are asked on
    behalf of each, so a script for many processes can be checked on one.

    Parameters
    ----------
    loader : DataLoader or sampler
        Any loader of torch that draws row numbers, one that Lightning or Accelerate has prepared,
        a batch sampler by itself, a loader of an :class:`EnvironmentStream`; with an entry or a
        function, anything that yields batches.
    environments : (n,) array, Series, tensor or sequence, str or callable, optional
        Label of the environment of each row; by default those of the sampler, if it is of this
        package. Or what to ask each batch: the entry of a dict or the attribute, with dots between
        nested ones ("meta.source"), or a function of the batch.
    tokens : str or callable, optional
        Where batches are asked, what holds the tokens of each row, a number or a mask (such as
        "attention_mask"): then tokens are counted and not rows. Labels may also be those of tokens,
        (rows, length), where a sequence may mix environments.
    accumulate : int
        Batches whose gradients are added up before the optimiser takes a step.
    epochs : int
        Epochs to look at, from the present one on.
    steps : int, optional
        Look at no more than this many steps.

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
    >>> sampler = EnvironmentBatchSampler(sites, batch_size=10, order="cyclic")
    >>> audit(DataLoader(data, batch_sampler=sampler))
    Audit: hetero. Every step sees one of 2 environments (6 optimiser steps, 1 process, 1 batch a
    step of each); every row came in 1 epoch.
    >>> audit(DataLoader(data, batch_size=10), sites).verdict
    'pooled'
    """
    check_count("accumulate", accumulate)
    check_count("epochs", epochs)
    if steps is not None:
        check_count("steps", steps)
    if tokens is not None and not (isinstance(environments, str) or callable(environments)):
        raise DataError(
            "tokens says what to ask each batch, so say as well which of its entries names the "
            "environments, as in audit(loader, 'source', tokens='attention_mask')."
        )
    limit = None if steps is None else steps * accumulate
    dataset, groups = getattr(loader, "dataset", None), None
    if isinstance(environments, str) or callable(environments):
        counted_by = None if tokens is None else _asked(tokens)
        ranks = observe_batches(_iterable(loader), _asked(environments), counted_by, limit)
    elif isinstance(dataset, EnvironmentStream):
        ranks = observe_stream(loader, dataset, epochs, limit)
    else:
        groups = _groups(_iterable(loader), environments)
        ranks = observe_ranks(loader, groups, epochs, limit)
    names = tuple(dict.fromkeys(name for seen in ranks for name in seen.names))
    per_step, purity = _per_step(ranks, accumulate)
    if not len(per_step):
        raise DataError("The loader yields no batch, so there is no step to look at.")
    several = per_step > 1
    verdict: Mixing = "pooled" if several.all() else "mixed" if several.any() else "hetero"
    return Audit(
        verdict=verdict,
        per_step=per_step,
        purity=purity,
        environments=names,
        n_processes=len(ranks),
        accumulate=accumulate,
        epochs=epochs,
        coverage={} if groups is None else _coverage(ranks, groups),
        epochs_to_cover=_epochs_to_cover(loader, groups),
        notes=advice(loader, ranks, accumulate),
    )


def _iterable(loader: object) -> Any:
    if not hasattr(loader, "__iter__"):
        raise DataTypeError(
            "audit needs a DataLoader or a sampler, something that batches can be drawn from; got "
            f"{type(loader).__name__}."
        )
    return loader


def _asked(path: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that finds the labels of a batch."""
    if not isinstance(path, str):
        return path

    def find(batch: Any) -> Any:
        for part in path.split("."):
            batch = batch[part] if isinstance(batch, Mapping) else getattr(batch, part)
        return batch

    return find


def _epochs_to_cover(loader: object, groups: Groups | None) -> int | None:
    own = [] if groups is None else samplers_of(loader)
    found = (link.epochs_to_cover for link in own if isinstance(link, LabelledSampler))
    return next(found, None)


def _coverage(ranks: list[Observation], groups: Groups) -> dict[str, float]:
    """Return the share of each environment's rows that came in any process."""
    bits = [seen.seen for seen in ranks if seen.seen is not None]
    came = np.unpackbits(np.bitwise_or.reduce(bits), count=len(groups.rows))
    shares = np.add.reduceat(came[groups.rows], groups.starts[:-1], dtype=np.int64) / groups.counts
    return dict(zip(groups.names, shares.tolist(), strict=True))


def _groups(loader: object, environments: ArrayLike | None) -> Groups:
    """Return the environments of the rows of a loader."""
    if environments is not None:
        groups = group_rows(environments)
    else:
        own = [link for link in samplers_of(loader) if isinstance(link, LabelledSampler)]
        if not own:
            raise DataError(
                "The environments of the rows are not known: give the label of each, as in "
                "audit(loader, environments), or what holds them in a batch, as in "
                "audit(loader, 'source')."
            )
        groups = own[0].groups
    check_length(loader, len(groups.rows))
    return groups


def _per_step(
    ranks: list[Observation], accumulate: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count the environments of each step, and the share of the commonest of them."""
    n_batches = max(len(seen.batches) for seen in ranks)
    counts, shares = [], []
    for first in range(0, n_batches, accumulate):
        # gradients of all processes and accumulated batches are averaged before the step
        together: dict[str, float] = {}
        for seen in ranks:
            for batch in seen.batches[first : first + accumulate]:
                for code, amount in batch.items():
                    name = seen.names[code]
                    together[name] = together.get(name, 0.0) + amount
        counts.append(len(together))
        shares.append(max(together.values(), default=0.0) / max(sum(together.values()), 1e-300))
    return np.array(counts, dtype=np.int64), np.array(shares)
