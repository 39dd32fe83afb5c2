"""The choice of a support: what it promises, in tables where the answer is known."""

import numpy as np
import pytest

from elinvar.datasets import make_linear_unit_test, make_random_linear
from elinvar.environments import Moments
from elinvar.inference import (
    LinearProblem,
    SelectionRule,
    SquaredLoss,
    assess,
    noncentrality_limit,
    select,
)
from elinvar.inference.losses.squared import every_support


def criterion(problem, table, kappa=10.0):
    loss = SquaredLoss(problem=problem, shared=problem)
    return loss.criterion(table, kappa, price=np.zeros(len(table.masks)), margin=0.0)


@pytest.fixture
def choose(problem_of):
    def run(X, y, place, rule=None, *, intercept="shared", **options):
        pooled = problem_of(X, y, place)
        problem = problem_of(X, y, place, intercept=intercept, **options)
        return select(SquaredLoss(problem=problem, shared=pooled), rule)

    return run


def nearly_invariant(rows, deviation, seed=0):
    """The effect of column 0 differs by +-``deviation`` between three environments."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(3), rows)
    X = rng.normal(size=(3 * rows, 2)) + np.array([[2.0, 0.0], [0.0, 2.0], [-1.0, -3.0]])[place]
    effect = 1.0 + deviation * np.array([-1.0, 0.0, 1.0])[place]
    y = effect * X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=3 * rows)
    return X, y, place


def intervened(seed=0):
    """Every environment has its own effects and level."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(4), 200)
    X = rng.normal(size=(800, 2))
    y = (1 + np.arange(4.0))[place] * X[:, 0] + 3 * (place == 1) + rng.normal(size=800)
    return X, y, place


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("seed", range(3))
def test_the_cause_is_accepted(cause_and_effect, choose, seed, intercept):
    chosen = choose(*cause_and_effect(seed=seed), intercept=intercept)
    assert chosen.outcome == "accepted" and chosen.standing.holds
    np.testing.assert_array_equal(chosen.gates, [True, False, False])
    assert chosen.n_candidates == 8 and 1 <= chosen.n_accepted <= 8


def test_levels_decide_only_with_a_shared_intercept(cause_and_effect, choose):
    X, y, place = cause_and_effect()
    y = y + np.array([0.0, 3.0, -2.0, 5.0])[place]
    assert choose(X, y, place).outcome == "rejected"
    own = choose(X, y, place, intercept="environment")
    assert own.outcome == "accepted"
    np.testing.assert_array_equal(own.gates, [True, False, False])


def test_nearly_invariant_effects_are_approximate(choose):
    table = nearly_invariant(30_000, 0.04)
    chosen = choose(*table)
    assert chosen.outcome == "approximate"
    assert chosen.p_value < 1 / 90_000 and 0 < chosen.disagreement <= 0.01
    np.testing.assert_array_equal(chosen.gates, [True, True])
    strict = choose(*table, SelectionRule(tolerance=0.0))
    assert strict.outcome == "rejected" and strict.disagreement == chosen.disagreement
    assert choose(*nearly_invariant(30_000, 0.3)).outcome == "rejected"
    assert choose(*nearly_invariant(300, 0.04)).outcome == "accepted"


def test_disagreement_is_an_upper_limit_of_what_own_coefficients_explain(choose):
    """Its estimate is consistent: with many rows it is the variance explained over the noise."""
    X, y, place = nearly_invariant(30_000, 0.2)
    chosen = choose(X, y, place)
    # the efficient average is weighted by X'X, so solve the population problem on the rows
    truth = 1.0 + 0.2 * np.array([-1.0, 0.0, 1.0])
    A = np.column_stack([np.ones(len(y)), X])
    shared = np.linalg.lstsq(A, truth[place] * X[:, 0] + 0.5 * X[:, 1], rcond=None)[0]
    gap = A @ shared - truth[place] * X[:, 0] - 0.5 * X[:, 1]
    assert chosen.disagreement == pytest.approx(np.mean(gap**2), rel=0.1)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_a_target_acted_on_is_rejected(choose, intercept):
    chosen = choose(*intervened(), intercept=intercept)
    assert chosen.outcome == "rejected" and chosen.n_accepted == 0
    assert chosen.p_value < 1e-10
    assert not chosen.standing.holds
    assert np.isfinite(chosen.coef).all() and np.isfinite(chosen.disagreement)


def test_level_sets_what_is_rejected(choose):
    X, y, place = nearly_invariant(4000, 0.04)
    rule = SelectionRule(tolerance=0.0)
    default = choose(X, y, place, rule)
    assert 1 / 12_000 <= default.p_value < 0.5 and default.outcome == "accepted"
    strict = choose(X, y, place, SelectionRule(tolerance=0.0, level=0.5))
    assert strict.outcome == "rejected"


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("seed", range(4))
def test_the_choice_keeps_its_promises(seed, intercept):
    """Accepted and needed, and no such support of steady noise has a lower criterion and price."""
    known = make_random_linear(n_features=7, n_environments=4, n_samples=300, rng=seed)
    moments = Moments.from_arrays(known.X, known.y, known.environments)
    pooled = LinearProblem.from_moments(moments)
    problem = LinearProblem.from_moments(moments, intercept=intercept)
    loss = SquaredLoss(problem=problem, shared=pooled)
    chosen = select(loss)
    table = assess(problem, every_support(problem))
    among = (table.p_value >= 1 / 1200) & (table.weakest >= 1)
    if intercept == "environment":
        among &= table.masks.any(axis=1)
    assert chosen.outcome == "accepted" and 1 <= chosen.n_accepted <= among.sum()
    row = int(np.flatnonzero((table.masks == chosen.gates).all(axis=1))[0])
    assert among[row] and chosen.p_value == table.p_value[row]
    part = loss.parts(table.masks)
    p_value = np.minimum(table.p_value, 2 * np.minimum(part.slopes, part.intercepts))
    assert p_value[row] >= 1 / 1200
    steady = among & (p_value >= 1 / 1200) & (part.scale >= 1e-4)
    score = criterion(problem, table)
    score = score + 0.2 * np.maximum(np.log(0.02 / np.maximum(p_value, 1e-300)), 0)
    assert steady[row] and score[row] == score[steady].min()
    np.testing.assert_array_equal(chosen.coef, table.coef[row])
    limit = noncentrality_limit(table.statistic, table.freedom)[row] / 1200
    assert chosen.disagreement == pytest.approx(limit)


def test_criterion_is_left_out_error_and_disagreement(random_table, problem_of):
    X, y, place = random_table(spread=0.2)
    problem = problem_of(X, y, place)
    table = assess(problem, every_support(problem))
    for row, mask in enumerate(table.masks):
        Z = np.column_stack([np.ones(len(y)), X[:, mask]])
        fits, noise = [], np.empty(3)
        for e in range(3):
            A, b = Z[place == e], y[place == e]
            fits.append(np.linalg.lstsq(A, b, rcond=None)[0])
            noise[e] = np.sum((b - A @ fits[-1]) ** 2) / (len(b) - Z.shape[1])
        root = 1 / np.sqrt(noise[place])
        worst = 0.0
        for e in range(3):
            train = place != e
            A, b = Z[train] * root[train, None], y[train] * root[train]
            coef = np.linalg.lstsq(A, b, rcond=None)[0]
            worst = max(worst, np.mean((y[~train] - Z[~train] @ coef) ** 2))
        excess = max(0.0, table.statistic[row] - table.freedom[row])
        expected = np.log(worst / y.var()) + np.log(1 + 10 * excess / len(y))
        assert criterion(problem, table)[row] == pytest.approx(expected)
        plain = np.log(worst / y.var())
        assert criterion(problem, table, kappa=0.0)[row] == pytest.approx(plain)


def test_criterion_ignores_levels_where_environments_have_their_own(random_table, problem_of):
    X, y, place = random_table()
    scores = []
    for shift in (0.0, 100.0):
        problem = problem_of(X, y + shift * place, place, intercept="environment")
        scores.append(criterion(problem, assess(problem, every_support(problem))))
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-8)


def test_supports_can_be_given(cause_and_effect, problem_of):
    problem = problem_of(*cause_and_effect())
    masks = np.array([[False, True, True], [False, False, True]])
    chosen = select(SquaredLoss(problem=problem, shared=problem), supports=masks)
    assert chosen.n_candidates == 2 and chosen.outcome == "rejected"
    assert (masks == chosen.gates).all(axis=1).any()


def test_what_always_stays_is_selected_though_not_needed(cause_and_effect, choose):
    X, y, place = cause_and_effect()
    X = np.column_stack([X, np.random.default_rng(9).normal(size=len(y))])
    always = np.array([False, False, False, True])
    chosen = choose(X, y, place, always=always)
    np.testing.assert_array_equal(chosen.gates, [True, False, False, True])
    assert chosen.outcome == "accepted"


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_the_same_whatever_the_order_and_units(cause_and_effect, choose, intercept):
    X, y, place = cause_and_effect(seed=4)
    reference = choose(X, y, place, intercept=intercept)
    order = np.random.default_rng(0).permutation(len(y))
    mixed = choose(X[order], y[order], place[order], intercept=intercept)
    columns = [2, 0, 1]
    units = np.array([1e-5, 2.0, -1e3])
    swapped = choose(
        (X * units + 1)[:, columns], 1e3 * y, np.array([3, 1, 0, 2])[place], intercept=intercept
    )
    np.testing.assert_array_equal(mixed.gates, reference.gates)
    np.testing.assert_array_equal(swapped.gates, reference.gates[columns])
    for other in (mixed, swapped):
        assert other.outcome == reference.outcome
        assert other.p_value == pytest.approx(reference.p_value)
        assert other.disagreement == pytest.approx(reference.disagreement)


@pytest.mark.parametrize("rows", [(6, 6, 6), (5, 60, 90), (3, 3)])
def test_hardly_any_rows(random_table, problem_of, rows):
    X, y, place = random_table(rows, 6)
    for intercept in ("shared", "environment"):
        problem = problem_of(X, y, place, intercept=intercept)
        chosen = select(SquaredLoss(problem=problem, shared=problem_of(X, y, place)))
        assert np.isfinite(chosen.coef).all() and 0 <= chosen.p_value <= 1
        assert chosen.gates.sum() <= min(rows) - 2


def test_nothing_but_the_mean(choose):
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(4), 100)
    X, y = rng.normal(size=(400, 3)), rng.normal(size=400)
    for intercept in ("shared", "environment"):
        chosen = choose(X, y, place, intercept=intercept)
        assert chosen.outcome == "accepted" and not chosen.gates.any()


@pytest.mark.parametrize("seed", range(3))
def test_unit_test_1_keeps_no_spurious_column(seed):
    known = make_linear_unit_test(example=1, n_samples=2000, rng=seed)
    moments = Moments.from_arrays(known.X, known.y, known.environments)
    problem = LinearProblem.from_moments(moments)
    chosen = select(SquaredLoss(problem=problem, shared=problem))
    assert chosen.outcome == "accepted" and chosen.gates.any()
    assert not chosen.gates[~known.support].any()


def test_rivals_are_accepted_supports_that_are_nearly_as_good(problem_of):
    """Two copies of one cause, each with a little noise of its own: either will do."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 400)
    cause = (1 + place) * rng.normal(size=1200)
    X = cause[:, None] + 0.02 * rng.normal(size=(1200, 2))
    y = cause + rng.normal(size=1200)
    problem = problem_of(X, y, place)
    chosen = select(SquaredLoss(problem=problem, shared=problem))
    assert chosen.outcome == "accepted" and chosen.gates.sum() == 1
    assert chosen.rivals.tolist() == [(~chosen.gates).tolist()]
    alone = problem_of(X[:, :1], y, place)
    assert select(SquaredLoss(problem=alone, shared=alone)).rivals.shape == (0, 1)


def test_a_rejected_model_has_no_rivals(problem_of):
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 400)
    cause = (1 + place) * rng.normal(size=1200)
    X = cause[:, None] + 0.02 * rng.normal(size=(1200, 2))
    y = np.array([1.0, 3.0, -2.0])[place] * cause + 5.0 * place + rng.normal(size=1200)
    problem = problem_of(X, y, place)
    either = np.eye(2, dtype=bool)
    table = assess(problem, either)
    assert np.ptp(criterion(problem, table)) < 0.1
    chosen = select(SquaredLoss(problem=problem, shared=problem), supports=either)
    assert chosen.outcome == "rejected" and len(chosen.rivals) == 0
