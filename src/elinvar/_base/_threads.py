"""One BLAS thread while work on small matrices goes on.

Products of small matrices take less time than several threads need to meet: where other programs
use the cores too, or a container has fewer than the machine, they wait for each other many times as
long as they work.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

_limiting = Lock()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread, unless a run that has not ended does so already.

    Only the thread that has set a limit can take it back (threadpoolctl from 3.7 on), so that runs
    of several threads share the limit of one of them, for as long as that one goes on.
    """
    if not _limiting.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _limiting.release()
