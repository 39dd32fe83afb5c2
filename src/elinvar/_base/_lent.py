"""Python objects that threads of C++ hold, and that must be given back before Python ends."""

import atexit
import gc
import sys
import time
from functools import cache
from typing import TypeVar
from weakref import WeakSet

T = TypeVar("T")

# a thread that is still reading then is waited for no longer
_SECONDS = 1.0
_lent: WeakSet[object] = WeakSet()


def lent(thing: T) -> T:
    """Return a file or function that Arrow's threads will hold, and wait for them at the end.

    A thread that has read ahead, and calls or lets go of such an object while Python ends, takes
    the process down ("terminate called without an active exception"), whatever had been done.
    """
    _wait_at_the_end()
    _lent.add(thing)
    return thing


@cache
def _wait_at_the_end() -> None:
    atexit.register(_wait)


def _wait() -> None:
    # an error that ended the run holds what was being read
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        setattr(sys, name, None)
    gc.collect()
    end = time.monotonic() + _SECONDS
    while _lent and time.monotonic() < end:
        time.sleep(0.001)
