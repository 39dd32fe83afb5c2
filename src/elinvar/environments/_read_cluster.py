"""Tables of Dask and Spark: each partition's moments where it lies, added up in a tree there."""

import pickle
from collections.abc import Iterator
from functools import partial
from typing import Any

from elinvar._base import import_extra
from elinvar.environments._notation import Notation
from elinvar.environments._parts import Part, added
from elinvar.environments._raw_moments import RawMoments
from elinvar.environments._roles import Columns, Roles
from elinvar.environments._streams import native, root_of
from elinvar.errors import DataError, ElinvarError

# parts that one task adds up
_BRANCHES = 8
_SPARK_BRANCHES = 16


def is_cluster(frame: object) -> bool:
    """Whether a table lies in the partitions of Dask or Spark."""
    return root_of(native(frame)) in ("dask", "pyspark")


def read_cluster(frame: object, roles: Roles) -> RawMoments:
    """Let a cluster take the moments of a table; nothing else of it is sent.

    Raises
    ------
    DataError
        If a column does not fit its role, or a value cannot be used.
    """
    if roles.missing == "impute":
        raise DataError(
            "Partitions are read once, so missing must be 'error' or 'drop'; for 'impute', fill "
            "in the means with the cluster's own fillna first."
        )
    table = native(frame)
    columns = roles.find([str(name) for name in table.columns])
    read = _dask if root_of(table) == "dask" else _spark
    return read(table[list(columns.names)], columns, roles.notation).whole(columns)


def _dask(table: Any, columns: Columns, notation: Notation) -> Part:
    dask = import_extra("dask", "dask")
    take, add = dask.delayed(_take, pure=False), dask.delayed(added, pure=False)
    parts = [
        take(partition, columns, notation, f"partition {k}")
        for k, partition in enumerate(table.to_delayed())
    ]
    while len(parts) > 1:
        parts = [add(parts[k : k + _BRANCHES]) for k in range(0, len(parts), _BRANCHES)]
    (whole,) = dask.compute(parts[0])
    assert isinstance(whole, Part)
    return whole


def _take(partition: Any, columns: Columns, notation: Notation, source: str) -> Part:
    return Part.of([partition], columns, notation, source)


def _spark(table: Any, columns: Columns, notation: Notation) -> Part:
    parts = table.mapInArrow(partial(_spark_part, columns, notation), "part binary")
    sums = parts.repartition(_SPARK_BRANCHES).mapInArrow(_spark_sum, "part binary")
    return added(_opened(row[0]) for row in sums.collect())


def _spark_part(columns: Columns, notation: Notation, batches: Iterator[Any]) -> Iterator[Any]:
    import pyarrow as pa

    context = import_extra("pyspark", "spark").TaskContext.get()
    tables = (pa.Table.from_batches([batch]) for batch in batches)
    # an error of ours comes back as it is: Spark would wrap it in a traceback of Java's
    try:
        found: Part | ElinvarError = Part.of(
            tables, columns, notation, f"partition {context.partitionId()}"
        )
    except ElinvarError as error:
        found = error
    yield _packed(found)


def _spark_sum(batches: Iterator[Any]) -> Iterator[Any]:
    try:
        rows = (value for batch in batches for value in batch.column(0).to_pylist())
        found: Part | ElinvarError = added(_opened(row) for row in rows)
    except ElinvarError as error:
        found = error
    yield _packed(found)


def _packed(found: Part | ElinvarError) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_pydict({"part": pa.array([pickle.dumps(found)], pa.binary())})


def _opened(data: bytes) -> Part:
    # the cluster runs our own code, so what it sends is as trusted as that
    found = pickle.loads(data)
    if isinstance(found, ElinvarError):
        raise found
    assert isinstance(found, Part)
    return found
