"""Columns that only count rows, or have no name, are no features unless someone says so."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from elinvar import InvariantRegressor
from elinvar.environments import Environments, Moments
from elinvar.errors import DataError, ElinvarWarning

ROLES = {"target": "y", "environment": "site"}


def frame(n=20):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"x": rng.normal(size=n), "site": ["p", "q"] * (n // 2), "y": rng.normal(size=n)}
    )


def test_the_index_of_a_frame_is_no_feature(tmp_path):
    # a frame whose index is no plain range is stored with it
    table = frame().sample(frac=1, random_state=0)
    table.to_parquet(tmp_path / "t.parquet")
    table.to_csv(tmp_path / "t.csv")
    table.reset_index().to_feather(tmp_path / "plain.feather")
    again = pd.read_csv(tmp_path / "t.csv")
    assert again.columns[0] == "Unnamed: 0"
    for read in (
        lambda: Moments.from_files(tmp_path / "t.parquet", **ROLES),
        lambda: Moments.from_files(tmp_path / "t.csv", **ROLES),
        lambda: Moments.from_frame(again, **ROLES),
        lambda: Moments.from_frame(again.rename(columns={"Unnamed: 0": ""}), **ROLES),
        lambda: Moments.from_frame(pa.Table.from_pandas(table), **ROLES),
    ):
        with pytest.warns(ElinvarWarning, match="left out"):
            assert read().schema.features == ("x",)
    for drop in ("Unnamed: 0", ["", "Unnamed: 0"]):
        assert Moments.from_frame(again, **ROLES, drop=drop).schema.features == ("x",)


def test_an_index_may_be_named(tmp_path):
    frame().set_index("site").to_parquet(tmp_path / "t.parquet")
    assert Moments.from_files(tmp_path / "t.parquet", **ROLES).names == ("p", "q")
    frame().assign(dose=np.arange(20) % 3).set_index("dose").to_parquet(tmp_path / "t.parquet")
    with pytest.warns(ElinvarWarning, match=r"'dose' is left out.*features="):
        assert Moments.from_files(tmp_path / "t.parquet", **ROLES).schema.features == ("x",)
    named = Moments.from_files(tmp_path / "t.parquet", **ROLES, features=["x", "dose"])
    assert named.schema.features == ("x", "dose")


@pytest.mark.parametrize("name", ["id", "Index", "rownames"])
def test_what_counts_rows_is_asked_about(name, tmp_path):
    table = frame().assign(**{name: np.arange(1, 21)})
    table.to_csv(tmp_path / "t.csv", index=False)
    for read in (
        lambda: Moments.from_frame(table, **ROLES),
        lambda: Environments.from_files(tmp_path / "t.csv", **ROLES),
    ):
        with pytest.warns(ElinvarWarning, match=f"{name} counts the rows.*drop='{name}'"):
            assert read().schema.features == ("x", name)
    Moments.from_frame(table.assign(**{name: np.arange(20) % 5}), **ROLES)


def test_fit_asks_about_a_column_that_has_no_name():
    table = frame(60).assign(**{"Unnamed: 0": np.arange(60)})
    with pytest.warns(ElinvarWarning, match="'Unnamed: 0'"):
        InvariantRegressor().fit(table[["x", "Unnamed: 0"]], table["y"], environments=table["site"])


def test_all_columns_that_cannot_be_used_are_named_at_once():
    day, lists = pd.Timestamp("2020-01-01"), [[1]] * 20
    table = frame().assign(day=day, hour=day, a=lists, b=lists)
    with pytest.raises(DataError, match=r"day and hour hold dates.*drop=\['day', 'hour'\]"):
        Moments.from_frame(table, **ROLES)
    with pytest.raises(DataError, match=r"a and b hold neither"):
        Moments.from_frame(table.drop(columns=["day", "hour"]), **ROLES)
    many = frame(120).assign(u=[f"u{k}" for k in range(120)], v=[f"v{k}" for k in range(120)])
    with pytest.raises(DataError, match="u and v have more than 50 levels"):
        Moments.from_frame(many, **ROLES)
    with pytest.raises(DataError, match="no column to drop 'c', nor 'd' and 'e'"):
        Moments.from_frame(frame(), **ROLES, drop=["x", "c", "d", "e"])


def test_a_role_in_the_index_is_told_how_it_becomes_a_column():
    indexed = frame().set_index("site")
    with pytest.raises(DataError, match=r"'site' is no column, .* frame.reset_index\(\)"):
        Moments.from_frame(indexed, **ROLES)
    assert Moments.from_frame(indexed.reset_index(), **ROLES).names == ("p", "q")
