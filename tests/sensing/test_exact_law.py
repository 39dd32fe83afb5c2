"""The exact-law step has the law of the plain step: gradient, step and trajectory."""

from dataclasses import replace

import numpy as np
import pytest

from elinvar.sensing import (
    Adam,
    HeteroSGD,
    Momentum,
    Nesterov,
    PooledSGD,
    RMSprop,
    SensingProblem,
    solve,
)

# of k comparisons at most one in 1 / (k LEVEL) fails by chance; seeds are fixed
LEVEL = 1e-3
# batches so small, and a start so large, that sampling noise decides where a run goes
START = {"batch_size": 30, "init_scale": 0.5}

CASES = {
    "hetero": HeteroSGD(step_size=0.05, **START),
    "pooled": PooledSGD(step_size=0.05, **START),
    "gain": HeteroSGD(step_size=0.03, gain=1.5, **START),
    "one measurement": HeteroSGD(step_size=0.01, batch_size=1, init_scale=0.5),
    "narrow": HeteroSGD(step_size=0.05, width=1, init="gaussian", **START),
    "narrow two-sided": HeteroSGD(
        step_size=0.05, width=1, init="gaussian", parameterization="symmetric", **START
    ),
    "wide factor": HeteroSGD(step_size=0.05, width=20, init="gaussian", **START),
    "two-sided": HeteroSGD(step_size=0.05, parameterization="symmetric", **START),
    "direct": HeteroSGD(step_size=0.05, parameterization="direct", **START),
    "momentum": HeteroSGD(step_size=0.02, optimizer=Momentum(), **START),
    "nesterov": HeteroSGD(step_size=0.02, optimizer=Nesterov(), **START),
    "rmsprop": HeteroSGD(step_size=0.02, optimizer=RMSprop(), **START),
    "adam": HeteroSGD(step_size=0.05, optimizer=Adam(), **START),
    "sign": HeteroSGD(step_size=0.02, optimizer=RMSprop(second_beta=0.0), **START),
    "markov": HeteroSGD(step_size=0.05, order="markov", stay=0.6, **START),
    "mixed batches": HeteroSGD(step_size=0.05, environments=4, **START),
    "adam, direct": HeteroSGD(step_size=0.05, optimizer=Adam(), parameterization="direct", **START),
}


def features(problem, algorithm, *, seeds, steps=3, **how):
    """What can be seen of the last iterate: signals, and entries beside and across the block."""
    rows = []
    for seed in seeds:
        run = solve(problem, algorithm, steps=steps, rng=seed, record_every=steps, **how)
        A = problem.truth.frame.T @ run.matrix @ problem.truth.frame
        rows.append(
            [
                run.invariant_signal[-1],
                run.spurious_signal[-1],
                run.residual[-1],
                run.error[-1],
                A[0, 1],
                A[0, -1],
                A[-1, -2],
                A[-1, -1],
                np.trace(A),
            ]
        )
    return np.array(rows)


@pytest.mark.parametrize("name", CASES)
def test_the_exact_step_has_the_law_of_the_plain_step(name, make_problem, smallest_p):
    problem = make_problem(noise=0.5, angle=0.4)
    exact = features(problem, CASES[name], seeds=range(300))
    plain = features(problem, CASES[name], seeds=range(1000, 1300), method="plain")
    assert smallest_p(exact, plain) > LEVEL


@pytest.mark.parametrize("law", ["uniform", "gaussian"])
@pytest.mark.parametrize("algorithm", [CASES["hetero"], CASES["pooled"], CASES["gain"]])
def test_continuous_laws_too(law, algorithm, smallest_p):
    problem = getattr(SensingProblem, law)(
        dim=8, invariant_rank=1, spurious_rank=2, heterogeneity=3.0, signs="independent", rng=0
    )
    exact = features(problem, algorithm, seeds=range(250))
    plain = features(problem, algorithm, seeds=range(1000, 1250), method="plain")
    assert smallest_p(exact, plain) > LEVEL


def circle(t):
    """Two spurious directions, one of them twice around."""
    turn = 2 * np.pi * np.asarray(t)
    return np.column_stack([1 + 4 * np.cos(turn), 1 + 3 * np.sin(2 * turn)])


def ramp(t):
    return np.column_stack([6 * np.asarray(t) - 2, 1 - 4 * np.asarray(t) ** 2])


ALONG = {
    "window": {"order": "window", "window": 0.45},
    "window of few": {"order": "window", "window": 0.45, "batch_size": 5},
    "window, gain": {"order": "window", "window": 0.3, "gain": 1.5, "batch_size": 12},
    "drift": {"order": "drift", "speed": 0.13},
}


@pytest.mark.parametrize("curve", [circle, ramp])
@pytest.mark.parametrize("name", ALONG)
def test_windows_and_drifts_of_a_continuum_have_the_law_of_plain_steps(name, curve, smallest_p):
    """In plain steps every measurement of a window has a place of its own, in exact ones a node."""
    problem = SensingProblem.continuum(dim=8, invariant_rank=1, curve=curve, rng=0, noise=0.3)
    algorithm = HeteroSGD(**({"step_size": 0.03} | START | ALONG[name]))
    exact = features(problem, algorithm, seeds=range(250))
    plain = features(problem, algorithm, seeds=range(1000, 1250), method="plain")
    assert smallest_p(exact, plain) > LEVEL


def test_a_window_is_not_the_step_on_its_mean(smallest_p):
    """A window around the whole circle has a mean, and a spread besides."""
    window = {"step_size": 0.03, "order": "window", "window": 1.0, **START}
    whole = SensingProblem.continuum(dim=8, invariant_rank=1, curve=circle, rng=0)
    mean = SensingProblem.finite(dim=8, invariant_rank=1, values=[[1.0, 1.0]], rng=0)
    ours = features(whole, HeteroSGD(**window), seeds=range(300))
    shortcut = features(mean, HeteroSGD(step_size=0.03, **START), seeds=range(300))
    assert smallest_p(ours, shortcut) < 1e-6


def test_symmetric_measurements_have_the_same_law(make_problem, smallest_p):
    exact = features(make_problem(measurements="goe"), CASES["hetero"], seeds=range(300))
    plain = features(
        make_problem(measurements="goe"), CASES["hetero"], seeds=range(300, 600), method="plain"
    )
    assert smallest_p(exact, plain) > LEVEL


def test_whole_trajectories_agree_in_law(make_problem, smallest_p):
    problem, algorithm = (
        make_problem(heterogeneity=5.0),
        HeteroSGD(step_size=0.1, batch_size=200, init_scale=0.1),
    )
    exact = features(problem, algorithm, seeds=range(150), steps=60)
    plain = features(problem, algorithm, seeds=range(500, 650), steps=60, method="plain")
    assert smallest_p(exact, plain) > LEVEL


def test_a_wrong_law_is_found_out(make_problem, smallest_p):
    """The pooled step is not the one-environment step on the mean: the same test must say so."""
    problem = make_problem()
    mean = SensingProblem.finite(dim=12, invariant_rank=2, values=[[1.0, 1.0]], rng=0)
    pooled = features(problem, CASES["pooled"], seeds=range(300))
    shortcut = features(mean, CASES["hetero"], seeds=range(300))
    assert smallest_p(pooled, shortcut) < 1e-12


@pytest.mark.parametrize("change", [{"noise": 12.0}, {"batch_size": 75}, {"width": 3}])
def test_departures_are_found_out(change, make_problem, smallest_p):
    """Power: more measurements, more label noise or one column more show."""
    noise = change.get("noise", 0.5)
    own = replace(CASES["narrow"], width=2, init="identity")
    other = replace(own, **{name: value for name, value in change.items() if name != "noise"})
    ours = features(make_problem(noise=0.5), own, seeds=range(600), steps=6)
    theirs = features(make_problem(noise=noise), other, seeds=range(5000, 5600), steps=6)
    assert smallest_p(ours, theirs) < 1e-4


@pytest.mark.parametrize("parameterization", ["psd", "symmetric"])
def test_the_narrow_kernel_has_the_law_of_the_wide_one(
    parameterization, make_problem, smallest_p, take_kernel
):
    problem = make_problem(dim=30, noise=0.3, angle=0.2)
    algorithm = HeteroSGD(
        step_size=0.05, width=3, init="gaussian", parameterization=parameterization, **START
    )
    take_kernel("narrow")
    narrow = features(problem, algorithm, seeds=range(400))
    take_kernel("wide")
    wide = features(problem, algorithm, seeds=range(2000, 2400))
    assert smallest_p(narrow, wide) > LEVEL


@pytest.mark.parametrize("parameterization", ["psd", "symmetric"])
@pytest.mark.parametrize("optimizer", [Momentum(), Nesterov()])
def test_without_sampling_all_kernels_give_the_same_numbers(
    parameterization, optimizer, make_problem, solve_in_numpy, take_kernel
):
    problem = make_problem(dim=30, angle=0.3)
    algorithm = HeteroSGD(
        step_size=0.01,
        batch_size=None,
        width=3,
        init="orthogonal",
        init_scale=0.1,
        optimizer=optimizer,
        parameterization=parameterization,
    )
    take_kernel("narrow")
    narrow = solve(problem, algorithm, steps=80, rng=0)
    numpy = solve_in_numpy(problem, algorithm, steps=80, rng=0)
    plain = solve(problem, algorithm, steps=80, rng=0, method="plain")
    take_kernel("wide")
    wide = solve(problem, algorithm, steps=80, rng=0)
    assert wide.error[-1] != wide.error[0]
    for other in (narrow, numpy, plain):
        np.testing.assert_allclose(other.error, wide.error, rtol=1e-9)
        np.testing.assert_allclose(other.matrix, wide.matrix, atol=1e-10)
