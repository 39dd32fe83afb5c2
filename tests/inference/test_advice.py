"""What should predict: the invariant model, unless there is a strong reason."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from elinvar.inference import SquaredLoss, select
from elinvar.inference.losses.squared import pooled_errors, support_errors


@pytest.fixture
def advise(problem_of):
    def run(X, y, place, *, intercept="shared"):
        own = problem_of(X, y, place, intercept=intercept)
        return select(SquaredLoss(problem=own, shared=problem_of(X, y, place)))

    return run


def two_environments(strengths, noise, seed=0):
    rng = np.random.default_rng(seed)
    place = np.repeat([0, 1], 500)
    cause = rng.normal(size=1000)
    y = cause + rng.normal(size=1000)
    effect = np.array(strengths)[place] * y + noise * rng.normal(size=1000)
    return np.column_stack([cause, effect]), y, place


@pytest.mark.parametrize("seed", range(3))
def test_two_environments_are_too_few(advise, seed):
    chosen = advise(*two_environments((0.5, 1.5), 1.0, seed))
    assert chosen.outcome == "accepted" and chosen.advice == "two"
    np.testing.assert_array_equal(chosen.gates, [True, False])


@pytest.mark.parametrize("seed", range(3))
def test_two_environments_do_if_the_pooled_model_plainly_fails(advise, seed):
    X, y, place = two_environments((2.0, -1.0), 0.2, seed)
    for e in (0, 1):
        fit = LinearRegression().fit(X[place != e], y[place != e])
        assert fit.score(X[place == e], y[place == e]) < 0
    chosen = advise(X, y, place)
    assert chosen.advice == "invariant"
    np.testing.assert_array_equal(chosen.gates, [True, False])


def faint_cause(seed):
    """An effect of the target explains nearly all of it, and nearly as well everywhere."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(8), 200)
    cause = rng.normal(size=1600)
    y = 0.5 * cause + 2 * rng.normal(size=1600)
    effect = y * np.linspace(0.8, 1.2, 8)[place] + 0.3 * rng.normal(size=1600)
    return np.column_stack([cause, effect]), y, place


@pytest.mark.parametrize("seed", range(3))
def test_trivial_effects_are_reported_but_do_not_predict(advise, problem_of, seed):
    X, y, place = faint_cause(seed)
    chosen = advise(X, y, place)
    assert chosen.outcome == "accepted" and chosen.advice == "trivial"
    np.testing.assert_array_equal(chosen.gates, [True, False])
    problem = problem_of(X, y, place)
    assert np.all(support_errors(problem, chosen.gates[None])[0] > pooled_errors(problem))


def test_not_trivial_where_the_invariant_model_wins_somewhere(advise):
    X, y, place = faint_cause(0)
    X[place == 7, 1] *= -5
    chosen = advise(X, y, place)
    np.testing.assert_array_equal(chosen.gates, [True, False])
    assert chosen.advice == "invariant"


def unlike_levels(seed):
    """Levels differ widely and an effect of the target gives them away; slopes are invariant."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(8), 200)
    cause = rng.normal(size=1600)
    y = cause + np.linspace(-6, 6, 8)[place] + rng.normal(size=1600)
    effect = y * np.linspace(0.9, 1.1, 8)[place] + 0.1 * rng.normal(size=1600)
    return np.column_stack([cause, effect]), y, place


@pytest.mark.parametrize("seed", range(3))
def test_own_intercepts_do_not_predict_where_the_levels_are_what_matters(advise, problem_of, seed):
    X, y, place = unlike_levels(seed)
    chosen = advise(X, y, place, intercept="environment")
    assert chosen.outcome == "accepted" and chosen.advice == "worse"
    np.testing.assert_array_equal(chosen.gates, [True, False])
    own = problem_of(X, y, place, intercept="environment")
    shared = problem_of(X, y, place)
    invariant = support_errors(own, chosen.gates[None])[0] * own.target_scale**2
    assert np.all(invariant > pooled_errors(shared) * shared.target_scale**2)


def test_approximate_models_predict(advise):
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 30_000)
    X = rng.normal(size=(90_000, 1)) + np.array([2.0, 0.0, -1.0])[place, None]
    y = (1 + np.array([-0.05, 0.0, 0.05])[place]) * X[:, 0] + rng.normal(size=90_000)
    chosen = advise(X, y, place)
    assert chosen.outcome == "approximate" and chosen.advice == "invariant"


def test_approximate_models_that_are_surely_worse_do_not_predict(advise):
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(6), 15_000)
    n = len(place)
    cause = rng.normal(size=n) + np.array([3.0, 0.0, -1.0, 2.0, -2.0, 1.0])[place]
    y = (1 + np.array([-0.03, 0.0, 0.03, 0.02, -0.03, 0.0])[place]) * cause + rng.normal(size=n)
    effect = y * np.linspace(0.85, 1.15, 6)[place] + 0.3 * rng.normal(size=n)
    chosen = advise(np.column_stack([cause, effect]), y, place)
    np.testing.assert_array_equal(chosen.gates, [True, False])
    assert chosen.outcome == "approximate" and chosen.advice == "worse"


def shifted_target(seed, strengths):
    """Environments shift the target itself, and its effect misleads."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(6), 300)
    cause = 2 * rng.normal(size=1800)
    y = cause + np.array([0.5, -0.5, 0.4, -0.4, 0.3, -0.3])[place] + rng.normal(size=1800)
    effect = np.array(strengths)[place] * y + 0.3 * rng.normal(size=1800)
    return np.column_stack([cause, effect]), y, place


@pytest.mark.parametrize("seed", range(3))
def test_a_candidate_that_beats_the_pooled_model_predicts(advise, problem_of, seed):
    X, y, place = shifted_target(seed, (2.0, -1.0, 1.5, -1.5, 1.0, -2.0))
    chosen = advise(X, y, place)
    assert chosen.outcome == "rejected" and chosen.advice == "candidate"
    np.testing.assert_array_equal(chosen.candidate, [True, False])
    problem = problem_of(X, y, place)
    lead = np.log(pooled_errors(problem) / support_errors(problem, chosen.candidate[None])[0])
    assert lead.mean() > 2.57 * lead.std(ddof=1) / np.sqrt(6)
    slopes, _, _ = problem.original(chosen.candidate_coef)
    np.testing.assert_allclose(slopes, [1.0, 0.0], atol=0.05)


def test_the_pooled_model_predicts_where_nothing_is_surely_better(advise):
    chosen = advise(*shifted_target(0, (1.0, 1.1, 0.9, 1.0, 1.05, 0.95)))
    assert chosen.outcome == "rejected" and chosen.advice == "pooled"
    assert chosen.candidate is None


def test_candidates_are_compared_in_the_targets_own_units(problem_of):
    """Errors of own-intercept and shared-intercept problems have different standard units."""
    X, y, place = shifted_target(0, (2.0, -1.0, 1.5, -1.5, 1.0, -2.0))
    advice = set()
    for factor in (1e-3, 1.0, 1e3):
        own = problem_of(X, factor * y, place, intercept="environment")
        shared = problem_of(X, factor * y, place)
        chosen = select(SquaredLoss(problem=own, shared=shared))
        advice.add((chosen.outcome, chosen.advice))
    assert advice == {("accepted", "invariant")}
