"""Batches of cells on workers: threads, processes or a cluster, all through joblib."""

import pickle
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

from elinvar.errors import DataError, DataTypeError, ElinvarError
from elinvar.sweeps._batch import BATCH_SECONDS, BatchResult, first_words, run_batch
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


@dataclass(kw_only=True)
class Pace:
    """How quickly cells are finished.

    The first few cells tell their own seconds, before the clock can tell how many are finished in
    a while; the more cells, the more the clock counts, which knows what lies between cells.
    """

    n_workers: int
    n_cells: int = 0
    busy: float = 0.0
    started: float = field(default=0.0, init=False)

    def note(self, batch: BatchResult) -> None:
        """Take in a batch that has just come back."""
        if not self.n_cells:  # workers may have taken their time to start
            self.started = time.perf_counter() - batch.seconds
        self.n_cells += len(batch.finished)
        self.busy += batch.seconds

    @property
    def seconds_a_cell(self) -> float | None:
        """Seconds that a worker spends on a cell."""
        return self.busy / self.n_cells if self.n_cells else None

    def seconds_left(self, n_cells: int) -> float | None:
        """Estimate how long ``n_cells`` more cells, like those seen, will take."""
        if not self.n_cells:
            return None
        by_cells = self.busy / self.n_cells / self.n_workers
        by_clock = (time.perf_counter() - self.started) / self.n_cells
        # the clock knows what lies between cells, but only once each worker has finished several
        weight = self.n_cells / (self.n_cells + 8 * self.n_workers)
        return n_cells * (weight * by_clock + (1 - weight) * by_cells)


def run_cells(
    sweep: Sweep, places: Iterable[int], crew: Crew, pace: Pace
) -> Generator[BatchResult, None, None]:
    """Run the cells at these places of the grid, and yield batches as they are finished."""
    from joblib import delayed
    from threadpoolctl import threadpool_limits

    waiting = deque(places)

    def batches() -> Iterator[Any]:
        while waiting:
            seconds = pace.seconds_a_cell
            fitting = 1 if seconds is None else int(BATCH_SECONDS / max(seconds, 1e-9))
            fair = ceil(len(waiting) / (4 * crew.n_workers))  # the last ones are spread evenly
            size = max(min(fitting, fair), 1)
            yield delayed(run_batch)(
                sweep, [waiting.popleft() for _ in range(size)], crew.elsewhere
            )

    with ExitStack() as limits:
        limits.enter_context(threadpool_limits(1))
        first = True
        while waiting:
            with _results(crew, batches()) as results:
                for batch in results:
                    if first:  # the first cell may have loaded libraries with threads of their own
                        limits.enter_context(threadpool_limits(1))
                    first = False
                    waiting.extend(batch.left)
                    pace.note(batch)
                    yield batch


@contextmanager
def _results(crew: Crew, tasks: Iterator[Any]) -> Iterator[Iterator[BatchResult]]:
    """Let joblib run tasks; whatever ends the block, nothing more is handed out."""
    results = crew.parallel(tasks)
    try:
        yield results
    except Exception as error:  # not of a cell: run_batch tells of theirs
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
        "batch_size": 1,  # batches are ours
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
