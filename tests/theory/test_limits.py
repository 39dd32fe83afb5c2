"""Limits of the step and times of learning, against the scalar iteration."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.theory import (
    convergence_steps,
    escape_steps,
    growth_exponent,
    step_limits,
)


def scalar(step, values, *, steps=2000, runs=1000, start=None, seed=0):
    """Share of runs of u <- u (1 + eta (s - u^2)) that diverge."""
    rng = np.random.default_rng(seed)
    u = rng.uniform(0.01, 1.0, runs) if start is None else np.full(runs, start)
    gone = np.zeros(runs, dtype=bool)
    for _ in range(steps):
        u = np.where(gone, 0.0, u * (1 + step * (rng.choice(values, runs) - u**2)))
        gone |= np.abs(u) > 1e3
    return gone.mean()


def test_invariant_directions_settle_oscillate_diverge():
    limit = step_limits([0.5, 2.0], [0.0]).settles
    assert limit == 0.5
    u = np.full(3, 0.1)
    for _ in range(4000):
        u = u * (1 + limit * np.array([0.98, 1.3, 2.05]) * (2.0 - u**2))
        u = np.where(np.abs(u) > 1e3, np.inf, u)
    assert u[0] ** 2 == pytest.approx(2.0, rel=1e-6)
    assert np.isfinite(u[1])
    assert abs(u[1] ** 2 - 2.0) > 0.1
    assert not np.isfinite(u[2])


@pytest.mark.parametrize("heterogeneity", [2.0, 4.0, 8.0])
def test_the_bounded_line(heterogeneity):
    values = np.array([1 + heterogeneity, 1 - heterogeneity])
    limit = step_limits([1.0], values).bounded
    t = limit * values
    assert 4 / 27 * (1 + t[0]) ** 3 == pytest.approx(2 + t[1])
    assert scalar(0.995 * limit, values) == 0.0
    # where spurious directions do not die, they try for ever: beyond the line all runs diverge
    if growth_exponent(values, limit) > 0:
        assert scalar(1.05 * limit, values) > 0.9


def test_lines_at_one_mean():
    # the figures of the bounded line at mu = 1
    for step, heterogeneity in ((0.05, 18.38), (0.1, 9.05), (0.2, 4.38)):
        values = [1 + heterogeneity, 1 - heterogeneity]
        assert step_limits([1.0], values).bounded == pytest.approx(step, rel=2e-3)
    assert step_limits([1.0], [0.0]).bounded == np.inf
    doubled, plain = (step_limits([1.0], [3.0, -3.0], curvature=c) for c in (2.0, 1.0))
    assert doubled.settles == 0.5
    assert doubled.bounded == pytest.approx(plain.bounded / 2)
    # eigenvalues of one sign reach down to 0, where a direction rests
    limit = step_limits([1.0], [3.0, 2.0]).bounded
    assert 4 / 27 * (1 + 3 * limit) ** 3 == pytest.approx(2.0)


def test_times_are_those_of_the_recursion():
    rng = np.random.default_rng(0)
    for _ in range(30):
        sigma, step = rng.uniform(0.2, 3.0), rng.uniform(0.001, 0.25)
        alpha, accuracy = 10 ** rng.uniform(-8, -1), rng.uniform(0.01, 0.2)
        u, half, done = alpha, None, None
        for t in range(100_000):
            half = t if half is None and u**2 >= sigma / 2 else half
            if u**2 >= (1 - accuracy) * sigma:
                done = t
                break
            u *= 1 + step * (sigma - u**2)
        assert abs(escape_steps(sigma, step, alpha) - half) <= 1
        assert abs(convergence_steps(sigma, step, alpha, accuracy=accuracy) - done) <= 1


def test_slow_steps_follow_the_logistic_equation():
    fast, slow = (escape_steps(1.0, h, 1e-3) * h for h in (1.01e-4, 0.99e-4))
    assert slow == pytest.approx(fast, rel=1e-3)
    fast, slow = (escape_steps(1.0, h, 0.6) * h for h in (1.01e-4, 0.99e-4))
    assert slow == pytest.approx(fast, rel=1e-3)


def test_times_at_the_edges():
    assert escape_steps(-1.0, 0.1, 1e-3) == np.inf
    assert escape_steps(10.0, 0.1, 1e-3) == np.inf
    assert escape_steps(1.0, 0.1, 2.0) == 0.0
    assert 0 < convergence_steps(1.0, 0.1, 2.0) < 50
    # from slightly above, by hand
    x, steps = 1.3, 0
    while x > 1.05:
        x, steps = x * (1 + 0.1 * (1 - x)) ** 2, steps + 1
    assert convergence_steps(1.0, 0.1, 1.3**0.5) == steps


@pytest.mark.parametrize(
    "call",
    [
        lambda: escape_steps(1.0, 0.1, -0.1),
        lambda: escape_steps(np.nan, 0.1, 0.1),
        lambda: escape_steps(1.0, 0.1, 0.1, share=1.0),
        lambda: convergence_steps(1.0, 0.1, 0.1, accuracy=0.0),
        lambda: step_limits([], [1.0]),
    ],
)
def test_what_cannot_be_used_is_refused(call):
    with pytest.raises(DataError):
        call()
