import dataclasses
import time

import numpy as np
import pytest

from elinvar.baselines import BASELINES
from elinvar.bench import SUITES, case_of, draw_case, run_method, sweep_of
from elinvar.bench._limit import TimeUp, peak_memory, time_limit
from elinvar.datasets import make_problem
from elinvar.errors import MissingExtraError


def one_cell(method, problem="random-10-few", suite="random", repetition=0, quick=False):
    sweep = sweep_of(SUITES[suite], (method,), 1, quick=quick)
    cell = {"problem": problem, "method": method, "repetition": repetition}
    return sweep.function(rng=np.random.default_rng(repetition), **cell, **sweep.fixed)


def test_test_environments_never_reach_a_fit(shrunk, case, seen):
    run_method(shrunk((0.5, 1.0)), case, with_memory=True)
    assert len(seen()) > 5
    assert {name for names in seen() for name in names if "warm" not in name} == {"e0", "e1", "e2"}


def test_what_was_chosen_is_measured_and_the_best_is_told_apart(shrunk, case, lines):
    bent = dataclasses.replace(case, test=lines((1.0, 1.0), seed=1, prefix="new"))
    found = run_method(shrunk((0.5, 1.0)), bent)
    assert (found["outcome"], found["parameters"]) == ("finished", "factor=1.0")
    assert found["error"] == pytest.approx(np.mean(bent.test.X**2))
    assert found["best_error"] == pytest.approx(0, abs=1e-20)
    assert found["best_parameters"] == "factor=0.5"
    assert found["coef_error"] == pytest.approx(0, abs=1e-20)
    assert found["worst_error"] > found["error"]


def test_what_a_method_raises_is_a_row_with_the_reason(shrunk, case):
    found = run_method(shrunk(default=None), case)
    assert (found["outcome"], found["reason"]) == ("failed", "ValueError: no such factor")


def test_a_method_that_takes_too_long_fails(shrunk, case, monkeypatch):
    method = shrunk()
    run_method(method, case)
    fit = type(method.estimator).fit

    def slow(self, *args, **kwargs):
        until = time.process_time() + 1
        while time.process_time() < until:
            pass
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(type(method.estimator), "fit", slow)
    found = run_method(method, case, limit=0.05)
    assert (found["outcome"], found["reason"]) == ("failed", "took longer than 0.05 s")


def test_predictions_that_are_not_finite_fail(shrunk, case):
    found = run_method(shrunk(default=np.inf), case)
    assert (found["outcome"], found["reason"]) == ("failed", "predictions are not finite")


def test_a_package_that_is_missing_is_a_row_with_the_command(monkeypatch):
    def missing(*_, **__):
        raise MissingExtraError(
            "This needs the optional package 'x', which is not installed. "
            "Install it with: pip install 'elinvar[bench]'"
        )

    monkeypatch.setattr(type(BASELINES["anchor"].estimator), "fit", missing)
    (row,) = one_cell("anchor")
    assert row["outcome"] == "not installed"
    assert row["reason"] == "not installed: pip install 'elinvar[bench]'"


@pytest.mark.parametrize(
    ("method", "problem", "suite", "outcome", "reason"),
    [
        ("kclass", "random-10-few", "random", "not applicable", "more environments than features"),
        ("eills", "random-20", "random", "not applicable", "at most 16 features"),
        ("icp", "control-10", "controls", "not run", "slow; run in unit-tests"),
        ("irmv1", "environments-2", "environments", "not run", "selects no features"),
        ("oracle", "penguins", "demo", "not applicable", "nobody knows the truth"),
    ],
)
def test_who_does_not_run_is_a_row_with_the_reason(method, problem, suite, outcome, reason):
    (row,) = one_cell(method, problem, suite)
    assert row["outcome"] == outcome
    assert reason in row["reason"]
    assert one_cell(method, problem, suite, repetition=1) == []


def test_slow_methods_are_left_out_of_short_runs_and_have_fewer_seeds():
    (row,) = one_cell("fishr", quick=True)
    assert row["reason"] == "not run with --quick: slow"
    assert one_cell("irmv1", repetition=3) == []


def test_the_oracle_is_the_best_on_what_it_knows_and_elinvar_says_what_it_finds():
    rows = {name: one_cell(name)[0] for name in ("constant", "pooled", "oracle", "elinvar-auto")}
    assert min(rows, key=lambda name: rows[name]["error"]) in ("oracle", "elinvar-auto")
    assert (rows["oracle"]["f1"], rows["constant"]["f1"]) == (1.0, 0.0)
    assert rows["pooled"]["f1"] is None
    assert rows["elinvar-auto"]["status"] in ("accepted", "approximate", "rejected")
    assert rows["elinvar-auto"]["n_right"] <= rows["elinvar-auto"]["n_invariant"]
    assert rows["pooled"]["status"] is None
    assert len({tuple(row) for row in rows.values()}) == 1


def test_where_environments_do_not_differ_the_oracle_has_all_columns():
    case = case_of(make_problem("control-10", 0, n_samples=100), np.random.default_rng(0))
    errors = [
        run_method(BASELINES[name], case, given=case.answers if name == "oracle" else {})
        for name in ("oracle", "pooled")
    ]
    assert errors[0]["error"] == pytest.approx(errors[1]["error"])
    assert errors[0]["f1"] is None


def test_columns_of_one_variable_count_as_one():
    case = case_of(make_problem("additive", 0, n_samples=300), np.random.default_rng(0))
    found = run_method(BASELINES["elinvar-auto"], case)
    assert found["note"] == "told which columns are one variable"
    assert found["f1"] == 1.0
    assert run_method(BASELINES["oracle"], case, given=case.answers)["recall"] == 1.0


@pytest.mark.parametrize(("name", "n"), [("penguins", 3), ("bikes", 4)])
def test_each_environment_of_a_table_is_the_new_one_once(name, n):
    rng = np.random.default_rng(0)
    new = set()
    for k in range(n):
        case = draw_case(name, k, rng)
        assert set(case.test.names).isdisjoint(case.train.names)
        new |= set(case.test.names)
    assert len(new) == n
    assert draw_case(name, n, rng) is None


def test_all_methods_see_the_same_data():
    first, second = (draw_case("random-10", 0, np.random.default_rng(3)) for _ in range(2))
    assert (first.train.X == second.train.X).all()
    assert (first.test.y == second.test.y).all()
    assert set(first.test.names).isdisjoint(first.train.names)


def test_a_limit_ends_a_block_that_swallows_errors():
    with pytest.raises(TimeUp), time_limit(0.05):
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue


def test_a_limit_counts_the_seconds_of_the_processor():
    with time_limit(0.05):
        time.sleep(0.1)


def test_memory_is_the_highest_rise_and_not_what_was_there():
    held = np.ones(2_000_000)
    rise = peak_memory(lambda: np.ones(4_000_000).sum())
    if rise is None:
        pytest.skip("this system has no high-water mark")
    assert rise == pytest.approx(30.5, abs=8)
    assert peak_memory(lambda: held.sum()) < 8


def test_who_tests_subsets_tests_all_of_them_where_speed_is_measured(monkeypatch):
    asked = []

    def run(method, case, *, given, **options):
        asked.append(given)
        return {"outcome": "finished", "note": ""}

    monkeypatch.setattr("elinvar.bench._cell.run_method", run)
    (fast,) = one_cell("causalicp", "speed-12", "sizes")
    (usual,) = one_cell("causalicp", "size-12", "sizes")
    assert asked == [{"max_features": 12}, {"max_features": 8}]
    assert fast["note"] == "default level, not chosen; all subsets"
    assert "the 8 first on the lasso path" in usual["note"]
