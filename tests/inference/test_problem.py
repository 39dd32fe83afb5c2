"""The standardised problem against centred and scaled rows."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from elinvar.environments import Moments
from elinvar.errors import DataError
from elinvar.inference import LinearProblem
from elinvar.inference.losses.squared import pooled_solution
from elinvar.inference.problem._linear_algebra import pseudo_inverses, solve


def shares(place, kind):
    count = np.bincount(place)
    values = {"size": count, "equal": np.ones(len(count)), "odd": np.arange(1.0, len(count) + 1)}
    return values[kind] / values[kind].sum()


@pytest.mark.parametrize("kind", ["size", "equal", "odd"])
@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_moments_are_those_of_standardised_rows(random_table, problem_of, intercept, kind):
    X, y, place = random_table()
    share = shares(place, kind)
    weight = (share / np.bincount(place))[place]
    table = np.column_stack([X, y])
    mean = np.array([table[place == e].mean(axis=0) for e in range(3)])
    centred = table - (weight @ table if intercept == "shared" else mean[place])
    scale = np.sqrt(weight @ centred**2)
    rows, target = centred[:, :-1] / scale[:-1], centred[:, -1] / scale[-1]
    if intercept == "shared":
        rows = np.column_stack([np.ones(len(y)), rows])
    problem = problem_of(X, y, place, intercept=intercept, weights=share)
    for e in range(3):
        own, aim = rows[place == e], target[place == e]
        np.testing.assert_allclose(problem.gram[e], own.T @ own / len(own), atol=1e-12)
        np.testing.assert_allclose(problem.cross[e], own.T @ aim / len(own), atol=1e-12)
        assert problem.target_power[e] == pytest.approx(aim @ aim / len(own))
        level = (mean[e] - weight @ table) / scale
        np.testing.assert_allclose(problem.means[e, problem.offset :], level[:-1], atol=1e-12)
        assert problem.target_means[e] == pytest.approx(level[-1])
    np.testing.assert_allclose(problem.scale, scale[:-1])
    assert problem.target_scale == pytest.approx(scale[-1])
    assert problem.absorbed == (intercept == "environment")
    assert problem.n_gates == 4


def test_default_share_is_by_size(random_table, problem_of):
    X, y, place = random_table((40, 70, 100))
    np.testing.assert_allclose(problem_of(X, y, place).weights, np.array([40, 70, 100]) / 210)


def test_original_units_round_trip(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X, y, place)
    coef = np.random.default_rng(1).normal(size=5)
    slopes, intercept, intercepts = problem.original(coef)
    standard = (X - problem.center) / problem.scale
    expected = problem.target_center + problem.target_scale * (coef[0] + standard @ coef[1:])
    np.testing.assert_allclose(X @ slopes + intercept, expected)
    np.testing.assert_array_equal(intercepts, np.full(3, intercept))


@pytest.mark.parametrize("kind", ["size", "odd"])
def test_pooled_solution_is_least_squares(random_table, problem_of, kind):
    X, y, place = random_table()
    share = shares(place, kind)
    problem = problem_of(X, y, place, weights=share)
    slopes, intercept, _ = problem.original(pooled_solution(problem))
    weight = (share / np.bincount(place))[place]
    reference = LinearRegression().fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(slopes, reference.coef_)
    assert intercept == pytest.approx(reference.intercept_)


def test_own_intercepts_are_those_of_dummies(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X, y, place, intercept="environment")
    slopes, intercept, intercepts = problem.original(pooled_solution(problem))
    dummies = np.eye(3)[place]
    reference = np.linalg.lstsq(np.column_stack([X, dummies]), y, rcond=None)[0]
    np.testing.assert_allclose(slopes, reference[:4])
    np.testing.assert_allclose(intercepts, reference[4:])
    assert intercept == pytest.approx(np.bincount(place) @ reference[4:] / len(y))


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 + 0.1])
def test_constant_columns_are_left_out_and_named(random_table, problem_of, intercept, value):
    X, y, place = random_table()
    X = np.insert(X, 1, value, axis=1)
    problem = problem_of(X, y, place, intercept=intercept)
    assert problem.constant == ("x1",)
    np.testing.assert_array_equal(problem.features, [0, 2, 3, 4])
    slopes, _, _ = problem.original(pooled_solution(problem))
    assert slopes[1] == 0.0 and np.all(slopes[[0, 2, 3, 4]] != 0)


def test_constant_within_environments_depends_on_the_intercept(random_table, problem_of):
    X, y, place = random_table()
    X[:, 2] = place
    assert problem_of(X, y, place).constant == ()
    assert problem_of(X, y, place, intercept="environment").constant == ("x2",)


def test_small_variance_beside_a_large_mean_is_not_constant(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X + 1e6, y, place)
    assert problem.constant == () and problem.duplicates == ()
    np.testing.assert_allclose(problem.scale, problem_of(X, y, place).scale, rtol=1e-6)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_the_first_of_identical_columns_stays(random_table, problem_of, intercept):
    X, y, place = random_table()
    X = np.column_stack([X, 5 - 3 * X[:, 1], X[:, 0], X[:, 1] * 1e-6])
    problem = problem_of(X, y, place, intercept=intercept)
    assert set(problem.duplicates) == {("x4", "x1"), ("x5", "x0"), ("x6", "x1")}
    np.testing.assert_array_equal(problem.columns, [0, 1, 2, 3])
    backwards = problem_of(X[:, ::-1], y, place, intercept=intercept)
    assert set(backwards.duplicates) == {("x2", "x0"), ("x5", "x0"), ("x6", "x1")}


def test_columns_that_differ_a_little_both_stay(random_table, problem_of):
    X, y, place = random_table()
    rng = np.random.default_rng(0)
    X = np.column_stack([X, X[:, 0] + 1e-3 * X[:, 0].std() * rng.normal(size=len(y))])
    assert problem_of(X, y, place).duplicates == ()


def test_identical_up_to_a_shift_in_each_environment(random_table, problem_of):
    X, y, place = random_table()
    X = np.column_stack([X, X[:, 0] + np.array([1.0, -1.0, 4.0])[place]])
    assert problem_of(X, y, place).duplicates == ()
    assert problem_of(X, y, place, intercept="environment").duplicates == (("x4", "x0"),)


def test_a_categorical_feature_is_one_gate(with_colour):
    frame, y, place = with_colour()
    moments = Moments.from_arrays(frame, y, place)
    always = np.array([False, False, True])
    problem = LinearProblem.from_moments(moments, always=always)
    names = np.array(moments.schema.columns)
    assert list(names[problem.columns]) == ["a", "colour=green", "colour=red", "b"]
    assert problem.constant == ()
    np.testing.assert_array_equal(problem.gate_of, [-1, 0, 1, 1, 2])
    np.testing.assert_array_equal(problem.always, always)
    np.testing.assert_array_equal(problem.tested < 0, [True, False, False, False, True])
    masks = problem.column_masks(np.array([[False, True, False], [True, False, True]]))
    np.testing.assert_array_equal(masks, [[1, 0, 1, 1, 0], [1, 1, 0, 0, 1]])


def test_gates_that_stay_keep_their_place_when_columns_leave(random_table, problem_of):
    X, y, place = random_table()
    X[:, 1] = 7.0
    problem = problem_of(X, y, place, always=np.array([False, False, True, False]))
    np.testing.assert_array_equal(problem.features, [0, 2, 3])
    np.testing.assert_array_equal(problem.always, [False, True, False])


@pytest.mark.parametrize("always", ["first", "later"])
def test_a_duplicate_hands_its_always_on(random_table, problem_of, always):
    X, y, place = random_table()
    X = np.column_stack([X, X[:, 0]])
    stays = np.zeros(5, dtype=bool)
    stays[0 if always == "first" else 4] = True
    problem = problem_of(X, y, place, always=stays)
    assert problem.always.sum() == 1


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_a_target_without_variance_is_refused(random_table, problem_of, intercept):
    X, y, place = random_table()
    with pytest.raises(DataError, match="does not vary"):
        problem_of(X, np.zeros(len(y)), place, intercept=intercept)


def test_only_constant_columns_leave_an_empty_problem(random_table, problem_of):
    _, y, place = random_table()
    for intercept, size in (("shared", 1), ("environment", 0)):
        problem = problem_of(np.ones((len(y), 2)), y, place, intercept=intercept)
        assert problem.n_gates == 0 and problem.gram.shape == (3, size, size)
        slopes, intercept_, _ = problem.original(pooled_solution(problem))
        np.testing.assert_array_equal(slopes, [0, 0])
        assert intercept_ == pytest.approx(y.mean())


@pytest.mark.parametrize("k", [2, 5, 30])
@pytest.mark.parametrize("count", [1, 3, 400])
def test_matrices_without_a_factor_do_not_stop_the_others(k, count):
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(count, k, k + 3))
    matrices = roots @ np.swapaxes(roots, -1, -2)
    matrices[::2, 0] = matrices[::2, :, 0] = 0.0  # a column that is constant there
    matrices[0] -= 1e-3 * np.eye(k)  # and rounding that leaves a negative variance
    truth = rng.normal(size=(count, k))
    found = solve(matrices, np.einsum("ejk,ek->ej", matrices, truth))
    assert np.isfinite(found).all()
    assert np.allclose(found[1::2], truth[1::2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("count", [1, 400])
def test_what_is_told_does_not_depend_on_units_however_many_there_are(count):
    # the second column is the first, but for a share of 1e-12, in a small unit
    matrix = np.array([[1.0, 1e6], [1e6, 1e12 + 1.0]])
    _, told = pseudo_inverses(np.repeat(matrix[None], count, axis=0))
    np.testing.assert_allclose(told.sum(axis=-1), 1)
