"""Writing files: whole or not at all, where the user said, and with the rights that they had."""

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from elinvar._base._leftovers import temporary_file
from elinvar.errors import ElinvarError, FileError

# endings of a page
PAGES = (".html", ".htm")
# what a process has open, by its number: /dev/stdout, and /dev/fd/63 of a shell's >(...)
_DESCRIPTOR = re.compile(r"(?:/proc/(?P<process>\d+)|/dev)/fd/(?P<number>\d{1,9})")
_LINKS = 40
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def check_writable(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` if a file can be put there; parent folders are never created.

    Raises
    ------
    FileError
        If the folder does not exist, writing is not allowed, or ``path`` is a folder or a link
        that leads in a circle.
    """
    path = Path(path)
    try:
        _check(path, _followed(path))
    except ElinvarError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"Cannot write {path}: {reason}.") from error
    return path


def check_page(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` if a page can be put there: its name ends in .html or .htm, or has no ending.

    Raises
    ------
    FileError
        As `check_writable`, and if the name is that of another kind of file.
    """
    path = check_writable(path)
    if path.suffix.lower() not in ("", *PAGES):
        raise FileError(
            f"{path} would hold a web page; end its name in .html (browsers print pages to PDF)."
        )
    return path


def _check(path: Path, place: Path | int) -> None:
    mode = _mode_of(place)
    if isinstance(place, int):
        if not mode:
            raise FileError(f"Cannot write {path}: this process has nothing open there.")
        return
    if stat.S_ISDIR(mode):
        raise FileError(f"{path} is a folder; name a file.")
    if stat.S_ISSOCK(mode):
        raise FileError(f"{path} is a socket; name a file.")
    folder = place.parent
    if not folder.is_dir():
        raise FileError(f"Cannot write {path}: there is no folder {folder}. Create it first.")
    if mode and not os.access(place, os.W_OK):
        raise FileError(f"Cannot write {path}: no permission to change it.")
    if not _is_stream(place) and not os.access(folder, os.W_OK):
        raise FileError(f"Cannot write {path}: no permission to write in {folder}.")


def _followed(path: Path) -> Path | int:
    """Return where links lead: a path, or the number of what the process has open."""
    place = path
    for _ in range(_LINKS):
        folder = os.path.realpath(place.parent)
        found = _DESCRIPTOR.fullmatch(os.path.join(folder, place.name))
        if found and found["process"] in (None, str(os.getpid())):
            return int(found["number"])
        if not os.path.islink(place):
            return place
        place = Path(folder, os.readlink(place))
    raise FileError(f"Cannot write {path}: it is a link that leads in a circle.")


def _mode_of(place: Path | int) -> int:
    """Return what lies there; 0 for nothing."""
    try:
        return os.stat(place).st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EBADF):
            return 0
        raise


def _is_stream(place: Path | int) -> bool:
    """Whether it takes bytes as they come: a device, a pipe, or what is open already."""
    mode = _mode_of(place)
    return isinstance(place, int) or not (mode == 0 or stat.S_ISREG(mode))


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary neighbour of ``path`` that takes its place only when all is written.

    A link is followed; mode and owner of an existing file are kept. A device, a pipe and what the
    process has open (``/dev/stdout``) are written to as they are.

    Raises
    ------
    FileError
        If `check_writable` refuses ``path``, or there is no room for it.
    """
    path = check_writable(path)
    place = _followed(path)
    with _named(path):
        if isinstance(place, int) or _is_stream(place):
            with _opened(os.dup(place) if isinstance(place, int) else place, mode) as file:
                yield file
            return
        with temporary_file(place.parent) as (temporary, handle):
            with _opened(os.dup(handle), mode) as file:
                yield file
                # on the disk before it has its name: a crash in between must not leave it empty
                file.flush()
                os.fsync(handle)
            _take_place(temporary, place)


def atomic_save(path: str | os.PathLike[str], save: Callable[[IO[bytes]], object]) -> None:
    """Let ``save`` write bytes to a file object; ``path`` appears only when it returns."""
    with atomic_write(path, "wb") as file:
        save(file)


def _opened(file: Path | int, mode: str) -> IO[Any]:
    if "b" in mode:
        return open(file, mode)
    # names of files need not be Unicode: JSON reads the escape back, and a person can
    return open(file, mode, encoding="utf-8", errors="backslashreplace")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say of a disk that is full which file did not fit."""
    try:
        yield
    except ElinvarError:
        raise
    except Exception as error:
        cause: BaseException | None = error
        # libraries wrap what the system told them in errors of their own
        while cause is not None and getattr(cause, "errno", None) not in _NO_ROOM:
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        raise FileError(f"Cannot write {path}: {getattr(cause, 'strerror', cause)}.") from error


def _take_place(temporary: Path, place: Path) -> None:
    """Give a temporary file the name ``place``, and mode and owner of what was there."""
    if not place.exists():
        os.chmod(temporary, _default_permissions())
        os.replace(temporary, place)
        return
    before = place.stat()
    try:
        if hasattr(os, "chown"):
            os.chown(temporary, before.st_uid, before.st_gid)
        shutil.copystat(place, temporary)
        os.utime(temporary)
        os.replace(temporary, place)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.EBUSY, errno.EXDEV):
            raise
        # somebody else's, or mounted by itself: it cannot be replaced and stay what it is
        shutil.copyfile(temporary, place)


def _default_permissions() -> int:
    # reading the mask takes setting it; temporary files are private, results need not be
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
