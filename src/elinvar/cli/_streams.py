"""Standard output and standard error: what reaches them, and what is said where nothing can."""

import errno
import io
import os
import sys
from typing import TextIO

from elinvar.errors import printable

_CLOSED_PIPE = 141
"""128 + SIGPIPE, as a shell says it: the reader has read enough, and nothing has failed."""

# the status to exit with if something could not be shown
_lost: list[int] = []


class _Closed(io.TextIOBase):
    """Stands for a stream that was closed before the command began."""

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if text:
            raise OSError(errno.EBADF, "it is closed")
        return 0


def open_streams() -> None:
    """Have something stand for each stream, so that no file takes the number of a closed one."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # a new file takes the lowest number that is free
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _Closed())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def show(text: str) -> None:
    """Write to standard output; where that fails, the work goes on, and the exit status says so."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        lose(error)


def say(line: str) -> None:
    """Print a line on standard error, where that is possible."""
    try:
        print(printable(line), file=sys.stderr, flush=True)
    except OSError:
        _lost.append(1)
        sys.stderr = _silenced(sys.stderr)


def lose(error: OSError) -> None:
    """Give standard output up, and keep the reason for `status`."""
    if error.errno == errno.EPIPE:
        _lost.append(_CLOSED_PIPE)
    else:
        _lost.append(1)
        say(f"error: Standard output: {error.strerror or error}.")
    sys.stdout = _silenced(sys.stdout)


def status() -> int:
    """Return 0, or the status that tells of what could not be shown."""
    try:
        sys.stdout.flush()
    except OSError as error:
        lose(error)
    found = _lost[0] if _lost else 0
    _lost.clear()
    return found


def _silenced(stream: TextIO) -> TextIO:
    """Let what is still buffered vanish, instead of failing at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return open(os.devnull, "w", encoding="utf-8")
    return stream
