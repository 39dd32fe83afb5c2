"""Windows along an axis: near rows together, every place on it, and chance between equals."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch.utils.data import DataLoader

from elinvar.errors import DataError
from elinvar.neural import WindowBatchSampler

# crowded to the left
AXIS = np.random.default_rng(0).permutation(np.linspace(0, 1, 400) ** 2)


def windows(sampler, epochs=1):
    found = []
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        found += list(sampler)
    return found


def test_a_batch_is_adjacent_rows():
    sampler = WindowBatchSampler(AXIS, 25)
    rank = np.argsort(np.argsort(AXIS))
    assert len(sampler) == 16 == len(windows(sampler))
    for batch in windows(sampler):
        assert np.ptp(rank[batch]) == 24 and len(set(batch)) == 25


@pytest.mark.parametrize("width", [0.2, 0.05])
def test_a_window_has_the_width_asked_for(width):
    for batch in windows(WindowBatchSampler(AXIS, 30, width=width), 3):
        assert np.ptp(AXIS[batch]) <= width + 1e-12
        inside = np.bincount(batch)
        assert inside[inside > 0].max() - inside[inside > 0].min() <= 1


@pytest.mark.parametrize("weights", ["uniform", "size"])
def test_windows_are_spread_evenly_along_the_axis_or_over_rows(weights):
    sampler = WindowBatchSampler(AXIS, 2, weights=weights)
    middles = np.array([AXIS[batch].mean() for batch in windows(sampler, 10)])
    law = stats.uniform.cdf if weights == "uniform" else np.sqrt
    assert stats.kstest(middles, law).statistic < 2 / np.sqrt(len(middles))
    other = np.sqrt if weights == "uniform" else stats.uniform.cdf
    assert stats.kstest(middles, other).pvalue < 1e-6


def test_chance_decides_between_rows_of_equal_value():
    values = np.repeat([0.0, 1.0], 50)
    taken = np.zeros(100)
    for seed in range(200):
        for batch in WindowBatchSampler(values, 40, seed=seed):
            taken[batch] += 1
    assert stats.chisquare(taken[:50]).pvalue > 1e-4
    assert stats.chisquare(taken[50:]).pvalue > 1e-4
    # and the place is drawn on the axis: both values are middles
    assert 0.4 < taken[:50].sum() / taken.sum() < 0.6


def test_a_constant_axis_is_an_ordinary_draw():
    taken = np.zeros(30)
    for seed in range(300):
        for batch in WindowBatchSampler([1.0] * 30, 10, seed=seed):
            taken[batch] += 1
    assert stats.chisquare(taken).pvalue > 1e-4


def test_dates_and_numbers_are_one_axis():
    hours = np.random.default_rng(1).integers(0, 500, 60)
    dates = pd.Timestamp("2024-03-01") + pd.to_timedelta(hours, unit="h")
    columns = [dates, dates.to_numpy(), pd.Series(dates.tz_localize("UTC")), list(dates)]
    drawn = [windows(WindowBatchSampler(c, 6, width=pd.Timedelta("3D"))) for c in columns]
    drawn.append(windows(WindowBatchSampler(dates, 6, width=np.timedelta64(72, "h"))))
    drawn.append(windows(WindowBatchSampler(pd.to_timedelta(hours, unit="h"), 6, width="3D")))
    drawn.append(windows(WindowBatchSampler(hours, 6, width=72)))
    drawn.append(windows(WindowBatchSampler(torch.tensor(hours), 6, width=72.0)))
    assert all(other == drawn[0] for other in drawn[1:])


def test_small_windows_are_handled_as_chosen():
    values = [0.0, 0.1, 0.2, 5.0]
    assert {len(b) for b in windows(WindowBatchSampler(values, 3, width=1.0), 9)} == {3}
    short = windows(WindowBatchSampler(values, 3, width=1.0, small="shrink"), 9)
    assert {tuple(sorted(batch)) for batch in short} == {(0, 1, 2), (3,)}
    with pytest.raises(
        DataError, match="A batch of 3 rows is larger than the emptiest window with"
    ):
        WindowBatchSampler(values, 3, width=1.0, small="refuse")
    with pytest.raises(
        DataError, match="A batch of 5 rows is larger than the emptiest window with"
    ):
        WindowBatchSampler(values, 5, small="refuse")
    assert sorted(np.bincount(next(iter(WindowBatchSampler(values, 6))))) == [1, 1, 2, 2]
    assert WindowBatchSampler(values, 4, small="refuse").small == "refuse"


def test_it_goes_on_from_any_batch_in_a_loader():
    sampler = WindowBatchSampler(AXIS, 32, seed=9)
    whole = list(sampler)
    sampler.set_epoch(0)
    assert [rows.tolist() for rows in DataLoader(range(400), batch_sampler=sampler)] == whole
    sampler.load_state_dict(sampler.state_dict(consumed=5))
    assert list(sampler) == whole[5:]
    assert list(sampler) != whole
    with pytest.raises(DataError, match="another data set"):
        WindowBatchSampler(AXIS + 1, 32, seed=9).load_state_dict(sampler.state_dict())


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        ([1.0, np.nan], {}, "Row 1 has no place on the axis"),
        ([np.inf, 1.0], {}, "Row 0 has no place on the axis"),
        (pd.Series([1, None, 2], dtype="Int64"), {}, "Row 1 has no place on the axis"),
        ([pd.Timestamp("2020"), pd.NaT], {}, "Row 1 has no place on the axis"),
        (["x", "y"], {}, "values must be numbers, dates or durations"),
        ([True, False], {}, "values must be numbers, dates or durations"),
        (np.zeros((2, 2)), {}, "one number or date for each row"),
        ([], {}, "one number or date for each row"),
        ([1.0, 2.0], {"width": 0}, "width must be a number above 0"),
        ([1.0, 2.0], {"width": "1D"}, "width must be a number above 0"),
        ([pd.Timestamp("2020")] * 2, {"width": 3}, "width must be a duration above 0"),
        ([1.0, 2.0], {"weights": [1, 2]}, "weights must be one of 'uniform', 'size'"),
        ([1.0, 2.0], {"batch_size": 0}, "batch_size must be an integer of at least 1"),
    ],
)
def test_bad_axes_are_refused_in_a_sentence(values, settings, message):
    with pytest.raises(DataError, match=message):
        WindowBatchSampler(values, **({"batch_size": 2} | settings))
