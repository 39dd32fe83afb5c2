"""Databases add up moments themselves: the same as those of the rows in memory."""

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from elinvar.environments import Moments
from elinvar.errors import DataError, DataTypeError, FileError

ROLES = {"target": "y", "environment": "site"}
ARRAYS = ("count", "mean_x", "mean_y", "cov_xx", "cov_xy", "var_y", "weight_sum", "weight_squares")


def frame(n=900):
    rng = np.random.default_rng(1)
    made = pd.DataFrame(
        {
            "a": rng.normal(size=n) + 1e4,
            'b "quoted"; drop table kept': rng.integers(0, 9, n),
            "flag": rng.random(n) < 0.5,
            "k": rng.choice(["u", "v", "it's"], n),
            "times": rng.integers(0, 4, n),
            "share": rng.random(n),
            "site": rng.choice(["s1", "s2", "s10"], n),
            "year": rng.integers(2000, 2003, n),
        }
    )
    made["y"] = made["a"] + made["flag"] + rng.normal(size=n)
    return made


def holes():
    made = frame()
    made.loc[3, "a"] = np.nan
    made.loc[[7, 8], "k"] = None
    made.loc[9, "k"] = ""
    made.loc[10, "site"] = None
    made.loc[11, "y"] = np.nan
    return made


def database(table, path=":memory:"):
    con = duckdb.connect(path)
    con.register("rows", pa.Table.from_pandas(table, preserve_index=False))
    con.execute("create table kept as select * from rows")
    con.unregister("rows")
    return con


def assert_same(found, expected):
    assert (found.names, found.schema) == (expected.names, expected.schema)
    assert (found.n_dropped, found.sampling) == (expected.n_dropped, expected.sampling)
    for name in ARRAYS:
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-10, atol=1e-10
        )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sample_weight": "times"},
        {"sample_weight": "share"},
        {"environment": ["site", "year"]},
        {"environment": None, "features": ["a", "k"]},
        {"categorical": ["year", "flag"], "drop": ["times", "share"]},
    ],
)
def test_the_engine_and_the_rows_agree(options):
    table = frame()
    found = Moments.from_query(database(table), table="kept", **ROLES | options)
    assert_same(found, Moments.from_frame(table, **ROLES | options))


def test_rows_that_lack_a_value_are_dropped_or_refused():
    table = holes()
    con = database(table)
    found = Moments.from_query(con, table="kept", **ROLES, missing="drop")
    assert_same(found, Moments.from_frame(table, **ROLES, missing="drop"))
    assert found.n_dropped == 6
    for where, message in (
        ("k is not null and k <> '' and y is not null", "site: the environment label is missing"),
        ("site is not null", r"NULL\) in k \(3\)"),
        ("site is not null and k <> ''", r"NULL or NaN\) in a \(1\) and y \(1\)"),
    ):
        with pytest.raises(DataError, match=message):
            Moments.from_query(con, query=f"select * from kept where {where}", **ROLES)
    with pytest.raises(DataError, match="missing must be 'error' or 'drop'"):
        Moments.from_query(con, table="kept", **ROLES, missing="impute")


def test_nan_and_infinity_are_no_numbers():
    con = database(frame())
    con.execute("update kept set a = 'nan' where year = 2000")
    found = Moments.from_query(con, table="kept", **ROLES, missing="drop")
    assert found.n_dropped == int((frame()["year"] == 2000).sum())
    with pytest.raises(DataError, match=r"NULL or NaN\) in a"):
        Moments.from_query(con, table="kept", **ROLES)
    con.execute("update kept set a = '-inf' where year = 2001")
    with pytest.raises(DataError, match="infinity in a"):
        Moments.from_query(con, table="kept", **ROLES, missing="drop")


def test_wide_tables_are_taken_in_blocks_of_columns():
    rng = np.random.default_rng(2)
    wide = pd.DataFrame(rng.normal(size=(200, 70)), columns=[f"c{j}" for j in range(70)])
    wide["site"] = rng.choice(["p", "q"], 200)
    roles = {"target": "c5", "environment": "site"}
    found = Moments.from_query(database(wide), table="kept", **roles)
    assert_same(found, Moments.from_frame(wide, **roles))


def test_large_means_keep_their_digits():
    rng = np.random.default_rng(3)
    z = rng.normal(size=(4000, 2))
    site = np.repeat(["p", "q"], 2000)
    far = pd.DataFrame({"x": z[:, 0] + 1e8, "y": z[:, 1] + 1e8, "site": site})
    # the second environment is far from the first, so no one shift would do
    far.loc[2000:, "x"] += 1e9
    found = Moments.from_query(database(far), table="kept", **ROLES)
    exact = far[["x", "y"]].to_numpy()
    for e, rows in enumerate((exact[:2000], exact[2000:])):
        about = rows - rows[0]
        np.testing.assert_allclose(found.cov_xx[e, 0, 0], about[:, 0].var(), rtol=1e-6)
        np.testing.assert_allclose(found.var_y[e], about[:, 1].var(), rtol=1e-6)


def test_what_does_not_vary_in_an_environment_has_no_variance_there():
    table = frame().drop(columns=["times", "share"])
    table["height"] = table["site"].map({"s1": 0.1, "s2": 0.3, "s10": 1e9})
    table.loc[table["site"] == "s2", "k"] = "u"
    found = Moments.from_query(database(table), table="kept", **ROLES)
    expected = Moments.from_frame(table, **ROLES)
    assert_same(found, expected)
    for name in ("mean_x", "cov_xx", "cov_xy"):
        assert ((getattr(found, name) == 0) == (getattr(expected, name) == 0)).all()


def test_names_are_quoted_and_never_run():
    con = database(frame())
    con.execute('create table "kept; drop table kept --" as select * from kept')
    name = "kept; drop table kept --"
    assert Moments.from_query(con, table=name, **ROLES).n_rows == 900
    with pytest.raises(DataError, match="no table"):
        Moments.from_query(con, table='nothing"; drop table kept; --', **ROLES)
    assert con.execute("select count(*) from kept").fetchall() == [(900,)]


@pytest.mark.parametrize(
    ("k", "complaint"),
    [
        ("(i % 3)::varchar", "k is text, though all its values are numbers"),
        ("(i % 9)::varchar || ',5'", "numbers written with a decimal comma"),
        ("chr((97 + i % 26)::int) || chr((97 + i // 26)::int)", "k has more than 50 levels"),
        ("date '2020-01-01'", "k holds dates or times"),
    ],
)
def test_columns_that_are_neither_numbers_nor_levels_are_refused(k, complaint):
    query = f"select {k} as k, i as y, i % 2 as site from range(200) t(i)"
    with pytest.raises(DataError, match=complaint):
        Moments.from_query(duckdb.connect(), query=query, **ROLES)


def test_what_cannot_be_an_environment_weight_or_target_is_refused():
    con = duckdb.connect()
    rows = "select i as x, i as y, i as site, -1.0 as w from range(5000) t(i)"
    with pytest.raises(DataError, match="looks like a row identifier"):
        Moments.from_query(con, query=rows, **ROLES)
    with pytest.raises(DataError, match="w: weights must be finite and not negative; 5,000 of"):
        Moments.from_query(con, query=rows, target="y", environment=None, sample_weight="w")
    with pytest.raises(DataTypeError, match="y must hold numbers"):
        Moments.from_query(con, query="select 1 as x, 'a' as y, 1 as site", **ROLES)
    with pytest.raises(DataError, match="No rows are left"):
        Moments.from_query(con, query=f"{rows} where false", **ROLES)


def test_addresses_name_a_file_and_a_table(tmp_path, monkeypatch):
    table = frame()
    database(table, str(tmp_path / "sales.db")).close()
    expected = Moments.from_frame(table, **ROLES)
    monkeypatch.chdir(tmp_path)
    for address in (
        "duckdb:///sales.db?table=kept",
        "duckdb:///sales.db",
        f"duckdb:///{tmp_path}/sales.db?table=kept&schema=main",
    ):
        assert_same(Moments.from_query(address, **ROLES), expected)
    query = "select * from kept where site <> 's1'"
    found = Moments.from_query("duckdb:///sales.db", query=query, **ROLES)
    assert found.names == ("s2", "s10")
    for address, message in (
        ("duckdb:///none.db?table=kept", "no file none.db"),
        ("duckdb:///sales.db?table=keptt", "no table 'keptt'; did you mean 'kept'"),
        ("nothing://sales.db?table=kept", "database"),
        ("sales.db", "is not the address of a database"),
    ):
        with pytest.raises((DataError, FileError), match=message):
            Moments.from_query(address, **ROLES)


def test_what_is_asked_of_is_named_once():
    con = database(frame())
    con.execute("create table another as select 1 as y")
    with pytest.raises(DataError, match=r"Name a table .* or a query"):
        Moments.from_query(con, **ROLES)
    with pytest.raises(DataError, match="name one"):
        Moments.from_query(con, table="kept", query="select 1", **ROLES)
    with pytest.raises(DataError, match="leave out table="):
        Moments.from_query(ibis.memtable(pa.table({"y": [1.0]})), table="kept", **ROLES)
    with pytest.raises(DataError, match="is needed; got int"):
        Moments.from_query(3, **ROLES)
    with pytest.raises(FileError, match="The database does not answer"):
        Moments.from_query(con, query="select from where", **ROLES)


@pytest.mark.needs("psycopg")
def test_passwords_stay_out_of_messages():
    address = "postgresql://me:secret@127.0.0.1:1/base?table=visits"
    with pytest.raises(FileError) as caught:
        Moments.from_query(address, **ROLES)
    assert "secret" not in str(caught.value)


def test_all_columns_of_too_many_levels_are_named_at_once():
    level = "chr((97 + i % 26)::int) || chr((97 + i // 26)::int)"
    query = f"select {level} as j, {level} as k, i as y, i % 2 as site from range(200) t(i)"
    with pytest.raises(DataError, match=r"j and k have more than 50 levels.* in 200 rows"):
        Moments.from_query(duckdb.connect(), query=query, **ROLES)
