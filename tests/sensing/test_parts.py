"""The parts of a run against formulas written out: start, schedule, data, update rules, records."""

import numpy as np
import pytest

from elinvar.sensing import (
    SGD,
    Adam,
    HeteroSGD,
    Momentum,
    Nesterov,
    PooledGD,
    RMSprop,
    SensingProblem,
    solve,
)
from elinvar.sensing.kernels._narrow import add_noise, outside_narrow

UNEQUAL = {"values": [[3.0, -1.0], [-2.0, 0.5], [1.0, 4.0]], "weights": [5, 1, 2]}


@pytest.fixture
def unequal():
    """Return a function that makes a problem of unequal ranks, and unequal environments."""

    def make(**setting):
        return SensingProblem.finite(dim=9, invariant_rank=1, rng=0, **UNEQUAL, **setting)

    return make


@pytest.mark.parametrize("angle", [0.0, 0.5, np.pi / 2])
def test_both_bases_are_orthonormal(angle, unequal):
    truth = unequal(angle=angle).truth
    for basis in (truth.invariant_basis, truth.spurious_basis):
        np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)


@pytest.mark.parametrize("method", ["exact", "plain"])
@pytest.mark.parametrize(
    ("setting", "low", "high"),
    [
        ({"init": "identity"}, 9.0, 9.0),
        ({"init": "identity", "parameterization": "direct"}, 9.0, 9.0),
        ({"init": "identity", "width": 2}, 2.0, 2.0),
        ({"init": "orthogonal", "width": 2}, 2.0, 2.0),
        # normals of variance 1/k: the trace is that of alpha^2 I, whatever the width
        ({"init": "gaussian", "width": 2}, 7.0, 11.0),
        ({"init": "gaussian", "width": 40}, 7.0, 11.0),
        ({"init": "gaussian", "parameterization": "symmetric"}, 0.0, 0.0),
    ],
)
def test_the_start_has_its_size(setting, low, high, method, unequal):
    algorithm = PooledGD(step_size=1e-9, init_scale=0.5, **setting)
    runs = [solve(unequal(), algorithm, steps=1, rng=s, method=method).matrix for s in range(60)]
    traces = np.trace(runs, axis1=1, axis2=2) / 0.25
    assert low - 1e-6 <= traces.mean() <= high + 1e-6
    assert low != high or np.ptp(traces) < 1e-6
    if high == 0.0:
        np.testing.assert_allclose(runs[0], 0.0, atol=1e-7)
    if setting == {"init": "identity", "width": 2}:
        np.testing.assert_allclose(runs[0], 0.25 * np.diag([1.0] * 2 + [0.0] * 7), atol=1e-7)


@pytest.mark.parametrize("law", ["listed", "uniform"])
def test_a_block_keeps_its_environment(law):
    place = {"dim": 8, "invariant_rank": 1, "rng": 0}
    if law == "listed":
        problem = SensingProblem.finite(values=np.linspace(-3, 5, 50)[:, None], **place)
    else:
        problem = SensingProblem.uniform(spurious_rank=1, heterogeneity=4.0, **place)
    algorithm = HeteroSGD(step_size=0.1, batch_size=None, order="blocks", block=5, init_scale=1e-12)
    signal = solve(problem, algorithm, steps=40, rng=0).spurious_signal
    ratio = np.diff(np.log(signal)).reshape(8, 5)
    np.testing.assert_allclose(ratio, ratio[:, :1] + np.zeros(5), atol=1e-6)
    assert len(np.unique(ratio[:, 0].round(6))) >= 6


def ratios(problem, steps=400, **order):
    """Growth of the logarithm of a spurious amplitude, a step, from far below 1: log(1 + eta s)."""
    algorithm = HeteroSGD(step_size=0.01, batch_size=None, init_scale=1e-12, **order)
    return np.diff(np.log(solve(problem, algorithm, steps=steps, rng=0).spurious_signal)) / 2


@pytest.mark.parametrize("law", ["listed", "uniform"])
def test_a_chain_stays_as_often_as_it_is_told(law):
    place = {"dim": 8, "invariant_rank": 1, "rng": 0}
    if law == "listed":
        problem = SensingProblem.finite(values=np.linspace(-3, 5, 500)[:, None], **place)
    else:
        problem = SensingProblem.uniform(spurious_rank=1, heterogeneity=4.0, **place)
    found = ratios(problem, order="markov", stay=0.8)
    stays = np.isclose(np.diff(found), 0.0, atol=1e-9)
    assert abs(stays.mean() - 0.8) < 3 * np.sqrt(0.16 / 399)
    # a chance of 0 is a draw at every step
    assert len(np.unique(ratios(problem, order="markov", stay=0.0).round(9))) > 200


def test_batches_are_shared_evenly_by_environments():
    problem = SensingProblem.finite(dim=8, invariant_rank=1, values=[[-2.0], [4.0]], rng=0)
    found = (np.exp(ratios(problem, environments=3)) - 1) / 0.01
    expected = np.array([-2.0, 0.0, 2.0, 4.0])
    shares = np.array([1, 3, 3, 1]) / 8
    seen = np.abs(found[:, None] - expected) < 1e-3
    assert (seen.sum(axis=1) == 1).all()
    assert np.abs(seen.mean(axis=0) - shares).max() < 0.08


@pytest.mark.parametrize(("width", "kind"), [(0.3, "circle"), (0.3, "ramp"), (1.0, "circle")])
def test_a_window_shows_its_mean(width, kind):
    def curve(t):
        s = 1 + 4 * np.cos(2 * np.pi * t) if kind == "circle" else 8 * t - 3
        return np.asarray(s)[:, None]

    problem = SensingProblem.continuum(dim=8, invariant_rank=1, curve=curve, rng=0)
    found = (np.exp(ratios(problem, order="window", window=width)) - 1) / 0.01
    reach = 4 * np.sinc(width) if kind == "circle" else 4 * (1 - width)
    assert found.min() >= 1 - reach - 1e-3 and found.max() <= 1 + reach + 1e-3
    # ends are met on a circle; along a ramp places are uniform
    inside = np.std(found) * (np.sqrt(2) if kind == "circle" else np.sqrt(3))
    assert inside == pytest.approx(reach, abs=0.15)
    means = problem.window_matrices(width)[:, 0, 0]
    assert (means.min(), means.max()) == pytest.approx((1 - reach, 1 + reach), abs=0.02)


@pytest.mark.parametrize("kind", ["circle", "ramp"])
def test_a_drift_goes_around_a_circle_and_back_and_forth_on_a_ramp(kind):
    def curve(t):
        s = 1 + 4 * np.cos(2 * np.pi * t) if kind == "circle" else 8 * t - 3
        return np.asarray(s)[:, None]

    problem = SensingProblem.continuum(dim=8, invariant_rank=1, curve=curve, rng=0)
    found = (np.exp(ratios(problem, order="drift", speed=0.01)) - 1) / 0.01
    np.testing.assert_allclose(found[100:200], found[300:], atol=1e-2)
    if kind == "circle":
        np.testing.assert_allclose(found[:100], found[100:200], atol=1e-2)
    else:
        moves = np.abs(np.diff(found))
        assert moves.max() < 0.081 and np.median(moves) == pytest.approx(0.08, abs=1e-3)
    assert (found.min(), found.max()) == pytest.approx((-3, 5), abs=0.05)


def test_a_batch_of_several_environments_of_data_is_their_mean():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 4, 4)), rng.standard_normal(40)
    own = SensingProblem.from_measurements(X, y, np.repeat([0, 1, 2], (7, 20, 13)))
    direct = {"step_size": 0.3, "init_scale": 1.0, "parameterization": "direct"}
    A = np.eye(4)

    def moved(environment):
        rows = (slice(0, 7), slice(7, 27), slice(27, 40))[environment]
        G = np.tensordot(y[rows] - X[rows].reshape(-1, 16) @ A.ravel(), X[rows], axes=1)
        return 0.3 * (G + G.T) / 2 / len(y[rows])

    pairs = [A + (moved(e) + moved(f)) / 2 for e in range(3) for f in range(3)]
    for seed in range(12):
        algorithm = HeteroSGD(batch_size=None, environments=2, **direct)
        run = solve(own, algorithm, steps=1, rng=seed).matrix
        assert min(np.abs(run - pair).max() for pair in pairs) < 1e-12
        many = HeteroSGD(batch_size=400_001, environments=2, **direct)
        near = solve(own, many, steps=1, rng=seed).matrix
        assert np.abs(near - run).max() < 0.02 * np.abs(A).max()


@pytest.mark.parametrize("gain", [1.0, 1.5, 0.0])
def test_steps_on_data_are_averages_over_rows(gain):
    rng, sizes = np.random.default_rng(0), (7, 20, 13)
    X, y = rng.standard_normal((40, 4, 4)), rng.standard_normal(40)
    own = SensingProblem.from_measurements(X, y, np.repeat([0, 1, 2], sizes))
    direct = {"step_size": 0.3, "init_scale": 1.0, "parameterization": "direct"}
    algorithm = HeteroSGD(batch_size=None, gain=gain, order="cyclic", **direct)
    A = np.eye(4)

    def average(rows):
        G = np.tensordot(y[rows] - X[rows].reshape(-1, 16) @ A.ravel(), X[rows], axes=1)
        return (G + G.T) / 2 / len(y[rows])

    for rows in (slice(0, 7), slice(7, 27), slice(27, 40), slice(0, 7)):
        A = A + 0.3 * (gain * average(rows) + (1 - gain) * average(slice(0, 40)))
    run = solve(own, algorithm, steps=4, rng=0)
    np.testing.assert_allclose(run.matrix, A, rtol=1e-10, atol=1e-12)
    assert run.loss[-1] == pytest.approx(np.mean((y - X.reshape(-1, 16) @ A.ravel()) ** 2))
    # a batch is drawn from all rows of its environment
    many = HeteroSGD(batch_size=200_000, gain=gain, order="cyclic", **direct)
    near = solve(own, many, steps=4, rng=0).matrix
    assert np.abs(near - A).max() < 0.02 * np.abs(A).max()


def test_noise_of_a_sample_has_its_size(unequal):
    loud, calm = (unequal(noise=noise).sample(5000, rng=1).data.y for noise in (200.0, 0.0))
    assert abs(loud.std() / np.hypot(200.0, calm.std()) - 1) < 0.03


@pytest.mark.parametrize(
    ("optimizer", "moves"),
    [
        (Momentum(beta=0.5), lambda a, b, c: (a, 0.5 * a + b, 0.25 * a + 0.5 * b + c)),
        (
            Nesterov(beta=0.5),
            lambda a, b, c: (
                1.5 * a,
                b + 0.5 * (b + 0.5 * a),
                c + 0.5 * (c + 0.5 * b + 0.25 * a),
            ),
        ),
        (
            RMSprop(second_beta=0.75, epsilon=0.1),
            lambda a, b, c: (
                a / (0.5 * abs(a) + 0.1),
                b / (np.sqrt(0.1875 * a**2 + 0.25 * b**2) + 0.1),
                c / (np.sqrt(0.140625 * a**2 + 0.1875 * b**2 + 0.25 * c**2) + 0.1),
            ),
        ),
        (
            Adam(beta=0.5, second_beta=0.75, epsilon=0.1),
            # weighted means: the corrections for the start make all weights sum to one
            lambda a, b, c: (
                a / (abs(a) + 0.1),
                (a + 2 * b) / 3 / (np.sqrt((3 * a**2 + 4 * b**2) / 7) + 0.1),
                (a + 2 * b + 4 * c) / 7 / (np.sqrt((9 * a**2 + 12 * b**2 + 16 * c**2) / 37) + 0.1),
            ),
        ),
        (
            RMSprop(second_beta=0.0, epsilon=1e-12),
            lambda a, b, c: (np.sign(a), np.sign(b), np.sign(c)),
        ),
    ],
)
@pytest.mark.parametrize("method", ["exact", "plain"])
def test_update_rules_unrolled(optimizer, moves, method):
    """With infinitely many measurements the gradient of A itself is the residual."""
    problem = SensingProblem.finite(dim=4, invariant_rank=1, values=[[3.0]], rng=0)
    algorithm = HeteroSGD(
        step_size=0.3,
        batch_size=None,
        parameterization="direct",
        init="gaussian",
        init_scale=1.0,
        optimizer=optimizer,
    )
    start = HeteroSGD(
        step_size=1e-12,
        batch_size=None,
        parameterization="direct",
        init="gaussian",
        init_scale=1.0,
        optimizer=SGD(),
    )
    A = [solve(problem, start, steps=1, rng=5, method=method).matrix]
    A += [solve(problem, algorithm, steps=n, rng=5, method=method).matrix for n in (1, 2, 3)]
    residuals = [problem.pooled - before for before in A[:3]]
    for before, after, move in zip(A[:3], A[1:], moves(*residuals), strict=True):
        np.testing.assert_allclose(after - before, 0.3 * move, rtol=1e-8, atol=1e-9)


def test_noise_on_a_narrow_factor_is_that_of_a_whole_matrix():
    """Z P for a two-sided P: what it says of <Z, A> holds exactly, its squares on average."""
    rng, d, s, width, n_plus = np.random.default_rng(0), 14, 2, 3, 2
    P, signs, n, rounds = rng.standard_normal((d, width)), np.array([1.0, 1.0, -1.0]), d - s, 4000
    size = n * (s + width) + width * (width + 1) // 2
    side, away, basis, moved = (np.empty((n, k)) for k in (s, width, width, width))
    squares, descent = np.empty((2, width, width)), np.empty((d, width))
    seen = np.zeros(d)
    for _ in range(rounds):
        normals = rng.standard_normal(size).astype(np.float32)
        product = add_noise(P, s, n_plus, normals, side, away, basis, squares, moved, descent)
        assert product == pytest.approx((P * signs * descent).sum(), abs=1e-9)
        seen += (descent**2).sum(axis=1) / rounds
    rows = (P**2).sum(axis=1)
    expected = np.where(np.arange(d) < s, rows[s:].sum(), rows.sum() + rows) / 2
    np.testing.assert_allclose(seen, expected, rtol=0.1)
    A = (P * signs) @ P.T
    grams = [np.ascontiguousarray(part.T @ part) for part in (P[:s], P[s:])]
    outside = (A**2).sum() - (A[:s, :s] ** 2).sum()
    assert outside_narrow(*grams, n_plus) == pytest.approx(outside)


def test_signals_and_loss_of_unequal_ranks_and_environments(unequal):
    problem = unequal(angle=0.5, noise=3.0)
    algorithm = HeteroSGD(step_size=0.05, batch_size=100, init_scale=0.5)
    run = solve(problem, algorithm, steps=10, rng=0, dtype="float64")
    A, V, pi = run.matrix, problem.truth.spurious_basis, np.array([5, 1, 2]) / 8
    R = problem.invariant + V @ problem.spurious_matrices @ V.T - A
    beside = problem.truth.basis[:, 1:]
    own = np.linalg.norm(beside.T @ A @ beside) / np.sqrt(2)
    assert run.spurious_signal[-1] == pytest.approx(own)
    mean = problem.invariant + V @ np.diag([15 / 8, 3.5 / 8]) @ V.T
    assert run.pooled_error[-1] == pytest.approx(np.linalg.norm(A - mean))
    assert run.loss[-1] == pytest.approx(pi @ (R**2).sum((1, 2)) + 9.0)


@pytest.mark.parametrize("source", ["exact", "plain", "data"])
def test_batches_that_cannot_be_shared_evenly_are_whole(source):
    """Five measurements of three environments, all alike: on average the whole gradient."""
    problem = SensingProblem.finite(dim=3, invariant_rank=1, values=[[2.0], [2.0], [2.0]], rng=0)
    target, method = problem.pooled, source if source != "data" else "plain"
    problem = problem.sample(2000, 0) if source == "data" else problem
    algorithm = HeteroSGD(
        step_size=0.5, batch_size=5, environments=3, init_scale=1e-6, parameterization="direct"
    )
    ends = [solve(problem, algorithm, steps=1, rng=s, method=method).matrix for s in range(800)]
    share = np.vdot(np.mean(ends, axis=0), target) / np.vdot(target, target)
    assert share == pytest.approx(0.5, abs=0.05)
