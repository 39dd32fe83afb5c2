"""The margin for new environments: its rank, its half-widths, and what it covers."""

import numpy as np
import pytest
from scipy import stats

from elinvar.environments import Moments
from elinvar.errors import DataError
from elinvar.inference import LearningTask, LeftOut, LeftOutFit, SelectionRule, forecast, learn
from elinvar.inference.findings import half_widths

MODELS = ("invariant", "pooled", "lasso", "used")


def rows_of(bias, spread, model="used"):
    """Left-out environments of which only bias and spread matter."""
    found = []
    for e, (b, s) in enumerate(zip(bias, spread, strict=True)):
        facts = {"predicted_mean": 0.0, "predicted_sd": 1.0, "truth_mean": b, "truth_sd": s}
        fits = tuple(
            LeftOutFit(
                model=name,
                slope=1.0,
                bias=b if name == model else 1e6,
                residual_sd=s,
                **facts,
            )
            for name in MODELS
        )
        errors = dict.fromkeys((*MODELS, "mean"), 1.0)
        found.append(LeftOut(environment=str(e), rows=10.0, fits=fits, errors=errors, wrong=None))
    return found


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.99])
def test_half_widths_hold_the_share(coverage):
    rng = np.random.default_rng(0)
    bias = np.concatenate([[0.0, 0.0, 5.0, -1e-3, 1e6], rng.normal(size=50)])
    spread = np.concatenate([[1.0, 2.0, 1.0, 1.0, 1e-3], rng.uniform(0.1, 3, 50)])
    width = half_widths(bias, spread, coverage)
    inside = stats.norm.cdf((width - bias) / spread) - stats.norm.cdf((-width - bias) / spread)
    np.testing.assert_allclose(inside[:4], coverage, atol=1e-12)
    np.testing.assert_allclose(inside[5:], coverage, atol=1e-12)
    # of the first a bias a billion times the spread, of which scipy 1.13 never finds the quantile
    expected = np.sqrt(stats.ncx2.ppf(coverage, 1, (bias[5:] / spread[5:]) ** 2)) * spread[5:]
    np.testing.assert_allclose(width[5:], expected, rtol=1e-9)
    np.testing.assert_allclose(half_widths(-bias, spread, coverage), width)


def test_without_spread_the_half_width_is_the_bias():
    np.testing.assert_allclose(half_widths(np.array([2.0, -3.0, 0.0]), np.zeros(3)), [2, 3, 0])


@pytest.mark.parametrize(
    ("law", "unbiased", "least", "most"),
    [
        (stats.laplace(scale=0.5**0.5), 0.902, 0.90, 0.92),
        (stats.t(5, scale=0.6**0.5), 0.913, 0.90, 0.92),
        (stats.uniform(-(3**0.5), 12**0.5), 0.950, 0.87, 0.951),
        (stats.expon(loc=-1), 0.929, 0.898, 1.0),
    ],
)
def test_shares_of_rows_where_residuals_are_not_normal(law, unbiased, least, most):
    assert law.std() == pytest.approx(1)
    bias = np.linspace(-3, 3, 121)
    width = half_widths(bias, np.ones(121))
    inside = law.cdf(width - bias) - law.cdf(-width - bias)
    assert inside[60] == pytest.approx(unbiased, abs=1e-3)
    assert least - 1e-3 <= inside.min() and inside.max() <= most + 1e-3
    draws = law.rvs(size=(20_000, 1), random_state=np.random.default_rng(0)) + bias
    np.testing.assert_allclose((np.abs(draws) <= width).mean(axis=0), inside, atol=0.012)


@pytest.mark.parametrize(
    ("coverage", "needed", "ranks"),
    [(0.9, 9, {9: 9, 10: 10, 18: 18, 19: 18, 20: 19}), (0.7, 3, {3: 3, 9: 7}), (0.5, 1, {1: 1})],
)
def test_the_margin_is_the_right_one_in_order(coverage, needed, ranks):
    for n, rank in ranks.items():
        spread = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
        found = forecast(rows_of(np.zeros(n), spread), coverage=coverage)
        expected = half_widths(np.zeros(1), np.array([float(rank)]), coverage)[0]
        assert found.margin == pytest.approx(expected)
        assert (found.needed, found.n_environments, found.reason) == (needed, n, "")


def test_too_few_environments_are_a_reason():
    found = forecast(rows_of(np.zeros(8), np.ones(8)))
    assert np.isnan(found.margin) and found.needed == 9
    assert "8 in 9" in found.reason and "89%" in found.reason and "takes 9" in found.reason
    none = forecast([])
    assert np.isnan(none.margin) and none.n_environments == 0 and "takes 9" in none.reason
    assert forecast(rows_of(np.zeros(18), np.ones(18)), coverage=0.95).needed == 19


def test_each_model_has_its_own_margin():
    bias, spread = np.arange(10.0), np.ones(10)
    for model in MODELS:
        found = forecast(rows_of(bias, spread, model), model=model)
        assert found.margin == pytest.approx(half_widths(np.array([9.0]), np.ones(1))[0])


@pytest.mark.parametrize("coverage", [0.3, 1.0, float("nan")])
def test_impossible_shares_are_refused(coverage):
    with pytest.raises(DataError, match="coverage"):
        forecast([], coverage=coverage)


@pytest.mark.parametrize("n_environments", [10, 20])
@pytest.mark.parametrize("noise", ["normal", "exponential"])
def test_new_environments_are_covered(n_environments, noise):
    """Effects, levels and noise drawn anew in every environment; 40 new ones a repetition."""
    covered = []
    for seed in range(250 // n_environments):
        rng = np.random.default_rng([seed, n_environments])
        X, y, place = _random_environments(rng, n_environments + 40, 60, noise)
        seen = place < n_environments
        moments = Moments.from_arrays(X[seen], y[seen], place[seen])
        share = np.full(n_environments, 1 / n_environments)
        task = LearningTask(
            intercept="shared",
            predictor="auto",
            always=np.zeros(3, dtype=bool),
            t_threshold=4.5,
            rule=SelectionRule(),
        )
        learned = learn(moments, share, task)
        margin = forecast(learned.left_out()).margin
        off = y - X @ learned.used.coef - learned.used.intercept
        inside = (np.abs(off[~seen]) <= margin).reshape(40, 60).mean(axis=1)
        covered.append(np.mean(inside >= 0.9))
    # 10/11 and 19/21 if nothing had to be learned; the standard error is .02 to .03
    assert np.mean(covered) == pytest.approx(0.91, abs=0.08)


def _random_environments(rng, n_environments, rows, noise):
    place = np.repeat(np.arange(n_environments), rows)
    X = rng.normal(size=(len(place), 3)) + 0.7 * rng.normal(size=(n_environments, 3))[place]
    coef = np.array([1.0, 0.0, -1.0]) + 0.3 * rng.normal(size=(n_environments, 3))
    draws = rng.normal if noise == "normal" else rng.standard_exponential
    scatter = np.exp(0.3 * rng.normal(size=n_environments))[place] * draws(size=len(place))
    y = np.einsum("np,np->n", X, coef[place]) + 0.5 * rng.normal(size=n_environments)[place]
    return X, y + scatter, place
