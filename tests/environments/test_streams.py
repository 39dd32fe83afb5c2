"""Tables that are not in memory: each gives the moments of the same table in memory."""

import dask
import dask.dataframe as dd
import duckdb
import ibis
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from elinvar import InvariantRegressor
from elinvar.environments import Environments, Moments
from elinvar.errors import DataError, DataTypeError

# Ibis calls what DuckDB has renamed
pytestmark = pytest.mark.filterwarnings("ignore:fetch_:DeprecationWarning")

ROLES = {"target": "y", "environment": "site"}
ARRAYS = ("count", "mean_x", "mean_y", "cov_xx", "cov_xy", "var_y")


class Exported:
    """Nothing but an Arrow stream, as any library may export one."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def frame(n=700):
    rng = np.random.default_rng(0)
    made = pd.DataFrame(
        {
            "a": rng.normal(size=n) + 1e6,
            "b": rng.integers(0, 9, n),
            "k": rng.choice(["u", "v", "w"], n),
            "site": rng.choice(["s1", "s2", "s10"], n),
            "unused": "x",
        }
    )
    made["y"] = made.a + made.b + rng.normal(size=n)
    return made


def relation(table):
    con = duckdb.connect()
    con.register("rows", table)
    return con.sql("select * from rows")


def ibis_table(table):
    con = duckdb.connect()
    con.register("rows", table)
    con.execute("create table kept as select * from rows")
    return ibis.duckdb.from_connection(con).table("kept")


WAYS = {
    "polars LazyFrame": lambda table: pl.from_arrow(table).lazy(),
    "narwhals LazyFrame": lambda table: nw.from_native(pl.from_arrow(table).lazy()),
    "DuckDB relation": relation,
    "pyarrow Table": lambda table: table,
    "RecordBatchReader": lambda table: table.to_reader(max_chunksize=97),
    "Dataset": ds.dataset,
    "Scanner": lambda table: ds.dataset(table).scanner(),
    "Ibis table": ibis_table,
    "Arrow stream": Exported,
    "Dask DataFrame": lambda table: dd.from_pandas(table.to_pandas(), npartitions=11),
}


def assert_same(found, expected):
    assert (found.names, found.schema) == (expected.names, expected.schema)
    assert found.n_dropped == expected.n_dropped
    for name in ARRAYS:
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-10, atol=1e-10
        )


@pytest.mark.parametrize("way", WAYS)
def test_where_the_rows_are_changes_nothing(way):
    table = frame()
    table.loc[5, "a"] = np.nan
    table.loc[[7, 8], "k"] = None
    options = ROLES | {"drop": "unused", "missing": "drop", "sample_weight": "b"}
    with dask.config.set(scheduler="synchronous"):
        found = Moments.from_frame(
            WAYS[way](pa.Table.from_pandas(table, preserve_index=False)), **options
        )
    assert_same(found, Moments.from_frame(table, **options))


@pytest.mark.parametrize("way", ["polars LazyFrame", "DuckDB relation", "Dataset"])
def test_what_can_be_read_twice_can_be_filled_in(way):
    table = frame()
    table.loc[::7, "a"] = np.nan
    options = ROLES | {"drop": "unused", "missing": "impute"}
    found = Moments.from_frame(
        WAYS[way](pa.Table.from_pandas(table, preserve_index=False)), **options
    )
    assert_same(found, Moments.from_frame(table, **options))


@pytest.mark.parametrize("way", ["RecordBatchReader", "Arrow stream", "Dask DataFrame"])
def test_what_is_read_once_cannot_be_filled_in(way):
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    with pytest.raises(DataError, match="must be 'error' or 'drop'"):
        Moments.from_frame(WAYS[way](table), **ROLES, missing="impute")


def test_a_stream_is_read_bit_by_bit_and_once():
    handed_out = []

    def batches():
        for k in range(50):
            handed_out.append(k)
            yield pa.record_batch({"a": [1.0 * k, 2.0], "y": [1.0, k], "site": ["p", "q"]})

    first = next(batches())
    handed_out.clear()
    reader = pa.RecordBatchReader.from_batches(first.schema, batches())
    assert Moments.from_frame(reader, **ROLES).n_rows == 100
    assert handed_out == list(range(50))


@pytest.mark.parametrize("way", ["polars LazyFrame", "RecordBatchReader", "Dask DataFrame"])
@pytest.mark.parametrize(
    ("k", "complaint"),
    [
        (["1", "2"], "k is text, though all its values are numbers"),
        (["1,5", "2,5"], "numbers written with a decimal comma"),
        (["1", "2", "3", "x"], "k is text, though 525 of its 700 values are numbers"),
    ],
)
def test_text_that_stands_for_numbers_is_refused(way, k, complaint):
    table = frame().drop(columns="unused")
    table["k"] = (k * 700)[:700]
    lazy = WAYS[way](pa.Table.from_pandas(table, preserve_index=False))
    with dask.config.set(scheduler="synchronous"), pytest.raises(DataError, match=complaint):
        Moments.from_frame(lazy, **ROLES)


def test_partitions_may_lack_environments_levels_and_rows():
    table = frame().drop(columns="unused").sort_values(["site", "k"])
    table.iloc[:64, 0] = np.nan
    found = Moments.from_frame(dd.from_pandas(table, npartitions=20), **ROLES, missing="drop")
    assert_same(found, Moments.from_frame(table, **ROLES, missing="drop"))
    assert found.n_dropped == 64


def test_a_partition_names_the_row_that_cannot_be_used():
    table = frame().drop(columns="unused")
    table.loc[400, "a"] = np.nan
    with pytest.raises(DataError, match=r"NaN.* in a \(1\); first in row 51 of partition 5"):
        Moments.from_frame(dd.from_pandas(table, npartitions=10), **ROLES)
    with pytest.raises(DataError, match="No rows are left"):
        Moments.from_frame(
            dd.from_pandas(table.assign(y=np.nan), npartitions=3), **ROLES, missing="drop"
        )


def test_a_column_of_something_is_no_table():
    for column in (pl.Series([1.0]), pa.chunked_array([[1.0]])):
        with pytest.raises(DataTypeError, match=r"table is needed; got .*Arrow cannot read"):
            Moments.from_frame(column, **ROLES)


@pytest.mark.parametrize("way", ["polars LazyFrame", "DuckDB relation", "RecordBatchReader"])
def test_what_needs_rows_says_which_way_to_go(way):
    lazy = WAYS[way](pa.Table.from_pandas(frame(), preserve_index=False))
    with pytest.raises(DataTypeError, match=r"Moments.from_frame\(frame.*fit_moments.* you call"):
        InvariantRegressor().fit(lazy, np.zeros(700), environments=np.zeros(700))
    with pytest.raises(DataTypeError, match=r"Moments.from_frame"):
        Environments.from_frame(lazy, **ROLES)
