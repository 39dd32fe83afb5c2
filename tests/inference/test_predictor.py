"""What predicts: the best forecast for environments like those seen, by errors where left out."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from elinvar.environments import Moments
from elinvar.inference import LearningTask, SelectionRule, learn
from elinvar.inference.losses.squared import random_intercept
from elinvar.inference.selection import Standing, choose


def found(X, y, place, *, predictor="auto", **options):
    moments = Moments.from_arrays(X, y, place)
    task = LearningTask(
        intercept=options.pop("intercept", "shared"),
        predictor=predictor,
        always=np.zeros(X.shape[1], dtype=bool),
        t_threshold=4.5,
        rule=SelectionRule(),
    )
    return learn(moments, moments.count / moments.count.sum(), task)


def standing(holds=True, refutes_pooled=False, pooled_holds=False, share=1.0):
    return Standing(
        holds=holds, refutes_pooled=refutes_pooled, pooled_holds=pooled_holds, share=share
    )


def errors(**leads):
    """Log errors that lie below the pooled model's by what is given."""
    return {"pooled": np.zeros(6)} | {name: -np.array(lead) for name, lead in leads.items()}


SURE, UNSURE, BEHIND = [1, 1.1, 1, 0.9, 1, 1], [3, 0.1, -1, 0.1, 0.1, 0], [-1, -2, -3, -1, -2, -1]


@pytest.mark.parametrize(
    ("leads", "known", "expected"),
    [
        ({"invariant": UNSURE}, standing(), ("pooled", "start")),
        ({"invariant": SURE}, standing(), ("invariant", "lead")),
        ({"invariant": SURE}, standing(holds=False), ("pooled", "start")),
        ({"invariant": SURE}, standing(pooled_holds=True), ("pooled", "start")),
        (
            {"invariant": [0.1] * 6, "subspace": [2, 0, 1, 0, 2, 0]},
            standing(refutes_pooled=True, share=0.1),
            ("subspace", "lead"),
        ),
        ({"invariant": UNSURE}, standing(refutes_pooled=True, share=0.1), ("invariant", "start")),
        ({"invariant": BEHIND}, standing(refutes_pooled=True, share=0.1), ("pooled", "start")),
        (
            {"invariant": UNSURE[::-1], "nearly_invariant": SURE},
            standing(refutes_pooled=True),
            ("invariant", "start"),
        ),
        ({"invariant": BEHIND}, standing(refutes_pooled=True, share=0.9), ("pooled", "lead")),
        (
            {"invariant": UNSURE, "random_intercept": SURE, "nearly_invariant": UNSURE},
            standing(),
            ("random_intercept", "lead"),
        ),
        (
            {"invariant": UNSURE, "subspace": np.array(UNSURE) + 1},
            standing(refutes_pooled=True),
            ("subspace", "lead"),
        ),
    ],
)
def test_a_model_leaves_its_place_to_one_that_leads_by_more_than_noise(leads, known, expected):
    chosen = choose(errors(**leads), known)
    assert (chosen.predictor, chosen.reason) == expected


def two_environments(strengths, noise, seed=0):
    rng = np.random.default_rng(seed)
    place = np.repeat([0, 1], 500)
    cause = rng.normal(size=1000)
    y = cause + rng.normal(size=1000)
    effect = np.array(strengths)[place] * y + noise * rng.normal(size=1000)
    return np.column_stack([cause, effect]), y, place


@pytest.mark.parametrize("seed", range(3))
def test_two_environments_are_too_few(seed):
    fit = found(*two_environments((0.5, 1.5), 1.0, seed))
    assert fit.status == "accepted" and (fit.predictor, fit.choice.reason) == ("pooled", "two")
    np.testing.assert_array_equal(fit.gates, [True, False])


@pytest.mark.parametrize("seed", range(3))
def test_two_environments_do_if_the_pooled_model_plainly_fails(seed):
    X, y, place = two_environments((2.0, -1.0), 0.2, seed)
    for e in (0, 1):
        fit = LinearRegression().fit(X[place != e], y[place != e])
        assert fit.score(X[place == e], y[place == e]) < 0
    chosen = found(X, y, place)
    assert (chosen.predictor, chosen.choice.reason) == ("invariant", "fails")


def test_the_accepted_set_predicts_where_effects_turn_round(cause_and_effect):
    for rows in ((300, 300, 300), (200, 300, 250, 150)):
        fit = found(*cause_and_effect(rows))
        assert (fit.predictor, fit.choice.reason) == ("invariant", "start")


def faint_cause(seed):
    """An effect of the target explains nearly all of it, and nearly as well everywhere."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(8), 200)
    cause = rng.normal(size=1600)
    y = 0.5 * cause + 2 * rng.normal(size=1600)
    effect = y * np.linspace(0.8, 1.2, 8)[place] + 0.3 * rng.normal(size=1600)
    return np.column_stack([cause, effect]), y, place


@pytest.mark.parametrize("seed", range(3))
def test_small_effects_are_reported_but_do_not_predict(seed):
    X, y, place = faint_cause(seed)
    fit = found(X, y, place)
    assert fit.status == "accepted" and fit.predictor == "pooled"
    np.testing.assert_array_equal(fit.gates, [True, False])
    asked = found(X, y, place, predictor="invariant")
    np.testing.assert_array_equal(asked.used.coef, fit.invariant.coef)


def unlike_levels(seed):
    """Levels differ widely and an effect of the target gives them away; slopes are invariant."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(8), 200)
    cause = rng.normal(size=1600)
    y = cause + np.linspace(-6, 6, 8)[place] + rng.normal(size=1600)
    effect = y * np.linspace(0.9, 1.1, 8)[place] + 0.1 * rng.normal(size=1600)
    return np.column_stack([cause, effect]), y, place


@pytest.mark.parametrize("seed", range(3))
def test_own_intercepts_do_not_predict_where_the_levels_are_what_matters(seed):
    fit = found(*unlike_levels(seed), intercept="environment")
    assert fit.status == "accepted" and fit.predictor != "invariant"
    np.testing.assert_array_equal(fit.gates, [True, False])


@pytest.mark.parametrize("seed", range(3))
def test_levels_that_differ_are_taken_as_random(seed):
    """A column follows the levels; within environments its slope is another."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(12), 60)
    level = 3 * rng.normal(size=12)
    X = (level + rng.normal(size=12))[place, None] + rng.normal(size=(720, 1))
    y = level[place] - X[:, 0] + 0.3 * rng.normal(size=720)
    problem = Moments.from_arrays(X, y, place)
    fit = found(X, y, place)
    slope = fit.models["random_intercept"].coef[0]
    assert slope == pytest.approx(-1.0, abs=0.05) and abs(fit.pooled.coef[0] - slope) > 0.3
    assert problem.count.sum() == 720


def test_random_levels_are_those_of_statsmodels(random_table, problem_of):
    mixedlm = pytest.importorskip("statsmodels.api").MixedLM
    X, y, place = random_table((30, 50, 40, 20, 60), 3, spread=0.0, level=0.5)
    y = y + np.array([3.0, -1.0, 0.0, 2.0, -4.0])[place]
    problem = problem_of(X, y, place)
    slopes, intercept, _ = problem.original(random_intercept(problem))
    other = mixedlm(y, np.column_stack([np.ones(len(y)), X]), groups=place).fit(reml=True)
    # the grid of variances is coarse, and slopes hardly depend on it
    np.testing.assert_allclose(slopes, other.fe_params[1:], rtol=2e-2, atol=2e-3)
    assert intercept == pytest.approx(other.fe_params[0], abs=0.05)


@pytest.mark.parametrize("dependent", [False, True])
def test_random_levels_are_generalised_least_squares_of_rows(dependent, random_table, problem_of):
    """Sizes differ, and the last column may be the sum of two others."""
    X, y, place = random_table((30, 50, 40), 4, spread=0.0, level=0.5)
    X[:, 3] = X[:, 0] + X[:, 1] if dependent else X[:, 3]
    rows, same = np.column_stack([np.ones(len(y)), X]), place[:, None] == place
    scores, slopes = [], []
    for ratio in np.append(0.0, np.geomspace(1e-5, 100.0, 41)):
        root = np.linalg.cholesky(np.eye(len(y)) + ratio * same)
        white, target = np.linalg.solve(root, rows), np.linalg.solve(root, y)
        axes, size, _ = np.linalg.svd(white, full_matrices=False)
        told = size > 1e-8 * size[0]
        rest = target @ target - np.square(axes[:, told].T @ target).sum()
        score = (len(y) - told.sum()) * np.log(rest) + 2 * np.log(np.diag(root)).sum()
        scores.append(score + 2 * np.log(size[told]).sum())
        slopes.append(np.linalg.lstsq(white, target, rcond=1e-8)[0])
    problem = problem_of(X, y, place)
    found, intercept, _ = problem.original(random_intercept(problem))
    expected = rows @ slopes[int(np.argmin(scores))]
    np.testing.assert_allclose(X @ found + intercept, expected, rtol=1e-7, atol=1e-7)


def test_without_levels_of_their_own_it_is_least_squares(random_table, problem_of):
    X, y, _ = random_table((80, 90, 100), 3, spread=0.0, level=0.0)
    # the same rows in every environment, so that levels differ by less than chance
    problem = problem_of(np.tile(X, (3, 1)), np.tile(y, 3), np.repeat([0, 1, 2], len(y)))
    slopes, _, _ = problem.original(random_intercept(problem))
    np.testing.assert_allclose(slopes, LinearRegression().fit(X, y).coef_, rtol=1e-6)


def shifted_target(seed, strengths):
    """Environments shift the target itself, and its effect misleads."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(6), 300)
    cause = 2 * rng.normal(size=1800)
    y = cause + np.array([0.5, -0.5, 0.4, -0.4, 0.3, -0.3])[place] + rng.normal(size=1800)
    effect = np.array(strengths)[place] * y + 0.3 * rng.normal(size=1800)
    return np.column_stack([cause, effect]), y, place


@pytest.mark.parametrize("seed", range(3))
def test_where_invariance_is_rejected_the_nearly_invariant_model_may_predict(seed):
    fit = found(*shifted_target(seed, (2.0, -1.0, 1.5, -1.5, 1.0, -2.0)))
    assert fit.status == "rejected" and fit.predictor == "nearly_invariant"
    np.testing.assert_allclose(fit.used.coef, [1.0, 0.0], atol=0.05)


def test_the_pooled_model_predicts_where_nothing_is_surely_better():
    fit = found(*shifted_target(0, (1.0, 1.1, 0.9, 1.0, 1.05, 0.95)))
    assert fit.status == "rejected" and fit.predictor == "pooled"


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_units_and_order_change_nothing(intercept):
    X, y, place = shifted_target(0, (2.0, -1.0, 1.5, -1.5, 1.0, -2.0))
    plain = found(X, y, place, intercept=intercept)
    turned = found(1e3 * X[:, ::-1], 1e-3 * y, place, intercept=intercept)
    assert turned.predictor == plain.predictor
    np.testing.assert_allclose(1e6 * turned.used.coef[::-1], plain.used.coef, rtol=1e-6, atol=1e-9)
