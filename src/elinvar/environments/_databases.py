"""Addresses of databases, and connections to them, as tables of Ibis."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from elinvar._base import import_extra
from elinvar._base._secrets import without_secrets
from elinvar._base._voice import option
from elinvar.environments._column_names import nearest
from elinvar.errors import DataError, FileError, MissingExtraError

# schemes of what is read as files, not as a database
_FILES = {"file", "s3", "gs", "gcs", "abfs", "az", "http", "https", "ftp", "memory", "hdfs"}


def is_database(address: object) -> bool:
    """Return whether a text is the address of a database, such as ``duckdb:///sales.db``.

    Parameters
    ----------
    address : object
    """
    if not isinstance(address, str):
        return False
    scheme, sign, _ = address.partition("://")
    return bool(sign) and scheme.replace("+", "").isalnum() and scheme.lower() not in _FILES


@contextmanager
def opened(source: object, table: str | None = None, query: str | None = None) -> Iterator[Any]:
    """Lend a table of Ibis; a connection that was made for it is closed behind it.

    Parameters and errors are those of :func:`_table`.
    """
    if not isinstance(source, str):
        yield _table(source, table, query)
        return
    connection, found, schema = _connected(import_extra("ibis", "sql"), source)
    try:
        if found is not None and table is not None:
            raise DataError(f"Two tables are named: {found!r} and {table!r}.")
        yield _table(connection, table if found is None else found, query, schema)
    finally:
        connection.disconnect()


def _table(source: object, table: str | None, query: str | None, schema: str | None = None) -> Any:
    """Return a table of Ibis.

    Parameters
    ----------
    source : Ibis table, connection of Ibis or DuckDB
    table : str, optional
        Its name, if ``source`` is a connection.
    query : str, optional
        A SELECT in place of a table.

    Raises
    ------
    DataError
        If both or neither is named, or there is no such table.
    FileError
        If the database cannot be reached.
    """
    ibis = import_extra("ibis", "sql")
    if isinstance(source, ibis.Table):
        if table is not None or query is not None:
            raise DataError("An Ibis table is what is read: leave out table= and query=.")
        return source
    if type(source).__name__ == "DuckDBPyConnection":
        source = ibis.duckdb.from_connection(source)
    if not isinstance(source, ibis.backends.BaseBackend):
        raise DataError(
            "An Ibis table, a connection of Ibis or DuckDB, or an address such as "
            f"'duckdb:///sales.db?table=visits' is needed; got {type(source).__qualname__}."
        )
    if query is not None and table is not None:
        raise DataError(f"Both the table {table!r} and a query are named; name one.")
    if query is not None:
        return answered(lambda: source.sql(query))
    names = answered(lambda: source.list_tables(database=schema))
    if table is None and len(names) == 1:
        table = names[0]
    if table is None:
        raise DataError(
            f"Name a table (?table=NAME in the address) or a query ({option('query')})"
            f"{nearest('', names)}."
        )
    # a name that is not listed may still be one, of a view of another kind
    try:
        return source.table(table, database=schema)
    except Exception as error:
        raise DataError(f"There is no table {table!r}{nearest(table, names)}.") from error


def _connected(ibis: Any, address: str) -> tuple[Any, str | None, str | None]:
    """Connect to an address; return the connection, the table that it names, and its schema."""
    if not is_database(address):
        raise FileError(f"{without_secrets(address)!r} is not the address of a database.")
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query))
    table, schema = options.pop("table", None), options.pop("schema", None)
    if parts.scheme == "duckdb":
        path = _file_of(parts.netloc + unquote(parts.path))
        if path is None:
            return answered(ibis.duckdb.connect), table, schema
        # never locked for others, and never written to
        return answered(lambda: ibis.duckdb.connect(path, read_only=True)), table, schema
    bare = urlunsplit(parts._replace(query=urlencode(options)))
    try:
        return answered(lambda: ibis.connect(bare)), table, schema
    except ImportError as error:
        raise MissingExtraError(
            f"A database of {parts.scheme} needs the package {error.name!r}, which is not "
            f"installed. Install it with: pip install 'ibis-framework[{_extra(parts.scheme)}]'"
        ) from error


def _extra(scheme: str) -> str:
    return "postgres" if scheme == "postgresql" else scheme


def _file_of(path: str) -> str | None:
    """Return the file of a DuckDB address: three slashes for a relative path, four for others."""
    if path in ("", "/", ":memory:", "/:memory:"):
        return None
    relative = Path(path[1:] if path.startswith("/") else path)
    for file in (relative, Path(path)):
        if file.is_file():
            return str(file)
    raise FileError(f"There is no file {relative}.")


def answered(ask: Any) -> Any:
    """Return what a database answers, or say in one sentence why it does not.

    Raises
    ------
    FileError
    """
    import warnings

    try:
        with warnings.catch_warnings():
            # Ibis calls what DuckDB has renamed
            warnings.simplefilter("ignore", DeprecationWarning)
            return ask()
    except ImportError:
        raise
    # each driver has errors of its own, which share no class
    except Exception as error:
        said = without_secrets(" ".join(str(error).split()))
        said = said if len(said) <= 300 else f"{said[:297]}..."
        raise FileError(f"The database does not answer: {said or type(error).__name__}.") from error
