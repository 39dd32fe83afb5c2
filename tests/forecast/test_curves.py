"""Curves of features, and what differs between environments in them."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.forecast import Columns, Sample, Spread
from elinvar.forecast.curves import Residuals, feature_curves

COLUMNS = Columns(
    features=("bend", "line", "kind", "flat"),
    groups=np.array([0, 1, 2, 2, 2, 3]),
    categorical=np.array([False, False, True, False]),
)
SLOPES = np.array([-1.0, 0.5, 1.5, -0.5, 0.2, -0.7])


def known(X):
    return np.abs(X[:, 0]) + X[:, 1] + 2.0 * X[:, 3]


def draw(n=200, seed=0, slopes=SLOPES):
    """Draw rows whose slope of "line" differs from the known one by that of its environment."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(slopes)), n)
    level = rng.integers(0, 3, len(codes))
    X = np.column_stack([rng.normal(size=(len(codes), 2)), np.eye(3)[level], np.ones(len(codes))])
    y = known(X) + slopes[codes] * X[:, 1] + rng.normal(size=len(codes)) * 0.5
    return Sample(X=X, y=y, codes=codes, weight=np.ones(len(codes)), columns=COLUMNS)


def curves_of(sample):
    residuals = Residuals.of_number(sample.y, known(sample.X))
    error = float(np.mean(residuals.value**2))
    found = feature_curves(sample, known, residuals, error, seed=0)
    return {COLUMNS.features[curve.feature]: curve for curve in found}


def test_the_common_curve_is_what_the_forecast_makes_of_a_feature():
    curves = curves_of(draw())
    assert set(curves) == {"bend", "line", "kind"}  # what never varies has no curve
    line, bend, kind = curves["line"], curves["bend"], curves["kind"]
    np.testing.assert_allclose(np.diff(line.common), np.diff(line.x), rtol=1e-9)
    np.testing.assert_allclose(bend.common - np.abs(bend.x), bend.common[0] - abs(bend.x[0]))
    np.testing.assert_allclose(kind.common[1] - kind.common[[0, 2]], 2.0)
    assert line.size == pytest.approx(1, abs=0.1)


def test_environments_differ_where_they_do_and_nowhere_else():
    curves = curves_of(draw())
    line = curves["line"]
    slopes = (line.each[:, -1] - line.each[:, 0]) / (line.x[-1] - line.x[0]) - 1
    np.testing.assert_allclose(slopes, SLOPES - SLOPES.mean(), atol=0.15)
    assert line.spread == pytest.approx(SLOPES.std(ddof=1), rel=0.25)
    assert line.share > 0.5
    for name in ("bend", "kind"):
        assert curves[name].spread < 0.1 and curves[name].share < 0.02


def test_nothing_differs_where_only_noise_does():
    for seed in range(3):
        for curve in curves_of(draw(seed=seed, slopes=np.zeros(8))).values():
            assert curve.spread < 0.1 * curve.size
            np.testing.assert_allclose(curve.each, np.tile(curve.common, (8, 1)), atol=0.2)


def test_what_is_missed_everywhere_is_no_difference():
    curves = curves_of(draw(slopes=np.full(6, 1.5)))
    assert curves["line"].spread < 0.1


def test_the_share_is_the_error_that_knowing_the_place_would_spare():
    rng = np.random.default_rng(0)
    sample, gain = draw(n=400, slopes=np.zeros(6)), np.array([1.5, -1.5, 1.0, -0.7, 2.0, -2.0])
    noise = rng.normal(size=sample.n_rows)
    X = sample.X.copy()
    cause = X[:, 0].copy()
    # the line is a consequence of cause and noise, of which it tells a part where its gain is known
    X[:, 1] = gain[sample.codes] * (cause + noise) + rng.normal(size=sample.n_rows)
    sample = Sample(X=X, y=noise, codes=sample.codes, weight=sample.weight, columns=COLUMNS)
    residuals = Residuals.of_number(noise, np.zeros(sample.n_rows))
    curves = feature_curves(sample, lambda X: np.zeros(len(X)), residuals, 1.0, seed=0)
    share = {curve.feature: curve.share for curve in curves}
    assert share[1] == pytest.approx((gain**2 / (1 + gain**2)).mean(), abs=0.07)
    assert share[0] < 0.05 and share[2] < 0.02


def test_the_band_holds_the_curves_of_new_environments():
    rng = np.random.default_rng(0)
    held = []
    for seed in range(25):
        slopes = rng.normal(size=9)
        line = curves_of(draw(n=60, seed=seed, slopes=slopes[:8]))["line"]
        new = line.x[-1] * (1 + slopes[8] - slopes[:8].mean())
        shift = line.common[-1] - line.x[-1]
        held.append(line.low[-1] <= new + shift <= line.high[-1])
    # 90%, give or take three standard errors
    assert 0.7 <= np.mean(held) <= 1


def test_order_of_rows_does_not_matter():
    sample = draw()
    mixed = sample.rows(np.random.default_rng(1).permutation(sample.n_rows))
    for name, curve in curves_of(sample).items():
        other = curves_of(mixed)[name]
        assert other.spread == pytest.approx(curve.spread, rel=1e-6, abs=1e-9)
        np.testing.assert_allclose(other.x, curve.x)


def test_missing_values_have_no_part():
    sample = draw()
    X = sample.X.copy()
    rng = np.random.default_rng(0)
    X[rng.random(len(X)) < 0.2, 1] = np.nan
    X[rng.random(len(X)) < 0.2, 2:5] = np.nan
    whole = Sample(X=X, y=sample.y, codes=sample.codes, weight=sample.weight, columns=COLUMNS)

    def filled(X):
        return known(np.nan_to_num(X))

    residuals = Residuals.of_number(whole.y, known(sample.X))
    curves = feature_curves(whole, filled, residuals, 1.0, seed=0)
    line = next(curve for curve in curves if curve.feature == 1)
    assert line.spread == pytest.approx(SLOPES.std(ddof=1), rel=0.3)


def test_classes_differ_on_the_scale_of_log_odds():
    rng = np.random.default_rng(0)
    slopes = np.array([-1.0, 1.0, -0.5, 0.5, 0.0, 0.8])
    sample = draw(n=1500, slopes=slopes)
    odds = sample.X[:, 1] * slopes[sample.codes]
    y = (rng.random(sample.n_rows) < 1 / (1 + np.exp(-odds))).astype(float)
    sample = Sample(X=sample.X, y=y, codes=sample.codes, weight=sample.weight, columns=COLUMNS)
    residuals = Residuals.of_class(y, np.full(len(y), 0.5))
    curves = feature_curves(
        sample, lambda X: np.zeros(len(X)), residuals, 2 * np.log(2), seed=0, outcome=1
    )
    line = next(curve for curve in curves if curve.feature == 1)
    assert line.outcome == 1 and line.size == 0
    # one step of Newton's, which falls a little short
    assert 0.6 * slopes.std(ddof=1) < line.spread < 1.1 * slopes.std(ddof=1)


def test_one_environment_has_the_common_curve_alone():
    sample = draw(slopes=np.zeros(1))
    for curve in curves_of(sample).values():
        assert np.isnan([curve.spread, curve.share, *curve.low]).all()
        np.testing.assert_array_equal(curve.each[0], curve.common)


def test_margins_hold_shares_of_rows_and_environments():
    sample = draw(n=100, slopes=np.arange(10.0))
    off = np.tile(np.arange(1, 101), 10) * (1 + sample.codes)
    spread = Spread.of(sample, sample.y - off)
    np.testing.assert_allclose(spread.half_widths[:, 8], 90 * np.arange(1, 11))
    assert spread.margin() == 900  # ceil(11 * .9) = 10th smallest
    assert spread.margin(0.8) == 80 * 9
    assert np.isnan(spread.margin(0.95)) and "it takes 19" in spread.why_unknown(0.95)
    assert spread.why_unknown() == ""
    with pytest.raises(DataError, match=r"coverage is 0\.3"):
        spread.margin(0.3)


def test_as_many_columns_as_rows_leave_no_noise_and_curves_all_the_same():
    # an environment's own curves go through all of its rows: the prior is endlessly wide beside
    # what is left, and the identity was lost in I + sqrt(T) A'A sqrt(T) / noise
    rng = np.random.default_rng(128)
    columns = Columns(
        features=("a", "b", "c", "d"), groups=np.arange(4), categorical=np.zeros(4, dtype=bool)
    )
    X, y = rng.normal(size=(32, 4)), rng.normal(size=32)
    sample = Sample(X=X, y=y, codes=np.repeat(np.arange(4), 8), weight=np.ones(32), columns=columns)
    residuals = Residuals.of_number(y, np.zeros(32))
    curves = feature_curves(sample, lambda X: np.zeros(len(X)), residuals, 1.0, seed=0)
    assert all(np.isfinite(curve.each).all() for curve in curves)
