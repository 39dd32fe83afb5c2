"""The environment that is responsible for disagreement."""

import numpy as np
import pytest

from elinvar.environments import Moments
from elinvar.inference import LinearProblem, SquaredLoss, assess, odd_environment


def problem_with(odd, rows=300, seed=0, n_environments=5):
    """Effect 1 in all environments but those in ``odd``, where it is 3."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(n_environments), rows)
    X = rng.normal(size=(len(place), 2)) + place[:, None]
    y = np.where(np.isin(place, odd), 3.0, 1.0) * X[:, 0] + rng.normal(size=len(place))
    return X, y, place


def found_in(X, y, place, gates=(True, False), **options):
    problem = LinearProblem.from_moments(Moments.from_arrays(X, y, place), **options)
    loss = SquaredLoss(problem=problem, shared=problem)
    return odd_environment(loss, np.array(gates))


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("odd", [0, 2, 4])
def test_the_one_that_differs_is_found(odd, intercept):
    X, y, place = problem_with([odd])
    found = found_in(X, y, place, intercept=intercept)
    assert found.name == str(odd) and found.share > 0.9
    rest = place != odd
    problem = LinearProblem.from_moments(
        Moments.from_arrays(X[rest], y[rest], place[rest]), intercept=intercept
    )
    assert found.p_value == pytest.approx(assess(problem, np.array([[True, False]])).p_value[0])


def test_two_camps_have_no_odd_one():
    assert found_in(*problem_with([0, 1, 2], n_environments=6), intercept="environment") is None


def test_exchangeable_environments_have_no_odd_one():
    """Some environment always goes with the largest share; the others must agree without it."""
    rng = np.random.default_rng(0)
    place, named = np.repeat(np.arange(6), 300), 0
    for _ in range(20):
        x = rng.normal(size=1800)
        y = (1 + 0.5 * rng.normal(size=6))[place] * x + rng.normal(size=1800)
        named += found_in(x[:, None], y, place, [True]) is not None
    assert named <= 2


def test_agreement_and_few_environments_have_no_odd_one():
    assert found_in(*problem_with([1], n_environments=2)) is None
    assert found_in(*problem_with([1], n_environments=3)) is None
    X, _, place = problem_with([])
    y = X[:, 0] + np.random.default_rng(8).normal(size=len(X))
    assert found_in(X, y, place) is None


def test_a_target_that_varies_in_one_environment_only():
    X, y, place = problem_with([1])
    y = np.where(place == 1, y, 0.0)
    assert found_in(X, y, place, intercept="environment") is None
