"""Windows against closed forms, a fine grid, and the steps they describe."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.theory import gate_growth_exponent, suppressing_gains, suppressing_steps


@pytest.mark.parametrize(
    ("mean", "spread", "step"), [(0.6, 0.2, 0.25), (-0.3, 0.7, 0.1), (0.01, 2.0, 0.5)]
)
def test_gains_for_two_values(mean, spread, step):
    low, high = suppressing_gains([mean - spread, mean + spread], step)
    size = abs(mean)
    assert low == pytest.approx(np.sqrt(size**2 + size / step) / spread, rel=1e-9)
    upper = np.hypot(0.5 / step - size, 0.5 / step)
    assert high == pytest.approx(upper / spread, rel=1e-9)


@pytest.mark.parametrize(("mean", "spread", "gain"), [(0.1, 0.9, 1.0), (-0.4, 0.3, 5.0)])
def test_steps_for_two_values(mean, spread, gain):
    low, high = suppressing_steps([mean - spread, mean + spread], gain)
    size, wide = abs(mean), (gain * spread) ** 2
    assert low == pytest.approx(size / (wide - size**2), rel=1e-9)
    # (1 / (2 eta) - mu)^2 + 1 / (4 eta^2) = M^2, a quadratic in 1 / (2 eta)
    root = 0.5 * (size + np.sqrt(2 * wide - size**2))
    assert high == pytest.approx(0.5 / root, rel=1e-9)


def test_nothing_to_suppress():
    for slopes in ([0.3, 0.3, 0.3], [0.0, 0.0], [0.7]):
        assert np.isnan(suppressing_gains(slopes, 0.1)).all()
    # two values, 4 eta mu >= 1: one gate always grows
    assert np.isnan(suppressing_gains([0.5, 1.5], 0.3)).all()
    assert np.isfinite(suppressing_gains([0.5, 1.5], 0.2)).all()
    # plain steps cannot suppress effects of one sign
    assert np.isnan(suppressing_steps([0.1, 0.5, 2.0])).all()


def test_slopes_without_a_mean_are_suppressed_from_the_start():
    assert suppressing_gains([-1.0, 1.0], 0.2)[0] == 0.0
    assert suppressing_steps([-1.0, 1.0])[0] == 0.0


@pytest.mark.parametrize("weights", [None, [3.0, 1.0, 0.0, 2.0, 1.0]])
def test_windows_on_a_fine_grid(weights):
    rng = np.random.default_rng(3)
    slopes = rng.normal(0.3, 0.5, size=(40, 5))
    gains, steps = np.geomspace(0.05, 60, 4001), np.geomspace(1e-3, 60, 4001)
    windows = np.stack(
        [suppressing_gains(slopes, 0.3, weights), suppressing_steps(slopes, 2.0, weights)]
    )
    seen = 0
    for j, row in enumerate(slopes):
        mean = np.average(row, weights=weights)
        by_gain = gate_growth_exponent(mean + gains[:, None] * (row - mean), 0.3, 1.0, weights)
        doubled = mean + 2.0 * (row - mean)
        by_step = gate_growth_exponent(steps[:, None] * doubled, 1.0, 1.0, weights)
        for grid, exponents, (low, high) in zip(
            (gains, steps), (by_gain, by_step), windows[:, :, j], strict=True
        ):
            negative = exponents < 0
            inside = (grid > low) & (grid < high)
            assert negative[inside].all()
            below = grid < (low if np.isfinite(low) else grid[-1])
            # nothing but slivers before the first window
            assert (negative & below).sum() <= 3
            seen += inside.any()
    assert seen > 30


def test_steps_inside_the_window_die_and_outside_grow():
    slopes, step = np.array([0.2, 0.5, 1.1]), 0.2
    low, high = suppressing_gains(slopes, step)
    rng = np.random.default_rng(4)

    def drift(gain):
        pull = slopes.mean() + gain * (slopes - slopes.mean())
        drawn = rng.choice(pull, size=50_000)
        return max(np.log(np.abs(1 + 2 * step * sign * drawn)).mean() for sign in (1, -1))

    assert drift(0.9 * low) > 0
    assert drift(1.1 * low) < 0
    assert drift(0.9 * high) < 0
    assert drift(1.1 * high) > 0


def test_units_of_the_slopes_only_scale_the_steps():
    slopes = np.random.default_rng(5).normal(size=(20, 4))
    low, high = suppressing_steps(slopes)
    scaled = suppressing_steps(1e6 * slopes)
    np.testing.assert_allclose(scaled, np.stack([low, high]) / 1e6, rtol=1e-9)


def test_shapes_and_refusals():
    low, high = suppressing_gains(np.tile([0.1, 0.2, 0.5, 0.7], (2, 3, 1)), 0.2)
    assert low.shape == high.shape == (2, 3)
    with pytest.raises(DataError, match="step_size"):
        suppressing_gains([1.0, 2.0], -0.1)
    with pytest.raises(DataError, match="gain"):
        suppressing_steps([1.0, 2.0], np.nan)
