r"""The moments of a step in closed form: an oracle that shares nothing with either kind of step.

With a step size of 1e-9 the matrix stands still, and a run of 20,000 steps is a sample of G at one
A: signals, which are norms, move by ``step_size * <G, F>``, F known. For Gaussian X and symmetric
B, C, given R,

    m Cov(<G, B>, <G, C>) = (|R|^2 + sigma^2) <B, C> + <R, B> <R, C>;

if every measurement draws its own environment, the right-hand side is
E[(|R|^2 + sigma^2) <B, C> + 2 <R, B> <R, C>] - <E R, B> <E R, C>.
"""

import numpy as np
import pytest
from scipy.stats import chi

from elinvar.sensing import HeteroSGD, PooledSGD, SensingProblem, solve

STEPS = 20_000
# standard scores, of up to 14 quantities a case; seeds are fixed
LARGEST = 4.5
PLACE = {"dim": 20, "invariant_rank": 1, "rng": 1}
FACTOR = {"step_size": 1e-9, "init_scale": 1.5}
DIRECT = FACTOR | {"parameterization": "direct"}
NARROW = FACTOR | {"init_scale": 3.0, "width": 3}


def listed(noise):
    values, weights = [[4.0], [-3.0], [7.0]], [5, 1, 2]
    return SensingProblem.finite(values=values, weights=weights, noise=noise, angle=0.5, **PLACE)


def uniform(noise):
    return SensingProblem.uniform(
        spurious_rank=1, heterogeneity=20.0, noise=noise, angle=0.5, **PLACE
    )


def environments(problem):
    """Spurious eigenvalues and weights that have the law's first two moments, all that counts."""
    if problem.truth.law.finite:
        return problem.spurious_matrices.ravel(), problem.environment_weights
    return 1.0 + 20.0 / np.sqrt(3) * np.array([1.0, -1.0]), np.array([0.5, 0.5])


def directions(problem, A, *, factor):
    """Return the F (4, d, d) of four signals: the gradients of these norms, carried over to G."""
    blocks = [np.outer(x, x) @ A @ np.outer(x, x) for x in problem.truth.basis.T]
    gradients = [*blocks, A - sum(blocks), A - problem.pooled]
    unit = np.array([N / np.linalg.norm(N) for N in gradients])
    return unit @ A + A @ unit if factor else unit


def moments(problem, algorithm, A, F):
    """Mean (k,) and covariance (k, k) of <G, F>."""
    values, pi = environments(problem)
    v = problem.truth.spurious_basis
    R = problem.invariant + values[:, None, None] * (v @ v.T) - A
    met, m = np.einsum("eij,kij->ek", R, F), algorithm.batch_size
    white = (pi @ (R**2).sum((1, 2)) + problem.noise**2) * np.einsum("kij,lij->kl", F, F)
    mean, second = pi @ met, (pi[:, None] * met).T @ met
    apart = second - np.outer(mean, mean)
    mixed, own = (white + second + apart) / m, (white + second) / m + apart
    if algorithm.sampling == "pooled":
        return mean, mixed
    return mean, algorithm.gain**2 * own + (1 - algorithm.gain) ** 2 * mixed


@pytest.mark.parametrize(
    ("problem", "algorithm"),
    [
        (listed(9.0), HeteroSGD(batch_size=1, **DIRECT)),
        # a small start leaves most of R, and of F, in the block
        (listed(2.0), HeteroSGD(batch_size=2, **(DIRECT | {"init_scale": 0.3}))),
        (listed(9.0), HeteroSGD(batch_size=2, **FACTOR)),
        (listed(2.0), HeteroSGD(batch_size=3, gain=1.5, **DIRECT)),
        (listed(2.0), PooledSGD(batch_size=3, **DIRECT)),
        (uniform(2.0), PooledSGD(batch_size=2, **FACTOR)),
        (uniform(0.0), HeteroSGD(batch_size=2, gain=0.5, **DIRECT)),
        (listed(9.0), HeteroSGD(batch_size=2, **NARROW)),
        (listed(9.0), PooledSGD(batch_size=3, **NARROW)),
    ],
)
def test_a_step_has_the_moments_of_its_measurements(problem, algorithm):
    run = solve(problem, algorithm, steps=STEPS, rng=3, dtype="float64")
    start = algorithm.init_scale * np.eye(problem.dim, algorithm.width or problem.dim)
    A = start @ start.T
    F = directions(problem, A, factor=algorithm.parameterization == "psd")
    signals = (run.invariant_signal, run.spurious_signal, run.residual, run.pooled_error)
    mean, covariance = moments(problem, algorithm, A, F)
    away = np.diff(signals).T / algorithm.step_size - mean
    pairs = (away[:, :, None] * away[:, None, :] - covariance).reshape(STEPS, -1)
    for off in (away, pairs):
        scores = off.mean(axis=0) / (off.std(axis=0) / np.sqrt(STEPS))
        assert np.abs(scores).max() < LARGEST


@pytest.mark.parametrize("batch_size", [1, 3])
def test_label_noise_and_residual_add_up_before_they_are_squared(batch_size):
    """Off R, <G, F> is |r| / m times a normal, and |r| is a chi with m degrees of freedom."""
    problem = SensingProblem.finite(values=[[9.0]], invariant_eigenvalues=2.25, noise=9.0, **PLACE)
    algorithm = HeteroSGD(batch_size=batch_size, **DIRECT)
    run = solve(problem, algorithm, steps=STEPS, rng=3, dtype="float64")
    seen = np.abs(np.diff(run.invariant_signal) / algorithm.step_size)
    R = problem.pooled - 2.25 * np.eye(problem.dim)
    size = np.sqrt((R**2).sum() + problem.noise**2) / batch_size
    expected = size * chi.mean(batch_size) * chi.mean(1)
    assert abs(seen.mean() - expected) < LARGEST * seen.std() / np.sqrt(STEPS)
