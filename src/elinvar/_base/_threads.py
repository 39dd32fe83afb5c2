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

_lock = Lock()
_running: list[Any] = []
_limit: list[Any] = []


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread until the last run that asked for it has ended."""
    with _lock:
        if not _running:
            _limit.append(_controller().limit(limits=1, user_api="blas"))
            _limit[-1].__enter__()
        _running.append(None)
    try:
        yield
    finally:
        with _lock:
            _running.pop()
            if not _running:
                _limit.pop().__exit__(None, None, None)
