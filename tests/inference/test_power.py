"""The difference that a test would find, against the test itself on simulated effects."""

import numpy as np
import pytest

from elinvar.inference.diagnosis import detectable_sd, heterogeneity_power
from elinvar.inference.tests import same_effect

DESIGNS = {
    "three alike": ([1, 1, 1], 300),
    "far from alike": ([1, 10, 100], 300),
    "one that is precise": ([1, 1000, 1000], 100),
    "two with few rows": ([1, 5], 10),
    "twenty": ([1, 2] * 10, 30),
    "few rows": ([1, 4, 16, 4], 8),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_the_promised_power_is_there(design):
    variances, rows = DESIGNS[design]
    v, nu = np.array([variances], dtype=float), np.full((1, len(variances)), float(rows))
    sd = detectable_sd(v, nu, level=0.05, power=0.8)
    rng = np.random.default_rng(0)
    size = (20_000, len(variances))
    effects = rng.normal(size=size) * np.sqrt(v + sd**2)
    estimated = v * rng.chisquare(np.broadcast_to(nu, size)) / nu
    found = (same_effect(effects, estimated, np.broadcast_to(nu, size)) < 0.05).mean()
    # standard error 0.3 points; the law of Q is matched by three moments, that of few rows is not
    assert abs(found - 0.8) < (0.03 if rows < 10 else 0.02)


def test_power_is_the_inverse():
    rng = np.random.default_rng(1)
    v, nu = rng.uniform(0.5, 20, size=(8, 5)), rng.integers(4, 50, size=(8, 5)).astype(float)
    sd = detectable_sd(v, nu, level=0.01, power=0.6)
    np.testing.assert_allclose(heterogeneity_power(sd, v, nu, level=0.01), 0.6, atol=1e-5)
    grid = [heterogeneity_power(factor * sd, v, nu, level=0.01) for factor in (0.3, 0.7, 1, 1.2)]
    assert (np.diff(grid, axis=0) > 0).all()
    at_zero = heterogeneity_power(0 * sd, v, np.full_like(nu, 1e6), level=0.01)
    np.testing.assert_allclose(at_zero, 0.01, atol=1e-4)


def test_copies_of_environments_are_environments():
    v, nu = np.array([[1.0, 3.0, 7.0]]), np.array([[20.0, 9.0, 40.0]])
    copied = detectable_sd(v, nu, copies=3.0)
    np.testing.assert_allclose(copied, detectable_sd(np.tile(v, 3), np.tile(nu, 3)), rtol=1e-6)


def test_units_and_environments_that_cannot_tell():
    v, nu = np.array([[1.0, 3.0, 7.0]]), np.array([[20.0, 9.0, 40.0]])
    sd = detectable_sd(v, nu)
    np.testing.assert_allclose(detectable_sd(1e-12 * v, nu), 1e-6 * sd, rtol=1e-6)
    wide = np.array([[1.0, np.nan, 3.0, 5.0, 7.0]]), np.array([[20.0, 8.0, 9.0, 0.0, 40.0]])
    np.testing.assert_allclose(detectable_sd(*wide), sd, rtol=1e-6)
    assert np.isnan(detectable_sd(np.array([[1.0, np.nan]]), np.array([[9.0, 9.0]]))).all()
    alone = detectable_sd(np.array([[2.0]]), np.array([[9.0]]), copies=4.0)
    np.testing.assert_allclose(alone, detectable_sd(np.full((1, 4), 2.0), np.full((1, 4), 9.0)))
