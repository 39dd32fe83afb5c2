"""What finite batches do: rates and floors against simulated steps."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.theory import (
    burst_exponent,
    critical_batch_size,
    free_growth_exponent,
    noise_floor,
    noise_growth_rate,
)


@pytest.mark.parametrize("noise", [0.0, 10.0])
def test_a_generic_vector_grows_by_noise_alone(noise):
    # G of m explicit measurements of an R that the vector does not see; its first-order part, of
    # mean 0, is taken off each logarithm
    rng, d, m, eta, power = np.random.default_rng(0), 16, 60, 0.02, 50.0
    y, gained = np.zeros(d), []
    for _ in range(400):
        X = rng.normal(size=(m, d, d))
        G = np.tensordot(X[:, 0, 0] * power**0.5 + noise * rng.normal(size=m), X, axes=1) / m
        G = (G + G.T) / 2
        y[1:] = rng.normal(size=d - 1)
        moved = y + eta * G @ y
        first = eta * y @ G @ y / (y @ y)
        gained.append(np.log(np.linalg.norm(moved) / np.linalg.norm(y)) - first)
    rate = noise_growth_rate(d, eta, m, power + noise**2)
    assert np.mean(gained) == pytest.approx(rate, rel=0.06)


def test_long_run_rate_and_isotropic_start():
    rng, d, c = np.random.default_rng(1), 24, 0.03
    U, y, rates = np.tile(np.eye(d), (40, 1, 1)), rng.normal(size=(40, d)), []
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    for t in range(400):
        Z = rng.normal(size=(40, d, d))
        step = np.eye(d) + c * (Z + Z.transpose(0, 2, 1)) / 2
        y = np.einsum("nij,nj->ni", step, y)
        rates.append(np.log(np.linalg.norm(y, axis=1)))
        y /= np.linalg.norm(y, axis=1, keepdims=True)
        U = step @ U if t < 60 else U
    error = np.std(rates) / np.sqrt(np.size(rates))
    assert abs(np.mean(rates) - c**2 * (d - 3) / 4) < 4 * error
    early = np.log(np.linalg.norm(U, axis=(1, 2)) / np.sqrt(d)) / 60
    assert early.mean() == pytest.approx(c**2 * (d + 1) / 4, rel=0.07)


def test_bursts_make_free_directions_grow_faster(two_point):
    spurious = two_point(6.0)
    found = {
        m: free_growth_exponent(spurious, 0.1, dim=48, batch_size=m, power=74)
        for m in (2000, 200_000)
    }
    alone = free_growth_exponent(0 * spurious, 0.1, dim=48, batch_size=2000, power=74)
    assert alone.exponent == pytest.approx(noise_growth_rate(48, 0.1, 2000, 74), rel=0.05)
    assert found[2000].exponent > 2 * alone.exponent
    # noise alone falls 100-fold; with bursts the rate falls by 100^nu, nu < 1
    nu, fall = burst_exponent([7, -5], 0.1), found[2000].exponent / found[200_000].exponent
    assert 0.7 * 100**nu < fall < 100**0.75


def test_free_rate_is_that_of_a_full_simulation(two_point):
    rng, d, c, spurious = np.random.default_rng(2), 20, 0.02, two_point(6.0)
    factors = np.tile(np.eye(d), (2, 1, 1))
    factors[:, :2, :2] += 0.1 * spurious
    y, total = rng.normal(size=(100, d)), []
    for t in range(1500):
        Z = rng.normal(size=(100, d, d))
        moved = np.einsum("nij,nj->ni", factors[rng.integers(2, size=100)], y)
        moved += c * np.einsum("nij,nj->ni", (Z + Z.transpose(0, 2, 1)) / 2, y)
        size = np.linalg.norm(moved, axis=1)
        y = moved / size[:, None]
        if t >= 300:
            total.append(np.log(size))
    runs = np.mean(total, axis=0)
    error = runs.std() / np.sqrt(len(runs))
    found = free_growth_exponent(spurious, 0.1, dim=d, batch_size=1, power=(c / 0.1) ** 2)
    assert abs(runs.mean() - found.exponent) < 4 * np.hypot(error, found.standard_error)


@pytest.mark.parametrize(
    ("batch_size", "noise", "sigma"),
    [
        (400, 0.0, (1.0, 1.0)),
        (4000, 0.0, (2.0, 0.4)),
        (4000, 20.0, (1.0, 1.0)),
        (60_000, 0.0, (1.0,)),
    ],
)
def test_floor_is_the_error_that_stays(simulate, two_point, batch_size, noise, sigma):
    seen, alive = simulate(
        two_point(6.0), dim=24, step_size=0.1, steps=1200, sigma=sigma, batch_size=batch_size,
        noise=noise, runs=6,
    )  # fmt: skip
    assert alive.all()
    floor = noise_floor(sigma, 0.1, dim=24, batch_size=batch_size, power=74 + noise**2)
    assert np.median(seen[:, 2]) == pytest.approx(floor.error, rel=0.12)


def test_rate_and_floor_by_hand():
    assert noise_growth_rate(11, 0.1, 4, 20) == pytest.approx(0.01 * 5 * 8 / 4)
    # eta (sigma_i + sigma_j) = 1: all entries of a full matrix have the variance of their noise
    for rank in (1, 2):
        floor = noise_floor(np.ones(rank), 0.5, dim=rank, batch_size=7, power=8)
        entries = rank * (rank + 1) / 2
        assert floor.error**2 == pytest.approx(entries * 8 / (7 - entries), rel=1e-6)
    # d' = 8: eight rows at .5 / 1.5, D = 8 * .5 / 3, and n = 2 of its own directions
    floor = noise_floor([1.0], 0.5, dim=9, batch_size=2000, power=8)
    v = floor.variance
    assert v == pytest.approx((8 + floor.error**2) / 2000, rel=1e-6)
    assert floor.aligned**2 == pytest.approx((1 + 8 / 3) * v)
    assert floor.tilt == pytest.approx(np.sqrt(2) * 4 / 3 * v)
    assert floor.free == pytest.approx(v)


def test_free_noise_fills_a_quarter_of_the_directions(two_point):
    # no signal, no spurious part: label noise alone; a matrix with d/4 directions of its own
    rng, d, eta, v = np.random.default_rng(3), 48, 0.1, 0.1
    U, seen = 0.2 * np.eye(d), []
    for t in range(6000):
        Z = rng.normal(size=(d, d))
        U = U + eta * (np.sqrt(v) * (Z + Z.T) / 2 - U @ U.T) @ U
        if t >= 4000 and t % 20 == 0:
            seen.append(np.linalg.norm(U @ U.T) ** 2)
    n = d / 4
    expected = (eta * v) ** 2 * n * (d / 4) * (d / 4 - n / 2)
    assert np.mean(seen) == pytest.approx(expected, rel=0.2)


def test_critical_batch_size_is_where_the_floor_reaches_the_signal():
    for width, steps in ((None, None), (4, None), (None, 300)):
        m = critical_batch_size([1.0, 0.5], 0.1, dim=40, power=60, width=width, steps=steps)
        floor = noise_floor(
            [1.0, 0.5], 0.1, dim=40, batch_size=m, power=60, width=width, steps=steps
        )
        assert floor.error == pytest.approx(np.hypot(1.0, 0.5), rel=1e-4)
    wide, narrow = (critical_batch_size([1.0], 0.1, dim=40, power=60, width=k) for k in (40, 1))
    assert narrow < wide
    assert critical_batch_size([1.0], 0.1, dim=40, power=60, share=0.1) > 20 * wide


def test_too_small_batches_have_no_floor(simulate, two_point):
    assert noise_floor([1.0, 1.0], 0.1, dim=50, batch_size=60, power=74).error == np.inf
    assert np.isfinite(noise_floor([1.0, 1.0], 0.1, dim=50, batch_size=90, power=74).error)
    _, alive = simulate(
        two_point(6.0), dim=50, step_size=0.1, steps=300, batch_size=40, runs=4, seed=1
    )
    assert not alive.any()


def test_more_measurements_and_fewer_columns_leave_less():
    errors = [
        noise_floor([1.0], 0.1, dim=30, batch_size=m, power=50).error for m in (500, 5000, 50000)
    ]
    assert errors == sorted(errors, reverse=True)
    full, half = (
        noise_floor([1.0], 0.1, dim=30, batch_size=500, power=50, width=k) for k in (30, 3)
    )
    assert half.free < full.free
    assert half.aligned == pytest.approx(full.aligned, rel=0.05)
    # what 10 steps can grow from a small start is next to nothing
    assert noise_floor([1.0], 0.1, dim=30, batch_size=500, power=50, steps=10).free < 1e-4


@pytest.mark.parametrize(
    "call",
    [
        lambda: noise_growth_rate(50, 0.1, 0, 74),
        lambda: noise_floor([-1.0], 0.1, dim=10, batch_size=10, power=1),
        lambda: noise_floor([11.0], 0.1, dim=10, batch_size=10, power=1),
        lambda: noise_floor([1.0], 0.1, dim=10, batch_size=10, power=0),
        lambda: critical_batch_size([1.0], 0.1, dim=10, power=1, share=0),
        lambda: free_growth_exponent(np.zeros((2, 2, 2)), 0.1, dim=3, batch_size=10, power=1),
    ],
)
def test_what_cannot_be_used_is_refused(call):
    with pytest.raises(DataError):
        call()
