"""Exponents of random products against known answers, and the tails of bursts."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.theory import (
    burst_exponent,
    growth_exponent,
    matrix_growth_exponent,
    momentum_growth_exponent,
)


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_matrices_that_commute_have_the_largest_scalar_exponent():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    values, weights = rng.normal(1.0, 5.0, size=(5, 4)), np.array([1.0, 2.0, 0.0, 3.0, 1.0])
    found = matrix_growth_exponent(basis * values[:, None, :] @ basis.T, 0.1, weights)
    scalar = growth_exponent(values.T, 0.1, weights)
    assert found.exponent == pytest.approx(scalar.max(), abs=1e-10)
    assert found.standard_error == 0.0


def test_two_triangular_matrices_have_the_exponent_of_their_diagonals():
    # of a triangular product the top exponent is the largest E log|diagonal entry|
    first, second = np.array([[1.6, 1.0], [0.0, 0.9]]), np.array([[0.5, -2.0], [0.0, 1.3]])
    found = matrix_growth_exponent([first - np.eye(2), second - np.eye(2)], 1.0)
    known = max(0.5 * np.log(1.6 * 0.5), 0.5 * np.log(0.9 * 1.3))
    assert found.standard_error > 0
    assert abs(found.exponent - known) < 5 * found.standard_error + 1e-3


def test_a_scaling_and_a_quarter_turn_cancel():
    # diag(a, 1/a) and a turn by 90 degrees: the exponent is 0 (the turn swaps the axes)
    scaling, turn = np.diag([3.0, 1 / 3.0]), rotation(np.pi / 2)
    found = matrix_growth_exponent([scaling - np.eye(2), turn - np.eye(2)], 1.0)
    # the finite-time maximum of a random walk biases it up by order 1 / sqrt(steps)
    assert abs(found.exponent) < 0.05
    without = matrix_growth_exponent([scaling - np.eye(2), np.zeros((2, 2))], 1.0)
    assert without.exponent == pytest.approx(0.5 * np.log(3), abs=1e-9)


def test_uniform_rotations_have_furstenbergs_integral():
    # with a uniform direction at each step, gamma = mean over angles of log|F x| = log((a + b) / 2)
    turns = [rotation(t) for t in np.linspace(0, np.pi, 64, endpoint=False)]
    found = matrix_growth_exponent(
        np.array([turn @ np.diag([1.7, 0.4]) for turn in turns]) - np.eye(2), 1.0
    )
    assert abs(found.exponent - np.log((1.7 + 0.4) / 2)) < 4 * found.standard_error + 1e-4
    assert found.standard_error < 3e-3


def test_neither_the_names_of_environments_nor_the_axes_matter():
    rng = np.random.default_rng(1)
    S = rng.normal(size=(4, 3, 3))
    S = 3 * (S + S.transpose(0, 2, 1))
    basis = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    one = matrix_growth_exponent(S, 0.1)
    for other in (
        matrix_growth_exponent(S[[2, 0, 3, 1]], 0.1, rng=1),
        matrix_growth_exponent(basis @ S @ basis.T, 0.1, rng=2),
        matrix_growth_exponent(np.concatenate([S, S]), 0.1, rng=3),
    ):
        error = np.hypot(one.standard_error, other.standard_error)
        assert abs(one.exponent - other.exponent) < 4 * error
    assert matrix_growth_exponent(S, 0.1) == one


def test_the_exponent_is_the_slope_of_a_simulated_product():
    rng = np.random.default_rng(2)
    S = 4 * np.array([[[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    found, x, total = matrix_growth_exponent(S, 0.2), np.array([1.0, 0.0]), []
    for e in rng.integers(2, size=20_000):
        x = x + 0.2 * S[e] @ x
        total.append(np.log(np.linalg.norm(x)))
        x /= np.linalg.norm(x)
    error = found.spread / np.sqrt(len(total))
    assert abs(np.mean(total) - found.exponent) < 4 * np.hypot(error, found.standard_error)


def test_orders_and_blocks():
    one = [np.diag([7.0, 1.0]), np.diag([-5.0, -2.0])]
    drawn, cyclic = (
        matrix_growth_exponent(one, 0.1, order=order) for order in ("random", "cyclic")
    )
    assert cyclic.exponent == pytest.approx(drawn.exponent, abs=1e-12)
    assert cyclic.spread == 0.0
    blocks = matrix_growth_exponent(one, 0.1, block=5)
    assert blocks.exponent == pytest.approx(drawn.exponent)
    assert blocks.spread == pytest.approx(drawn.spread * 5**0.5)
    # cyclic products that do not commute: the spectral radius, here of [[0, 4], [-.25, 0]] @ itself
    S = np.array([rotation(np.pi / 2) - np.eye(2), np.diag([0.25, 4.0]) - np.eye(2)])
    round_ = np.diag([0.25, 4.0]) @ rotation(np.pi / 2)
    radius = np.abs(np.linalg.eigvals(round_)).max()
    found = matrix_growth_exponent(S, 1.0, order="cyclic")
    assert found.exponent == pytest.approx(0.5 * np.log(radius), abs=1e-12)


def test_a_step_that_multiplies_by_zero():
    assert matrix_growth_exponent([[[12.0]], [[-10.0]]], 0.1).exponent == -np.inf


def test_momentum_without_memory_is_the_plain_step():
    found = momentum_growth_exponent([7.0, -5.0], 0.1, momentum=0.0, n_steps=400_000)
    assert abs(found.exponent - growth_exponent([7, -5], 0.1)) < 4 * found.standard_error + 1e-4
    # one environment: the larger root of z^2 - (1 + beta + eta s) z + beta
    root = np.roots([1, -(1 + 0.9 + 0.05), 0.9]).max()
    assert momentum_growth_exponent([0.5], 0.1, 0.9).exponent == pytest.approx(
        np.log(root), abs=1e-3
    )


def test_burst_exponents_solve_their_equation():
    rng = np.random.default_rng(3)
    values, weights = rng.normal(0.0, 5.0, size=(30, 6)), rng.uniform(size=6)
    found = burst_exponent(values, 0.15, weights)
    rates = growth_exponent(values, 0.15, weights)
    dies = (rates < 0) & np.isfinite(found)
    assert dies.sum() > 5
    factors = np.abs(1 + 0.15 * values[dies])
    moment = (factors ** found[dies, None]) @ (weights / weights.sum())
    np.testing.assert_allclose(moment, 1.0, atol=1e-9)
    assert (found[rates >= 0] == 0).all()
    assert burst_exponent([-1.0, -5.0], 0.1) == np.inf
    # bursts that are all but impossible, and a factor of exactly 0
    assert burst_exponent([0.1, -9.0], 0.1) == pytest.approx(np.log(2) / np.log(1.01))
    assert burst_exponent([10.0, -10.0], 0.1) == pytest.approx(1.0)
    # exactly 1 where the mean factor is 1 and none is negative; 2 / variance near the line
    assert burst_exponent([5.0, -5.0], 0.1) == pytest.approx(1.0)
    near = growth_exponent([5.7, -3.7], 0.1), np.log(1.57 / 0.63) / 2
    assert burst_exponent([5.7, -3.7], 0.1) == pytest.approx(-2 * near[0] / near[1] ** 2, rel=0.05)


def test_blocks_of_matrices_that_hardly_fail_to_commute():
    nudge = 1e-4 * np.array([[0.0, 1.0], [1.0, 0.0]])
    stack = np.array([np.diag([7.0, -9.0]), np.diag([1.0, -9.0]) + nudge])
    logarithms = np.log([1.7, 1.1])
    found = matrix_growth_exponent(stack, 0.1, block=4)
    assert found.standard_error > 0
    assert found.exponent == pytest.approx(logarithms.mean(), rel=1e-3)
    assert found.spread == pytest.approx(2 * logarithms.std(), rel=0.3)
    turns = matrix_growth_exponent(stack, 0.1, order="cyclic", block=4)
    assert turns.exponent == pytest.approx(logarithms.mean(), rel=1e-3)


def test_bursts_climb_as_rarely_as_the_exponent_says():
    # P(ever above L) <= (a / L)^nu, and of that order
    rng, nu = np.random.default_rng(4), burst_exponent([7.0, -5.0], 0.1)
    walk = np.cumsum(np.log(rng.choice([1.7, 0.5], size=(20_000, 300))), axis=1).max(axis=1)
    for height in (3.0, 6.0):
        share, bound = (walk > height).mean(), np.exp(-nu * height)
        assert 0.5 * bound < share < bound


@pytest.mark.parametrize(
    "call",
    [
        lambda: matrix_growth_exponent(np.zeros((2, 2)), 0.1),
        lambda: matrix_growth_exponent(np.full((2, 2, 2), np.nan), 0.1),
        lambda: matrix_growth_exponent(np.zeros((2, 2, 2)), 0.1, order="sorted"),
        lambda: matrix_growth_exponent(np.zeros((2, 2, 2)), 0.1, block=0),
        lambda: momentum_growth_exponent([1.0], 0.1, momentum=1.0),
        lambda: burst_exponent([1.0], -0.1),
    ],
)
def test_what_cannot_be_used_is_refused(call):
    with pytest.raises(DataError):
        call()
