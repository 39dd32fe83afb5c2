"""Parquet and Arrow files as tables, batch by batch."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar.environments._packed import raw

if TYPE_CHECKING:
    import pyarrow as pa


def parquet_batches(path: Path, columns: list[str], rows: int) -> Iterator["pa.Table"]:
    """Yield tables of at most so many rows of these columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Not through a dataset: that decodes whole row groups, a gigabyte where these are large.
    with pq.ParquetFile(raw(path), buffer_size=4096, pre_buffer=False) as file:
        for batch in file.iter_batches(rows, columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch]).select(columns)


def open_arrow(path: Path, columns: Sequence[str] | None = None) -> Any:
    """Open a file or a stream of Arrow."""
    import pyarrow as pa

    options = pa.ipc.IpcReadOptions()
    where = raw(path)
    source = pa.memory_map(where) if isinstance(where, str) else where
    if not isinstance(source, pa.NativeFile):
        source = pa.PythonFile(source, mode="r")
    is_file = source.read(6) == b"ARROW1"
    source.seek(0)
    kind = pa.ipc.open_file if is_file else pa.ipc.open_stream
    if columns is not None:
        names = kind(source).schema.names
        options = pa.ipc.IpcReadOptions(included_fields=sorted(map(names.index, columns)))
        source.seek(0)
    return kind(source, options=options)


def arrow_batches(path: Path, columns: list[str], rows: int) -> Iterator["pa.Table"]:
    """Yield tables of at most so many rows of these columns."""
    import pyarrow as pa

    reader = open_arrow(path, columns)
    known = getattr(reader, "num_record_batches", None)
    batches = iter(reader) if known is None else map(reader.get_batch, range(known))
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield pa.Table.from_batches([batch.slice(start, rows)]).select(columns)
