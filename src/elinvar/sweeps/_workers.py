"""Cells on workers: threads, processes or a cluster, all through joblib."""

import pickle
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from elinvar.errors import DataError, DataTypeError, ElinvarError
from elinvar.sweeps._cell import Failure, Finished, first_words, run_cell
from elinvar.sweeps._cluster import backend_at
from elinvar.sweeps._sweep import Sweep, name_of

Backend = Literal["threads", "processes"]
_JOBLIB = {"threads": "threading", "processes": "loky"}


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Who runs the cells: a ``joblib.Parallel``, and how many workers it has."""

    parallel: Any
    n_workers: int
    elsewhere: bool


def run_cells(
    sweep: Sweep, places: Iterable[int], crew: Crew
) -> Generator[Finished | Failure, None, None]:
    """Run the cells at these places of the grid, and yield what became of them as it is known."""
    from joblib import delayed
    from threadpoolctl import threadpool_limits

    tasks = (delayed(run_cell)(sweep, place, crew.elsewhere) for place in places)
    with ExitStack() as limits:
        limits.enter_context(threadpool_limits(1))
        with _results(crew, tasks) as results:
            for number, result in enumerate(results):
                if not number:  # the first cell may have loaded libraries with threads of their own
                    limits.enter_context(threadpool_limits(1))
                yield result


@contextmanager
def _results(crew: Crew, tasks: Iterator[Any]) -> Iterator[Iterator[Finished | Failure]]:
    """Let joblib run tasks; whatever ends the block, nothing more is handed out."""
    results = crew.parallel(tasks)
    try:
        yield results
    except Exception as error:  # not of a cell: run_cell tells of theirs
        raise ElinvarError(
            f"The workers failed ({first_words(error)}); finished cells are kept, so mend this "
            "and run again."
        ) from error
    finally:
        with warnings.catch_warnings():  # joblib tells of results that nobody took
            warnings.simplefilter("ignore")
            results.close()


def check_crew(sweep: Sweep, workers: object, backend: object, cluster: object) -> None:
    """Refuse a crew that cannot run this sweep.

    Raises
    ------
    DataError
        If ``workers`` or ``backend`` cannot be, or the function cannot go to other processes.
    """
    if workers is not None and (
        isinstance(workers, bool) or not isinstance(workers, int) or workers < 1
    ):
        raise DataError(f"workers is {workers!r}; needed 1 or more, or None for one a core.")
    if backend not in _JOBLIB:
        raise DataError(f"backend is {backend!r}; choose among {', '.join(map(repr, _JOBLIB))}.")
    if cluster is not None and not isinstance(cluster, str):
        raise DataTypeError(f"cluster is {cluster!r}; give an address such as 'tcp://host:8786'.")
    if cluster is not None or backend == "processes":
        try:
            pickle.dumps((sweep.function, sweep.fixed))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise DataTypeError(
                f"{name_of(sweep.function)} or its fixed values cannot go to other processes "
                f"({error}); define them at the top of a module, or use the backend 'threads'."
            ) from error


@contextmanager
def crew_of(
    sweep: Sweep, workers: int | None, backend: Backend, cluster: str | None
) -> Iterator[Crew]:
    """Call the workers together, and let them go in the end."""
    import joblib

    options: dict[str, Any] = {
        "return_as": "generator_unordered",
        "batch_size": 1,  # what is finished must not wait for what is not
        "pre_dispatch": "2*n_jobs",
        "max_nbytes": None,
    }
    if cluster is not None:
        with (
            backend_at(cluster, sweep) as (dask, n_workers),
            joblib.Parallel(n_jobs=n_workers, backend=dask, **options) as parallel,
        ):
            yield Crew(parallel=parallel, n_workers=n_workers, elsewhere=True)
        return
    n_workers = joblib.cpu_count() if workers is None else workers
    with joblib.Parallel(n_jobs=n_workers, backend=_JOBLIB[backend], **options) as parallel:
        elsewhere = backend == "processes" and n_workers > 1
        yield Crew(parallel=parallel, n_workers=n_workers, elsewhere=elsewhere)
