"""Running a sweep: what is finished stays finished, whatever happens."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elinvar._base import check_writable
from elinvar._base._words import listed
from elinvar.errors import DataError, ElinvarError, FileError
from elinvar.sweeps._cell import Failure, Finished
from elinvar.sweeps._journal import FORMAT, Journal, journal_path, open_journal, remove_journal
from elinvar.sweeps._rows import joined
from elinvar.sweeps._sweep import Sweep, description, key_of, words_for
from elinvar.sweeps._table import build, load, save
from elinvar.sweeps._values import text_of
from elinvar.sweeps._workers import Backend, Crew, check_crew, crew_of, run_cells

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Progress = Callable[[int, int, float | None], object]


def run_sweep(
    sweep: Sweep,
    out: str | os.PathLike[str] | None = None,
    *,
    workers: int | None = 1,
    backend: Backend = "threads",
    cluster: str | None = None,
    progress: Progress | None = None,
) -> "pd.DataFrame":
    """Run all cells of a sweep, or those that an earlier run has left, and return the table.

    Finished cells are kept in a journal beside ``out`` (``.NAME.partial.sqlite``). A run that was
    stopped, by Ctrl-C, a failing cell or kill -9, goes on where it was, with more values on its
    axes if there are some, and ends with the table of an uninterrupted run. The finished table
    replaces the journal; a sweep whose table is there computes nothing. A function that was changed
    without a new name is not noticed: remove the table or the journal to compute anew.

    Parameters
    ----------
    sweep : Sweep
        What to run.
    out : path, optional
        Parquet file for the table; its folder must exist. By default nothing is written.
    workers : int >= 1 or None, default 1
        Workers on this machine; None for one a core. Libraries of linear algebra are held to one
        thread in each. A cluster brings its own.
    backend : {"threads", "processes"}
        Threads suit functions that release the GIL, as compiled ones do; processes suit all others.
    cluster : str, optional
        Address of a Dask scheduler such as "tcp://host:8786"; its workers need the same packages.
    progress : callable, optional
        ``progress(done, total, seconds_left)`` is called in the caller's thread whenever cells are
        finished. ``seconds_left`` is None before this run has finished a cell. Cells run in mixed
        order, so that those still to come cost what those behind did.

    Returns
    -------
    pandas.DataFrame
        The axes and what the cells returned, in the order of the grid. None becomes missing.

    Raises
    ------
    DataError
        If an argument cannot be used.
    FileError
        If ``out`` cannot be written, holds something else, or another run is at work on it.
    ElinvarError
        If a cell raises, or returns other than rows that fit the other cells', or workers are
        lost. With ``out``, the finished cells are kept.
    MissingExtraError
        If a cluster is asked for and Dask is not installed.
    """
    if not isinstance(sweep, Sweep):
        raise DataError(f"Only a Sweep can be run, but this is {sweep!r}; make one of it.")
    check_crew(sweep, workers, backend, cluster)
    path = None if out is None else Path(out)
    tell = progress or (lambda done, total, seconds_left: None)
    table = _finished(sweep, path, tell)
    if table is None:
        path = None if path is None else check_writable(path)
        with open_journal(path) as journal:
            # another run may have ended while this one waited for the journal
            table = _finished(sweep, path, tell)
            if table is None:
                table = _fill(sweep, path, journal, (workers, backend, cluster), tell)
    if path is not None:
        remove_journal(path)
    found: pd.DataFrame = table.to_pandas()
    return found


def _finished(sweep: Sweep, out: Path | None, tell: Progress) -> "pa.Table | None":
    table = None if out is None else load(sweep, out)
    if table is not None:
        tell(len(sweep), len(sweep), 0.0)
    return table


def _fill(
    sweep: Sweep,
    out: Path | None,
    journal: Journal,
    crew: tuple[int | None, Backend, str | None],
    tell: Progress,
) -> "pa.Table":
    """Run the cells that the journal lacks, and write the table."""
    keys = [key_of(sweep.cell(place)) for place in range(len(sweep))]
    done = _resume(sweep, keys, journal, out)
    missing = [place for place, key in enumerate(keys) if key not in done]
    tell(len(done), len(keys), None if missing else 0.0)
    if missing:
        # neighbours cost alike; in mixed order, those behind tell what those ahead will cost
        mixed = np.random.default_rng(sweep.seed).permutation(missing).tolist()
        with crew_of(sweep, *crew) as hands:
            _run(sweep, mixed, hands, journal, tell)
    table = build(sweep, journal.columns(), journal.kinds())
    if out is not None:
        save(table, out)
    return table


def _resume(sweep: Sweep, keys: list[str], journal: Journal, out: Path | None) -> set[str]:
    """Return the keys of the cells that the journal holds.

    Raises
    ------
    FileError
        If they are not this sweep's; the axes may have got more values, and have lost none.
    """
    # the values on the axes are not compared: a sweep may be extended
    about = {"format": FORMAT, **description(sweep), "axes": sorted(sweep.axes)}
    told = {part: text_of(value) for part, value in about.items()}
    known = journal.about()
    where = None if out is None else journal_path(out)
    advice = "give another place, or delete that file to lose them."
    if known and (parts := [part for part in told if told[part] != known.get(part)]):
        name = str(known.get("name")).strip('"')
        raise FileError(
            f"{where} keeps finished cells of a sweep {name!r}, which differs in {listed(parts)} "
            f"from this one, {sweep.name!r}; {advice}"
        )
    done = journal.keys()
    if not known and done:
        raise FileError(f"{where} keeps finished cells, and not of which sweep; {advice}")
    if not known:
        journal.tell(told)
    if strange := done.difference(keys):
        raise FileError(
            f"{where} keeps {len(strange)} finished cells that are not in this grid, such as "
            f"{min(strange)}; put the values back on their axes, {advice}"
        )
    return done


def _run(sweep: Sweep, places: list[int], crew: Crew, journal: Journal, tell: Progress) -> None:
    """Run the cells at these places, and keep each as it comes."""
    kinds, n_before, busy = journal.kinds(), len(sweep) - len(places), 0.0
    with closing(run_cells(sweep, places, crew)) as results:
        for n_here, result in enumerate(results, 1):
            if isinstance(result, Finished):
                try:
                    kinds = joined(kinds, result.kinds)
                except DataError as error:
                    result = Failure(place=result.place, words=str(error), cause=error)
            if isinstance(result, Failure):
                raise _error(sweep, result, n_before + n_here - 1) from result.cause
            cell = key_of(sweep.cell(result.place))
            journal.add(cell, text_of(result.kinds), result.columns)
            busy += result.seconds
            seconds = busy / n_here / crew.n_workers
            tell(n_before + n_here, len(sweep), (len(places) - n_here) * seconds)


def _error(sweep: Sweep, failure: Failure, n_done: int) -> ElinvarError:
    cell = words_for(sweep.cell(failure.place))
    error = ElinvarError(
        f"The sweep {sweep.name!r} stopped at {cell}: {failure.words.rstrip('.')}; "
        f"{n_done} of {len(sweep)} cells are finished, so mend this one and run again."
    )
    if failure.trace:
        error.add_note(failure.trace)
    return error
