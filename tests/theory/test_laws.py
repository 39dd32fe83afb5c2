"""Exponents of whole laws against integrals, and windows against what they bound."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from elinvar.errors import DataError
from elinvar.theory import (
    critical_heterogeneity,
    growth_exponent,
    heterogeneity_window,
    law_growth_exponent,
    step_window,
)

LAWS = ["two_point", "uniform", "cosine", "gaussian", [-1.0, 0.2, 0.8]]


def integrals(law, centre, half):
    """Mean and variance of log|centre + half d|, cut at the singularity."""
    density, ends = (norm.pdf, 12.0) if law == "gaussian" else (lambda d: 0.5, 1.0)
    pole = -centre / half
    cuts = [-ends, *([pole] if -ends < pole < ends else []), ends]

    def mean(power):
        def log(d):
            return np.log(max(abs(centre + half * d), 1e-300)) ** power * density(d)

        return sum(quad(log, a, b, limit=400, epsabs=1e-11)[0] for a, b in pairwise(cuts))

    return mean(1), mean(2) - mean(1) ** 2


@pytest.mark.parametrize("law", ["uniform", "gaussian"])
@pytest.mark.parametrize(
    ("heterogeneity", "step", "mean"),
    [(0.02, 0.01, 1.0), (2.0, 0.1, 1.0), (6.0, 0.1, 1.0), (11.0, 0.1, 1.0), (30.0, 0.1, -4.0)],
)
def test_closed_forms_are_the_integrals(law, heterogeneity, step, mean):
    found = law_growth_exponent(heterogeneity, step, law=law, mean=mean)
    exponent, variance = integrals(law, 1 + step * mean, step * heterogeneity)
    assert found.exponent == pytest.approx(exponent, abs=1e-8)
    assert found.spread**2 == pytest.approx(variance, rel=1e-5)


@pytest.mark.parametrize("law", ["uniform", "gaussian"])
def test_expansion_and_closed_form_meet(law):
    # both sides of the ratio at which the narrow expansion takes over
    below, above = (law_growth_exponent(h, 1.0, law=law, mean=0.0) for h in (0.01999, 0.02001))
    assert above.exponent == pytest.approx(below.exponent * (2001 / 1999) ** 2, rel=1e-5)
    assert above.spread == pytest.approx(below.spread * 2001 / 1999, rel=1e-5)


def test_a_list_is_the_discrete_exponent():
    found = law_growth_exponent(3.0, 0.1, law=[-1.0, 0.2, 0.8], mean=0.5)
    assert found.exponent == growth_exponent([-2.5, 1.1, 2.9], 0.1)
    assert law_growth_exponent(6.0, 0.1).exponent == growth_exponent([7.0, -5.0], 0.1)


def test_weights_are_how_often_each_is_drawn():
    weighted = {"law": [-1.0, 1.0], "weights": [1.0, 3.0]}
    repeated = {"law": [-1.0, 1.0, 1.0, 1.0]}
    found = law_growth_exponent(6.0, 0.1, **weighted)
    same = law_growth_exponent(6.0, 0.1, **repeated)
    assert (found.exponent, found.spread) == pytest.approx((same.exponent, same.spread))
    for window in (heterogeneity_window, lambda *a, **k: step_window(6.0, **k)):
        pair = [window(0.05, mean=0.2, **given) for given in (weighted, repeated)]
        assert (pair[0].low, pair[0].high) == pytest.approx(
            (pair[1].low, pair[1].high), nan_ok=True
        )


def test_windows_of_two_values():
    window = heterogeneity_window(0.1)
    assert (window.low, round(window.high, 2)) == (critical_heterogeneity(0.1), 14.87)
    found = step_window(critical_heterogeneity(0.07, 2.0), mean=2.0)
    assert found.low == pytest.approx(0.07)
    assert not step_window(1.0) and not step_window(0.9)
    # the general search finds what the closed form says
    for closed, searched in (
        (window, heterogeneity_window(0.1, law=[-1.0, 1.0])),
        (step_window(6.0), step_window(6.0, law=[-1.0, 1.0])),
    ):
        assert (searched.low, searched.high) == pytest.approx((closed.low, closed.high), rel=1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_exponents_change_sign_at_the_ends(law):
    window, steps = heterogeneity_window(0.1, law=law), step_window(6.0, law=law)
    for end, factor in ((window.low, 1.01), (window.high, 0.99)):
        assert law_growth_exponent(end * factor, 0.1, law=law).exponent < 0
        assert law_growth_exponent(end / factor, 0.1, law=law).exponent > 0
    for end, factor in ((steps.low, 1.01), (steps.high, 0.99)):
        assert law_growth_exponent(6.0, end * factor, law=law).exponent < 0
        assert law_growth_exponent(6.0, end / factor, law=law).exponent > 0
    assert 0.5 * (window.low + window.high) in window


def test_without_a_mean_any_spread_suppresses():
    window = heterogeneity_window(0.1, law="uniform", mean=0.0)
    assert window.low == 0.0
    assert law_growth_exponent(0.99 * window.high, 0.1, law="uniform", mean=0.0).exponent < 0


def test_a_smooth_law_cannot_outweigh_a_large_mean():
    # 1 + eta mu beyond 1.509 and 1.278
    assert heterogeneity_window(0.5, law="uniform")
    assert not heterogeneity_window(0.52, law="uniform")
    assert heterogeneity_window(0.27, law="gaussian")
    assert not heterogeneity_window(0.29, law="gaussian")
    assert heterogeneity_window(0.52)


@pytest.mark.parametrize("law", ["uniform", "gaussian"])
def test_steps_die_inside_the_window_and_grow_outside(law):
    rng = np.random.default_rng(0)
    deviate = rng.uniform(-1, 1, 200_000) if law == "uniform" else rng.normal(size=200_000)
    low = heterogeneity_window(0.1, law=law).low

    def drift(M):
        return np.log(np.abs(1 + 0.1 * (1 + M * deviate))).mean()

    assert drift(0.9 * low) > 0.005
    assert drift(1.1 * low) < -0.005


@pytest.mark.parametrize(
    "call",
    [
        lambda: law_growth_exponent(-1.0, 0.1),
        lambda: law_growth_exponent(1.0, np.inf),
        lambda: law_growth_exponent(1.0, 0.1, mean=np.nan),
        lambda: law_growth_exponent(1.0, 0.1, law="cauchy"),
        lambda: heterogeneity_window(0.1, mean=-1.0),
        lambda: step_window(np.nan),
        lambda: step_window(3.0, mean=-1.0),
    ],
)
def test_what_cannot_be_used_is_refused(call):
    with pytest.raises(DataError):
        call()
