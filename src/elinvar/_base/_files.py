"""Writing files so that a killed run never leaves half of one."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from elinvar.errors import FileError


def check_writable(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` if a file can be put there; parent folders are never created.

    Raises
    ------
    FileError
        If the folder does not exist or is not writable, or ``path`` is a folder.
    """
    path = Path(path)
    folder = path.parent
    if path.is_dir():
        raise FileError(f"{path} is a folder; name a file.")
    if not folder.is_dir():
        raise FileError(f"Cannot write {path}: there is no folder {folder}. Create it first.")
    if not os.access(folder, os.W_OK):
        raise FileError(f"Cannot write {path}: no permission to write in {folder}.")
    return path


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary neighbour of ``path`` that takes its place only when all is written."""
    path = check_writable(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        encoding = None if "b" in mode else "utf-8"
        with os.fdopen(handle, mode, encoding=encoding) as file:
            yield file
            # on the disk before it has its name: a crash in between must not leave an empty file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _default_permissions())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def atomic_save(path: str | os.PathLike[str], save: Callable[[IO[bytes]], object]) -> None:
    """Let ``save`` write bytes to a file object; ``path`` appears only when it returns."""
    with atomic_write(path, "wb") as file:
        save(file)


def _default_permissions() -> int:
    # reading the mask takes setting it; temporary files are private, results need not be
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
