"""Tests of equality against the textbook tests that they are, or contain."""

import numpy as np
import pytest
from scipy import stats

from elinvar.inference.tests import (
    agreement_p_value,
    same_correlation,
    same_effect,
    same_fit,
    same_scale,
    same_shares,
)


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return [scale * rng.normal(size=n) + 0.2 * scale for n, scale in ((12, 1), (30, 2), (9, 0.5))]


def test_two_effects_are_welchs_t(samples):
    a, b = samples[:2]
    means = np.array([[a.mean(), b.mean()]])
    variances = np.array([[a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)]])
    freedom = np.array([[len(a) - 1.0, len(b) - 1.0]])
    welch = stats.ttest_ind(a, b, equal_var=False).pvalue
    assert same_effect(means, variances, freedom)[0] == pytest.approx(welch, rel=1e-9)


def test_many_effects_are_the_agreement_test_of_one_column():
    rng = np.random.default_rng(1)
    effects, variances = rng.normal(size=(6, 5)), rng.uniform(0.1, 3, size=(6, 5))
    freedom = rng.integers(3, 40, size=(6, 5)).astype(float)
    each = [
        agreement_p_value(b[:, None], v[:, None, None], f)
        for b, v, f in zip(effects, variances, freedom, strict=True)
    ]
    np.testing.assert_allclose(same_effect(effects, variances, freedom), each, rtol=1e-9)
    variances[:, 2] = 0.0
    without = [0, 1, 3, 4]
    np.testing.assert_allclose(
        same_effect(effects, variances, freedom),
        same_effect(effects[:, without], variances[:, without], freedom[:, without]),
    )


def test_scales_of_normal_columns_are_bartletts_test(samples):
    variances = np.array([[sample.var(ddof=1) for sample in samples]])
    freedom = np.array([[len(sample) - 1.0 for sample in samples]])
    found = same_scale(variances, freedom, kurtosis=3.0)[0]
    assert found == pytest.approx(stats.bartlett(*samples).pvalue, rel=1e-9)
    assert same_scale(variances, freedom)[0] > found


def test_a_variance_of_zero():
    freedom = np.full((4, 3), 199.0)
    variances = np.array([[0.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    found = same_scale(variances, freedom)
    # a 0/1 column of kurtosis 9 has 9.2% ones; 200 rows without one, in any of 3 environments
    share = 0.5 - np.sqrt(0.25 - 1 / 12)
    assert 1 / (share * (1 - share)) - 3 == pytest.approx(9.0)
    chance = 3 * (1 - share) ** 200
    np.testing.assert_allclose(found, [2 * chance, 1.0, 1.0, chance], rtol=1e-9)
    few = same_scale(variances, np.full((4, 3), 9.0))
    assert (few > 0.5).all()


def test_levels_are_the_analysis_of_variance(samples):
    whole = np.concatenate(samples)
    own = sum(((sample - sample.mean()) ** 2).sum() for sample in samples) / len(whole)
    found = same_fit(
        np.array([whole.var()]), np.array([own]), len(whole), (np.ones(1), np.full(1, 3.0))
    )
    assert found[0] == pytest.approx(stats.f_oneway(*samples).pvalue, rel=1e-9)


def test_shares_are_pearsons_test():
    table = np.array([[10, 20, 30], [15, 15, 15], [4, 9, 30], [0, 12, 20]])
    n, share = table.sum(), table.sum(axis=1) / table.sum()
    levels = table / table.sum(axis=1, keepdims=True)
    within = [np.diag(level) - np.outer(level, level) for level in levels]
    mean = share @ levels
    pooled = np.diag(mean) - np.outer(mean, mean)
    statistic, _, freedom, _ = stats.chi2_contingency(table, correction=False)
    expected = stats.chi2.sf(statistic * (n - 1) / n, freedom)
    found = same_shares(pooled, np.tensordot(share, within, 1), n, (1.0, 4.0))
    assert found == pytest.approx(expected, rel=1e-9)


def test_correlations_of_copies():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 3, 60))
    y = 0.6 * x + rng.normal(size=x.shape)
    correlations = np.array(
        [[np.corrcoef(a, b)[0, 1] for a, b in zip(*z, strict=True)] for z in zip(x, y, strict=True)]
    )
    p_values = same_correlation(correlations, np.full(3, 60.0), kurtosis=3.0)
    # 4000 draws: a standard error of 0.35 points
    assert 0.04 < (p_values < 0.05).mean() < 0.06
    correlations[:, 1:] = np.nan
    assert (same_correlation(correlations, np.full(3, 60.0)) == 1.0).all()
