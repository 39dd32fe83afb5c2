"""The mean-field path: its fixed point, its ends, and what it must not depend on."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from sklearn.linear_model import LinearRegression

from elinvar.environments import Moments
from elinvar.inference import InvariancePath, LinearProblem
from elinvar.inference.losses.squared import (
    default_strengths,
    invariance_path,
    path_coefficients,
    pooled_solution,
)

EXACT = {"tolerance": 1e-10, "max_sweeps": 20_000}


def standardised_rows(X, y, place, intercept):
    """Columns and target as the path sees them; the constant first where it is shared."""
    mean = np.array([X[place == e].mean(axis=0) for e in range(place.max() + 1)])
    mean_y = np.bincount(place, y) / np.bincount(place)
    X = X - (X.mean(axis=0) if intercept == "shared" else mean[place])
    y = y - (y.mean() if intercept == "shared" else mean_y[place])
    Z = X / X.std(axis=0)
    ones = np.ones((len(y), int(intercept == "shared")))
    return np.column_stack([ones, Z]), y / y.std()


def fixed_point(Z, y, place, coef, strength, debias, groups):
    """Right-hand side of the path's equation at ``coef``, from rows, by definition."""
    size = np.bincount(place)
    share = size / size.sum()
    residual = y - Z @ coef
    second = np.array(
        [[np.mean(Z[place == e, j] ** 2) for j in range(Z.shape[1])] for e in range(len(size))]
    )
    gradient = np.array(
        [Z[place == e].T @ residual[place == e] / size[e] for e in range(len(size))]
    )
    noise = np.array([np.mean(residual[place == e] ** 2) for e in range(len(size))])
    slope = gradient / second
    variance = share @ slope**2 - (share @ slope) ** 2
    error = share @ (noise[:, None] / (size[:, None] * second))
    disagreement = np.maximum(0.0, variance - debias * error)
    pooled = Z.T @ Z / len(y)
    goal = np.empty_like(coef)
    for columns, gated in groups:
        curvature = np.linalg.eigvalsh(pooled[np.ix_(columns, columns)])[-1]
        r = curvature * coef[columns] + share @ gradient[:, columns]
        threshold = strength * disagreement[columns].sum() * gated
        norm = np.linalg.norm(r)
        goal[columns] = r / curvature * (max(0.0, 1 - threshold / norm) if norm > 0 else 0.0)
    return goal


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("seed", range(4))
def test_converged_points_solve_the_equation(random_table, problem_of, intercept, seed):
    X, y, place = random_table((60, 50, 80, 70), 5, seed=seed, spread=0.2, level=0.3)
    problem = problem_of(X, y, place, intercept=intercept)
    strengths = np.array([0.0, 0.1, 1.0, 5.0, 100.0])
    coef, converged = path_coefficients(problem, strengths, **EXACT)
    assert converged.sum() >= 3
    Z, target = standardised_rows(X, y, place, intercept)
    shared = int(intercept == "shared")
    groups = [([j], j >= shared) for j in range(Z.shape[1])]
    debias = chi2.ppf(0.98, 3) / 3
    for w, strength in zip(coef[converged], strengths[converged], strict=True):
        goal = fixed_point(Z, target, place, w, strength, debias, groups)
        np.testing.assert_allclose(w, goal, atol=1e-8)


def test_converged_points_solve_the_equation_of_groups(with_colour):
    frame, y, place = with_colour()
    y = y + np.array([0.0, 1.0, -1.0])[place] * (frame["colour"] == "red")
    problem = LinearProblem.from_moments(Moments.from_arrays(frame, y, place))
    strengths = np.array([0.0, 0.5, 2.0, 10.0])
    coef, converged = path_coefficients(problem, strengths, debias=1.0, **EXACT)
    columns = np.column_stack(
        [frame["a"], frame["colour"] == "green", frame["colour"] == "red", frame["b"]]
    ).astype(float)
    Z, target = standardised_rows(columns, np.asarray(y), place, "shared")
    groups = [([0], False), ([1], True), ([2, 3], True), ([4], True)]
    assert converged.sum() >= 3
    shrunk = coef[converged, 2:4]
    assert np.all(shrunk[0] != 0) and not np.array_equal(shrunk[0], shrunk[-1])
    for w, strength in zip(coef[converged], strengths[converged], strict=True):
        goal = fixed_point(Z, target, place, w, strength, 1.0, groups)
        np.testing.assert_allclose(w, goal, atol=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_default_convergence_keeps_its_promise(random_table, problem_of, seed):
    """What is called converged hardly moves when iterated on, but for gates that left before."""
    X, y, place = random_table((200, 150, 300), 6, seed=seed, spread=0.1)
    problem = problem_of(X, y, place)
    strengths = default_strengths()
    coef, converged = path_coefficients(problem, strengths)
    assert converged.mean() > 0.5
    Z, target = standardised_rows(X, y, place, "shared")
    groups = [([j], j > 0) for j in range(7)]
    debias = chi2.ppf(0.98, 2) / 2
    for step in np.flatnonzero(converged):
        goal = fixed_point(Z, target, place, coef[step], strengths[step], debias, groups)
        inside = coef[max(step - 1, 0)] != 0
        assert np.abs(goal - coef[step])[inside].max() < 0.02


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_strength_zero_is_pooled_least_squares(random_table, problem_of, intercept):
    X, y, place = random_table()
    path = invariance_path(problem_of(X, y, place, intercept=intercept))
    if intercept == "shared":
        expected = LinearRegression().fit(X, y).coef_
    else:
        expected = (
            LinearRegression(fit_intercept=False)
            .fit(np.column_stack([X, np.eye(3)[place]]), y)
            .coef_[:4]
        )
    assert path.strength[0] == 0 and path.converged[0]
    np.testing.assert_allclose(path.coef[0], expected, rtol=1e-8)


def test_strength_zero_is_least_squares_from_any_start(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X, y, place)
    path = invariance_path(problem, strengths=[0.0], start=np.zeros(5), **EXACT)
    np.testing.assert_allclose(path.coef[0], LinearRegression().fit(X, y).coef_, rtol=1e-6)


def test_one_environment_has_a_constant_path(random_table, problem_of):
    X, y, place = random_table((120,), 4)
    path = invariance_path(problem_of(X, y, place))
    expected = np.tile(LinearRegression().fit(X, y).coef_, (40, 1))
    np.testing.assert_allclose(path.coef, expected, rtol=1e-8)
    assert path.converged.all()
    np.testing.assert_array_equal(path.exit_strength(np.arange(4), 4), np.full(4, np.inf))


@pytest.fixture
def orthogonal():
    """An invariant and a spurious column, orthonormal with the noise in each environment."""
    rng = np.random.default_rng(0)
    effects = np.array([0.2, 1.0, 1.8])
    blocks = []
    for effect in effects:
        Q = np.linalg.qr(np.column_stack([np.ones(100), rng.normal(size=(100, 3))]))[0] * 10
        blocks.append(np.column_stack([Q[:, 1:3], 2 * Q[:, 1] + effect * Q[:, 2] + Q[:, 3]]))
    rows = np.concatenate(blocks)
    return rows[:, :2], rows[:, 2], np.repeat(np.arange(3), 100), effects


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_the_orthogonal_case_has_a_closed_form(orthogonal, problem_of, intercept):
    X, y, place, effects = orthogonal
    strengths = np.linspace(0, 3, 13)
    path = invariance_path(
        problem_of(X, y, place, intercept=intercept), strengths=strengths, debias=0.0, **EXACT
    )
    scale = y.std()  # the penalty sees slopes in standard deviations of the target
    expected = np.maximum(0.0, effects.mean() - strengths * effects.var() / scale)
    assert path.converged.all()
    np.testing.assert_allclose(path.coef[:, 0], 2.0)
    np.testing.assert_allclose(path.coef[:, 1], expected, atol=1e-8)
    np.testing.assert_allclose(path.standardized, path.coef / scale)
    leaves = strengths[np.argmax(expected == 0)] if (expected == 0).any() else np.inf
    np.testing.assert_array_equal(path.exit_strength(np.arange(2), 2), [np.inf, leaves])
    leaves_at_1 = invariance_path(
        problem_of(X, y, place, intercept=intercept),
        strengths=np.array([0.99, 1.01]) * effects.mean() * scale / effects.var(),
        debias=0.0,
        **EXACT,
    )
    np.testing.assert_array_equal(leaves_at_1.coef[:, 1] != 0, [True, False])


def test_sampling_noise_alone_is_not_disagreement(problem_of):
    """The debiased threshold of an invariant feature is zero in nearly every draw."""
    rng = np.random.default_rng(1)
    place = np.repeat(np.arange(4), 100)
    unshrunk = 0
    for _ in range(200):
        X = rng.normal(size=(400, 1))
        y = X[:, 0] + rng.normal(size=400)
        path = invariance_path(problem_of(X, y, place), strengths=[0.0, 1e3])
        unshrunk += np.isclose(path.coef[1, 0], path.coef[0, 0], rtol=1e-9)
    assert unshrunk >= 190


def test_the_cause_stays_and_its_effects_leave(cause_and_effect, problem_of):
    # with many rows: effects of one sign leave late, when noise in the cause's slopes counts too
    found = 0
    for seed in range(30):
        X, y, place = cause_and_effect((4000, 4000, 4000, 4000), seed=seed)
        path = invariance_path(problem_of(X, y, place))
        assert np.all(path.coef[0, 1:] > 0.02)
        assert abs(path.coef[0, 0] - 2.0) > 0.5
        leaves = path.exit_strength(np.arange(3), 3)
        stays = leaves[0] == np.inf and np.all(np.isfinite(leaves[1:]))
        found += stays and np.allclose(path.coef[-1], [2.0, 0.0, 0.0], atol=0.15)
    assert found >= 18


def test_order_of_environments_and_columns_and_units_do_not_matter(random_table, problem_of):
    X, y, place = random_table((80, 90, 120), 4, spread=0.15, level=0.2)
    reference = invariance_path(problem_of(X, y, place), **EXACT)
    ok = reference.converged
    assert ok.mean() > 0.8
    renamed = invariance_path(problem_of(X, y, np.array([2, 0, 1])[place]), **EXACT)
    np.testing.assert_allclose(renamed.coef[ok], reference.coef[ok], rtol=1e-6, atol=1e-8)
    order = np.array([2, 0, 3, 1])
    permuted = invariance_path(problem_of(X[:, order], y, place), **EXACT)
    both = ok & permuted.converged
    assert both.mean() > 0.8
    np.testing.assert_allclose(
        permuted.standardized[both], reference.standardized[both][:, order], atol=1e-6
    )
    units = np.array([1e-3, 50.0, 1.0, 1e4])
    scaled = invariance_path(problem_of(X * units - 7 * units, 10 * y + 3, place), **EXACT)
    np.testing.assert_allclose(
        (scaled.coef * units / 10)[ok], reference.coef[ok], rtol=1e-6, atol=1e-8
    )


def test_duplicating_every_environment_doubles_the_rows(random_table, problem_of):
    X, y, place = random_table((80, 90), 3, spread=0.2)
    doubled = problem_of(np.tile(X, (2, 1)), np.tile(y, 2), np.tile(place, 2))
    weighted = problem_of(X, y, place, sample_weight=np.full(len(y), 2.0))
    np.testing.assert_allclose(
        invariance_path(doubled).coef, invariance_path(weighted).coef, rtol=1e-9, atol=1e-12
    )


def test_a_group_leaves_as_one(with_colour):
    frame, y, place = with_colour((150, 150, 150))
    for level, change in (("red", 3.0), ("green", 1.5)):
        y = y + np.linspace(-change, change, 3)[place] * (frame["colour"] == level)
    moments = Moments.from_arrays(frame, y, place)
    path = invariance_path(LinearProblem.from_moments(moments))
    columns = [path.columns.index(f"colour={level}") for level in ("green", "red")]
    open_ = path.coef[:, columns] != 0
    np.testing.assert_array_equal(open_[:, 0], open_[:, 1])
    assert open_[0].all() and not open_[-1].any()
    assert np.all(path.coef[:, path.columns.index("colour=blue")] == 0)
    leaves = path.exit_strength(moments.schema.groups, 3)
    assert np.isfinite(leaves[1]) and leaves[0] == leaves[2] == np.inf


def test_what_always_stays_never_leaves(cause_and_effect, problem_of):
    X, y, place = cause_and_effect()
    always = np.array([False, True, False])
    path = invariance_path(problem_of(X, y, place, always=always))
    assert np.all(path.coef[:, 1] != 0)
    assert path.exit_strength(np.arange(3), 3)[1] == np.inf
    assert np.isfinite(path.exit_strength(np.arange(3), 3)[2])


def test_leaves_at_is_where_a_feature_is_out_for_good():
    coef = np.array(
        [
            [1.0, 0.0, 1.0, 2.0, 1.0],
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 3.0, 0.0],
            [0.0, 0.0, 0.0, 1.0, 0.0],
        ]
    )
    path = InvariancePath(
        strength=np.array([0.0, 1.0, 10.0, 100.0]),
        coef=coef,
        converged=np.ones(4, dtype=bool),
        columns=tuple("abcde"),
        standardized=coef,
    )
    np.testing.assert_array_equal(
        path.exit_strength(np.arange(5), 5), [10.0, 0.0, 100.0, np.inf, 1.0]
    )
    np.testing.assert_array_equal(
        path.exit_strength(np.array([0, 1, 2, 0, 1]), 3), [np.inf, 1.0, 100.0]
    )


def test_constant_columns_have_no_path(random_table, problem_of):
    X, y, place = random_table()
    path = invariance_path(problem_of(np.insert(X, 2, 1.0, axis=1), y, place))
    assert path.coef.shape == path.standardized.shape == (40, 5)
    assert np.all(path.coef[:, 2] == 0)
    without = invariance_path(problem_of(X, y, place))
    np.testing.assert_allclose(np.delete(path.coef, 2, axis=1), without.coef)


def test_unconverged_points_say_so(random_table, problem_of):
    X, y, place = random_table((60, 50, 80, 70), 5, spread=0.5)
    path = invariance_path(problem_of(X, y, place), strengths=[0.0, 10.0], max_sweeps=1)
    np.testing.assert_array_equal(path.converged, [True, False])


def test_more_columns_than_rows(problem_of):
    rng = np.random.default_rng(0)
    X, y, place = rng.normal(size=(30, 50)), rng.normal(size=30), np.repeat([0, 1, 2], 10)
    problem = problem_of(X, y, place)
    start = pooled_solution(problem)
    gradient = problem.weights @ (problem.cross - np.einsum("ejk,k->ej", problem.gram, start))
    np.testing.assert_allclose(gradient, 0, atol=1e-10)
    assert np.isfinite(invariance_path(problem).coef).all()


def test_default_strengths():
    strengths = default_strengths()
    assert len(strengths) == 40 and strengths[0] == 0
    assert np.all(np.diff(strengths) > 0) and strengths[-1] == pytest.approx(1000)
    assert len(default_strengths(7)) == 7


def test_frame_names_reach_the_path(with_colour):
    frame, y, place = with_colour()
    assert isinstance(frame, pd.DataFrame)
    path = invariance_path(LinearProblem.from_moments(Moments.from_arrays(frame, y, place)))
    assert path.columns == ("a", "colour=blue", "colour=green", "colour=red", "b")


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_what_has_left_stays_out_whatever_the_order_of_rows(
    cause_and_effect, problem_of, intercept
):
    for seed in range(8):
        X, y, place = cause_and_effect((150, 150, 150, 150), seed=seed)
        path = invariance_path(problem_of(X, y, place, intercept=intercept))
        inside = path.coef != 0
        assert np.all(inside[1:] <= inside[:-1])
        order = np.random.default_rng(seed).permutation(len(y))
        shuffled = invariance_path(
            problem_of(X[order], y[order], place[order], intercept=intercept)
        )
        np.testing.assert_allclose(shuffled.coef, path.coef, atol=1e-8)


def test_environments_without_a_slope_do_not_hide_that_the_others_disagree():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(4), 300)
    cause = rng.normal(size=1200)
    y = cause + rng.normal(size=1200)
    effect = np.array([2.0, -1.0, 0.5, 1.0])[place] * y + rng.normal(size=1200)
    effect[place == 3] = 0.0  # not measured there
    X = np.column_stack([cause, effect])
    moments = Moments.from_arrays(X, y, place)
    path = invariance_path(LinearProblem.from_moments(moments, intercept="environment"))
    cause_leaves, effect_leaves = path.exit_strength(np.arange(2), 2)
    assert np.isinf(cause_leaves) and effect_leaves < 10
