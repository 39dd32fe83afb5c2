"""A batch of cells, as one worker runs it.

Cells travel in batches of about a tenth of a second, so that handing them out costs little. A batch
gives back what it could not do in that time: cells may differ in cost by orders of magnitude, and
what is finished must not wait for what is not.
"""

import json
import time
from contextlib import nullcontext
from dataclasses import dataclass
from traceback import format_exc

from elinvar.errors import ElinvarError
from elinvar.sweeps._rows import Kinds, columns_of
from elinvar.sweeps._sweep import Sweep

BATCH_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Finished:
    """One finished cell: its place in the grid, what it returned as JSON, and the kinds of that."""

    place: int
    columns: str
    kinds: Kinds


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A cell that raised, or returned no rows."""

    place: int
    words: str
    trace: str = ""
    cause: Exception | None = None


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """What became of a batch of cells in ``seconds`` on one worker."""

    finished: list[Finished]
    left: list[int]
    seconds: float
    failure: Failure | None = None


def run_batch(sweep: Sweep, places: list[int], elsewhere: bool) -> BatchResult:
    """Run cells one after another until one fails or the time of a batch is over.

    Parameters
    ----------
    sweep : Sweep
    places : list of int
    elsewhere : bool
        In another process, which limits its threads itself and to which no exception can be sent
        that may not be picklable.
    """
    from threadpoolctl import threadpool_limits

    start = time.perf_counter()
    finished: list[Finished] = []
    failure = None
    with threadpool_limits(1) if elsewhere else nullcontext():
        for place in places:
            # at least one, or a batch of slow cells would come back as it went
            if finished and time.perf_counter() - start > BATCH_SECONDS:
                break
            cell = sweep.cell(place)
            try:
                returned = sweep.function(rng=sweep.generator(cell), **cell, **sweep.fixed)
                columns, kinds = columns_of(returned, sweep.axes)
            except Exception as error:
                ours = isinstance(error, ElinvarError)
                words = str(error) if ours else f"{type(error).__name__}: {error}"
                told = {"trace": format_exc()} if elsewhere else {"cause": error}
                failure = Failure(place=place, words=words, **told)
                break
            finished.append(Finished(place=place, columns=json.dumps(columns), kinds=kinds))
    seconds = time.perf_counter() - start
    left = places[len(finished) :]
    return BatchResult(finished=finished, left=left, seconds=seconds, failure=failure)


def first_words(error: Exception) -> str:
    """Return the kind and the first sentence of an error of somebody else's."""
    words = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
