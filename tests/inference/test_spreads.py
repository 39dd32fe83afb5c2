"""Effects of one table: what the others say of how much one differs between environments."""

import numpy as np
import pytest
from scipy import stats

from elinvar import InvariantRegressor
from elinvar.inference.effects import random_effects
from elinvar.inference.effects._spreads import among_others

ERROR, FREEDOM = 0.05, 60.0


def table(rng, n_environments, spreads):
    """Effects of one table (k, E), their variances as estimated, and a new effect of each (k,)."""
    spreads = ERROR * np.asarray(spreads, dtype=float)
    variance = ERROR**2 * np.exp(0.5 * rng.normal(size=(len(spreads), n_environments)))
    effects = spreads[:, None] * rng.normal(size=variance.shape)
    effects += np.sqrt(variance) * rng.normal(size=variance.shape)
    seen = variance * rng.chisquare(FREEDOM, size=variance.shape) / FREEDOM
    return effects, seen, spreads * rng.normal(size=len(spreads))


def judged(effects, seen, unit=1.0):
    units = None if unit is None else np.broadcast_to(unit, len(effects))
    return random_effects(effects, seen, np.full(effects.shape[1], FREEDOM), unit=units)


def repeated(n_environments, spreads, n=100):
    """Return coverage (k,) of new effects, beside others and alone, and widths over those alone."""
    rng = np.random.default_rng([n_environments, len(spreads)])
    inside, wide = [], []
    for _ in range(n):
        effects, seen, new = table(rng, n_environments, spreads)
        both = judged(effects, seen), judged(effects, seen, None)
        inside.append([(one.low <= new) & (new <= one.high) for one in both])
        wide.append((both[0].high - both[0].low) / (both[1].high - both[1].low))
    return (*np.mean(inside, axis=0), np.median(wide, axis=0))


@pytest.mark.parametrize("n_environments", [3, 10])
@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_in_a_table_of_effects_alike_shorter_intervals_cover(n_environments, spread):
    covered, _, wide = repeated(n_environments, [spread] * 6)
    assert covered.mean() > 0.85
    assert wide.mean() < (0.9 if n_environments == 3 or not spread else 1.01)


def test_an_effect_that_alone_differs_is_covered_nearly_as_often_as_when_judged_alone():
    covered, alone, wide = repeated(10, [3.0, 0, 0, 0, 0, 0], n=150)
    assert covered[0] > alone[0] - 0.05
    assert wide[1:].mean() < 0.9 < wide[0]


def test_effects_that_differ_much_warn_of_one_that_seems_not_to():
    rng = np.random.default_rng(0)
    effects, seen, _ = table(rng, 4, [8.0] * 7)
    effects[0] = effects[0].mean()
    together, alone = judged(effects, seen), judged(effects, seen, None)
    assert together.high[0] - together.low[0] > 1.2 * (alone.high[0] - alone.low[0])


def test_a_single_effect_is_judged_alone():
    effects, seen, _ = table(np.random.default_rng(1), 5, [1.0, 2.0])
    effects[1] = np.nan
    got, expected = judged(effects, seen), judged(effects, seen, None)
    np.testing.assert_array_equal(got.low, expected.low)
    # nor do effects count that have no unit to compare their spread by
    effects, seen, _ = table(np.random.default_rng(1), 5, [1.0, 2.0])
    got, expected = judged(effects, seen, np.array([1.0, 0.0])), judged(effects, seen, None)
    np.testing.assert_array_equal(got.low, expected.low)


def test_units_and_order_of_effects_do_not_matter():
    effects, seen, _ = table(np.random.default_rng(2), 4, [0.0, 1.0, 5.0, 0.5])
    plain, order = judged(effects, seen), np.array([2, 0, 3, 1])
    unit = np.array([1e-90, 3.0, 1e60, 7.0])
    other = judged(unit[:, None] * effects, np.square(unit)[:, None] * seen, unit)
    np.testing.assert_allclose(other.high, unit * plain.high, rtol=1e-6)
    np.testing.assert_allclose(judged(effects[order], seen[order]).low, plain.low[order], rtol=1e-9)


def test_the_probabilities_are_those_of_bayes_rule():
    """Every median, shape and kind in turn, with the laws of scipy."""
    rng = np.random.default_rng(3)
    nodes = np.array([[0.0, 1e-4, 1e-2, 0.1, 1e3]] * 3)
    likelihood, noise = rng.uniform(0.1, 1.0, (3, 5)), np.array([0.01, 0.04, 0.09])
    reference = rng.dirichlet(np.ones(5), 3)
    medians, order = np.geomspace(0.003, 3.0, 16), 0.2
    grid = [(m, s) for m in medians for s in (0.25, 0.5, 1.0, 2.0)]
    prior = np.array([m / (m**2 + order**2) for m, _ in grid])
    tau = np.sqrt(nodes[0])
    alike = np.array(
        [np.diff([0, 0, *stats.lognorm.cdf(tau[1:-1], s, scale=m), 1]) for m, s in grid]
    )
    own = []
    for v, li in zip(noise, likelihood, strict=True):
        most = max(9.0, nodes[0][li.argmax()])
        rising = np.log(1 + np.minimum(nodes[0], most) / v) / np.log(1 + most / v)
        own.append(np.diff(np.append(0.0, rising)))
    got = among_others(likelihood, reference, nodes, noise)
    chance = [[0.5 * a @ li + 0.5 * o @ li for a in alike]
              for o, li in zip(own, likelihood, strict=True)]  # fmt: skip
    for j in range(3):
        weight = prior * np.prod([chance[i] for i in range(3) if i != j], axis=0)
        weight /= weight.sum()
        expected = 0.5 * (weight @ alike) * likelihood[j]
        expected = expected + 0.5 * (own[j] @ likelihood[j]) * reference[j]
        np.testing.assert_allclose(got[j], expected / expected.sum(), rtol=1e-8)


def test_the_law_of_a_new_effect_has_its_interval():
    effects, seen, _ = table(np.random.default_rng(4), 5, [1.0, 0.3])
    found = judged(effects, seen)
    for row in range(2):
        assert found.new.below(row, found.high[row]) == pytest.approx(0.95, abs=1e-6)
        assert found.new.quantile(row, 0.05) == pytest.approx(found.low[row], rel=1e-6)


@pytest.mark.parametrize("spread", [1e3, 1e6, 1e12])
def test_effects_that_differ_beyond_all_that_is_usual_are_judged_about_as_when_alone(spread):
    effects, seen, _ = table(np.random.default_rng(0), 6, [spread] * 3)
    together, alone = judged(effects, seen), judged(effects, seen, None)
    np.testing.assert_allclose(together.high - together.low, alone.high - alone.low, rtol=0.2)
    np.testing.assert_allclose(together.mean_low, alone.mean_low, rtol=0.2)


def test_effects_of_near_copies_that_change_have_intervals_about_their_average():
    rng = np.random.default_rng(0)
    environments, (x, apart) = np.repeat(range(6), 100), rng.normal(size=(2, 600))
    y = environments * apart + 0.01 * rng.normal(size=600)
    X = np.column_stack([x, x + 1e-3 * apart])
    found = InvariantRegressor().fit(X, y, environments=environments).evidence_
    # the effects are 1000 times 0, 1, ..., 5, which have mean 2.5 and sd 1.87
    np.testing.assert_allclose(found.effect.abs(), 2500.0, rtol=0.01)
    np.testing.assert_allclose(found.between_sd, 1871.0, rtol=0.01)
    # t(5) of 90% and 95%
    np.testing.assert_allclose(found.new_high - found.new_low, 2 * 2.015 * 2021.0, rtol=0.1)
    np.testing.assert_allclose(found.high - found.low, 2 * 2.571 * 763.8, rtol=0.1)
    np.testing.assert_allclose(found.high + found.low, 2 * found.effect, rtol=0.05)
