"""The compiled step and the one in numpy give the same numbers from the same seed."""

import numpy as np
import pytest

from elinvar.sensing import (
    Adam,
    HeteroSGD,
    Momentum,
    Nesterov,
    PooledGD,
    PooledSGD,
    RMSprop,
    SensingProblem,
    solve,
)

START = {"batch_size": 300, "init_scale": 0.1}
CASES = {
    "hetero": HeteroSGD(step_size=0.05, **START),
    "pooled": PooledSGD(step_size=0.05, **START),
    "gradient descent": PooledGD(step_size=0.05, init_scale=0.1),
    "infinite batch": HeteroSGD(step_size=0.05, batch_size=None),
    "gain": HeteroSGD(step_size=0.03, gain=1.5, **START),
    "two-sided": HeteroSGD(step_size=0.05, parameterization="symmetric", **START),
    "direct": HeteroSGD(step_size=0.05, parameterization="direct", **START),
    "momentum": HeteroSGD(step_size=0.01, optimizer=Momentum(), **START),
    "nesterov": HeteroSGD(step_size=0.01, optimizer=Nesterov(), **START),
    "rmsprop": HeteroSGD(step_size=0.01, optimizer=RMSprop(), **START),
    "adam": HeteroSGD(step_size=0.01, optimizer=Adam(), **START),
    "adam, direct": HeteroSGD(step_size=0.01, optimizer=Adam(), parameterization="direct", **START),
    "rmsprop, two-sided": HeteroSGD(
        step_size=0.01, optimizer=RMSprop(), parameterization="symmetric", **START
    ),
    "wide factor": HeteroSGD(step_size=0.05, width=20, init="gaussian", **START),
    "blocks": HeteroSGD(step_size=0.05, order="blocks", block=7, **START),
    "markov": HeteroSGD(step_size=0.05, order="markov", stay=0.8, **START),
    "mixed batches": HeteroSGD(step_size=0.05, environments=3, **START),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 1e-4)])
@pytest.mark.parametrize("name", CASES)
def test_kernels_and_numpy_agree_to_rounding(name, dtype, tolerance, make_problem, solve_in_numpy):
    problem = make_problem(noise=0.4, angle=0.3)
    compiled = solve(problem, CASES[name], steps=60, rng=5, dtype=dtype)
    numpy = solve_in_numpy(problem, CASES[name], steps=60, rng=5, dtype=dtype)
    assert compiled.status == numpy.status == "completed"
    for signal in ("invariant_signal", "spurious_signal", "residual", "error", "loss"):
        np.testing.assert_allclose(
            getattr(compiled, signal), getattr(numpy, signal), rtol=tolerance, atol=tolerance
        )
    np.testing.assert_allclose(compiled.matrix, numpy.matrix, atol=tolerance)


def test_signs_agree_until_one_of_them_is_a_matter_of_rounding(make_problem, solve_in_numpy):
    problem = make_problem(noise=0.4)
    algorithm = HeteroSGD(
        step_size=0.01, optimizer=RMSprop(second_beta=0.0), init="gaussian", **START
    )
    compiled = solve(problem, algorithm, steps=15, rng=5, dtype="float64")
    numpy = solve_in_numpy(problem, algorithm, steps=15, rng=5, dtype="float64")
    np.testing.assert_allclose(compiled.error, numpy.error, rtol=1e-11)


@pytest.mark.parametrize("law", ["uniform", "gaussian"])
def test_continuous_laws_agree_too(law, solve_in_numpy):
    problem = getattr(SensingProblem, law)(
        dim=10, invariant_rank=2, spurious_rank=1, heterogeneity=2.0, rng=0, noise=0.1
    )
    for algorithm in (CASES["hetero"], CASES["pooled"], CASES["gain"]):
        compiled = solve(problem, algorithm, steps=20, rng=5, dtype="float64")
        numpy = solve_in_numpy(problem, algorithm, steps=20, rng=5, dtype="float64")
        np.testing.assert_allclose(compiled.error, numpy.error, rtol=1e-10)


@pytest.mark.parametrize(
    "order", [{"order": "window", "window": 0.4}, {"order": "drift", "speed": 0.02}]
)
@pytest.mark.parametrize("batch_size", [300, None])
def test_orders_along_an_axis_agree_too(order, batch_size, solve_in_numpy):
    problem = SensingProblem.continuum(
        dim=10,
        invariant_rank=2,
        curve=lambda t: 1 + 3 * np.cos(2 * np.pi * t)[:, None],
        rng=0,
        noise=0.2,
    )
    algorithm = HeteroSGD(step_size=0.05, batch_size=batch_size, init_scale=0.1, **order)
    compiled = solve(problem, algorithm, steps=40, rng=5, dtype="float64")
    numpy = solve_in_numpy(problem, algorithm, steps=40, rng=5, dtype="float64")
    np.testing.assert_allclose(compiled.error, numpy.error, rtol=1e-10)


def test_precisions_agree_to_single_rounding(make_problem):
    problem = make_problem()
    single = solve(problem, CASES["hetero"], steps=100, rng=1, dtype="float32")
    double = solve(problem, CASES["hetero"], steps=100, rng=1, dtype="float64")
    assert not np.array_equal(single.error, double.error)
    np.testing.assert_allclose(single.error, double.error, rtol=1e-4)
