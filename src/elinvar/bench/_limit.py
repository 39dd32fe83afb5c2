"""What a fit costs: processor seconds, with a limit, and memory.

Of this process, so that other work on the machine does not count; methods run on one thread.
"""

import ctypes
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_AGAIN = 0.5


class TimeUp(BaseException):
    """The limit is over; no ``except Exception`` of a method may swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop a block that takes more processor seconds.

    The block is interrupted where signals can do that: in the main thread of a process, on POSIX.
    Elsewhere it ends by itself, and is refused then.

    Raises
    ------
    TimeUp
        If the block took longer than ``seconds``.
    """
    started = time.process_time()

    def ring(_: int, __: FrameType | None) -> None:
        if time.process_time() - started > seconds:
            raise TimeUp

    able = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if able:
        before = signal.signal(signal.SIGALRM, ring)
        # Again and again: other work may have had the processor, or compiled code has swallowed
        # the first one. (While ITIMER_PROF runs, Linux counts the processor in ticks of 4 ms.)
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        if able:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    # where no signal could ring, or compiled code swallowed it to the end
    if time.process_time() - started > seconds:
        raise TimeUp


def timed(function: Callable[[], T]) -> tuple[T, float]:
    """Return what a function returned, and its processor seconds."""
    started = time.process_time()
    result = function()
    return result, time.process_time() - started


def peak_memory(function: Callable[[], object]) -> float | None:
    """Return by how many MiB the resident memory of this process rose at most during a call.

    The system's own high-water mark, set back before the call, when freed memory has been handed
    back: so compiled libraries count like everything else. None where the system has no such mark
    (it is Linux's) or does not let it be set back.

    Parameters
    ----------
    function : callable
        Called once.
    """
    gc.collect()
    # memory that was freed but kept would be used first, and so not count
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        # 5 sets the high-water mark back: proc(5)
        _REFS.write_text("5")
        before = _kib("VmRSS")
        function()
        return max(_kib("VmHWM") - before, 0) / 1024
    except OSError:
        return None


def _kib(field: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise OSError(f"{_STATUS} does not tell {field}")
