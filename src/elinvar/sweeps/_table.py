"""The finished table: built in the order of the grid, written to Parquet, and read again."""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar._base import atomic_save
from elinvar._base._words import listed
from elinvar.errors import FileError
from elinvar.sweeps._rows import Kinds
from elinvar.sweeps._sweep import Sweep, description, key_of
from elinvar.sweeps._values import families, kind_of, text_of

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "elinvar-sweep/1"
_KEY = b"elinvar"


def build(sweep: Sweep, finished: Mapping[str, str], kinds: Kinds) -> "pa.Table":
    """Put the rows of all cells below each other, with the values of their axes.

    Parameters
    ----------
    sweep : Sweep
    finished : mapping
        What each cell returned, by key, as JSON.
    kinds : dict
        The kinds of values in each column of all cells together.
    """
    import pyarrow as pa

    types = {name: {str(kind_of(value)) for value in values} for name, values in sweep.axes.items()}
    columns: dict[str, list[Any]] = {name: [] for name in sweep.axes}
    for place in range(len(sweep)):
        cell = sweep.cell(place)
        returned = json.loads(finished[key_of(cell)])
        n_rows = len(next(iter(returned.values()), ()))
        for name, value in cell.items():
            columns[name].extend([value] * n_rows)
        for name, values in returned.items():
            columns.setdefault(name, []).extend(values)
    types |= {name: set(kinds[name]) for name in columns if name not in types}
    about = description(sweep)
    metadata = {"format": FORMAT, "fingerprint": _fingerprint(about), **about}
    table = pa.table({name: _array(values, types[name]) for name, values in columns.items()})
    return table.replace_schema_metadata({_KEY: json.dumps(metadata)})


def _array(values: list[Any], kinds: set[str]) -> "pa.Array":
    import pyarrow as pa

    # whole numbers of one cell beside fractions of another: one type for the column
    if kinds >= {"number", "integer"}:
        values = [None if value is None else float(value) for value in values]
    if "number" in kinds:
        return pa.array(values, pa.float64())
    types = {"numbers": pa.int64(), "text": pa.string(), "booleans": pa.bool_()}
    family = families(kinds)
    return pa.array(values, types[family[0]] if family else pa.float64())


def _fingerprint(about: dict[str, Any]) -> str:
    return hashlib.sha256(text_of(about).encode()).hexdigest()


def save(table: "pa.Table", out: Path) -> None:
    """Write the table, whole or not at all."""
    import pyarrow.parquet as pq

    atomic_save(out, partial(pq.write_table, table))


def load(sweep: Sweep, out: Path) -> "pa.Table | None":
    """Return the finished table of this sweep, or None if there is no file.

    Raises
    ------
    FileError
        If the file is no table of a sweep, or that of another sweep or version.
    """
    if not out.is_file():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    needed = f"needed that of the sweep {sweep.name!r} or no file"
    advice = f"{needed}; give another place, or move the file away."
    try:
        with out.open("rb") as file:
            # not read_table, which takes folders named like M=6 for columns
            table: pa.Table = pq.ParquetFile(file).read()
    except pa.ArrowInvalid as error:
        raise FileError(f"{out} is damaged or no Parquet table; {advice}") from error
    except OSError as error:
        raise FileError(f"{out} cannot be read: {error.strerror or error}; {advice}") from error
    try:
        about = json.loads((table.schema.metadata or {})[_KEY])
        format_, name, fingerprint = about["format"], about["name"], about["fingerprint"]
    except (KeyError, TypeError, ValueError):
        raise FileError(f"{out} is no table of a sweep; {advice}") from None
    if format_ != FORMAT:
        raise FileError(
            f"{out} was written by another version of elinvar (format {format_}, not {FORMAT}); "
            f"{advice}"
        )
    wanted = description(sweep)
    if fingerprint != _fingerprint(wanted):
        parts = [part for part in wanted if text_of(wanted[part]) != text_of(about.get(part))]
        parts = parts or ["fingerprint"]
        raise FileError(
            f"{out} holds a finished sweep {name!r}, which differs in {listed(parts)}; {advice}"
        )
    return table
