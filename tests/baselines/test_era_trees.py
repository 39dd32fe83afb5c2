"""Era splitting and group DRO boosting: what splits are allowed, and published claims."""

import numpy as np
import pytest
from peer_rows import rows

from elinvar.baselines import (
    BoostingRegressor,
    EraSplittingRegressor,
    GroupDROBoostingRegressor,
)
from elinvar.baselines._era_trees import EraGrower


def shifted_sine(seed, n=64, each=32):
    """The paper's example: one wave, a level of each era, and noise; all of sd 2."""
    rng = np.random.default_rng(seed)
    era = np.repeat(np.arange(n), each)
    x = 2 * np.pi * rng.random(n * each)
    y = np.sin(x) + 2 * rng.normal(size=n)[era] + 2 * rng.normal(size=n * each)
    return x[:, None], y, era


def test_era_splitting_sees_the_wave_under_shifting_levels():
    # published, one draw: correlation with the wave .52 for boosting, .90 era splitting, .70 its
    # directional form
    correlations = []
    for seed in range(4):
        X, y, era = shifted_sine(seed)
        grid = np.linspace(0.1, 6.1, 100)[:, None]
        methods = [
            BoostingRegressor(learning_rate=1.0),
            EraSplittingRegressor(learning_rate=1.0),
            EraSplittingRegressor(learning_rate=1.0, criterion="direction"),
        ]
        fits = [method.fit(X, y, environments=era).predict(grid) for method in methods]
        correlations.append([np.corrcoef(fit, np.sin(grid[:, 0]))[0, 1] for fit in fits])
    pooled, splitting, directional = np.mean(correlations, axis=0)
    assert pooled < 0.7 and splitting > 0.85 and directional > 0.7


def turning(seed, n=500):
    """A curved cause, and an effect of the target that turns round in one of four environments."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(4), n)
    cause = rng.normal(size=4 * n)
    y = np.abs(cause) + 0.5 * rng.normal(size=4 * n)
    effect = np.array([1.0, -1.0, 1.0, -1.0])[place] * y + 0.3 * rng.normal(size=4 * n)
    return np.column_stack([cause, effect]), y, place


def test_directional_splits_leave_out_what_turns_round():
    X, y, place = turning(0)
    model = EraSplittingRegressor(criterion="direction", n_trees=30, max_leaf_nodes=4)
    model.fit(X, y, environments=place)
    first = [tree.feature[0] for tree in model.trees_[:10]]
    assert first == [0] * 10


def test_with_one_environment_it_is_ordinary_boosting():
    X, y, _ = rows()
    model = EraSplittingRegressor(n_trees=50, max_leaf_nodes=8).fit(X, y)
    other = BoostingRegressor(n_trees=50, max_leaf_nodes=8).fit(X, y)
    ours, theirs = model.predict(X), other.predict(X)
    assert np.mean((ours - theirs) ** 2) < 0.05 * np.var(y)


def test_every_leaf_has_rows_of_every_environment():
    X, y, place = rows()
    codes = np.unique(place, return_inverse=True)[1]
    grower = EraGrower(
        X,
        codes,
        lambda low, high, n_low, n_high: (low**2 / n_low + high**2 / n_high).mean(axis=2),
        max_leaf_nodes=16,
        max_depth=6,
        min_samples_leaf=5,
    )
    tree, fitted = grower.grow(y - y.mean())
    np.testing.assert_array_equal(tree.predict(X), fitted)
    leaves = np.unique(fitted)
    assert len(leaves) > 4
    for value in leaves:
        inside = codes[fitted == value]
        assert len(inside) >= 5 and len(np.unique(inside)) == 3
        # a leaf's value is the mean of its rows
        assert value == pytest.approx((y - y.mean())[fitted == value].mean())


@pytest.mark.parametrize("alpha", [-100.0, 0.0, 100.0])
def test_alpha_leans_from_the_worst_to_the_best_environment(alpha):
    low = np.array([[[2.0, 0.5]]])
    ones = np.ones_like(low)
    value = EraSplittingRegressor(alpha=alpha)._gain(low, -low, ones, ones)[0, 0]
    # gains are 2 low^2
    assert value == pytest.approx({-100.0: 0.5, 0.0: 4.25, 100.0: 8.0}[alpha], rel=1e-6)


def test_group_dro_boosting_lifts_the_worst_environment():
    rng = np.random.default_rng(0)
    place = np.repeat(["large", "small"], [2000, 200])
    x = rng.normal(size=(2200, 1))
    y = np.where(place == "large", x[:, 0], -x[:, 0]) + 0.3 * rng.normal(size=2200)

    def worst(model):
        error = (y - model.fit(x, y, environments=place).predict(x)) ** 2
        return max(error[place == one].mean() for one in ("large", "small"))

    fair = GroupDROBoostingRegressor(weight_step=0.3)
    assert worst(fair) < 0.7 * worst(BoostingRegressor(max_leaf_nodes=15))
    assert fair.weights_.sum() == pytest.approx(1.0)
