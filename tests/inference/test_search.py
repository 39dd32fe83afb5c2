"""Candidate supports: complete where that is cheap, and good enough where it is not."""

import numpy as np
import pytest

from elinvar.datasets import make_random_linear
from elinvar.environments import Moments
from elinvar.inference import LinearProblem, SelectionRule, SquaredLoss, select
from elinvar.inference.losses.squared import candidates, every_support, search


def random_problem(p, n_environments, n_samples, seed, **options):
    known = make_random_linear(
        n_features=p, n_environments=n_environments, n_samples=n_samples, rng=seed
    )
    moments = Moments.from_arrays(known.X, known.y, known.environments)
    return LinearProblem.from_moments(moments, **options), known


def test_every_support_once(random_table, problem_of):
    X, y, place = random_table()
    masks = every_support(problem_of(X, y, place))
    assert masks.shape == (16, 4) and len(np.unique(masks, axis=0)) == 16


def test_what_always_stays_is_in_every_support(random_table, problem_of):
    X, y, place = random_table()
    always = np.array([False, True, False, True])
    problem = problem_of(X, y, place, always=always)
    for masks in (every_support(problem), search(problem)):
        assert masks[:, always].all()
    masks = every_support(problem)
    assert masks.shape == (4, 4) and len(np.unique(masks, axis=0)) == 4


def test_only_free_gates_count_against_the_limit(random_table, problem_of):
    X, y, place = random_table()
    always = np.array([True, True, True, False])
    problem = problem_of(X, y, place, always=always)
    assert len(candidates(problem, exact_up_to=1).masks) == 2
    assert len(candidates(problem_of(X, y, place), exact_up_to=4).masks) == 16


def test_groups_are_searched_as_one(with_colour):
    frame, y, place = with_colour()
    problem = LinearProblem.from_moments(Moments.from_arrays(frame, y, place))
    assert every_support(problem).shape == (8, 3)
    masks = search(problem)
    assert masks.shape[1] == 3 and masks.all(axis=1).any()


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("seed", range(3))
def test_search_agrees_with_trying_everything(seed, intercept):
    problem, known = random_problem(12, 5, 500, seed, intercept=intercept)
    pooled, _ = random_problem(12, 5, 500, seed)
    loss = SquaredLoss(problem=problem, shared=pooled)
    exact = select(loss, SelectionRule(exact_up_to=12))
    found = select(loss, SelectionRule(exact_up_to=0))
    assert exact.n_candidates == 4096 > 20 * found.n_candidates
    np.testing.assert_array_equal(found.gates, exact.gates)
    assert found.outcome == exact.outcome == "accepted"
    np.testing.assert_array_equal(exact.gates, known.support)


@pytest.mark.parametrize(
    ("p", "n_environments", "n_samples", "seed"),
    [(20, 5, 2000, 0), (20, 5, 2000, 1), (20, 5, 2000, 2), (30, 8, 300, 3), (30, 8, 300, 4)],
)
def test_parents_are_found_among_many(p, n_environments, n_samples, seed):
    problem, known = random_problem(p, n_environments, n_samples, seed)
    assert known.support.sum() >= 1
    assert (search(problem) == known.support).all(axis=1).any()
    chosen = select(SquaredLoss(problem=problem, shared=problem))
    assert chosen.outcome == "accepted"
    np.testing.assert_array_equal(chosen.gates, known.support)


def test_search_repeats_itself():
    problem, _ = random_problem(20, 4, 300, 0)
    np.testing.assert_array_equal(search(problem, seed=3), search(problem, seed=3))


def test_supports_are_distinct_and_can_be_fitted():
    problem, _ = random_problem(20, 4, 12, 0)
    masks = search(problem)
    assert len(np.unique(masks, axis=0)) == len(masks)
    assert masks.sum(axis=1).max() <= 12 - 3
    table = candidates(problem)
    assert np.isfinite(table.risk[~np.isnan(table.p_value)]).all()
    assert (~np.isnan(table.p_value)).any()


def test_more_features_than_the_search_can_touch():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(4), 200)
    X = rng.normal(size=(800, 70))
    y = X[:, [3, 40]] @ [1.0, -1.0] + rng.normal(size=800)
    X[:, 66] = np.array([0.3, 1.0, -1.0, 2.0])[place] * y + rng.normal(size=800)
    problem = LinearProblem.from_moments(Moments.from_arrays(X, y, place))
    np.testing.assert_array_equal(
        np.flatnonzero(select(SquaredLoss(problem=problem, shared=problem)).gates), [3, 40]
    )


def test_nothing_to_choose_from(random_table, problem_of):
    _, y, place = random_table()
    problem = problem_of(np.ones((len(y), 2)), y, place)
    for masks in (every_support(problem), search(problem)):
        assert masks.shape == (1, 0)
