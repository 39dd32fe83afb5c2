"""What the user asked to read, and where results may be written."""

import atexit
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

from elinvar._base import check_page, check_writable, temporary_folder
from elinvar._base._secrets import without_secrets
from elinvar._base._voice import option
from elinvar.errors import DataError, FileError

if TYPE_CHECKING:
    from elinvar.environments import Environments, Moments, Roles

MOMENTS = ".moments"
_SMALL = 20_000_000
# what is said of a table in a database; the rest is about files
_ASKED = "target environment features drop categorical sample_weight missing".split()


@dataclass(frozen=True, kw_only=True)
class Source:
    """What to read and the roles of its columns, as given on the command line.

    Attributes
    ----------
    data : tuple of str
        Files of rows, files of moments, or the address of a database.
    roles : Roles
    query : str, optional
        A SELECT in place of a table of the database.
    """

    data: tuple[str, ...]
    roles: "Roles"
    query: str | None = None

    @property
    def title(self) -> str:
        """What was read, fit for a page: without passwords."""
        return without_secrets(", ".join(self.data))

    def in_database(self) -> bool:
        """Whether a database is asked."""
        from elinvar.environments import is_database

        found = [is_database(name) for name in self.data]
        if any(found) and len(found) > 1:
            raise DataError("A database is read alone: name one address and nothing else.")
        if self.query is not None and not all(found):
            raise DataError("A query (--query) is asked of a database, such as duckdb:///sales.db.")
        return all(found)

    def moments(self) -> "Moments":
        """Read what was named, the target being a number."""
        from elinvar.environments import Moments

        if are_moments(self.data):
            return self._sum()
        if not self.in_database():
            return Moments.from_files(list(self.data), **vars(self.roles))
        if not self.roles.notation.plain or self.roles.no_na or self.roles.na:
            raise DataError(
                "How numbers and missing values are written is said of files; of a database, "
                "turn values into numbers by the query."
            )
        asked = {name: getattr(self.roles, name) for name in _ASKED}
        return Moments.from_query(self.data[0], query=self.query, **asked)

    def _sum(self) -> "Moments":
        """Add up files of moments."""
        from elinvar.environments import Moments, Roles, find_files

        plain = vars(Roles(target=self.roles.target, environment=self.roles.environment))
        given = [name for name, value in vars(self.roles).items() if value != plain[name]]
        if given or self.query is not None:
            raise DataError(
                "What the columns are for was settled when the moments were made: leave out "
                f"{option(given[0] if given else 'query')}."
            )
        moments = [Moments.load(file) for file in find_files(list(self.data))]
        whole = reduce(add, moments)
        if self.roles.target not in ("", whole.schema.target):
            raise DataError(
                f"The target of these moments is {whole.schema.target!r}, not "
                f"{self.roles.target!r}."
            )
        return whole

    def is_small(self) -> bool:
        """Whether the rows are at hand, and so few that keeping them costs nothing."""
        from elinvar.environments import find_files

        if are_moments(self.data) or self.in_database():
            return False
        return sum(file.stat().st_size for file in find_files(list(self.data))) <= _SMALL

    def rows(self) -> "Environments":
        """Read the files into memory, the target being a number."""
        from elinvar.environments import Environments

        self._check_rows()
        return Environments.from_files(list(self.data), **vars(self.roles))

    def classes(self) -> "Environments":
        """Read the files, the target naming classes."""
        from elinvar.environments import read_classes

        self._check_rows()
        return read_classes(list(self.data), self.roles)

    def _check_rows(self) -> None:
        """Refuse what gives moments alone where rows are needed."""
        if are_moments(self.data):
            raise DataError(
                "Moments are no rows, which robust tests, clusters, classes, curves and forecasts "
                "need: fit the rows themselves, or ask for what moments can say."
            )
        if self.in_database():
            raise DataError(
                "A database gives moments, not the rows that robust tests, clusters, classes, "
                "curves and forecasts need: write the rows to a Parquet file, and name that."
            )


def are_moments(data: Sequence[str]) -> bool:
    """Whether files of moments are named, and nothing else."""
    found = [name.endswith(MOMENTS) for name in data]
    if any(found) and not all(found):
        raise DataError("Moments are added to moments, not to rows: name files of one kind.")
    return all(found)


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
    head = source.read(1)
    if not head:
        raise FileError("Standard input is empty (0 bytes).")
    closing = ExitStack()
    atexit.register(closing.close)
    # without an ending it is known by its content
    name = f"standard input.{ending}" if ending else "standard input"
    file = closing.enter_context(temporary_folder()) / name
    with file.open("wb") as copy:
        copy.write(head)
        shutil.copyfileobj(source, copy)
    return [str(file) if name == "-" else name for name in data]


def check_outputs(data: tuple[str, ...], *outputs: Path | None, report: Path | None = None) -> None:
    """Refuse, before any work, outputs that cannot be written or would replace an input.

    Raises
    ------
    FileError
        If a folder does not exist, two files are the same, or the report is named as no page is.
    """
    from elinvar.environments import find_files, is_database

    wanted = [path for path in (*outputs, report) if path is not None]
    for path in wanted:
        check_writable(path)
    files = [name for name in data if not is_database(name)]
    inputs = {file.resolve() for file in find_files(files)} if wanted and files else set()
    for k, path in enumerate(wanted):
        if path.resolve() in inputs:
            raise FileError(f"{path} is an input file; name another file to write to.")
        if path.resolve() in [other.resolve() for other in wanted[:k]]:
            raise FileError(f"{path} is named for two outputs; name two files.")
    if report is not None:
        check_page(report)


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
