"""Files of JSON lines, an object a row, as tables, batch by batch."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar.environments._csv_layout import opened

if TYPE_CHECKING:
    import pyarrow as pa


def open_json(path: Path, schema: "pa.Schema | None" = None) -> Any:
    """Open a file to be parsed, batch by batch; what ``schema`` does not name is passed over."""
    import pyarrow.json as pj

    known = {} if schema is None else {"unexpected_field_behavior": "ignore"}
    options = pj.ParseOptions(explicit_schema=schema, newlines_in_values=False, **known)
    if hasattr(pj, "open_json"):
        return pj.open_json(opened(path), parse_options=options)
    return pj.read_json(opened(path), parse_options=options).to_batches(65_536)


def json_batches(
    path: Path, types: Mapping[str, "pa.DataType"], labels: Collection[str]
) -> Iterator["pa.Table"]:
    """Yield tables of these columns; numbers that are no labels may be whole or broken."""
    import pyarrow as pa

    def read_as(name: str, kind: "pa.DataType") -> "pa.DataType":
        number = pa.types.is_integer(kind) or pa.types.is_null(kind)
        return pa.float64() if number and name not in labels else kind

    schema = pa.schema([(name, read_as(name, kind)) for name, kind in types.items()])
    for batch in open_json(path, schema):
        yield pa.Table.from_batches([batch]).select(list(types))
