"""Temporary files and folders that nothing leaves behind.

They go when their block ends, by an error or by a signal; what ``kill -9`` leaves is removed by the
next one made in the same folder. It is locked as long as its process lives, and the system frees
the lock of a process that is gone: what is not locked is a leftover.
"""

import os
import re
import secrets
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

if sys.platform != "win32":
    import fcntl

_NAME = re.compile(r"\.elinvar-[0-9a-f]{16}\.tmp")
_DAY = 24 * 3600.0
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))

# what this process must remove: a forked one inherits the list, and must not
_pending: dict[Path, int] = {}


@contextmanager
def temporary_file(folder: Path) -> Iterator[tuple[Path, int]]:
    """Make a private file in ``folder``; yield its path and a descriptor that keeps it locked."""
    with _made(folder) as path, ExitStack() as closing:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        while True:
            handle = os.open(path, flags, 0o600)
            _lock(handle)
            # another run may have taken it for a leftover before it was locked
            if os.fstat(handle).st_nlink:
                break
            os.close(handle)
        closing.callback(os.close, handle)
        yield path, handle


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a private folder where the system keeps temporary files."""
    with _made(Path(tempfile.gettempdir())) as path, ExitStack() as closing:
        path.mkdir(mode=0o700)
        if sys.platform != "win32":
            handle = os.open(path, os.O_RDONLY)
            closing.callback(os.close, handle)
            _lock(handle)
        yield path


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """Yield a name for what goes when the block, or the process, ends."""
    remove_leftovers(folder)
    path = folder / f".elinvar-{secrets.token_hex(8)}.tmp"
    with _told_of_the_end():
        _pending[path] = os.getpid()
        try:
            yield path
        finally:
            _remove(path)
            del _pending[path]


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in ``folder``; what a living one holds stays."""
    with suppress(OSError), os.scandir(folder) as entries:
        for path in [Path(entry.path) for entry in entries if _NAME.fullmatch(entry.name)]:
            with suppress(OSError), _unheld(path):
                _remove(path)


@contextmanager
def _unheld(path: Path) -> Iterator[None]:
    """Hold what nobody holds.

    Raises
    ------
    OSError
        If a process does, or nobody can say.
    """
    if sys.platform == "win32":
        if time.time() - os.lstat(path).st_mtime < _DAY:
            raise BlockingIOError
        yield
        return
    # neither through a link, nor waiting for whoever writes to a pipe
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    # where a file system has no locks, nobody can be sure of a leftover, and none is removed
    with suppress(OSError):
        if sys.platform != "win32":
            fcntl.flock(handle, fcntl.LOCK_EX)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


@contextmanager
def _told_of_the_end() -> Iterator[None]:
    """Have signals that end the process remove what is pending, unless somebody handles them."""
    replaced = []
    if threading.current_thread() is threading.main_thread():
        replaced = [one for one in _SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
    for one in replaced:
        signal.signal(one, _end)
    try:
        yield
    finally:
        for one in replaced:
            signal.signal(one, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    """Remove what is pending, and end as if nobody had handled the signal."""
    for path, process in list(_pending.items()):
        if process == os.getpid():
            _remove(path)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
