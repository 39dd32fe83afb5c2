import dataclasses

import numpy as np
import pytest

from elinvar.baselines import BASELINES
from elinvar.bench import Case, choose, run_method


def test_the_best_candidate_on_left_out_environments_is_chosen(shrunk, lines):
    method = shrunk((0.5, 0.8, 1.0, 1.5), default=0.5)
    choice = choose(method, lines((2.0, 2.0, 2.0)), "regression")
    assert choice.parameters == {"factor": 1.0}
    assert choice.how == "environments left out"
    assert choice.seconds > 0


def test_slopes_that_differ_are_met_by_their_best_compromise(shrunk, lines):
    # left out: slopes 1, 2, 3 predicted by factor times about 2.5, 2, 1.5; squares are least at .93
    method = shrunk((0.2, 0.9, 1.3))
    assert choose(method, lines((1.0, 2.0, 3.0)), "regression").parameters == {"factor": 0.9}


def test_each_environment_is_left_out_once_and_nobody_else_is_seen(shrunk, lines, seen):
    choose(shrunk((0.5, 1.0)), lines((1.0, 1.0, 1.0)), "regression")
    pairs = [{"e1", "e2"}, {"e0", "e2"}, {"e0", "e1"}]
    assert [set(names) for names in seen()] == pairs * 2


def test_two_environments_are_tried_in_both_directions(shrunk, lines, seen):
    choose(shrunk((0.5, 1.0)), lines((1.0, 1.0)), "regression")
    assert [set(names) for names in seen()] == [{"e1"}, {"e0"}] * 2


def test_of_many_environments_evenly_spread_ones_are_left_out(shrunk, lines, seen):
    choose(shrunk((0.5, 1.0)), lines((1.0,) * 9), "regression", most_folds=3)
    everyone = {f"e{k}" for k in range(9)}
    assert [everyone - set(names) for names in seen()][:3] == [{"e0"}, {"e4"}, {"e8"}]


@pytest.mark.parametrize(("slopes", "fewest"), [((1.0,), 1), ((1.0, 1.0), 2), ((1.0, 1.0, 1.0), 3)])
def test_too_few_environments_mean_the_defaults(shrunk, lines, seen, slopes, fewest):
    method = shrunk((0.5, 1.0), default=0.5, fewest_environments=fewest)
    choice = choose(method, lines(slopes), "regression")
    assert (choice.parameters, choice.how) == ({}, "defaults")
    assert seen() == []


def test_without_a_grid_there_is_nothing_to_choose(shrunk, lines, seen):
    choice = choose(shrunk(), lines((1.0, 1.0)), "regression", {"factor": 2.0})
    assert (choice.parameters, choice.how) == ({"factor": 2.0}, "nothing to choose")
    assert seen() == []


def test_a_candidate_that_cannot_be_fitted_is_not_chosen(shrunk, lines):
    method = shrunk((None, 0.3, 0.9), default=0.3)
    assert choose(method, lines((1.0, 1.0)), "regression").parameters == {"factor": 0.9}


@pytest.mark.parametrize(
    ("grid", "default", "chosen"),
    [
        ((0.2, 0.5, 1.5, 3.0), 1.5, 1.5),  # .5 and 1.5 miss alike
        ((0.2, 0.5, 1.5, 3.0), 0.2, 0.5),
        ((None, np.inf, np.nan), np.inf, np.inf),
    ],
)
def test_ties_go_to_the_default(shrunk, lines, grid, default, chosen):
    choice = choose(shrunk(grid, default=default), lines((2.0, 2.0)), "regression")
    assert choice.parameters == {"factor": chosen}


@pytest.mark.parametrize("method", [one for one in BASELINES.values() if one.grid])
def test_the_default_is_on_every_grid(method):
    usual = method.estimator.get_params()
    assert sum(usual == usual | candidate for candidate in method.candidates()) == 1


def test_elinvar_has_nothing_to_choose():
    assert list(BASELINES["elinvar-auto"].candidates()) == [{}]


def test_errors_are_those_of_the_task(shrunk, case, lines):
    rows = lines((1.0, 3.0))
    found = run_method(shrunk(), dataclasses.replace(case, test=rows))
    missed = [np.mean(rows.X[rows.environments == name] ** 2) for name in ("e0", "e1")]
    assert found["error"] == pytest.approx(np.mean(missed))
    assert found["worst_error"] == pytest.approx(max(missed))
    y = (rows.X[:, 0] > 0).astype(float)
    classes = dataclasses.replace(rows, y=y)
    found = run_method(shrunk(), Case(task="classification", train=classes, test=classes))
    slope = rows.X[:, 0] @ y / (rows.X[:, 0] @ rows.X[:, 0])
    wrong = (slope * rows.X[:, 0] > 0.5) != (y > 0.5)
    assert 0 < found["error"] == pytest.approx(wrong.mean())
