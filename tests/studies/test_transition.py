"""Where a slope crosses zero, on numbers with a known answer."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from elinvar.studies import slope, transition


def runs(law, values, *, noise=0.02, repetitions=20, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for value in values:
        for repetition in range(repetitions):
            steps = int(rng.integers(200, 1000))
            found = law(value) + noise * rng.normal() / np.sqrt(steps / 500)
            rows.append((value, repetition, found, steps))
    return pd.DataFrame(rows, columns=["x", "repetition", "slope", "slope_steps"])


VALUES = np.linspace(3.6, 5.6, 9)


def test_a_known_crossing_is_found_within_its_error():
    found = [
        transition(runs(lambda x: 0.05 * (4.58 - x), VALUES, seed=seed), "x") for seed in range(20)
    ]
    away = np.array([(one.at - 4.58) / one.error for one in found])
    assert np.abs(away.mean()) < 3 / np.sqrt(20)
    assert 0.6 < away.std() < 1.6


def test_a_curved_slope_is_followed():
    found = transition(runs(lambda x: 0.02 * (4.2**2 - x**2), VALUES, noise=1e-9), "x")
    assert found.at == pytest.approx(4.2, abs=1e-6)
    assert found.error < 1e-6


@pytest.mark.parametrize("law", [lambda x: 0.1, lambda x: -0.1, lambda x: 0.05 * (x - 4.58)])
def test_growth_or_decay_everywhere_and_rising_slopes_are_no_transition(law):
    found = transition(runs(law, VALUES), "x")
    assert np.isnan(found.at)
    assert np.isnan(found.error)


def test_values_without_steps_are_passed_over():
    table = runs(lambda x: 0.05 * (4.58 - x), VALUES, noise=0.001)
    table.loc[table["x"] == VALUES[-1], ["slope", "slope_steps"]] = (0.0, 0)
    assert transition(table, "x").at == pytest.approx(4.58, abs=0.05)
    table["slope_steps"] = 0
    assert np.isnan(transition(table, "x").at)


def test_the_slope_is_unbiased_although_the_signal_is_pushed_back():
    """A walk of the logarithm, reflected far above the window: inside, steps are what they are."""
    rng, drift = np.random.default_rng(0), 0.02
    found = []
    for _ in range(200):
        amplitude = [-10.0]
        for step in rng.normal(drift, 0.4, size=1500):
            amplitude.append(min(amplitude[-1] + step, -1.0))
        found.append(slope(SimpleNamespace(spurious_signal=np.exp(2 * np.array(amplitude)))))
    steps = np.array([one["slope_steps"] for one in found])
    slopes = np.array([one["slope"] for one in found])
    mean = (steps * slopes).sum() / steps.sum()
    assert mean == pytest.approx(drift, abs=3 * 0.4 / np.sqrt(steps.sum()))


def test_nothing_within_the_window_is_no_slope():
    assert slope(SimpleNamespace(spurious_signal=np.ones(10))) == {"slope": 0.0, "slope_steps": 0}
