import numpy as np
import pandas as pd
import pytest

from elinvar.bench import (
    SUITES,
    choose_methods,
    choose_suites,
    leaderboard,
    result_of,
    result_tables,
    run_bench,
    sweep_of,
)
from elinvar.bench._summary import one_forecast, scores
from elinvar.datasets import PROBLEMS
from elinvar.datasets import SUITES as GIVEN
from elinvar.errors import DataError, FileError
from elinvar.sweeps import run_sweep


def test_every_problem_is_in_one_suite():
    listed = [name for suite in SUITES.values() for name in suite.problems]
    assert len(listed) == len(set(listed))
    assert set(PROBLEMS) <= set(listed)
    assert set(GIVEN) <= set(SUITES)
    for suite in SUITES.values():
        assert set(suite.quick) <= set(suite.problems)


def test_every_table_has_constant_pooled_oracle_and_elinvar():
    assert choose_methods(["lasso"]) == (
        "constant", "pooled", "oracle", "lasso", "elinvar-auto", "elinvar-invariant",
    )  # fmt: skip
    assert [suite.name for suite in choose_suites(["eills", "unit-tests"])] == [
        "unit-tests", "eills",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("choose", "name", "words"),
    [
        (choose_suites, "eils", "There is no suite 'eils'. Did you mean eills"),
        (choose_methods, "irm", "There is no method 'irm'. Did you mean irmv1"),
        (choose_methods, "zzz", "There is no method 'zzz'. The methods are constant, pooled"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(choose, name, words):
    with pytest.raises(DataError, match=words):
        choose([name])


def test_seeds_are_keyed_by_problem_and_repetition_alone():
    few = sweep_of(SUITES["eills"], ("pooled", "elinvar-auto"), 2, quick=True)
    many = sweep_of(SUITES["eills"], ("lasso", "pooled", "elinvar-auto"), 5, quick=True)
    found = {}
    for sweep in (few, many):
        for place in range(len(sweep)):
            cell = sweep.cell(place)
            key = (cell["problem"], cell["repetition"])
            found.setdefault(key, set()).add(sweep.generator(cell).integers(2**60))
    assert all(len(numbers) == 1 for numbers in found.values())
    assert len({next(iter(numbers)) for numbers in found.values()}) == len(found)


@pytest.fixture(scope="module")
def result():
    return run_bench(["eills", "controls"], methods=["irmv1", "kclass"], seeds=2, quick=True)


def test_rows_of_the_same_data_are_compared(result):
    rows = result.rows[result.rows["outcome"] == "finished"]
    oracle = rows[rows["method"] == "oracle"]
    assert (oracle["relative"] == 1).all()
    assert (rows.loc[rows["method"] == "elinvar-auto", "gap"] == 0).all()
    one = rows[(rows["problem"] == "eills-300") & (rows["repetition"] == 0)].set_index("method")
    expected = one.loc["constant", "error"] / one.loc["oracle", "error"]
    assert one.loc["constant", "relative"] == pytest.approx(expected)
    gap = np.log(one.loc["constant", "error"] / one.loc["elinvar-auto", "error"])
    assert one.loc["constant", "gap"] == pytest.approx(gap)


def test_a_method_that_does_not_apply_is_a_line_with_the_reason(result):
    line = result.by_suite.set_index(["suite", "method"]).loc[("eills", "kclass")]
    assert (line["outcome"], line["runs"]) == ("not applicable", 0)
    assert "more environments than features" in line["reason"]
    (table,) = (one for one in result_tables(result) if one.name == "eills-regression")
    (row,) = (row for row in table.rows if row[0] == "kclass")
    assert row[-1].startswith("not applicable: needs more environments")


def test_controls_say_whether_anything_is_called_spurious(result):
    line = result.verdicts.set_index("problem").loc["control-10"]
    assert line["wronged"] == 0
    asked = result.targets.set_index("target")["met"]
    assert asked["at most 5% of features called spurious"] == "yes"
    assert asked["where the environments tell the parents, mean F1 at least .99"] == "not measured"


def test_the_document_has_every_table_and_is_always_the_same(result):
    text = leaderboard(result, command="elinvar bench eills controls")
    again = leaderboard(result, command="elinvar bench eills controls")
    assert text == again
    assert "elinvar bench eills controls\n```" in text
    assert "## Where elinvar falls short" in text
    for table in result_tables(result):
        assert f"## {table.title}\n" in text
        for row in table.rows:
            assert row[-1].replace("|", "\\|") in text
    for name in ("constant", "pooled", "oracle", "elinvar-auto", "irmv1", "kclass"):
        assert f"\n| {name} |" in text


def lost(rows):
    """Return rows in which elinvar's error is four times what it was."""
    own = rows["method"] == "elinvar-auto"
    return rows.assign(error=rows["error"].where(~own, 4 * rows["error"]))


def test_where_elinvar_loses_the_document_says_so(result):
    columns = [name for name in result.rows if not name.startswith(("relative", "gap", "failed"))]
    worse = result_of(result.suites, lost(result.rows[columns]))
    text = leaderboard(worse, command="x")
    missed = text.partition("## Where elinvar falls short")[2].partition("## ")[0]
    assert "controls: error at most 1.01 times the pooled. Measured: 4.0" in missed
    assert "controls (regression): errors surely smaller than elinvar-auto's" in missed


def test_a_method_worse_than_the_constant_counts_as_failed(result):
    columns = [name for name in result.rows if not name.startswith(("relative", "gap", "failed"))]
    rows = result.rows[columns]
    assert not result.by_suite.set_index(["suite", "method"]).loc[
        ("eills", "irmv1"), "failure_rate"
    ]
    bad = rows.assign(error=rows["error"].where(rows["method"] != "irmv1", 1e9))
    line = result_of(result.suites, bad).by_suite.set_index(["suite", "method"])
    assert line.loc[("eills", "irmv1"), "failure_rate"] == 1
    assert line.loc[("eills", "irmv1"), "rank"] == line.loc["eills"]["rank"].max()


@pytest.fixture
def counted(monkeypatch):
    """Count cells that run, and stop after some."""
    calls = []
    inside = sweep_of(SUITES["reversed"], ("pooled",), 1, quick=True).function

    def cell(*, rng, problem, method, repetition, suite, quick, limit, version, tables):
        if len(calls) == calls_until[0]:
            raise KeyboardInterrupt
        calls.append((problem, method, repetition))
        return inside(
            rng=rng, problem=problem, method=method, repetition=repetition, suite=suite,
            quick=quick, limit=limit, version=version, tables=tables,
        )  # fmt: skip

    calls_until = [None]
    monkeypatch.setattr("elinvar.bench._run.cell", cell)
    return calls, calls_until


def small(folder, **more):
    options = {"methods": ["dantzig"], "seeds": 1, "quick": True, "out": folder}
    return run_bench(["reversed"], **{**options, **more})


def test_an_interrupted_run_goes_on_and_a_finished_one_computes_nothing(
    counted, tmp_path, monkeypatch
):
    calls, until = counted
    monkeypatch.setattr("elinvar.bench._run.run_sweep", on_threads)
    until[0] = 3
    with pytest.raises(KeyboardInterrupt):
        small(tmp_path)
    with pytest.raises(FileError, match="an interrupted run of reversed-quick; add --resume"):
        small(tmp_path, resume=False)
    until[0] = None
    small(tmp_path)
    assert len(calls) == len(set(calls)) == 6
    first = pd.read_parquet(tmp_path / "rows.parquet")
    with pytest.raises(FileError, match="holds results of reversed-quick"):
        small(tmp_path, resume=False)
    again = small(tmp_path)
    assert len(calls) == 6
    assert (again.rows["error"] == first["error"]).all()


def on_threads(sweep, **options):
    return run_sweep(sweep, **{**options, "backend": "threads"})


def test_results_of_another_choice_are_refused(tmp_path):
    small(tmp_path, methods=["constant"])
    with pytest.raises(FileError, match="differs in axes"):
        small(tmp_path, methods=["dantzig"])


def test_progress_tells_the_suite_the_cells_and_the_time(tmp_path):
    told = []
    small(None, methods=["constant"], progress=lambda *values: told.append(values))
    assert told[-1] == ("reversed", 5, 5, 0.0)


def test_the_forecast_is_ranked_as_one_method():
    rows = pd.DataFrame(
        {
            "problem": ["one", "one", "two", "two"],
            "method": ["elinvar-forecast", "elinvar-forecast-classifier"] * 2,
            "outcome": ["finished", "not applicable", "not applicable", "finished"],
            "task": ["regression"] * 2 + ["classification"] * 2,
            "repetition": 0,
            "error": [1.0, np.nan, np.nan, 0.25],
        }
    )
    table = scores(one_forecast(rows))
    assert table["elinvar-forecast"].to_dict() == {"one": 0.0, "two": 0.25}
    assert list(table.columns) == ["elinvar-forecast"]
