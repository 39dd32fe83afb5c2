"""Slopes, shifts and inflation, against the rows they come from."""

import numpy as np
import pandas as pd
import pytest

from elinvar.environments import Moments
from elinvar.inference.diagnosis import (
    marginal_slopes,
    mean_shifts,
    scale_ratios,
    variance_inflation,
)
from elinvar.inference.problem import scaling_of


def scaled(moments, intercept="shared"):
    return scaling_of(moments, moments.count / moments.count.sum(), intercept=intercept)


def covariance_of_least_squares(X, y):
    one = np.column_stack([np.ones(len(y)), X])
    coef = np.linalg.lstsq(one, y, rcond=None)[0]
    residual = y - one @ coef
    return coef, residual @ residual / (len(y) - one.shape[1]) * np.linalg.inv(one.T @ one)


def test_numeric_slopes_are_regressions(random_table):
    X, y, place = random_table()
    slopes = marginal_slopes(*(lambda m: (m, scaled(m)))(Moments.from_arrays(X, y, place)))
    for j in range(X.shape[1]):
        for e in range(3):
            rows = place == e
            coef, covariance = covariance_of_least_squares(X[rows, j], y[rows])
            unit = X[:, j].std() / y.std()
            assert slopes.effects[j, e] == pytest.approx(coef[1] * unit, rel=1e-8)
            assert slopes.variances[j, e] == pytest.approx(covariance[1, 1] * unit**2, rel=1e-8)
            assert slopes.freedom[j, e] == rows.sum() - 2


def test_a_category_has_a_contrast_of_levels(with_colour):
    frame, y, place = with_colour()
    moments = Moments.from_frame(frame.assign(y=y, e=place), target="y", environment="e")
    slopes = marginal_slopes(moments, scaled(moments))
    j = moments.schema.features.index("colour")
    for e in range(3):
        rows = place == e
        dummies = pd.get_dummies(frame["colour"])[["green", "red"]].to_numpy(dtype=float)[rows]
        coef, covariance = covariance_of_least_squares(dummies, y[rows])
        direction = np.array([0.0, -1.0, 1.0])
        assert slopes.effects[j, e] == pytest.approx(direction @ coef / y.std(), rel=1e-8)
        variance = direction @ covariance @ direction / y.var()
        assert slopes.variances[j, e] == pytest.approx(variance, rel=1e-8)
        assert slopes.freedom[j, e] == rows.sum() - 3


def test_an_environment_without_a_level_cannot_tell(with_colour):
    frame, y, place = with_colour()
    frame["colour"] = frame["colour"].where((place != 1) | (frame["colour"] != "red"), "blue")
    frame["b"] = frame["b"].where(place != 2, 7.0)
    moments = Moments.from_frame(frame.assign(y=y, e=place), target="y", environment="e")
    slopes = marginal_slopes(moments, scaled(moments))
    colour, b = (moments.schema.features.index(name) for name in ("colour", "b"))
    told = np.isfinite(slopes.effects)
    # blue against green: all environments know these two
    assert told[colour].all()
    np.testing.assert_array_equal(told[b], [True, True, False])
    np.testing.assert_array_equal(slopes.freedom[b] > 0, told[b])


def test_shifts_lose_their_noise():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(60), 20)
    X = rng.normal(size=(1200, 3))
    X[:, 0] += 0.5 * rng.normal(size=60)[place]
    X[:, 1] *= 3.0
    shifts = mean_shifts(Moments.from_arrays(X, rng.normal(size=1200), place))
    # 60 environments tell an sd of 0.5 to about 0.05; the noise of a mean is 0.22
    assert abs(shifts[0] - 0.5) < 0.12
    assert (shifts[1:] < 0.12).all()


def test_shifts_and_ratios_of_columns_that_do_not_vary():
    place = np.repeat([0, 1, 2], 10)
    x = np.random.default_rng(1).normal(size=30)
    X = np.column_stack([place, np.ones(30), np.where(place == 1, 0.0, x), x])
    moments = Moments.from_arrays(X, x, place)
    shifts, ratios = mean_shifts(moments), scale_ratios(moments)
    assert shifts[0] == np.inf
    assert shifts[1] == 0.0
    assert np.isfinite(shifts[2:]).all()
    assert ratios[:3].tolist() == [1.0, 1.0, np.inf]
    sds = [x[place == e].std() for e in range(3)]
    assert ratios[3] == pytest.approx(max(sds) / min(sds))
    assert np.isnan(mean_shifts(Moments.from_arrays(X, x, np.zeros(30)))).all()


def test_inflation_of_columns_and_of_categories(with_colour):
    frame, y, place = with_colour()
    frame["b"] += frame["a"] * 2 / frame["a"].std() * frame["b"].std()
    moments = Moments.from_frame(frame.assign(y=y, e=place), target="y", environment="e")
    found = variance_inflation(moments, scaled(moments))
    columns = np.column_stack(
        [frame["a"], pd.get_dummies(frame["colour"])[["green", "red"]], frame["b"]]
    ).astype(float)
    for e in range(3):
        columns[place == e] -= columns[place == e].mean(axis=0)
    R = np.corrcoef(columns.T)
    inverse = np.linalg.inv(R)
    expected = dict(a=inverse[0, 0], b=inverse[3, 3])
    rest = np.ix_([0, 3], [0, 3])
    block = np.ix_([1, 2], [1, 2])
    det = np.linalg.det
    expected["colour"] = np.sqrt(det(R[block]) * det(R[rest]) / det(R))
    for name, value in expected.items():
        assert found[moments.schema.features.index(name)] == pytest.approx(value, rel=1e-8)


def test_inflation_is_infinite_for_combinations():
    rng = np.random.default_rng(2)
    place = np.repeat([0, 1], 40)
    X = rng.normal(size=(80, 3))
    X = np.column_stack([X, X[:, 0] - X[:, 1], place, np.ones(80), -3 * X[:, 2]])
    moments = Moments.from_arrays(X, rng.normal(size=80), place)
    found = variance_inflation(moments, scaled(moments))
    assert np.isinf(found[[0, 1, 2, 3, 4, 6]]).all()
    assert np.isnan(found[5])
    # with own intercepts a column that does not vary within environments is constant
    assert np.isnan(variance_inflation(moments, scaled(moments, "environment"))[4])
