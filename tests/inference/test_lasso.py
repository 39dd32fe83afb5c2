"""The lasso from moments against scikit-learn's on the rows."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from elinvar.environments import Moments
from elinvar.inference.losses.squared import lasso_model, lasso_without

SHARE = np.array([0.5, 0.2, 0.3])


def row_weights(place, share):
    return (share / np.bincount(place))[place]


def scales(X, weight):
    return np.sqrt(weight @ (X - weight @ X) ** 2)


def gradient(model, X, y, weight):
    """Correlation of residual and standardised columns; the penalty is its size on open ones."""
    Z = (X - weight @ X) / scales(X, weight)
    return Z.T @ (weight * (y - X @ model.coef - model.intercept))


def penalty(model, X, y, weight):
    return np.abs(gradient(model, X, y, weight))[model.coef != 0].max()


def theirs(X, y, weight, alpha, scale):
    center = weight @ X
    fit = Lasso(alpha=alpha, tol=1e-13, max_iter=100_000)
    fit.fit((X - center) / scale, y, sample_weight=weight)
    coef = fit.coef_ / scale
    return coef, weight @ (y - X @ coef)


def grid(X, y, weight):
    Z = (X - weight @ X) / scales(X, weight)
    return np.abs(Z.T @ (weight * (y - weight @ y))).max() * np.geomspace(1, 1e-3, 50)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_scikit_learn(random_table, seed):
    X, y, place = random_table(seed=seed, p=8)
    weight = row_weights(place, SHARE)
    model = lasso_model(Moments.from_arrays(X, y, place), SHARE)
    assert 0 < (model.coef != 0).sum()
    expected, intercept = theirs(X, y, weight, penalty(model, X, y, weight), scales(X, weight))
    np.testing.assert_allclose(
        model.coef * scales(X, weight), expected * scales(X, weight), atol=1e-6
    )
    assert model.intercept == pytest.approx(intercept, abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_solutions_are_optimal(random_table, seed):
    X, y, place = random_table((40, 70, 100, 60), 15, seed=seed)
    weight = row_weights(place, np.array([0.4, 0.3, 0.2, 0.1]))
    model = lasso_model(Moments.from_arrays(X, y, place), np.array([0.4, 0.3, 0.2, 0.1]))
    slope = gradient(model, X, y, weight)
    size, opened = penalty(model, X, y, weight), model.coef != 0
    np.testing.assert_allclose(slope[opened], size * np.sign(model.coef[opened]), atol=1e-8)
    assert np.abs(slope[~opened]).max(initial=0.0) <= size + 1e-8
    assert weight @ (y - X @ model.coef) == pytest.approx(model.intercept)


@pytest.mark.parametrize("seed", range(3))
def test_the_penalty_is_best_on_left_out_environments(random_table, seed):
    X, y, place = random_table(seed=seed, p=6, spread=1.0)
    weight = row_weights(place, SHARE)
    alphas, scale, errors = grid(X, y, weight), scales(X, weight), np.zeros(50)
    for e in range(3):
        train = place != e
        for i, alpha in enumerate(alphas):
            part = weight[train] / weight[train].sum()
            coef, intercept = theirs(X[train], y[train], part, alpha, scale)
            errors[i] += SHARE[e] * np.mean((y[~train] - X[~train] @ coef - intercept) ** 2)
    model = lasso_model(Moments.from_arrays(X, y, place), SHARE)
    assert 0 < errors.argmin()
    assert penalty(model, X, y, weight) == pytest.approx(alphas[errors.argmin()])


@pytest.mark.parametrize("rows", [25, 90])
def test_one_environment_takes_the_information_criterion(random_table, rows):
    X, y, place = random_table((rows,), 20, seed=1)
    weight = row_weights(place, np.ones(1))
    alphas, scale, scores = grid(X, y, weight), scales(X, weight), []
    for alpha in alphas:
        coef, intercept = theirs(X, y, weight, alpha, scale)
        size = (coef != 0).sum()
        residual = np.mean((y - X @ coef - intercept) ** 2)
        fits = 2 * size <= rows
        scores.append(rows * np.log(residual) + size * np.log(rows) if fits else np.inf)
    model = lasso_model(Moments.from_arrays(X, y, place), np.ones(1))
    assert penalty(model, X, y, weight) == pytest.approx(alphas[np.argmin(scores)])


@pytest.mark.parametrize("rows", [(40, 70, 100), (50, 60)])
def test_without_each_is_the_lasso_of_the_others(random_table, rows):
    X, y, place = random_table(rows, 6)
    moments = Moments.from_arrays(X, y, place)
    weights = np.random.default_rng(0).uniform(1, 2, len(rows))
    weights /= weights.sum()
    for e, model in enumerate(
        lasso_without(moments, weights, [np.array([e]) for e in range(len(rows))])
    ):
        others = np.delete(weights, e)
        alone = lasso_model(moments.exclude([str(e)]), others / others.sum())
        np.testing.assert_allclose(model.coef, alone.coef, rtol=1e-7, atol=1e-12)
        assert model.intercept == pytest.approx(alone.intercept)


def test_folds_of_environments_count_as_their_rows_together(random_table):
    X, y, place = random_table((40, 70, 100, 30), 6)
    moments = Moments.from_arrays(X, y, place)
    share = moments.count / moments.count.sum()
    folds = [np.array([0, 2]), np.array([1]), np.array([3])]
    merged = Moments.from_arrays(X, y, np.array([0, 1, 0, 2])[place])
    other = lasso_without(
        merged, merged.count / merged.count.sum(), [np.array([e]) for e in range(3)]
    )
    for model, expected in zip(lasso_without(moments, share, folds), other, strict=True):
        np.testing.assert_allclose(model.coef, expected.coef, rtol=1e-6, atol=1e-9)


def test_units_and_order_do_not_matter(random_table):
    X, y, place = random_table(p=7)
    model = lasso_model(Moments.from_arrays(X, y, place), SHARE)
    order, units = np.random.default_rng(0).permutation(7), np.geomspace(1e-4, 1e4, 7)
    moved = lasso_model(Moments.from_arrays((X * units + 5)[:, order], 10 * y - 3, place), SHARE)
    np.testing.assert_allclose(moved.coef * units[order], 10 * model.coef[order], atol=1e-7)
    rows = np.random.default_rng(1).permutation(len(y))
    again = lasso_model(Moments.from_arrays(X[rows], y[rows], place[rows]), SHARE)
    np.testing.assert_allclose(again.coef, model.coef, atol=1e-9)


def test_strong_correlation_does_not_stop_it():
    rng = np.random.default_rng(0)
    common, place = rng.normal(size=(300, 1)), np.repeat([0, 1, 2], 100)
    X = common + 0.03 * rng.normal(size=(300, 10))
    X[place < 2, 1] = X[place < 2, 0]
    y = (
        X @ np.array([20, 0, -9, -20, 8, -9, 9, -8, 3, 6])
        + common[:, 0]
        + 0.1 * rng.normal(size=300)
    )
    share = np.full(3, 1 / 3)
    model = lasso_model(Moments.from_arrays(X, y, place), share)
    slope = gradient(model, X, y, row_weights(place, share))
    opened = model.coef != 0
    size = np.abs(slope[opened]).max()
    assert opened.sum() > 5 and np.abs(slope).max() <= size * (1 + 1e-6)
    assert np.abs(slope[opened]).min() >= size * (1 - 1e-6)


def test_categories_and_constants(with_colour):
    frame, y, place = with_colour()
    frame["flat"] = 2.0
    frame["here"] = np.where(place == 0, np.arange(len(y)) % 2, 1.0)
    moments = Moments.from_frame(
        frame.assign(y=y, place=place), target="y", environment="place", features=list(frame)
    )
    without = lasso_without(moments, SHARE, [np.array([e]) for e in range(3)])
    for model in (lasso_model(moments, SHARE), *without):
        assert np.isfinite(model.coef).all() and np.isfinite(model.intercept)
        assert (model.coef[moments.schema.reference] == 0).all()
        assert model.coef[moments.schema.columns.index("flat")] == 0
    assert without[0].coef[-1] == 0


def test_nothing_to_explain_with(random_table):
    _, y, place = random_table()
    moments = Moments.from_arrays(np.ones((len(y), 2)), y, place)
    model = lasso_model(moments, SHARE)
    assert (model.coef == 0).all() and model.intercept == pytest.approx(SHARE @ moments.mean_y)


def test_all_the_weight_on_one_environment(random_table):
    X, y, place = random_table()
    moments, share = Moments.from_arrays(X, y, place), np.array([1.0, 0.0, 0.0])
    model = lasso_model(moments, share)
    alphas = grid(X, y, row_weights(place, share))
    used = penalty(model, X, y, row_weights(place, share))
    assert np.abs(alphas / used - 1).min() < 1e-6
