"""Tables whose rows are not in memory, as frames of a bounded number of rows."""

from collections.abc import Iterator, Sequence
from typing import Any

from elinvar.environments._column_names import check_no_duplicates, index_columns
from elinvar.environments._frames import Frame, as_frame
from elinvar.environments._notation import Notation
from elinvar.errors import DataTypeError

_ROWS = 65_536


def native(source: Any) -> Any:
    """Return what narwhals has wrapped, if it has."""
    import narwhals.stable.v2 as nw

    return nw.to_native(source, pass_through=True)


def root_of(source: object) -> str:
    """Return the package that an object comes from."""
    return type(source).__module__.split(".")[0].lstrip("_")


class Stream:
    """Rows of a source, read when they are asked for.

    Parameters
    ----------
    source : object
        polars LazyFrame, DuckDB relation, Ibis table, pyarrow Dataset, Scanner or
        RecordBatchReader, or anything that exports an Arrow stream.
    notation : Notation
        How numbers and missing values are written in text.

    Raises
    ------
    DataTypeError
        If it is no table.
    """

    def __init__(self, source: object, notation: Notation) -> None:
        import narwhals.stable.v2 as nw
        import pyarrow as pa
        import pyarrow.dataset as ds

        self._source: Any = native(source)
        self._notation = notation
        self.index: frozenset[str] = frozenset()
        # a reader hands out its rows once
        self.again = True
        lazy = nw.from_native(self._source, pass_through=True)
        if isinstance(lazy, nw.LazyFrame):
            self.names = tuple(lazy.collect_schema().names())
        elif isinstance(self._source, ds.Dataset):
            self.names = tuple(self._source.schema.names)
            self.index = index_columns(self._source.schema)
        else:
            self.again = False
            if isinstance(self._source, ds.Scanner):
                self._source = self._source.to_reader()
            try:
                self._source = pa.RecordBatchReader.from_stream(self._source)
            except (TypeError, pa.ArrowException) as error:
                raise DataTypeError(
                    "A pandas or polars frame or a pyarrow table is needed; got "
                    f"{type(source).__module__}.{type(source).__qualname__}, which Arrow cannot "
                    "read as one."
                ) from error
            self.names = tuple(self._source.schema.names)
            self.index = index_columns(self._source.schema)
        check_no_duplicates(self.names, "The table's columns")

    def frames(self, columns: Sequence[str]) -> Iterator[Frame]:
        """Yield the rows of these columns."""
        import pyarrow as pa

        n_rows = 0
        for batch in self._batches(list(columns)):
            if isinstance(batch, pa.RecordBatch):
                batch = pa.Table.from_batches([batch]).select(list(columns))
            frame = as_frame(batch, first_row=n_rows, notation=self._notation)
            if frame.n_rows:
                yield from frame.pieces(_ROWS)
            n_rows += frame.n_rows

    def _batches(self, columns: list[str]) -> Iterator[Any]:
        import narwhals.stable.v2 as nw
        import pyarrow.dataset as ds

        if isinstance(self._source, ds.Dataset):
            return iter(
                self._source.to_batches(
                    columns=columns, batch_size=_ROWS, batch_readahead=2, fragment_readahead=1
                )
            )
        if not self.again:
            return iter(self._source)
        asked = nw.from_native(self._source).select(*columns).to_native()
        kind = root_of(asked)
        if kind == "polars" and hasattr(asked, "collect_batches"):
            return iter(asked.collect_batches(chunk_size=_ROWS))
        if kind == "duckdb":
            # renamed in DuckDB 1.4
            reader = getattr(asked, "to_arrow_reader", None) or asked.fetch_record_batch
            return iter(reader(_ROWS))
        if kind == "ibis":
            return iter(asked.to_pyarrow_batches(chunk_size=_ROWS))
        if hasattr(asked, "__arrow_c_stream__"):
            import pyarrow as pa

            return iter(pa.RecordBatchReader.from_stream(asked))
        raise DataTypeError(
            f"A lazy frame of {type(asked).__module__}.{type(asked).__qualname__} cannot be read "
            "bit by bit: update the package, or write the table to Parquet files and read these "
            "with Moments.from_files."
        )
