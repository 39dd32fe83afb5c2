"""Categories keep their order: that of the category, of the calendar, or of their size."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from elinvar import Environments, InvariantRegressor, Moments, load_model, save_model
from elinvar.datasets import load_bikes
from elinvar.environments import natural_order

SIZES = ("small", "medium", "large")
RNG = np.random.default_rng(0)
N = 180
SIZE = np.tile(["large", "small", "medium"], 60)
TABLE = pd.DataFrame({"x": RNG.normal(size=N), "y": RNG.normal(size=N)})


def enum(values):
    pl = pytest.importorskip("polars")
    return pl.Series(list(values), dtype=pl.Enum(SIZES))


ORDERED = {
    "pandas ordered": lambda v: pd.Series(pd.Categorical(v, categories=SIZES, ordered=True)),
    "polars": enum,
}


@pytest.mark.parametrize("name", ORDERED)
@pytest.mark.parametrize("kind", [Environments, Moments])
def test_environments_keep_the_order_of_a_category(kind, name):
    sizes = ORDERED[name](SIZE)
    assert kind.from_arrays(TABLE[["x"]], TABLE["y"], sizes).names == SIZES
    table = (
        TABLE.assign(size=sizes)
        if "pandas" in name
        else pytest.importorskip("polars").DataFrame(TABLE).with_columns(sizes.alias("size"))
    )
    found = kind.from_frame(table, target="y", environment="size")
    assert found.names == SIZES
    plain = kind.from_arrays(TABLE[["x"]], TABLE["y"], SIZE)
    assert plain.names == ("large", "medium", "small")
    by_name = dict(zip(plain.names, plain._targets()[1], strict=True))
    np.testing.assert_allclose(found._targets()[1], [by_name[size] for size in SIZES])


@pytest.mark.parametrize("name", ORDERED)
def test_levels_keep_the_order_of_a_category(name):
    sizes = ORDERED[name](SIZE)
    table = (
        TABLE.assign(size=sizes)
        if "pandas" in name
        else pytest.importorskip("polars").DataFrame(TABLE).with_columns(sizes.alias("size"))
    )
    found = Moments.from_arrays(table[["x", "size"]], TABLE["y"])
    assert found.schema.levels["size"] == SIZES


def test_a_pandas_categorical_itself_is_taken():
    for kind in (pd.Categorical, pd.CategoricalIndex):
        sizes = kind(SIZE, SIZES, ordered=True)
        assert Moments.from_arrays(TABLE[["x"]], TABLE["y"], sizes).names == SIZES
    bins = pd.cut(TABLE["x"], [-9, -1, 0, 9])
    names = Moments.from_arrays(TABLE[["x"]], TABLE["y"], bins).names
    assert names == ("(-9, -1]", "(-1, 0]", "(0, 9]")


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_files_keep_the_order(tmp_path, suffix):
    path = tmp_path / f"table.{suffix}"
    sizes = ORDERED["pandas ordered"](SIZE)
    getattr(TABLE.assign(size=sizes, size_too=sizes), f"to_{suffix}")(path)
    for kind in (Environments, Moments):
        found = kind.from_files(path, target="y", environment="size")
        assert found.names == SIZES and found.schema.levels["size_too"] == SIZES


def test_chunks_sites_and_what_is_left_out_keep_the_order(tmp_path):
    sizes = ORDERED["pandas ordered"](SIZE)
    table = TABLE.assign(size=sizes, size_too=sizes)
    here = table[table["size"] != "medium"]
    chunks = [here[:7], here[7:], table[table["size"] == "medium"]]
    found = Moments.from_batches(chunks, target="y", environment="size")
    assert found.names == SIZES and found.schema.levels["size_too"] == SIZES
    parts = [Moments.from_frame(chunk, target="y", environment="size") for chunk in chunks[1:]]
    assert parts[0].names == ("small", "large")
    assert (parts[1] + found).names == (found + parts[1]).names == SIZES
    rows = Environments.from_frame(table, target="y", environment="size")
    assert rows.exclude("medium").moments().names == ("small", "large")
    found.save(tmp_path / "moments.npz")
    assert Moments.load(tmp_path / "moments.npz").names == SIZES


def test_a_model_and_its_file_keep_the_order(tmp_path):
    sizes = ORDERED["pandas ordered"](SIZE)
    X = TABLE[["x"]].assign(
        grade=pd.Categorical(np.repeat(["C", "B", "A"], 60), ["C", "B", "A"], ordered=True)
    )
    model = InvariantRegressor().fit(X, TABLE["y"], environments=sizes)
    for one in (model, load_model(save_model(model, tmp_path / "model.json"))):
        assert one.environments_ == SIZES and one.schema_.levels == {"grade": ("C", "B", "A")}
        assert list(one.errors_["environment"]) == list(SIZES)
        assert list(one.residuals_["environment"]) == list(SIZES)


def test_a_category_without_order_has_none():
    weeks = pd.Series(["week 10", "week 9", "week 8"] * 60, dtype="category")
    assert Moments.from_arrays(TABLE[["x"]], TABLE["y"], weeks).names == (
        *("week 8", "week 9", "week 10"),
    )
    table = pa.table({"x": TABLE["x"], "y": TABLE["y"], "size": pa.array(SIZE).dictionary_encode()})
    found = Environments.from_frame(table, target="y", environment="size")
    assert found.names == ("large", "medium", "small")


def test_columns_that_are_combined_are_sorted_one_by_one():
    table = TABLE.assign(
        size=ORDERED["pandas ordered"](SIZE), month=np.repeat(["Feb", "Jan", "Mar"], 60)
    )
    for kind in (Environments, Moments):
        found = kind.from_frame(table, target="y", environment=["size", "month"])
        assert found.names == tuple(f"{s} / {m}" for s in SIZES for m in ("Jan", "Feb", "Mar"))
        found = kind.from_frame(table, target="y", environment=["month", "size"])
        assert found.names == tuple(f"{m} / {s}" for m in ("Jan", "Feb", "Mar") for s in SIZES)
    plain = table.assign(size=SIZE)
    found = Moments.from_frame(plain, target="y", environment=["month", "size"])
    assert found.names[:4] == ("Jan / large", "Jan / medium", "Jan / small", "Feb / large")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["Mar", "Jan", "Dec", "Feb"], ["Jan", "Feb", "Mar", "Dec"]),
        (["september", "may", "Sept."], ["may", "Sept.", "september"]),
        (["Sunday", "Friday", "(missing)", "Monday"], ["Monday", "Friday", "Sunday", "(missing)"]),
        (["Thurs", "Tue", "Wed"], ["Tue", "Wed", "Thurs"]),
        # a name among others is no calendar
        (["May", "April", "Jim"], ["April", "Jim", "May"]),
        (["b / 10", "b / 9", "a / 10"], ["a / 10", "b / 9", "b / 10"]),
    ],
)
def test_the_calendar_has_an_order(labels, expected):
    assert natural_order(labels) == expected


def test_the_months_of_the_bikes_are_in_order():
    months = load_bikes().frame["month"]
    found = Moments.from_arrays(months.index.to_numpy()[:, None], np.arange(len(months)), months)
    assert len(found.names) == 12
    assert [name[:3] for name in found.names] == [
        *("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    ]
