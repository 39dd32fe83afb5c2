"""A Dask cluster as a backend of joblib."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from elinvar._base import import_extra
from elinvar.errors import DataError, ElinvarError
from elinvar.sweeps._cell import first_words
from elinvar.sweeps._sweep import Sweep, name_of

if TYPE_CHECKING:
    from distributed import Client

_SECONDS = 10


@contextmanager
def backend_at(address: str, sweep: Sweep) -> Iterator[tuple[Any, int]]:
    """Connect to the cluster; yield joblib's backend there and the number of its threads.

    Raises
    ------
    MissingExtraError
        If Dask is not installed.
    ElinvarError
        If nobody answers, there are no workers, or they cannot load the function.
    """
    distributed = import_extra("distributed", "dask")
    try:
        distributed.comm.get_address_host_port(address)
        client = distributed.Client(address, timeout=_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"There is no cluster at {address!r} ({error}); start its scheduler, or correct the "
            "address."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_SECONDS)
        except TimeoutError as error:
            raise ElinvarError(
                f"The cluster at {address} has no workers; start some and run again."
            ) from error
        _try_out(client, sweep, address)
        yield _backend(client), sum(client.ncores().values())


def _try_out(client: "Client", sweep: Sweep, address: str) -> None:
    """Let scheduler and workers load the sweep once: joblib waits on for those that cannot."""
    try:
        client.run(len, sweep)
        client.submit(len, sweep, pure=False).result()
    except Exception as error:  # of whatever kind they met
        raise ElinvarError(
            f"The cluster at {address} cannot load {name_of(sweep.function)} "
            f"({first_words(error)}); install the same packages on its scheduler and workers."
        ) from error


def _backend(client: "Client") -> Any:
    """Return joblib's backend, made to tell of tasks that the cluster gave up."""
    from joblib._dask import DaskDistributedBackend

    class Telling(DaskDistributedBackend):  # type: ignore[misc]
        # joblib's own says nothing of a task that took several workers with it, and waits on
        def submit(self, func: Any, callback: Any = None) -> Any:
            job = super().submit(func, callback)
            job.add_done_callback(lambda done: done.exception() and callback(done.exception()))
            return job

    return Telling(client=client)
