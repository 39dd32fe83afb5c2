"""One cell, as a worker runs it."""

import json
import time
from contextlib import nullcontext
from dataclasses import dataclass
from traceback import format_exc

from elinvar.errors import ElinvarError
from elinvar.sweeps._rows import Kinds, columns_of
from elinvar.sweeps._sweep import Sweep


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished cell: its place in the grid, what it returned as JSON, and the kinds of that."""

    place: int
    columns: str
    kinds: Kinds
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A cell that raised, or returned no rows."""

    place: int
    words: str
    trace: str = ""
    cause: Exception | None = None


def run_cell(sweep: Sweep, place: int, elsewhere: bool) -> Finished | Failure:
    """Run the cell at a place of the grid.

    Parameters
    ----------
    sweep : Sweep
    place : int
    elsewhere : bool
        In another process, which limits its threads itself and to which no exception can be sent
        that may not be picklable.
    """
    from threadpoolctl import threadpool_limits

    start = time.perf_counter()
    cell = sweep.cell(place)
    try:
        with threadpool_limits(1) if elsewhere else nullcontext():
            returned = sweep.function(rng=sweep.generator(cell), **cell, **sweep.fixed)
        columns, kinds = columns_of(returned, sweep.axes)
    except Exception as error:
        ours = isinstance(error, ElinvarError)
        words = str(error) if ours else f"{type(error).__name__}: {error}"
        told = {"trace": format_exc()} if elsewhere else {"cause": error}
        return Failure(place=place, words=words, **told)
    seconds = time.perf_counter() - start
    return Finished(place=place, columns=json.dumps(columns), kinds=kinds, seconds=seconds)


def first_words(error: Exception) -> str:
    """Return the kind and the first sentence of an error of somebody else's."""
    words = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
