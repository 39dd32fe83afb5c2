"""Linear peers: closed forms, third parties, and the claim that each is known for."""

import numpy as np
import pytest
from peer_rows import rows
from sklearn.linear_model import LassoCV, LinearRegression
from sklearn.model_selection import LeaveOneGroupOut

from elinvar.baselines import (
    AnchorBoostingRegressor,
    AnchorRegressor,
    BoostingRegressor,
    CausalDantzigRegressor,
    ConstantRegressor,
    ElasticNetRegressor,
    FixedEffectsRegressor,
    KClassRegressor,
    LassoRegressor,
    OracleRegressor,
    PooledRegressor,
    RandomInterceptRegressor,
    RidgeRegressor,
)
from elinvar.datasets import make_curved, make_linear_unit_test
from elinvar.errors import DataError


def centred(X, y, place):
    """Return columns and target less their means, and the same averaged within environments."""
    X, y = X - X.mean(axis=0), y - y.mean()
    means = [np.where(place[:, None] == one, X[place == one].mean(0), 0) for one in set(place)]
    levels = [np.where(place == one, y[place == one].mean(), 0) for one in set(place)]
    return X, y, sum(means), sum(levels)


@pytest.mark.needs("ivmodels")
@pytest.mark.parametrize("gamma", [0.5, 1.0, 7.0, 1e4])
def test_anchor_has_its_closed_form(gamma):
    X, y, place = rows()
    x, t, px, pt = centred(X, y, place)
    gram = x.T @ x + (gamma - 1) * px.T @ px
    expected = np.linalg.solve(gram, x.T @ t + (gamma - 1) * px.T @ pt)
    model = AnchorRegressor(gamma=gamma).fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_, expected, rtol=1e-4, atol=1e-5)
    assert np.mean(model.predict(X)) == pytest.approx(y.mean())


@pytest.mark.needs("ivmodels")
def test_anchor_with_gamma_one_is_pooled_least_squares():
    X, y, place = rows()
    model = AnchorRegressor(gamma=1.0).fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_, PooledRegressor().fit(X, y).coef_, atol=1e-5)


def restricted_likelihood(X, y, place, ratio):
    """Return coefficients and minus twice the restricted log likelihood, by dense matrices."""
    Z = np.column_stack([np.ones(len(y)), X])
    V = np.eye(len(y)) + ratio * (place[:, None] == place[None, :])
    inverse = np.linalg.inv(V)
    gram = Z.T @ inverse @ Z
    coef = np.linalg.solve(gram, Z.T @ inverse @ y)
    left = (y - Z @ coef) @ inverse @ (y - Z @ coef)
    deviance = (len(y) - Z.shape[1]) * np.log(left)
    return coef, deviance + np.linalg.slogdet(V)[1] + np.linalg.slogdet(gram)[1]


def test_random_intercept_is_the_restricted_maximum_likelihood():
    X, y, place = rows(n=(20, 30, 25, 40))
    y = y + np.array([0.0, 2.0, -1.0, 3.0])[np.unique(place, return_inverse=True)[1]]
    model = RandomInterceptRegressor().fit(X, y, environments=place)
    ratios = np.geomspace(1e-4, 1e3, 200)
    deviance = [restricted_likelihood(X, y, place, ratio)[1] for ratio in ratios]
    coef, _ = restricted_likelihood(X, y, place, ratios[np.argmin(deviance)])
    np.testing.assert_allclose(np.append(model.intercept_, model.coef_), coef, atol=0.02)


def test_random_intercept_lies_between_pooled_and_fixed_effects():
    X, y, place = rows(levels=False, n=(3000, 3000, 3000))
    levels = 50 * np.unique(place, return_inverse=True)[1]
    far = RandomInterceptRegressor().fit(X, y + levels, environments=place)
    within = FixedEffectsRegressor().fit(X, y + levels, environments=place)
    np.testing.assert_allclose(far.coef_, within.coef_, atol=0.01)
    one = RandomInterceptRegressor().fit(X, y)
    np.testing.assert_allclose(one.coef_, PooledRegressor().fit(X, y).coef_, rtol=1e-6)


def test_ridge_has_its_closed_form():
    X, y, place = rows()
    x = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = np.linalg.solve(x.T @ x / len(y) + 0.3 * np.eye(5), x.T @ (y - y.mean()) / len(y))
    model = RidgeRegressor(penalty=0.3).fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_ * X.std(axis=0), expected)
    assert np.mean(model.predict(X)) == pytest.approx(y.mean())


def shifted(n=2000):
    """A hidden cause of column and target; environments shift the column alone."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(4), n)
    hidden = rng.normal(size=4 * n)
    X = (np.array([-3.0, -1.0, 1.0, 3.0])[place] + hidden + rng.normal(size=4 * n))[:, None]
    return X, 2 * X[:, 0] + 3 * hidden + rng.normal(size=4 * n), place


@pytest.mark.needs("ivmodels")
@pytest.mark.parametrize("kappa", ["tsls", "liml", "fuller"])
def test_k_class_sees_through_a_hidden_cause_where_least_squares_does_not(kappa):
    X, y, place = shifted()
    model = KClassRegressor(kappa=kappa).fit(X, y, environments=place)
    assert model.coef_[0] == pytest.approx(2.0, abs=0.05)
    assert abs(PooledRegressor().fit(X, y).coef_[0] - 2.0) > 0.3


@pytest.mark.needs("ivmodels")
def test_two_stage_least_squares_has_its_closed_form():
    X, y, place = rows(n=(100,) * 8)
    _, _, px, pt = centred(X, y, place)
    model = KClassRegressor(kappa="tsls").fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_, np.linalg.lstsq(px, pt, rcond=None)[0], rtol=1e-4)


def test_k_class_needs_an_environment_more_than_columns():
    with pytest.raises(DataError, match="got 3 environments for 5 columns"):
        KClassRegressor().fit(*rows()[:2], environments=rows()[2])


def hidden(seed=0, n=20_000, n_environments=2):
    """A hidden cause, additive interventions on all columns but the target: the paper's model."""
    rng = np.random.default_rng(seed)
    X, y, place = [], [], []
    for e in range(n_environments):
        h = rng.normal(size=n)
        noise = rng.normal(size=(n, 3)) * (1 + e * np.array([1.0, 0.5, 1.5]))
        x0 = h + noise[:, 0]
        x1 = 0.5 * x0 - h + noise[:, 1]
        t = 1.5 * x0 - x1 + 2 * h + rng.normal(size=n)
        x2 = t + h + noise[:, 2]
        X.append(np.column_stack([x0, x1, x2]))
        y.append(t)
        place.append(np.full(n, e))
    return np.concatenate(X), np.concatenate(y), np.concatenate(place)


@pytest.mark.parametrize("n_environments", [2, 4])
def test_causal_dantzig_is_right_despite_a_hidden_cause(n_environments):
    X, y, place = hidden(n_environments=n_environments)
    model = CausalDantzigRegressor().fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_, [1.5, -1.0, 0.0], atol=0.12)
    assert np.abs(PooledRegressor().fit(X, y).coef_ - [1.5, -1.0, 0.0]).max() > 0.24


def test_causal_dantzig_with_two_environments_is_the_paper_s_estimator():
    X, y, place = rows(n=(300, 400))
    x, t = X - X.mean(axis=0), y - y.mean()
    one, two = place == "a", place == "b"
    G = x[one].T @ x[one] / one.sum() - x[two].T @ x[two] / two.sum()
    z = x[one].T @ t[one] / one.sum() - x[two].T @ t[two] / two.sum()
    model = CausalDantzigRegressor().fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_, np.linalg.solve(G, z), rtol=1e-6)
    assert np.mean(model.predict(X)) == pytest.approx(y.mean())


def test_causal_dantzig_is_consistent():
    errors = [
        np.mean(
            [
                np.sum((CausalDantzigRegressor().fit(*fit[:2], environments=fit[2]).coef_
                        - [1.5, -1.0, 0.0]) ** 2)
                for fit in (hidden(seed, n) for seed in range(10))
            ]
        )
        for n in (500, 8000)
    ]  # fmt: skip
    # the mean squared error falls like one over n: sixteen times, here within a factor of three
    assert errors[1] < errors[0] / 5


def test_the_regularised_dantzig_shrinks_to_nothing():
    X, y, place = hidden(n=2000)
    sizes = []
    for penalty in (0.0, 1e-4, 0.1, 0.5, 1.0):
        model = CausalDantzigRegressor(penalty=penalty).fit(X, y, environments=place)
        sizes.append(np.abs(model.coef_ * X.std(axis=0)).sum())
    assert sizes[1] == pytest.approx(sizes[0], rel=0.01)
    assert np.all(np.diff(sizes) < 1e-8) and sizes[-1] < 1e-8
    assert not model.selected_.any()


def test_lasso_agrees_with_scikit_learn_on_left_out_environments():
    X, y, place = rows()
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    folds = list(LeaveOneGroupOut().split(Z, y, place))
    expected = LassoCV(cv=folds, max_iter=100_000, tol=1e-8).fit(Z, y)
    model = LassoRegressor().fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_ * X.std(axis=0), expected.coef_, atol=1e-3)
    np.testing.assert_allclose(model.predict(X), expected.predict(Z), atol=1e-3)


def test_elastic_net_and_lasso_differ():
    X, y, place = rows()
    found = [
        model.fit(X, y, environments=place).coef_
        for model in (ElasticNetRegressor(l1_ratio=0.1), LassoRegressor())
    ]
    assert not np.allclose(*found)


def test_fixed_effects_are_least_squares_with_a_column_for_each_environment():
    X, y, place = rows()
    names = np.unique(place)
    wide = np.column_stack([X, place[:, None] == names])
    expected = LinearRegression(fit_intercept=False).fit(wide, y).coef_
    model = FixedEffectsRegressor().fit(X, y, environments=place)
    np.testing.assert_allclose(model.coef_, expected[:5])
    np.testing.assert_allclose(list(model.environment_intercepts_.values()), expected[5:])
    np.testing.assert_allclose(model.predict(X, environments=place), wide @ expected)


def test_constant_predicts_the_mean():
    X, y, place = rows()
    model = ConstantRegressor().fit(X, y, environments=place)
    np.testing.assert_allclose(model.predict(X), y.mean())


@pytest.mark.parametrize("rotated", [False, True])
def test_the_oracle_is_least_squares_on_the_true_columns(rotated):
    data = make_linear_unit_test(1, n_samples=500, rotated=rotated, rng=0)
    model = OracleRegressor(support=data.support, rotation=data.rotation)
    model.fit(data.X, data.y, environments=data.environments)
    own = LinearRegression().fit(data.invariant_columns(data.X), data.y)
    np.testing.assert_allclose(
        model.predict(data.X), own.predict(data.invariant_columns(data.X)), atol=1e-9
    )
    assert (model.selected_ is None) == rotated


def test_the_oracle_of_curved_effects_is_boosting_on_the_causes():
    data = make_curved(changes="size", turned=True, n_samples=400, rng=0)
    new = data.new_environments(400, 1)
    told = {"support": data.support, "curved": True}
    model = OracleRegressor(**told).fit(data.X, data.y, environments=data.environments)
    linear = OracleRegressor(support=data.support)
    linear.fit(data.X, data.y, environments=data.environments)

    def error(X):
        return np.mean((model.predict(X) - new.y) ** 2)

    changed = new.X.copy()
    changed[:, ~data.support] = 0
    assert error(changed) == error(new.X)
    assert error(new.X) < 0.7 * np.mean((linear.predict(new.X) - new.y) ** 2)


def test_the_oracle_must_be_told():
    X, y, place = rows()
    with pytest.raises(DataError, match="5 truth values, one for each column; got nothing"):
        OracleRegressor().fit(X, y, environments=place)
    with pytest.raises(DataError, match=r"got shape \(2,\)"):
        OracleRegressor(support=[True, False]).fit(X, y, environments=place)
    with pytest.raises(DataError, match="rotation has shape"):
        OracleRegressor(support=[True] * 5, rotation=np.eye(2)).fit(X, y, environments=place)


@pytest.mark.needs("anchorboosting")
def test_boosting_learns_what_no_line_can():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2))
    y = np.abs(X[:, 0]) + 0.1 * rng.normal(size=2000)
    place = np.repeat([0, 1], 1000)
    for model in (BoostingRegressor(), AnchorBoostingRegressor(gamma=1.0)):
        error = np.mean((model.fit(X, y, environments=place).predict(X) - y) ** 2)
        assert error < 0.05 * y.var()


@pytest.mark.needs("anchorboosting")
def test_anchor_boosting_pays_for_smaller_differences_between_environments():
    X, y, place = shifted(n=500)
    y = y + 2.0 * place
    gaps = []
    for gamma in (1.0, 100.0):
        model = AnchorBoostingRegressor(gamma=gamma).fit(X[:, :1] ** 2, y, environments=place)
        residual = y - model.predict(X[:, :1] ** 2)
        gaps.append(np.std([residual[place == e].mean() for e in range(4)]))
    assert gaps[1] < gaps[0]
