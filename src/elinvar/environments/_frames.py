"""Frames of any library as columns of numbers or of labels."""

import decimal
import numbers
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.environments._column_names import as_spelled, check_no_duplicates, index_columns
from elinvar.environments._labels import (
    Factor,
    categories_of,
    factor_from_values,
    factorize,
    is_missing,
)
from elinvar.environments._notation import PLAIN, Notation, hint
from elinvar.errors import DataError, DataTypeError

# by the package and the name of a type: neither needs to be installed
_COLLECT = {
    ("narwhals", "LazyFrame"): ".collect()",
    ("polars", "LazyFrame"): ".collect()",
    ("pyarrow", "RecordBatchReader"): ".read_all()",
    ("pyarrow", "FileSystemDataset"): ".to_table()",
    ("pyarrow", "InMemoryDataset"): ".to_table()",
    ("pyarrow", "UnionDataset"): ".to_table()",
    ("pyarrow", "Scanner"): ".to_table()",
    ("dask", "DataFrame"): ".compute()",
    ("dask_expr", "DataFrame"): ".compute()",
    ("duckdb", "DuckDBPyRelation"): ".df()",
    ("_duckdb", "DuckDBPyRelation"): ".df()",
    ("pyspark", "DataFrame"): ".toPandas()",
    ("ibis", "Table"): ".to_pandas()",
}
Kind = Literal["number", "text", "category", "date", "empty", "other"]


def is_frame(X: object) -> bool:
    """Whether ``X`` is a table with named columns that this module can read."""
    if isinstance(X, np.ndarray | list | tuple):
        return False
    import narwhals.stable.v2 as nw

    if isinstance(X, Frame) or _how_to_collect(X):
        return True
    try:
        table = nw.from_native(X, pass_through=True)
    except nw.exceptions.DuplicateError:
        # a frame all the same: as_frame says which names occur twice
        return True
    return isinstance(table, nw.DataFrame | nw.LazyFrame)


def is_lazy(frame: object) -> bool:
    """Whether a table's rows are not in memory yet: a query, a stream, files, a cluster's table."""
    if isinstance(frame, Frame) or _how_to_collect(frame):
        return not isinstance(frame, Frame)
    if not hasattr(frame, "__arrow_c_stream__"):
        return False
    import narwhals.stable.v2 as nw

    try:
        return not isinstance(nw.from_native(frame, pass_through=True), nw.DataFrame)
    except nw.exceptions.DuplicateError:
        return False


def has_text(X: object) -> bool:
    """Tell whether ``X`` is a frame with a column that holds neither numbers nor truth values.

    Parameters
    ----------
    X : array-like or frame

    Returns
    -------
    bool
        True if only a `Schema` can turn it into numbers.
    """
    if not is_frame(X):
        return False
    frame = as_frame(X)
    return any(frame.kind(name) not in ("number", "empty") for name in frame.names)


def as_frame(
    frame: Any, *, first_row: int = 0, source: str = "", notation: Notation = PLAIN
) -> "Frame":
    """Wrap a pandas or polars frame or pyarrow table.

    Raises
    ------
    DataTypeError
        If it is none of these.
    DataError
        If column names occur more than once.
    """
    if isinstance(frame, Frame):
        return frame
    import narwhals.stable.v2 as nw

    if collect := _how_to_collect(frame):
        raise DataTypeError(
            "A lazy frame holds no rows yet. Moments.from_frame(frame, target=..., "
            "environment=...) reads it where it is, for InvariantRegressor().fit_moments; what "
            f"needs rows takes them once you call {collect}."
        )
    try:
        table = nw.from_native(frame)
    except nw.exceptions.DuplicateError:
        _check_names(frame)
        raise
    except TypeError as error:
        raise DataTypeError(
            "A pandas or polars frame or a pyarrow table is needed; got "
            f"{type(frame).__module__}.{type(frame).__qualname__}."
        ) from error
    if isinstance(table, nw.LazyFrame):
        raise DataTypeError("A lazy frame holds no rows yet; collect them first.")
    _check_names(frame)
    return Frame(table, first_row=first_row, source=source, notation=notation)


def _how_to_collect(frame: object) -> str:
    """Return the call that fetches the rows of a lazy frame; "" if it is none that is known."""
    kind = type(frame)
    return _COLLECT.get((kind.__module__.split(".")[0], kind.__name__), "")


def _check_names(frame: Any) -> None:
    names = getattr(frame, "column_names", None) or frame.columns
    check_no_duplicates([str(name) for name in names], "The frame's columns")


class Frame:
    """Columns of one frame, or of one batch of a file, by name.

    Parameters
    ----------
    table : narwhals DataFrame
    first_row : int
        Rows that came before, for messages.
    rows : (n_rows,) array of int, optional
        Where the rows stood before some were left out, for messages.
    source : str
        File that the rows come from, for messages; empty if there is only one.
    notation : Notation
        How numbers and missing values are written in text.
    """

    def __init__(
        self,
        table: Any,
        *,
        first_row: int = 0,
        rows: NDArray[np.intp] | None = None,
        source: str = "",
        notation: Notation = PLAIN,
    ) -> None:
        self.notation = notation
        self._table = table
        # pandas allows names that are no text
        self._native = {str(name): name for name in table.columns}
        self.names: tuple[str, ...] = tuple(self._native)
        self.n_rows: int = len(table)
        self._first_row = first_row
        self._rows = rows
        self._source = source
        self._factors: dict[str, Factor] = {}
        self._kinds: dict[str, Kind] = {}

    @property
    def index(self) -> frozenset[str]:
        """The columns that were the index of a pandas frame, if this is an Arrow table of one."""
        schema = getattr(self._table.to_native(), "schema", None)
        return index_columns(schema) if hasattr(schema, "metadata") else frozenset()

    def _series(self, name: str) -> Any:
        return self._table.get_column(self._native[as_spelled(name, self.names)])

    def row(self, index: int) -> str:
        """Name a row for a message: its number, the first is 1, and its file."""
        at = index if self._rows is None else int(self._rows[index])
        number = f"{self._first_row + 1 + at}"
        return f"{number} of {self._source}" if self._source else number

    def kind(self, name: str) -> Kind:
        """Say what a column holds, from its type (and for untyped ones, its values)."""
        if name not in self._kinds:
            self._kinds[name] = _kind(self._series(name))
        return self._kinds[name]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as float64, NaN where missing; text is parsed.

        Raises
        ------
        DataError
            If a value is not a number.
        """
        values = self._numbers(name)
        for text in self.notation.na:
            absent = PLAIN.number(text)
            if absent is not None:
                values = np.where(values == absent, np.nan, values)
        return values

    def _numbers(self, name: str) -> NDArray[np.float64]:
        import narwhals.stable.v2 as nw

        series, kind = self._series(name), self.kind(name)
        if kind == "empty":
            return np.full(self.n_rows, np.nan)
        if kind == "number":
            if series.dtype == nw.Object:
                return np.array([_number(v) for v in series.to_numpy().tolist()], dtype=np.float64)
            # types of which numpy would make objects
            if series.dtype.is_decimal() or series.dtype in (nw.Boolean, nw.Int128, nw.UInt128):
                series = series.cast(nw.Float64)
            return np.asarray(series.to_numpy(), dtype=np.float64)
        if kind in ("date", "other"):
            raise DataTypeError(
                f"{name} holds values of type {series.dtype} where numbers are needed."
            )
        factor = self.factor(name)
        parsed = list(map(self.notation.reader(name), factor.labels))
        bad = np.array([value is None for value in parsed] + [False])[factor.codes]
        if bad.any():
            row = int(bad.argmax())
            text = factor.labels[factor.codes[row]]
            raise DataError(
                f"{name} must hold numbers; it holds text: {text!r} in row {self.row(row)} (the "
                f"first row is 1){hint(name, text)}."
            )
        lookup = np.array([np.nan if v is None else v for v in parsed] + [np.nan])
        return np.asarray(lookup[factor.codes])

    def factor(self, name: str) -> Factor:
        """Return a column as codes and labels.

        Raises
        ------
        DataTypeError
            If its values are no labels, such as lists or complex numbers.
        """
        if name not in self._factors:
            if self.kind(name) == "other":
                raise DataTypeError(
                    f"{name} holds neither numbers nor text, so its values cannot name anything; "
                    "convert it to text."
                )
            if self.kind(name) == "empty":
                nothing = np.full(self.n_rows, -1, dtype=np.intp)
                self._factors[name] = Factor(codes=nothing, labels=())
            else:
                found = _factor(self._series(name))
                self._factors[name] = found.without(self.notation.na)
        return self._factors[name]

    def arrow(self, names: Sequence[str]) -> Any:
        """Return columns as they are, as a pyarrow table."""
        return self._table.select([self._native[name] for name in names]).to_arrow()

    def take(self, mask: NDArray[np.bool_]) -> "Frame":
        """Return the rows where ``mask`` is True."""
        if mask.all():
            return self
        index = np.flatnonzero(mask)
        rows = index if self._rows is None else self._rows[index]
        return Frame(
            self._table[index, :],
            first_row=self._first_row,
            rows=rows,
            source=self._source,
            notation=self.notation,
        )

    def pieces(self, rows: int) -> Iterator["Frame"]:
        """Yield the frame in runs of at most ``rows`` rows."""
        if self.n_rows <= rows:
            yield self
            return
        for start in range(0, self.n_rows, rows):
            yield Frame(
                self._table[start : start + rows, :],
                first_row=self._first_row + start,
                notation=self.notation,
            )


def _kind(series: Any) -> Kind:
    import narwhals.stable.v2 as nw

    dtype = series.dtype
    if dtype.is_numeric() or dtype == nw.Boolean:
        return "number"
    if dtype == nw.String:
        return "text"
    if dtype == nw.Categorical or dtype == nw.Enum:
        return "category"
    if dtype.is_temporal():
        return "date"
    if dtype == nw.Object:
        return _kind_of_values(series.to_numpy().tolist())
    # pandas' sparse columns become dense: moments are
    if str(getattr(series.to_native(), "dtype", "")).startswith("Sparse["):
        return "number" if series.to_numpy().dtype.kind in "biuf" else "other"
    if dtype == nw.Unknown and series.null_count() == len(series):
        return "empty"
    if _is_period(series):
        return "date"
    return "other"


def _is_period(series: Any) -> bool:
    """Whether these are periods of pandas, such as months."""
    return str(getattr(series.to_native(), "dtype", "")).startswith("period[")


def _factor(series: Any) -> Factor:
    import narwhals.stable.v2 as nw

    if _is_period(series):
        return factorize(np.asarray(series.to_native(), dtype=object))
    dtype = series.dtype
    if dtype in (nw.Int128, nw.UInt128, nw.Object):
        return factorize(np.fromiter(series.to_list(), dtype=object, count=len(series)))
    if dtype.is_numeric() and not dtype.is_decimal():
        return factorize(np.asarray(series.to_numpy()))
    # polars 1 does not tell Arrow that the order of an Enum counts
    ranked = dtype == nw.Enum
    return categories_of(series.to_native()) or factor_from_arrow(series.to_arrow(), ranked=ranked)


def factor_from_arrow(array: Any, *, ranked: bool = False) -> Factor:
    """Code a pyarrow array by its labels, through its dictionary, whose order may count."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    codes = array.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    try:
        values = array.dictionary.to_pylist()
    except (OverflowError, ValueError):
        # Times that Python's own types cannot hold, such as the year 30000.
        values = array.dictionary.cast(pa.string()).to_pylist()
    return factor_from_values(codes, values, ranked=ranked or array.type.ordered)


def _number(value: Any) -> float:
    return float("nan") if is_missing(value) else float(value)


def _kind_of_values(values: Iterable[Any]) -> Kind:
    """Judge an untyped (object) column value by value."""
    found: set[str] = set()
    for value in values:
        if is_missing(value):
            continue
        if isinstance(value, numbers.Real | decimal.Decimal | np.bool_):
            found.add("number")
        elif isinstance(value, str):
            found.add("text")
        elif hasattr(value, "isoformat") or hasattr(value, "total_seconds"):
            found.add("date")
        else:
            found.add("other")
    return merge_kinds(found)


def merge_kinds(found: set[Any]) -> Kind:
    """Return the kind of a column that holds several."""
    found = found - {"empty"}
    for kind in ("other", "date", "text", "category", "number"):
        if kind in found:
            return "text" if kind == "category" and len(found) > 1 else kind
    return "empty"
