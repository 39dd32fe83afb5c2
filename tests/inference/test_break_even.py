"""From which shift on the invariant model is the better forecast."""

import numpy as np
import pytest

from elinvar import InvariantClassifier, InvariantRegressor
from elinvar.inference.findings import break_even


def lines(gap, gain, n=8, noise=0.0):
    """Level and rise of two models; the invariant one is worse by ``gap``, and rises not at all."""
    off = noise * np.linspace(-1, 1, n)
    return {
        "pooled": (np.ones(n), gain + off),
        "invariant": (np.full(n, 1.0 + gap), np.zeros(n)),
    }


@pytest.mark.parametrize(
    ("gap", "gain", "expected"),
    [(1.0, 0.5, 2.0), (-1.0, 0.5, 0.0), (1.0, -0.1, np.inf), (0.0, 0.0, 0.0)],
)
def test_lines_cross_where_they_are_equal(gap, gain, expected):
    found = break_even(lines(gap, gain, noise=0.1), np.full(8, 1 / 8), "pooled")
    assert found.shift == pytest.approx(expected, nan_ok=True)
    assert found.low <= found.shift <= found.high


def test_the_interval_narrows_with_the_noise_and_holds_the_shift():
    wide, narrow = (
        break_even(lines(1.0, 0.5, noise=noise), np.full(8, 1 / 8), "pooled")
        for noise in (0.4, 0.1)
    )
    assert wide.low < narrow.low < 2.0 < narrow.high < wide.high < 20


def test_the_range_holds_the_shift_where_gains_are_skewed():
    held = []
    for seed in range(200):
        gain = 0.5 * np.random.default_rng([4, seed]).chisquare(1, size=8)
        found = break_even(lines(1.0, gain), np.full(8, 1 / 8), "pooled")
        held.append(found.low <= 2.0 <= found.high)
    # were the gains normal 95% of the intervals of Fieller would, of squares 83%
    assert np.mean(held) > 0.94


def test_the_invariant_model_is_held_against_what_predicts():
    parts = lines(1.0, 0.5) | {"nearly_invariant": (np.full(8, 1.5), np.full(8, 0.1))}
    found = break_even(parts, np.full(8, 1 / 8), "nearly_invariant")
    assert found.rival == "nearly_invariant" and found.shift == pytest.approx(5.0)
    assert break_even(parts, np.full(8, 1 / 8), "random_intercept").rival == "pooled"


def places(spread, n_environments, n, seed):
    """A cause, and an effect of the target whose strength differs between environments."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(n_environments), n)
    cause = rng.normal(size=len(place))
    y = cause + rng.normal(size=len(place))
    strength = 1 + spread * rng.normal(size=n_environments)
    return np.column_stack([cause, strength[place] * y + rng.normal(size=len(place))]), y, place


@pytest.mark.parametrize("seed", [1, 2])
def test_predicted_shifts_are_those_of_new_environments_that_differ_more(seed):
    spread = 0.7
    X, y, place = places(spread, 20, 500, seed)
    model = InvariantRegressor(predictor="invariant").fit(X, y, environments=place)
    assert model.status_ == "accepted" and model.selected_.tolist() == [True, False]
    # as a function of the strength s the pooled model's risk is known: y = x + e, z = s y + u
    w, s = model.pooled_coef_, 1 + spread * np.random.default_rng(99).normal(size=20_000)

    def risk(shift):
        turned = 1 + np.sqrt(shift) * (s - 1)
        left = 1 - w[1] * turned
        return np.mean((left - w[0]) ** 2 + left**2 + w[1] ** 2)

    shifts = np.geomspace(0.2, 100, 200)
    true = shifts[np.argmax([risk(shift) > 1.0 for shift in shifts])]
    found = model.break_even_
    assert 0.5 < found.shift / true < 2 and found.low < true < found.high
    by_name = {line.model: line for line in found.lines}
    assert by_name["invariant"].rise < 0.02 and by_name["pooled"].level < 0.8


def test_what_cannot_be_said_is_none():
    X, y, place = places(0.2, 2, 200, 0)
    assert InvariantRegressor().fit(X, y, environments=place).break_even_ is None
    assert InvariantRegressor().fit(X, y).break_even_ is None


def test_classes_have_lines_of_log_loss():
    X, y, place = places(1.0, 6, 500, 0)
    model = InvariantClassifier().fit(X, y > 0, environments=place)
    found = model.break_even_
    by_name = {line.model: line for line in found.lines}
    assert by_name["pooled"].level < by_name["invariant"].level < np.log(2)
    assert by_name["pooled"].rise > by_name["invariant"].rise


def test_it_is_said_drawn_and_written(tmp_path):
    from elinvar import load_model, save_model

    X, y, place = places(0.15, 8, 500, 1)
    model = InvariantRegressor().fit(X, y, environments=place)
    assert "times as much as yours do" in str(model.answer_.explanation)
    assert "once new environments differ" in model.plot_break_even().get_title(loc="left")
    save_model(model, tmp_path / "model.json")
    assert load_model(tmp_path / "model.json").break_even_ == model.break_even_
    assert model.answer_.break_even_ is model.break_even_
