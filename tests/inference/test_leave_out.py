"""Errors on left-out environments against refits on the actual rows."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from elinvar.environments import Moments
from elinvar.inference import LinearProblem, moment_error
from elinvar.inference.losses.squared import (
    every_support,
    mean_errors,
    pooled_errors,
    support_errors,
)
from elinvar.inference.problem import solve

SHARE = np.array([0.5, 0.2, 0.3])


def own_noise(Z, y, place):
    """Residual variance of each environment's own fit, unbiased."""
    noise = np.empty(place.max() + 1)
    for e in range(len(noise)):
        A, b = Z[place == e], y[place == e]
        residual = b - A @ np.linalg.lstsq(A, b, rcond=None)[0]
        noise[e] = residual @ residual / (len(b) - A.shape[1])
    return noise


def efficient(Z, y, weight):
    root = np.sqrt(weight)
    return np.linalg.lstsq(Z * root[:, None], y * root, rcond=None)[0]


def test_support_errors_with_a_shared_intercept(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X, y, place, weights=SHARE)
    masks = every_support(problem)
    errors = support_errors(problem, masks) * problem.target_scale**2
    for mask, row in zip(masks, errors, strict=True):
        Z = np.column_stack([np.ones(len(y)), X[:, mask]])
        noise = own_noise(Z, y, place)
        for e in range(3):
            train = place != e
            coef = efficient(Z[train], y[train], 1 / noise[place[train]])
            expected = np.mean((y[~train] - Z[~train] @ coef) ** 2)
            assert row[e] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("levels", [True, False])
def test_support_errors_with_own_intercepts(random_table, problem_of, levels):
    X, y, place = random_table()
    problem = problem_of(X, y, place, intercept="environment", weights=SHARE)
    masks = every_support(problem)[1:]
    errors = support_errors(problem, masks, intercepts=levels) * problem.target_scale**2
    for mask, row in zip(masks, errors, strict=True):
        Z = np.column_stack([X[:, mask], np.eye(3)[place]])
        k = mask.sum()
        noise = np.array(
            [
                own_noise(
                    np.column_stack([X[:, mask], np.ones(len(y))])[place == e],
                    y[place == e],
                    np.zeros((place == e).sum(), dtype=int),
                )[0]
                for e in range(3)
            ]
        )
        for e in range(3):
            train = place != e
            kept = np.arange(3) != e
            columns = np.append(np.ones(k, bool), kept)
            coef = efficient(Z[train][:, columns], y[train], 1 / noise[place[train]])
            residual = y[~train] - X[~train][:, mask] @ coef[:k]
            average = SHARE[kept] @ coef[k:] / SHARE[kept].sum()
            expected = np.mean((residual - (average if levels else residual.mean())) ** 2)
            assert row[e] == pytest.approx(expected, rel=1e-7)


def test_pooled_and_mean_errors(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X, y, place, weights=SHARE)
    pooled = pooled_errors(problem) * problem.target_scale**2
    mean = mean_errors(problem) * problem.target_scale**2
    weight = (SHARE / np.bincount(place))[place]
    for e in range(3):
        train = place != e
        fit = LinearRegression().fit(X[train], y[train], sample_weight=weight[train])
        assert pooled[e] == pytest.approx(np.mean((y[~train] - fit.predict(X[~train])) ** 2))
        center = np.average(y[train], weights=weight[train])
        assert mean[e] == pytest.approx(np.mean((y[~train] - center) ** 2))


def test_errors_do_not_depend_on_units(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X, y, place)
    scaled = problem_of(X * 1e5 + 3, 1e-3 * y + 8, place)
    masks = every_support(problem)
    np.testing.assert_allclose(
        support_errors(scaled, masks), support_errors(problem, masks), rtol=1e-7
    )


def test_supports_that_cannot_be_fitted_have_infinite_errors(random_table, problem_of):
    X, y, place = random_table((4, 60, 80), 4)
    problem = problem_of(X, y, place)
    masks = every_support(problem)
    errors = support_errors(problem, masks)
    np.testing.assert_array_equal(np.isinf(errors).all(axis=1), masks.sum(axis=1) + 1 >= 4)
    assert not np.isnan(errors).any()


def test_all_the_weight_on_one_environment(random_table, problem_of):
    X, y, place = random_table()
    share = np.array([1.0, 0.0, 0.0])
    shared = problem_of(X, y, place, weights=share)
    own = problem_of(X, y, place, weights=share, intercept="environment")
    for problem in (shared, own):
        assert np.isfinite(support_errors(problem, every_support(problem))).all()
    assert np.isfinite(pooled_errors(shared)).all() and np.isfinite(mean_errors(shared)).all()


def test_moment_error_is_that_of_rows(random_table):
    X, y, place = random_table()
    moments = Moments.from_arrays(X, y, place)
    coef = np.array([1.0, -2.0, 0.5, 0.0])
    for e in range(3):
        expected = np.mean((y - X @ coef - 0.7)[place == e] ** 2)
        assert moment_error(moments, e, coef, 0.7) == pytest.approx(expected)


def test_moment_error_uses_frequency_weights(random_table):
    X, y, place = random_table()
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    moments = Moments.from_arrays(X, y, place, sample_weight=weight)
    problem = LinearProblem.from_moments(moments)
    np.testing.assert_allclose(problem.weights, np.bincount(place, weight) / weight.sum())
    expected = np.average((y - X[:, 0])[place == 1] ** 2, weights=weight[place == 1])
    assert moment_error(moments, 1, np.eye(4)[0], 0.0) == pytest.approx(expected)


def test_a_perfect_model_has_no_negative_error():
    X, place = np.random.default_rng(0).normal(size=(40, 1)) + 1e4, np.repeat([0, 1], 20)
    moments = Moments.from_arrays(X, 3 * X[:, 0] + 1, place)
    assert 0 <= moment_error(moments, 0, np.array([3.0]), 1.0) < 1e-6


def test_solve_is_least_norm():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(3, 6))
    b = A.T @ rng.normal(size=3)
    np.testing.assert_allclose(solve(A.T @ A, b), np.linalg.pinv(A.T @ A, rcond=1e-10) @ b)
    assert solve(np.zeros((0, 0)), np.zeros(0)).shape == (0,)
