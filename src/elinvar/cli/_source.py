"""What the user asked to read, and where results may be written."""

import atexit
import os
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elinvar._base import check_writable, temporary_folder
from elinvar.errors import FileError

if TYPE_CHECKING:
    from elinvar.environments import Environments, Moments, Roles

_SMALL = 20_000_000
_HEAD = 1 << 16
_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\x1f\x8b": "csv.gz",
    b"BZh": "csv.bz2",
    b"\x28\xb5\x2f\xfd": "csv.zst",
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files to read and the roles of their columns, as given on the command line."""

    data: tuple[str, ...]
    roles: "Roles"

    def moments(self) -> "Moments":
        """Read the files, the target being a number."""
        from elinvar.environments import Moments

        return Moments.from_files(list(self.data), **vars(self.roles))

    def is_small(self) -> bool:
        """Whether the rows are so few that keeping them costs nothing: they show more."""
        from elinvar.environments import find_files

        return sum(file.stat().st_size for file in find_files(list(self.data))) <= _SMALL

    def rows(self) -> "Environments":
        """Read the files into memory, the target being a number."""
        from elinvar.environments import Environments

        return Environments.from_files(list(self.data), **vars(self.roles))

    def classes(self) -> "Environments":
        """Read the files, the target naming classes."""
        from elinvar.environments import read_classes

        return read_classes(list(self.data), self.roles)


def taken_in(data: list[str], ending: str | None) -> list[str]:
    """Put standard input, where it is named by -, into a file that goes when the command ends.

    Parameters
    ----------
    data : list of str
        What to read.
    ending : str, optional
        Its format; known by its first bytes if not given.

    Raises
    ------
    FileError
        If it is named twice, is a terminal, or is empty.
    """
    if "-" not in data:
        return data
    if data.count("-") > 1 or sys.stdin is None or sys.stdin.isatty():
        raise FileError("Standard input (-) is read once, from a pipe or a file: cat FILE | ...")
    source = sys.stdin.buffer
    head = source.read(_HEAD)
    if not head:
        raise FileError("Standard input is empty (0 bytes).")
    closing = ExitStack()
    atexit.register(closing.close)
    file = (
        closing.enter_context(temporary_folder()) / f"standard input.{ending or _ending_of(head)}"
    )
    with file.open("wb") as copy:
        copy.write(head)
        shutil.copyfileobj(source, copy)
    return [str(file) if name == "-" else name for name in data]


def _ending_of(head: bytes) -> str:
    """Tell what standard input holds from its first bytes: text is CSV, or JSON lines."""
    for magic, ending in _MAGIC.items():
        if head.startswith(magic):
            return ending
    return "jsonl" if head.lstrip().startswith(b"{") else "csv"


def check_outputs(data: tuple[str, ...], *outputs: Path | None) -> None:
    """Refuse, before any work, outputs that cannot be written or would replace an input.

    Raises
    ------
    FileError
        If a folder does not exist, or two files are the same.
    """
    from elinvar.environments import find_files

    wanted = [path for path in outputs if path is not None]
    for path in wanted:
        check_writable(path)
    inputs = {file.resolve() for file in find_files(list(data))} if wanted else set()
    for k, path in enumerate(wanted):
        if path.resolve() in inputs:
            raise FileError(f"{path} is an input file; name another file to write to.")
        if path.resolve() in [other.resolve() for other in wanted[:k]]:
            raise FileError(f"{path} is named for two outputs; name two files.")


def check_folder(path: Path | None) -> None:
    """Refuse, before any work, a folder that cannot be made or written to.

    Raises
    ------
    FileError
        If it is a file, the folder around it does not exist, or writing is not allowed.
    """
    if path is None:
        return
    if path.exists() and not path.is_dir():
        raise FileError(f"{path} is a file; name a folder.")
    around = path if path.is_dir() else path.parent
    if around.is_file():
        raise FileError(f"Cannot make {path}: {around} is a file.")
    if not around.is_dir():
        raise FileError(f"Cannot make {path}: the folder {around} does not exist. Create it first.")
    if not os.access(around, os.W_OK):
        raise FileError(f"Cannot write in {around}: no permission.")


def make_folder(path: Path) -> None:
    """Make a folder if it is not there; the one around it must be."""
    check_folder(path)
    path.mkdir(exist_ok=True)
