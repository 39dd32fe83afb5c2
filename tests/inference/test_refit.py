"""The efficient refit against weighted least squares on rows."""

import numpy as np
import pytest
from scipy import stats

from elinvar.inference import assess
from elinvar.inference.losses.squared import every_support, refit
from elinvar.inference.tests import agreement_p_value


def standardised(problem, X, y):
    Z = (X - X.mean(axis=0)) / problem.scale
    return np.column_stack([np.ones(len(y)), Z]), (y - y.mean()) / problem.target_scale


def test_refit_is_weighted_least_squares(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X, y, place)
    Z, target = standardised(problem, X, y)
    for mask in every_support(problem):
        columns = np.append(0, 1 + np.flatnonzero(mask))
        fit = refit(problem, mask)
        np.testing.assert_array_equal(fit.columns, columns)
        weight = np.empty(len(y))
        for e in range(3):
            A, b = Z[place == e][:, columns], target[place == e]
            own = np.linalg.lstsq(A, b, rcond=None)[0]
            freedom = len(b) - len(columns)
            noise = np.sum((b - A @ own) ** 2) / freedom
            np.testing.assert_allclose(fit.own[e], own, rtol=1e-7)
            np.testing.assert_allclose(fit.own_covariance[e], noise * np.linalg.inv(A.T @ A))
            assert fit.freedom[e] == freedom
            weight[place == e] = 1 / noise
        A = Z[:, columns]
        covariance = np.linalg.inv(A.T @ (A * weight[:, None]))
        np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-7)
        np.testing.assert_allclose(fit.coef, covariance @ (A.T @ (weight * target)), rtol=1e-7)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_refit_and_assessment_agree(random_table, problem_of, intercept):
    X, y, place = random_table(spread=0.1)
    problem = problem_of(X, y, place, intercept=intercept)
    table = assess(problem, every_support(problem))
    for mask, coef in zip(table.masks, table.coef, strict=True):
        fit = refit(problem, mask)
        np.testing.assert_allclose(fit.coef, coef[fit.columns], rtol=1e-7)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_agreement_on_all_coefficients_is_the_overidentification_test(
    random_table, problem_of, intercept
):
    X, y, place = random_table(spread=0.1, level=0.2)
    problem = problem_of(X, y, place, intercept=intercept)
    table = assess(problem, every_support(problem)[1:])
    for mask, p_value in zip(table.masks, table.p_value, strict=True):
        fit = refit(problem, mask)
        got = agreement_p_value(fit.own, fit.own_covariance, fit.freedom)
        assert got == pytest.approx(p_value, rel=1e-6, abs=1e-14)


def test_agreement_of_two_means_is_welchs_t():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 9), rng.normal(1, 4, 15)
    p_value = agreement_p_value(
        np.array([[a.mean()], [b.mean()]]),
        np.array([[[a.var(ddof=1) / 9]], [[b.var(ddof=1) / 15]]]),
        np.array([8.0, 14.0]),
    )
    assert p_value == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)


def test_environments_compare_what_they_can_tell():
    own = np.array([[1.0, 2.0], [1.5, 1.0], [50.0, -50.0]])
    covariance = np.array([np.eye(2) * 0.1, np.eye(2) * 0.2, np.zeros((2, 2))])
    freedom = np.array([20.0, 30.0, 40.0])
    both = agreement_p_value(own[:2], covariance[:2], freedom[:2])
    assert agreement_p_value(own, covariance, freedom) == both
    assert agreement_p_value(own[1:], covariance[1:], freedom[1:]) == 1.0
    assert agreement_p_value(own[:, :0], covariance[:, :0, :0], freedom) == 1.0
    # the first coefficient alone, where the second is told once
    covariance[1:] = np.diag([0.2, 0.0])
    first = agreement_p_value(own[:2, :1], covariance[:2, :1, :1], freedom[:2])
    assert agreement_p_value(own[:2], covariance[:2], freedom[:2]) == pytest.approx(first)
    assert agreement_p_value(own, covariance, freedom) < 1e-6


def test_agreement_is_uniform_where_effects_are_the_same(problem_of):
    rng = np.random.default_rng(0)
    place = np.repeat([0, 1, 2], [30, 60, 90])
    noise = np.array([1.0, 3.0, 0.5])[place]
    p_values = []
    for _ in range(800):
        X = rng.normal(size=(180, 2))
        problem = problem_of(X, X[:, 0] + noise * rng.normal(size=180), place)
        fit = refit(problem, np.array([True, True]))
        p_values.append(
            agreement_p_value(fit.own[:, 1:2], fit.own_covariance[:, 1:2, 1:2], fit.freedom)
        )
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3
    assert 0.03 < np.mean(np.array(p_values) < 0.05) < 0.07


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_collinear_environments_cannot_tell_what_they_mix(random_table, problem_of, intercept):
    X, y, place = random_table((200, 200, 200), 3, spread=0.0, level=0.0)
    X[place == 2, 2] = 5 * X[place == 2, 0]
    y = X @ [1.0, 0.3, -0.1] + np.random.default_rng(0).normal(size=600)
    problem = problem_of(X, y, place, intercept=intercept)
    fit = refit(problem, np.ones(3, dtype=bool))
    shift = problem.offset

    def p_value(feature):
        places = [shift + feature]
        return agreement_p_value(
            fit.own[:, places], fit.own_covariance[:, places][:, :, places], fit.freedom
        )

    assert min(p_value(0), p_value(2)) > 0.001
    y[place == 2] += 3 * X[place == 2, 1]
    fit = refit(problem_of(X, y, place, intercept=intercept), np.ones(3, dtype=bool))
    assert p_value(1) < 1e-6
