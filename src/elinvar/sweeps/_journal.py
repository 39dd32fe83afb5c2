"""Finished cells on disk, from the moment they are finished until the table is written.

One SQLite file that only one run can hold open. A transaction is whole or absent whenever the
process is killed, and the system frees the lock of a process that is gone.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elinvar.errors import FileError
from elinvar.sweeps._rows import Kinds, check_cell, joined

FORMAT = "elinvar-sweep-journal/2"
_LOCK_SECONDS = 1.0

# A write-ahead log survives kill -9 without waiting for the disk at every cell. The exclusive mode
# keeps the lock until the connection closes, and works where memory cannot be shared, as over NFS.
_SET_UP = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
BEGIN EXCLUSIVE;
CREATE TABLE IF NOT EXISTS about (part TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cells (
    cell TEXT PRIMARY KEY, kinds TEXT NOT NULL, columns TEXT NOT NULL, digest TEXT NOT NULL
);
COMMIT;
"""


def journal_path(out: Path) -> Path:
    """Return where the journal of the table ``out`` lies."""
    return out.with_name(f".{out.name}.partial.sqlite")


def remove_journal(out: Path) -> None:
    """Remove the journal of a table that is written."""
    path = journal_path(out)
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


class Journal:
    """The finished cells of one sweep.

    Parameters
    ----------
    connection : sqlite3.Connection
        Where they are kept.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def keys(self) -> set[str]:
        """Return the keys of all finished cells, every one of which is as it was written.

        Raises
        ------
        sqlite3.DatabaseError
            If one is not.
        """
        found = set()
        for row in self._rows("SELECT cell, kinds, columns, digest FROM cells"):
            *parts, digest = row
            if not all(isinstance(part, str) for part in row) or digest != _digest(*parts):
                raise _Damaged(f"the cell {str(row[0])[:80]} is not as it was written")
            try:
                check_cell(*parts[1:])
            except ValueError as error:
                raise _Damaged(f"the cell {parts[0][:80]} is no cell: {error}") from error
            found.add(parts[0])
        return found

    def kinds(self) -> Kinds:
        """Return the columns that the finished cells have, and the kinds of values in each."""
        kinds: Kinds = {}
        for (text,) in self._rows("SELECT DISTINCT kinds FROM cells"):
            kinds = joined(kinds, json.loads(text))
        return kinds

    def add(self, key: str, kinds: str, columns: str) -> None:
        """Keep a finished cell."""
        with self._connection:
            self._connection.execute(
                "INSERT INTO cells VALUES (?, ?, ?, ?)",
                (key, kinds, columns, _digest(key, kinds, columns)),
            )

    def columns(self) -> dict[str, str]:
        """Return what all finished cells returned, by key, as JSON."""
        return dict(self._rows("SELECT cell, columns FROM cells"))

    def about(self) -> dict[str, str]:
        """Return what was said of these cells, part by part; nothing if they are the first."""
        return dict(self._rows("SELECT part, value FROM about"))

    def _rows(self, query: str) -> Iterator[Any]:
        with _words_decoded():
            yield from self._connection.execute(query)

    def tell(self, about: dict[str, str]) -> None:
        """Say what these cells belong to."""
        with self._connection:
            self._connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())


class _Damaged(sqlite3.DatabaseError):
    """SQLite reads it, and it is not what was written."""


@contextmanager
def _words_decoded() -> Iterator[None]:
    """Turn what Python makes of SQLite's own words into an error of it, if a name in them is none.

    Raises
    ------
    _Damaged
        If names of tables or columns are no text.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise _Damaged("names in it are no text") from error


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


@contextmanager
def open_journal(out: Path | None) -> Iterator[Journal]:
    """Open the journal of the table ``out``, or one in memory, and close it in the end.

    Raises
    ------
    FileError
        If another run holds it, it is damaged, or it cannot be written.
    """
    path = None if out is None else journal_path(out)
    try:
        connection = _connect(path)
        try:
            yield Journal(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise FileError(_words(error, path, out)) from error


def _connect(path: Path | None) -> sqlite3.Connection:
    """Connect; where the run waited for has ended and removed its file, to a new one."""
    while True:
        connection = sqlite3.connect(path or ":memory:", timeout=_LOCK_SECONDS)
        try:
            with _words_decoded():
                connection.executescript(_SET_UP)
        except sqlite3.Error as error:
            connection.close()
            # the other run has finished and removed its file under this connection's feet
            gone = path is not None and not path.exists()
            if not gone or _code(error) != sqlite3.SQLITE_IOERR:
                raise
        else:
            return connection


def _words(error: sqlite3.Error, path: Path | None, out: Path | None) -> str:
    code = _code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"Another run is at work on {out}; wait for it, stop it, or give another place."
    if isinstance(error, _Damaged) or code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return f"{path}, which kept the finished cells of {out}, is damaged ({error}); delete it."
    return f"The finished cells cannot be kept in {path}: {error}; give another place."


def _code(error: sqlite3.Error) -> int | None:
    """Return the primary result code of SQLite, if the error has one."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF
