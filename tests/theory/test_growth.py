"""Exponents against closed forms and against the steps they describe."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.theory import critical_heterogeneity, gate_growth_exponent, growth_exponent


def test_the_window_of_the_matrix_step():
    # mu = 1, eta = 0.1: negative between 4.58 and 14.87, minus infinity at 11
    def exponent(spread):
        return growth_exponent([1 + spread, 1 - spread], 0.1)

    lower, upper = critical_heterogeneity(0.1), np.sqrt(11**2 + 10**2)
    assert (round(lower, 2), round(upper, 2)) == (4.58, 14.87)
    assert abs(exponent(lower)) < 1e-12
    assert abs(exponent(upper)) < 1e-12
    assert exponent(lower - 0.01) > 0 > exponent(lower + 0.01)
    assert exponent(upper - 0.01) < 0 < exponent(upper + 0.01)
    assert exponent(11.0) == -np.inf


@pytest.mark.parametrize(("mean", "spread", "step"), [(0.3, 1.1, 0.2), (0.5, 0.2, 0.4)])
def test_two_values_have_a_closed_form(mean, spread, step):
    u, v = (
        0.5 * np.log(abs((1 + 2 * sign * step * mean) ** 2 - (2 * step * spread) ** 2))
        for sign in (1, -1)
    )
    found = gate_growth_exponent([mean - spread, mean + spread], step)
    assert found == pytest.approx(max(u, v), abs=1e-12)
    assert growth_exponent([mean - spread, mean + spread], 2 * step) == pytest.approx(u, abs=1e-12)


@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_the_exponent_is_the_slope_of_the_logarithm(gain):
    # u <- u (1 - 2 eta g), v <- v (1 + 2 eta g) with g = -(mean + gain (s - mean)), not linearised
    slopes, weights, step = np.array([-0.2, 0.3, 0.7]), np.array([0.5, 0.2, 0.3]), 0.3
    pull = slopes @ weights + gain * (slopes - slopes @ weights)
    drawn = pull[np.random.default_rng(0).choice(3, size=200_000, p=weights)]
    logarithms = np.log(np.abs(np.stack([1 + 2 * step * drawn, 1 - 2 * step * drawn])))
    error = logarithms.std(axis=1) / np.sqrt(logarithms.shape[1])
    exponent = gate_growth_exponent(slopes, step, gain, weights)
    fastest = np.argmax(logarithms.mean(axis=1))
    assert abs(logarithms.mean(axis=1)[fastest] - exponent) < 4 * error[fastest]


def test_one_sign_survives_plain_steps_of_any_size():
    slopes = np.abs(np.random.default_rng(1).normal(size=(30, 5)))
    for step in (0.01, 0.1, 1.0, 10.0):
        assert (gate_growth_exponent(slopes, step) > 0).all()


def test_rows_and_weights():
    slopes = np.random.default_rng(2).normal(size=(4, 3))
    weights = np.array([2.0, 0.0, 1.0])
    found = gate_growth_exponent(slopes, 0.2, 1.5, weights)
    each = [gate_growth_exponent(row[[0, 0, 2]], 0.2, 1.5) for row in slopes]
    np.testing.assert_allclose(found, each, rtol=1e-12)
    # a weight of 0 leaves an environment out even where its step multiplies by 0
    assert growth_exponent([1.0, -10.0], 0.1, [1.0, 0.0]) == pytest.approx(np.log(1.1))


@pytest.mark.parametrize(
    "call",
    [
        lambda: growth_exponent([], 0.1),
        lambda: growth_exponent([np.nan, 1.0], 0.1),
        lambda: growth_exponent([1.0, 2.0], 0.0),
        lambda: growth_exponent([1.0, 2.0], 0.1, [1.0]),
        lambda: growth_exponent([1.0, 2.0], 0.1, [1.0, -1.0]),
        lambda: gate_growth_exponent([1.0, 2.0], 0.1, gain=-1.0),
        lambda: critical_heterogeneity(np.inf),
        lambda: critical_heterogeneity(0.1, mean=-1.0),
    ],
)
def test_what_cannot_be_used_is_refused(call):
    with pytest.raises(DataError):
        call()
