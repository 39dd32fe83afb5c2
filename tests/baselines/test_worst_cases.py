"""FAIR, DRIG, maximin, NegDRO, stabilised regression: closed forms and published figures."""

from itertools import combinations

import numpy as np
import pytest
from peer_rows import rows

from elinvar.baselines import (
    AnchorRegressor,
    DRIGRegressor,
    FAIRRegressor,
    GroupDRORegressor,
    MaximinRegressor,
    NegDRORegressor,
    PooledRegressor,
    StabilisedRegressor,
)
from elinvar.baselines._neg_dro import onto_simplex
from elinvar.datasets import make_eills
from elinvar.errors import DataError


def risk_of(X, y):
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    return np.mean((y - X @ w) ** 2), w


@pytest.mark.parametrize("penalty", [1.0, 36.0])
def test_fair_is_the_best_of_all_supports(penalty):
    X, y, place = rows()
    best = None
    for size in range(6):
        for support in combinations(range(5), size):
            Z = np.column_stack([np.ones(len(y)), X[:, support]])
            inside = [place == one for one in np.unique(place)]
            share = np.sqrt(np.mean([at.mean() for at in inside]) / [at.mean() for at in inside])
            # equal environments: rows weigh one over their environment's number of rows
            weight = np.sum([at * one for at, one in zip(inside, share, strict=True)], axis=0)
            w = risk_of(weight[:, None] * Z, weight * y)[1]
            risks = [np.mean((y[at] - Z[at] @ w) ** 2) for at in inside]
            # what the opponent of an environment gains is its own least squares' advantage
            gains = [r - risk_of(Z[at], y[at])[0] for r, at in zip(risks, inside, strict=True)]
            value = np.mean(risks) / 2 + penalty * np.mean(gains) / 2
            if best is None or value < best[0]:
                best = value, support, w
    model = FAIRRegressor(penalty=penalty).fit(X, y, environments=place)
    assert tuple(np.flatnonzero(model.selected_)) == best[1]
    np.testing.assert_allclose(model.coef_[model.selected_], best[2][1:], rtol=1e-6)


def test_fair_does_not_care_for_units():
    X, y, place = rows()
    scale = np.array([1.0, 10.0, 0.1, 100.0, 3.0])
    plain = FAIRRegressor().fit(X, y, environments=place)
    scaled = FAIRRegressor().fit(X * scale + 5, y, environments=place)
    np.testing.assert_allclose(scaled.coef_ * scale, plain.coef_, atol=1e-8)


def test_fair_finds_the_causes_of_the_eills_model():
    found = []
    for seed in range(6):
        data = make_eills(n_samples=1000, rng=seed)
        model = FAIRRegressor().fit(data.X, data.y, environments=data.environments)
        found.append(np.sum((model.coef_ - data.coef) ** 2))
    assert np.median(found) < 0.01


def one_cause(seed, n=200_000):
    """Example 1 of the DRIG paper: y = 2 x + noise that x shares; shifts of x, or of both."""
    rng = np.random.default_rng(seed)
    noise = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 2 * n)
    noise[n:] += rng.multivariate_normal([0.5, 0.1], [[1, 0.1], [0.1, 0.05]], n)
    return noise[:, :1], 2 * noise[:, 0] + noise[:, 1], np.repeat(["observed", "shifted"], n)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 5.0, 50.0])
def test_drig_has_the_population_value_of_its_example(gamma):
    # E x^2 = 1 and 1 + .5^2 + 1; E xy = 2 E x^2 + E x noise_y, the last .5 and .5 + .5 * .1 + .1
    gram = 1 + gamma / 2 * (2.25 - 1)
    cross = 2.5 + gamma / 2 * (2 * 2.25 + 0.65 - 2.5)
    X, y, place = one_cause(0)
    model = DRIGRegressor(gamma=gamma).fit(X, y, environments=place)
    assert model.reference_ == "observed"
    assert model.coef_[0] == pytest.approx(cross / gram, abs=0.01)


@pytest.mark.needs("ivmodels")
def test_drig_beats_anchor_regression_and_least_squares_under_strong_shifts():
    # the claim of the paper's example: noise of twice or more the variance seen in training
    train, new = one_cause(0), np.random.default_rng(1)
    noise = new.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 100_000)
    noise += new.multivariate_normal([1.6, 0.3], 5 * np.array([[1, 0.1], [0.1, 0.05]]), 100_000)
    X, y = noise[:, :1], 2 * noise[:, 0] + noise[:, 1]
    methods = [DRIGRegressor(gamma=5.0), AnchorRegressor(gamma=5.0), PooledRegressor()]
    fits = [m.fit(train[0], train[1], environments=train[2]) for m in methods]
    drig, anchor, pooled = (np.mean((y - fit.predict(X)) ** 2) for fit in fits)
    assert drig < anchor < 1.01 * pooled


@pytest.mark.parametrize("n", [(200, 200, 200), (50, 300, 90)])
def test_drig_with_gamma_one_is_least_squares_through_the_reference(n):
    X, y, place = rows(n=n)
    model = DRIGRegressor(gamma=1.0, reference="b", environment_weights="size")
    model.fit(X, y, environments=place)
    x, t = X - X[place == "b"].mean(axis=0), y - y[place == "b"].mean()
    np.testing.assert_allclose(model.coef_, np.linalg.lstsq(x, t, rcond=None)[0], atol=1e-8)


def test_drig_refuses_a_reference_that_is_not_there():
    X, y, place = rows()
    with pytest.raises(DataError, match="no environment 'z' to be the reference; the data has a"):
        DRIGRegressor(reference="z").fit(X, y, environments=place)


def varying(effects, n=4000):
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(len(effects)), n)
    X = rng.normal(size=(len(place), 2))
    y = np.sum(X * np.array(effects)[place], axis=1) + rng.normal(size=len(place))
    return X, y, place


def test_maximin_keeps_what_is_sure_and_drops_effects_that_turn():
    X, y, place = varying([(1.0, 2.0), (1.0, -2.0), (1.0, 0.5)])
    model = MaximinRegressor().fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_, [1.0, 0.0], atol=0.05)


def test_maximin_takes_the_smallest_of_effects_of_one_sign():
    X, y, place = varying([(1.0, 2.0), (1.0, 3.0), (1.0, 5.0)])
    model = MaximinRegressor().fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_, [1.0, 2.0], atol=0.05)
    np.testing.assert_allclose(model.weights_, [1.0, 0.0, 0.0], atol=1e-6)


def test_maximin_explains_as_much_in_all_environments_that_count():
    X, y, place = rows(levels=False)
    model = MaximinRegressor().fit(X, y, environments=place)
    centred = [X[place == e] - X[place == e].mean(axis=0) for e in "abc"]
    cov = np.mean([x.T @ x / len(x) for x in centred], axis=0)
    own = [
        np.linalg.lstsq(x, y[place == e], rcond=None)[0]
        for e, x in zip("abc", centred, strict=False)
    ]
    gains = [2 * model.coef_ @ cov @ b - model.coef_ @ cov @ model.coef_ for b in own]
    counts = model.weights_ > 1e-6
    assert np.ptp(np.array(gains)[counts]) < 1e-5
    assert (np.array(gains) > min(gains) - 1e-5).all()


def test_negdro_without_negative_weights_is_group_dro():
    X, y, place = rows()
    model = NegDRORegressor(gamma=0.0).fit(X, y, environments=place)
    worst = GroupDRORegressor().fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_, worst.coef_, atol=2e-3)


def test_negdro_makes_risks_equal():
    X, y, place = rows(n=(4000,) * 3, levels=False)
    model = NegDRORegressor(gamma=20.0).fit(X, y, environments=place)
    assert np.ptp(model.risks_) < 0.01 * model.risks_.mean()


def test_the_nearest_point_of_the_simplex():
    rng = np.random.default_rng(0)
    for _ in range(20):
        v = rng.normal(size=5)
        q = onto_simplex(v)
        assert q.sum() == pytest.approx(1.0) and (q >= 0).all()
        # optimality: (v - q)'(p - q) <= 0 for every corner p
        assert ((v - q) @ (np.eye(5) - q).T <= 1e-12).all()


def test_stabilised_regression_averages_over_stable_sets_alone():
    X, y, place = rows(n=(2000, 2000, 2000), levels=False)
    model = StabilisedRegressor().fit(X, y, environments=place)
    np.testing.assert_array_equal(model.importance_, [1, 1, 1, 0, 0])
    np.testing.assert_allclose(model.coef_, [1.0, -2.0, 0.5, 0.0, 0.0], atol=0.05)


def test_stabilised_regression_without_heterogeneity_is_least_squares_on_what_predicts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4))
    y = X[:, :2] @ [1.0, 2.0] + rng.normal(size=3000)
    model = StabilisedRegressor().fit(X, y, environments=np.repeat([0, 1, 2], 1000))
    assert (model.importance_[:2] == 1).all() and (model.importance_[2:] < 1).all()
    np.testing.assert_allclose(model.coef_, [1.0, 2.0, 0.0, 0.0], atol=0.05)
