"""Supports fitted many at once are those fitted one by one."""

import numpy as np
import pytest

from elinvar import Moments
from elinvar.datasets import make_random_linear
from elinvar.inference import LinearProblem, assess
from elinvar.inference.losses.squared import every_support, support_errors


def _regular() -> Moments:
    data = make_random_linear(n_features=7, n_environments=4, n_samples=200, rng=0)
    return Moments.from_arrays(data.X, data.y, data.environments)


def _rank_deficient() -> Moments:
    """A column that is constant in one environment, and one that others add up to in another."""
    rng = np.random.default_rng(1)
    X, environments = rng.normal(size=(200, 6)), np.repeat(list("abcd"), 50)
    X[:50, 2] = 1.0
    X[50:100, 5] = X[50:100, 0] + X[50:100, 1]
    return Moments.from_arrays(X, X[:, 0] - X[:, 3] + rng.normal(size=200), environments)


def _few_rows() -> Moments:
    data = make_random_linear(n_features=6, n_environments=5, n_samples=14, rng=2)
    return Moments.from_arrays(data.X, data.y, data.environments)


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
