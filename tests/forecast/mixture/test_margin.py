"""Intervals are wide where rows are hard to predict, and hold most rows of new environments."""

import numpy as np
import pytest

from elinvar.errors import ModelFileError
from elinvar.forecast import Columns, Sample
from elinvar.forecast.mixture import Margin

COLUMNS = Columns(features=("a", "b"), groups=np.arange(2), categorical=np.array([False, False]))


def draw(n_environments, rng, rows=60):
    """Residuals whose size is 1 where a < 0 and 3 elsewhere, and levels of environments."""
    codes = np.repeat(np.arange(n_environments), rows)
    X = rng.normal(size=(len(codes), 2))
    noise = np.where(X[:, 0] < 0, 1.0, 3.0) * rng.normal(size=len(codes))
    y = 0.5 * rng.normal(size=n_environments)[codes] + noise
    return Sample(X=X, y=y, codes=codes, weight=np.ones(len(y)), columns=COLUMNS)


def test_rows_that_are_hard_to_predict_have_wide_intervals():
    sample = draw(12, np.random.default_rng(0))
    margin = Margin.of(sample, np.zeros(sample.n_rows))
    easy, hard = margin.half_widths(np.array([[-1.0, 0], [1, 0]]))
    assert 2 < hard / easy < 4
    assert hard > 3 * 1.64


def test_nine_of_ten_new_environments_have_nine_of_ten_rows_within():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(40):
        sample = draw(14, rng)
        old = sample.codes < 10
        margin = Margin.of(sample.rows(old), np.zeros(old.sum()))
        half = margin.half_widths(sample.X)
        inside = np.abs(sample.y) <= half
        held += [inside[sample.codes == e].mean() >= 0.9 for e in range(10, 14)]
    # 160 new environments: 91%, give or take three standard errors
    assert 0.84 <= np.mean(held) <= 0.98


def test_environments_without_rows_do_not_count():
    sample = draw(12, np.random.default_rng(0)).rows(np.arange(360))
    assert len(Margin.of(sample, np.zeros(360)).spread.half_widths) == 6
    assert np.isnan(Margin.of(sample, np.zeros(360)).half_widths(sample.X)).all()
    sample.codes[:] += 3
    assert len(Margin.of(sample, np.zeros(360)).spread.half_widths) == 6


def test_perfect_predictions_have_intervals_of_no_width():
    sample = draw(12, np.random.default_rng(0))
    assert (Margin.of(sample, sample.y).half_widths(sample.X) == 0).all()


def test_a_file_holds_it(from_file):
    sample = draw(12, np.random.default_rng(0))
    margin = Margin.of(sample, np.zeros(sample.n_rows))
    entries = margin.entries()
    again = Margin.read(from_file(entries), n_columns=2)
    np.testing.assert_array_equal(again.half_widths(sample.X), margin.half_widths(sample.X))
    entries["half_widths"][0][0] = 1e9
    with pytest.raises(ModelFileError, match="rising numbers"):
        Margin.read(from_file(entries), n_columns=2)
