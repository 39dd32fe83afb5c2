"""The error on re-used data, against matrices with noise and against runs."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.sensing import HeteroSGD, SensingProblem, solve
from elinvar.theory import reused_data_error


def noisy_error(rng, dim, sigma, variance, width):
    """Return how far the positive part of rank ``width`` of A* + noise is from A*."""
    Z = rng.standard_normal((dim, dim))
    A = np.diag(np.pad(sigma, (0, dim - len(sigma))))
    values, Q = np.linalg.eigh(A + np.sqrt(variance) * (Z + Z.T) / 2)
    values = np.maximum(values, 0.0)
    values[: dim - width] = 0.0
    return np.linalg.norm(Q * values @ Q.T - A)


@pytest.mark.parametrize(("dim", "sigma", "variance"), [(19, [1.0], 0.02), (30, [1.5, 1.0], 0.005)])
@pytest.mark.parametrize("extra", [0, 2, 40])
def test_the_positive_part_of_a_signal_with_noise(dim, sigma, variance, extra):
    rng, width = np.random.default_rng(0), min(len(sigma) + extra, dim)
    seen = np.mean([noisy_error(rng, dim, sigma, variance, width) for _ in range(150)])
    said = reused_data_error(sigma, dim=dim, n_samples=100, power=100 * variance, width=width)
    assert seen == pytest.approx(said, rel=0.03)


def test_to_leading_order():
    small = {"dim": 400, "n_samples": 1e6, "power": 1.0}
    v = 1e-6
    assert reused_data_error([1.0], **small) == pytest.approx(200 * np.sqrt(v), rel=0.01)
    assert reused_data_error([1.0], width=1, **small) == pytest.approx(20 * np.sqrt(v), rel=0.01)


def test_noise_takes_its_time():
    setting = {"dim": 20, "n_samples": 2000, "power": 37.0, "step_size": 0.1, "init_scale": 1e-3}
    ends = [reused_data_error([1.0], steps=steps, **setting) for steps in (1, 100, 10_000)]
    narrow = reused_data_error([1.0], width=1, **setting)
    assert ends[0] == pytest.approx(narrow, rel=1e-3)
    assert narrow < ends[1] < ends[2]
    assert ends[2] == pytest.approx(reused_data_error([1.0], dim=20, n_samples=2000, power=37.0))


def test_runs_on_data_that_are_used_again():
    seen, said = [], reused_data_error(
        [1.0], dim=11, n_samples=1600, power=37.0, step_size=0.1, steps=300
    )  # fmt: skip
    for seed in range(6):
        problem = SensingProblem.two_point(
            dim=12, invariant_rank=1, spurious_rank=1, heterogeneity=6.0, rng=seed
        )
        run = solve(
            problem.sample(800, seed), HeteroSGD(step_size=0.1, batch_size=None), steps=300,
            rng=seed, record_every=10,
        )  # fmt: skip
        seen.append(np.median(run.error[-10:]))
    assert np.mean(seen) == pytest.approx(said, rel=0.15)


def test_more_eigenvalues_than_room():
    with pytest.raises(DataError, match="at most dim in number"):
        reused_data_error([1.0, 1.0], dim=1, n_samples=10, power=1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dim", 18.5), ("width", np.nan), ("width", 0), ("steps", -1), ("steps", "ten"),
        ("init_scale", 0), ("step_size", None),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(name, value):
    setting = {"dim": 19, "n_samples": 800, "power": 37, "step_size": 0.1, "steps": 10}
    with pytest.raises(DataError, match=name):
        reused_data_error([1.0], **setting | {name: value})


@pytest.mark.parametrize("sigma", [0.1, 0.2])
def test_a_signal_below_the_noise_is_lost_and_noise_learned_in_its_place(sigma):
    rng = np.random.default_rng(0)
    seen = np.mean([noisy_error(rng, 19, [sigma], 0.02, 1) for _ in range(150)])
    said = reused_data_error([sigma], dim=19, n_samples=100, power=2.0, width=1)
    assert seen == pytest.approx(said, rel=0.12)
