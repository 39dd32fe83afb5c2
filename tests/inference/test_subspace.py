"""Combinations of columns that hold: where they can be told, and where they cannot."""

import numpy as np
import pytest

from elinvar import InvariantRegressor
from elinvar.datasets import make_linear_unit_test, make_random_linear
from elinvar.environments import Moments
from elinvar.inference import LinearProblem
from elinvar.inference.losses.squared import invariant_subspace


def problem_of(known):
    return LinearProblem.from_moments(Moments.from_arrays(known.X, known.y, known.environments))


def loss(w, b, new):
    return float(np.mean((new.X @ w + b - new.y) ** 2))


@pytest.mark.parametrize("seed", range(3))
def test_mixed_columns_are_predicted_like_the_oracle(seed):
    known = make_linear_unit_test(
        1, rotated=True, n_environments=10, n_samples=2000, rng=np.random.default_rng(seed)
    )
    table = problem_of(known)
    found = invariant_subspace(table, 1e-4)
    assert found.removed == 1  # all spurious columns follow one number
    w, b, _ = table.original(found.coef)
    new = known.new_environments(2000, 1, n_environments=10)
    assert loss(w, b, new) < 1.05 * np.mean((known.oracle(new.X) - new.y) ** 2)


def test_five_directions_are_told_by_ten_environments_and_not_by_three():
    wrong = {}
    for n in (3, 10):
        known = make_linear_unit_test(3, rotated=True, n_environments=n, n_samples=2000, rng=1)
        found = invariant_subspace(problem_of(known), 1e-4)
        if found is not None:
            w, b, _ = problem_of(known).original(found.coef)
            new = known.new_environments(2000, 1, n_environments=10)
            wrong[n] = float(np.mean((new.X @ w + b > 0.5) != (new.y > 0.5)))
    assert list(wrong) == [10] and wrong[10] < 0.03


def test_turning_the_columns_changes_nothing():
    known = make_linear_unit_test(1, rotated=True, n_environments=6, n_samples=1000, rng=2)
    turned = known.X @ np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]
    plain = invariant_subspace(problem_of(known), 1e-4)
    table = LinearProblem.from_moments(Moments.from_arrays(turned, known.y, known.environments))
    other = invariant_subspace(table, 1e-4)
    np.testing.assert_allclose(other.errors, plain.errors, rtol=0.02)
    assert other.removed == plain.removed


@pytest.mark.parametrize(("example", "n_environments", "seed"), [(1, 10, 1), (3, 10, 0), (1, 5, 0)])
def test_order_and_signs_of_columns_change_nothing(example, n_environments, seed):
    known = make_linear_unit_test(
        example, rotated=True, n_environments=n_environments, n_samples=600, rng=seed
    )
    plain = invariant_subspace(problem_of(known), 1e-4)
    w, b, _ = problem_of(known).original(plain.coef)
    for k in range(3):
        rng = np.random.default_rng(k)
        order, sign = rng.permutation(len(w)), rng.choice([-1.0, 1.0], len(w))
        moments = Moments.from_arrays((known.X * sign)[:, order], known.y, known.environments)
        table = LinearProblem.from_moments(moments)
        turned, c, _ = table.original(invariant_subspace(table, 1e-4).coef)
        moved = known.X @ (w - sign * turned[np.argsort(order)]) + b - c
        assert np.abs(moved).max() < 1e-6 * known.y.std()


@pytest.mark.parametrize("broken", ["target", "confounder"])
def test_nothing_is_found_where_nothing_holds(broken):
    for seed in range(3):
        known = make_random_linear(n_features=8, n_samples=1000, broken=broken, rng=seed)
        assert invariant_subspace(problem_of(known), 1 / 5000) is None


def test_tables_that_are_not_for_this():
    known = make_random_linear(n_features=6, n_environments=2, n_samples=200, rng=0)
    assert invariant_subspace(problem_of(known), 0.01) is None
    wide = make_random_linear(n_features=30, n_environments=4, n_samples=200, rng=0)
    assert invariant_subspace(problem_of(wide), 0.01) is None


def test_the_regressor_predicts_with_it_and_says_so():
    known = make_linear_unit_test(
        1, rotated=True, n_environments=10, n_samples=2000, rng=np.random.default_rng(0)
    )
    model = InvariantRegressor().fit(known.X, known.y, environments=known.environments)
    assert model.predictor_ == "subspace"
    assert "combinations of columns" in " ".join(model.notes_) + model.summary()
    asked = InvariantRegressor(predictor="invariant")
    asked.fit(known.X, known.y, environments=known.environments)
    assert asked.predictor_ == "invariant" and not np.allclose(asked.coef_, model.coef_)


def test_what_is_not_identifiable_is_called_so():
    known = make_linear_unit_test(3, rotated=True, n_samples=1000, rng=1)
    model = InvariantRegressor().fit(known.X, known.y, environments=known.environments)
    assert model.predictor_ != "subspace"
    assert "cannot be found here" in " ".join(model.notes_)
