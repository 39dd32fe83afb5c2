"""Files of JSON lines, an object a row, as tables, batch by batch."""

import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar.environments._packed import opened
from elinvar.errors import FileError

if TYPE_CHECKING:
    import pyarrow as pa


def open_json(path: Path, schema: "pa.Schema | None" = None) -> Any:
    """Open a file to be parsed, batch by batch; refuse what ``schema`` does not name."""
    import pyarrow.json as pj

    known = {} if schema is None else {"unexpected_field_behavior": "error"}
    options = pj.ParseOptions(explicit_schema=schema, newlines_in_values=False, **known)
    source = _in_lines(path)
    if hasattr(pj, "open_json"):
        return pj.open_json(source, parse_options=options)
    return pj.read_json(source, parse_options=options).to_batches(65_536)


def _in_lines(path: Path) -> Any:
    """Return a stream of one object a line; a list of objects is read into memory for it."""
    with opened(path) as file:
        head = file.read(1 << 12).lstrip(b"\xef\xbb\xbf \t\r\n")
        if not head.startswith(b"["):
            return opened(path)
    with opened(path) as file:
        rows = json.loads(file.read().decode("utf-8-sig"))
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise FileError(f"{path} holds no list of objects, one for each row.")
    return io.BytesIO("\n".join(map(json.dumps, rows)).encode())


def json_batches(
    path: Path,
    types: Mapping[str, "pa.DataType"],
    columns: Sequence[str],
    labels: Collection[str],
) -> Iterator["pa.Table"]:
    """Yield tables of some columns; numbers that are no labels may be whole or broken."""
    import pyarrow as pa

    def read_as(name: str, kind: "pa.DataType") -> "pa.DataType":
        number = pa.types.is_integer(kind) or pa.types.is_null(kind)
        return pa.float64() if number and name not in labels else kind

    schema = pa.schema([(name, read_as(name, kind)) for name, kind in types.items()])
    for batch in open_json(path, schema):
        yield pa.Table.from_batches([batch]).select(columns)
