"""Supports fitted many at once are those fitted one by one."""

import numpy as np
import pytest

from elinvar import Moments
from elinvar.datasets import make_random_linear
from elinvar.inference import LinearProblem, assess
from elinvar.inference.losses.squared import every_support, support_errors


def _regular(p: int = 7) -> Moments:
    data = make_random_linear(n_features=7, n_environments=4, n_samples=200, rng=0)
    return _of(data.X, data.y, data.environments, p)


def _rank_deficient(p: int = 6) -> Moments:
    """A column that is constant in one environment, and one that others add up to in another."""
    rng = np.random.default_rng(1)
    X, environments = rng.normal(size=(200, 6)), np.repeat(list("abcd"), 50)
    X[:50, 2] = 1.0
    X[50:100, 5] = X[50:100, 0] + X[50:100, 1]
    return _of(X, X[:, 0] - X[:, 3] + rng.normal(size=200), environments, p)


def _few_rows(p: int = 6) -> Moments:
    data = make_random_linear(n_features=6, n_environments=5, n_samples=14, rng=2)
    return _of(data.X, data.y, data.environments, p)


def _varying_in_one(p: int = 6) -> Moments:
    """A target that is the same number but in one environment: other weights are 10^200 times."""
    data = make_random_linear(n_features=6, n_environments=3, n_samples=200, rng=0)
    one = data.environments == data.environments[0]
    return _of(data.X, np.where(one, data.y, 0.0), data.environments, p)


def _of(X, y, environments, p: int) -> Moments:
    """Moments of these columns, and of noise up to ``p`` of them."""
    more = np.random.default_rng(5).normal(size=(len(X), p - X.shape[1]))
    return Moments.from_arrays(np.column_stack([X, more]), y, environments)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("moments", [_regular, _rank_deficient, _few_rows])
def test_many_supports_at_once_are_fitted_as_one_by_one(moments, intercept):
    problem = LinearProblem.from_moments(moments(), intercept=intercept)
    masks = every_support(problem)
    table = assess(problem, masks)
    alone = [assess(problem, mask[None]) for mask in masks]
    for name in ("coef", "p_value", "statistic", "freedom", "risk", "worst", "weakest"):
        one_by_one = np.concatenate([getattr(found, name) for found in alone])
        np.testing.assert_allclose(getattr(table, name), one_by_one, rtol=1e-9, atol=1e-12)
    errors = np.concatenate([support_errors(problem, mask[None]) for mask in masks])
    np.testing.assert_allclose(support_errors(problem, masks), errors, rtol=1e-9)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("moments", [_regular, _rank_deficient, _few_rows, _varying_in_one])
def test_supports_of_a_wide_table_are_fitted_as_those_of_a_narrow_one(moments, intercept):
    # what is compiled for tables of many columns against stacks of matrices
    narrow = LinearProblem.from_moments(moments(), intercept=intercept)
    wide = LinearProblem.from_moments(moments(12), intercept=intercept)
    masks = every_support(narrow)
    same = np.pad(masks, ((0, 0), (0, wide.n_gates - narrow.n_gates)))
    expected, found = assess(narrow, masks), assess(wide, same)
    for name in ("p_value", "statistic", "freedom", "risk", "worst", "weakest"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-12
        )
    np.testing.assert_allclose(
        found.coef[:, : expected.coef.shape[1]], expected.coef, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(support_errors(wide, same), support_errors(narrow, masks), rtol=1e-9)
