"""Effects as random over environments: spread, and an interval for a new environment."""

import numpy as np
import pytest
from scipy import optimize, stats

from elinvar.inference.effects import between_sd, random_effects
from elinvar.inference.effects._random_effects import _Sample
from elinvar.inference.tests import agreement_p_value

MANY = 1e9


def samples(n, ratio, n_environments, *, freedom=60.0, seed=0):
    """Effects whose spread is ``ratio`` times the mean sampling variance; a new one for each."""
    rng = np.random.default_rng([seed, n_environments])
    variance = np.exp(0.7 * rng.normal(size=(n, n_environments)))
    tau = np.sqrt(ratio * variance.mean(axis=1))
    effects = 3.0 + tau[:, None] * rng.normal(size=variance.shape)
    effects += np.sqrt(variance) * rng.normal(size=variance.shape)
    estimated = variance * rng.chisquare(freedom, size=variance.shape) / freedom
    return effects, estimated, 3.0 + tau * rng.normal(size=n), tau


@pytest.mark.parametrize("n_environments", [5, 10])
@pytest.mark.parametrize("ratio", [10.0, 40.0])
def test_ninety_percent_of_new_effects_are_covered(n_environments, ratio):
    effects, variances, new, _ = samples(2500, ratio, n_environments)
    found = random_effects(effects, variances, np.full(n_environments, 60.0))
    covered = np.mean((found.low < new) & (new < found.high))
    assert 0.87 < covered < 0.93


@pytest.mark.parametrize("n_environments", [2, 3, 5, 10, 20])
@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_small_spread_is_not_undercovered(n_environments, ratio):
    """The interval of Hartung and Knapp falls to 77% here, for it trusts one estimate of spread."""
    effects, variances, new, _ = samples(2500, ratio, n_environments)
    found = random_effects(effects, variances, np.full(n_environments, 60.0))
    assert np.mean((found.low < new) & (new < found.high)) > 0.86


@pytest.mark.parametrize("ratio", [0.0, 1.0, 10.0])
def test_the_average_effect_is_covered(ratio):
    effects, variances, *_ = samples(2500, ratio, 5)
    found = random_effects(effects, variances, np.full(5, 60.0))
    covered = np.mean((found.mean_low < 3.0) & (found.mean_high > 3.0))
    assert 0.93 < covered < (1.0 if ratio < 10 else 0.97)
    assert np.mean(found.mean) == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("n_environments", [2, 3, 8])
def test_without_sampling_error_the_interval_is_students(n_environments):
    rng = np.random.default_rng(0)
    effects = rng.normal(5.0, 2.0, size=(4, n_environments))
    tiny = np.full(effects.shape, 1e-10)
    found = random_effects(effects, tiny, np.full(n_environments, MANY))
    sd, mean = effects.std(axis=1, ddof=1), effects.mean(axis=1)
    margin = stats.t.ppf(0.95, n_environments - 1) * sd * np.sqrt(1 + 1 / n_environments)
    assert (np.abs(found.high - mean - margin) < 0.01 * margin).all()
    assert (np.abs(mean - margin - found.low) < 0.01 * margin).all()
    margin = stats.t.ppf(0.975, n_environments - 1) * sd / np.sqrt(n_environments)
    assert (np.abs(found.mean_high - mean - margin) < 0.01 * margin).all()
    assert (np.abs(mean - margin - found.mean_low) < 0.01 * margin).all()
    np.testing.assert_allclose(found.mean, mean)
    np.testing.assert_allclose(found.between_sd, sd, rtol=1e-5)
    assert (found.p_value < 1e-6).all()


def test_the_spread_is_paule_and_mandels():
    effects, variances, *_ = samples(20, 2.0, 6)
    got = between_sd(effects, variances, np.full(6, MANY))
    for row, effect, variance in zip(got, effects, variances, strict=True):

        def excess(tau2, effect=effect, variance=variance):
            weight = 1 / (variance + tau2)
            mean = weight @ effect / weight.sum()
            return weight @ (effect - mean) ** 2 - 5

        expected = np.sqrt(optimize.brentq(excess, 0, 1e4)) if excess(0) > 0 else 0.0
        assert row == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_spread_is_right_on_average_and_the_test_of_none_has_its_size():
    effects, variances, _, tau = samples(4000, 4.0, 5)
    freedom = np.full(5, 60.0)
    got = between_sd(effects, variances, freedom)
    assert np.mean(got**2) == pytest.approx(np.mean(tau**2), rel=0.06)
    effects, variances, *_ = samples(4000, 0.0, 5)
    assert 0.04 < np.mean(random_effects(effects, variances, freedom).p_value < 0.05) < 0.06


def test_units_and_origin_do_not_matter():
    effects, variances, *_ = samples(30, 1.0, 4)
    freedom = np.full(4, 60.0)
    plain = random_effects(effects, variances, freedom)
    for unit in (1e-120, 1e-9, -3.0, 1e90):
        other = random_effects(unit * effects, unit**2 * variances, freedom)
        ends = np.sort([unit * plain.low, unit * plain.high], axis=0)
        np.testing.assert_allclose([other.low, other.high], ends, rtol=1e-6)
        np.testing.assert_allclose(other.between_sd, abs(unit) * plain.between_sd, rtol=1e-6)
    moved = random_effects(effects + 1e3, variances, freedom)
    np.testing.assert_allclose(moved.low, plain.low + 1e3, rtol=1e-9)


def test_environments_that_cannot_tell_are_left_out():
    effects, variances, *_ = samples(6, 1.0, 5)
    freedom = np.full(5, 60.0)
    plain = random_effects(effects[:, :3], variances[:, :3], freedom[:3])
    unknown = variances.copy()
    unknown[:, 3:] = [np.nan, 0.0]
    blind = random_effects(effects, unknown, freedom)
    np.testing.assert_allclose(blind.low, plain.low)
    np.testing.assert_allclose(blind.p_value, plain.p_value)


def test_fewer_than_two_environments_tell_nothing_of_a_new_one():
    effects = np.array([[1.0, np.nan], [np.nan, np.nan], [1.0, 2.0]])
    found = random_effects(effects, np.where(np.isnan(effects), np.nan, 0.1), np.full(2, 50.0))
    for values in (found.between_sd, found.low, found.high):
        assert np.isnan(values[:2]).all() and np.isfinite(values[2])
    assert (found.p_value[:2] == 1.0).all()
    assert np.isnan(between_sd(effects[:1], effects[:1], np.full(2, 50.0))).all()


def test_more_agreement_gives_a_narrower_interval():
    variance = np.full((3, 6), 0.01)
    base = np.array([-1.0, -0.6, -0.2, 0.2, 0.6, 1.0])
    effects = np.array([0.0, 0.3, 1.0])[:, None] * base
    found = random_effects(effects, variance, np.full(6, 80.0))
    width = found.high - found.low
    assert width[0] < width[1] < width[2]
    assert (np.diff(found.between_sd) > 0).all()


@pytest.mark.parametrize("ratio", [0.0, 10.0])
def test_the_law_of_q_knows_that_variances_are_estimated(ratio):
    """At the true spread its excess is 0 on average, and the variance of the mean is right."""
    effects, variances, _, tau = samples(6000, ratio, 6, freedom=10.0)
    law = _Sample.of(effects, variances, np.full(6, 10.0))
    law = law.at((tau / law.unit)[:, None] ** 2)
    assert np.mean(law.excess) == pytest.approx(0.0, abs=0.2)
    sample = _Sample.of(effects, variances, np.full(6, 10.0))
    error = sample.origin + law.mean[:, 0] * sample.unit - 3.0
    claimed = np.mean(law.variance[:, 0] * sample.unit**2)
    assert claimed == pytest.approx(np.mean(error**2), rel=0.08)


def test_no_difference_is_tested_as_welch_does():
    effects, variances, *_ = samples(40, 1.0, 4, freedom=8.0)
    freedom = np.array([5.0, 8.0, 13.0, 30.0])
    found = random_effects(effects, variances, freedom).p_value
    for row, p_value in enumerate(found):
        covariance = variances[row][:, None, None]
        expected = agreement_p_value(effects[row][:, None], covariance, freedom)
        assert p_value == pytest.approx(expected, rel=1e-4)


def test_the_wary_interval_has_the_variance_at_its_upper_limit():
    """Without noise that of tau^2 is sum (b - mean)^2 over the 10% point of chi-squared."""
    effects = np.random.default_rng(0).normal(2.0, 1.0, size=(3, 6))
    found = random_effects(effects, np.full((3, 6), 1e-9), np.full(6, 1e6))
    square = effects.var(axis=1) * 6 / stats.chi2.ppf(0.1, 5)
    half = stats.norm.ppf(0.95) * np.sqrt(square * (1 + 1 / 6))
    np.testing.assert_allclose(found.wary_high - found.mean, half, rtol=0.02)
    np.testing.assert_allclose(found.mean - found.wary_low, half, rtol=0.02)
    assert (found.wary_high >= found.high).all()
