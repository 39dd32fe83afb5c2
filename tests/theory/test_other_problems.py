"""Predictions for rectangular matrices, re-used data and measurements that see a trace."""

import numpy as np
import pytest

from elinvar.sensing import HeteroSGD, PooledGD, PooledSGD, SensingProblem, solve
from elinvar.theory import check_conditions, predict_outcome

RANKS = {"invariant_rank": 1, "spurious_rank": 1, "rng": 0}


def ended(problem, algorithm, steps, *, runs=3):
    """Return medians of the relative error and of the spurious signal at the end."""
    paths = [solve(problem, algorithm, steps=steps, rng=s, record_every=5) for s in range(runs)]
    last = slice(2 * len(paths[0].steps) // 3, None)
    return (
        float(np.median([path.relative_error[last] for path in paths])),
        float(np.median([path.spurious_signal[last] for path in paths])),
    )


def wide(heterogeneity, **setting):
    plain = {"dim": 12, "columns": 20, "heterogeneity": heterogeneity, **RANKS}
    return SensingProblem.two_point(**(plain | setting))


@pytest.mark.parametrize(
    ("heterogeneity", "outcome"),
    [(0.0, "learns pooled"), (6.0, "recovers"), (8.5, "recovers approximately")],
)
def test_rectangular_matrices(heterogeneity, outcome):
    problem = wide(heterogeneity, invariant_rank=2, spurious_rank=2)
    algorithm = HeteroSGD(step_size=0.1, batch_size=20_000)
    said = predict_outcome(problem, algorithm, 1000)
    error, spurious = ended(problem, algorithm, 1000)
    assert said.outcome == outcome
    assert error == pytest.approx(said.relative_error, rel=0.1)
    assert spurious == pytest.approx(said.spurious_level, abs=0.02)


def test_a_rectangular_direction_has_two_exponents():
    said = predict_outcome(wide(6.0), HeteroSGD(step_size=0.1, batch_size=10**6))
    both = [0.5 * np.log(abs((1 + sign * 0.1) ** 2 - 0.36)) for sign in (1, -1)]
    np.testing.assert_allclose(said.exponents, both)
    # the sum of the factors starts at alpha / sqrt(2)
    path = solve(wide(6.0), HeteroSGD(step_size=0.1, batch_size=None), steps=200, rng=0)
    assert said.convergence_steps == np.argmax(path.invariant_signal >= 0.95)
    assert all(
        c.holds for c in check_conditions(wide(6.0), HeteroSGD(step_size=0.1, batch_size=10**6))
    )


def test_rectangular_matrices_otherwise():
    pooled = predict_outcome(wide(6.0), PooledSGD(step_size=0.1, batch_size=10**5))
    assert pooled.outcome == "learns pooled"
    direct = HeteroSGD(step_size=0.05, batch_size=10**5, parameterization="direct")
    assert predict_outcome(wide(6.0), direct).outcome == "learns pooled"
    narrow = HeteroSGD(step_size=0.1, batch_size=10**5, width=1, init="gaussian")
    said = predict_outcome(wide(6.0, invariant_rank=2), narrow)
    assert said.outcome == "cannot represent"


@pytest.mark.parametrize("setting", [{}, {"columns": 14}])
def test_data_that_are_used_again(setting):
    problem = SensingProblem.two_point(dim=12, heterogeneity=6.0, **RANKS, **setting)
    algorithm = HeteroSGD(step_size=0.1, batch_size=None)
    errors, said = [], []
    for seed in range(3):
        data = problem.sample(2500, seed)
        errors.append(ended(data, algorithm, 400, runs=1)[0])
        said.append(predict_outcome(data, algorithm, 400))
    assert np.mean(errors) == pytest.approx(said[0].relative_error, rel=0.15)
    assert said[0].outcome == "recovers approximately" or setting
    few = predict_outcome(problem.sample(200, 0), algorithm, 2000)
    assert few.outcome == "noise dominates"
    assert "400 measurements that are used again" in few.reason


def test_pooled_steps_on_data_that_are_used_again():
    problem = SensingProblem.two_point(dim=12, heterogeneity=3.0, **RANKS).sample(4000, 0)
    said = predict_outcome(problem, PooledGD(step_size=0.1), 400)
    assert said.outcome == "learns pooled"
    error = ended(problem, PooledGD(step_size=0.1), 400, runs=1)[0]
    assert error == pytest.approx(said.relative_error, rel=0.15)


def test_environments_drawn_from_a_continuum_are_not_told():
    problem = SensingProblem.uniform(dim=6, heterogeneity=6.0, **RANKS)
    data = problem.sample(50, 0, n_environments=5)
    said = predict_outcome(data, HeteroSGD(step_size=0.1, batch_size=None))
    assert said.outcome == "undecided"


def traced(values, **setting):
    return SensingProblem.finite(
        dim=12, invariant_rank=1, values=values, rng=0, measurements="rank_one", **setting
    )


@pytest.mark.parametrize(
    ("values", "step", "outcome"),
    [
        # the trace of A^(e) is 0 in every environment: it is as if it were not seen
        ([[8.0, -8.0], [-6.0, 6.0]], 0.03, "recovers"),
        # it changes with the environment: every direction is moved, A* as well
        ([[7.0], [-5.0]], 0.01, "recovers approximately"),
        ([[9.0], [-7.0]], 0.04, "learns a mixture"),
        ([[2.0], [0.0]], 0.02, "learns pooled"),
    ],
)
def test_measurements_that_see_the_trace(values, step, outcome):
    problem, algorithm = traced(values), HeteroSGD(step_size=step, batch_size=None)
    said = predict_outcome(problem, algorithm, 2000)
    assert said.outcome == outcome
    assert "trace" in said.reason
    error, _ = ended(problem, algorithm, 2000, runs=6)
    assert error == pytest.approx(said.relative_error, rel=0.15, abs=0.02)


def test_the_trace_with_steps_on_the_matrix_itself():
    problem = traced([[7.0], [-5.0]])
    outcomes = {
        step: predict_outcome(
            problem, HeteroSGD(step_size=step, batch_size=None, parameterization="direct"), 1000
        ).outcome
        for step in (0.01, 0.2)
    }
    assert outcomes == {0.01: "learns pooled", 0.2: "diverges"}
    direct = HeteroSGD(step_size=0.2, batch_size=None, parameterization="direct")
    # the trace moves d / 2 + 1 times as fast as the rest
    assert 0.4 * 7 > 2
    assert solve(problem, direct, steps=200, rng=0).status == "diverged"


def test_what_the_trace_leaves_undecided_or_cannot_be():
    algorithm = HeteroSGD(step_size=0.02, batch_size=None)
    data = traced([[7.0], [-5.0]]).sample(50, 0)
    assert predict_outcome(data, algorithm).outcome == "undecided"
    few = HeteroSGD(step_size=0.02, batch_size=5)
    assert predict_outcome(traced([[7.0], [-5.0]]), few).outcome == "undecided"
    negative = traced([[7.0], [-5.0]], invariant_eigenvalues=-1.0)
    assert predict_outcome(negative, algorithm).outcome == "cannot represent"


@pytest.mark.parametrize(
    ("width", "init"), [(3, "gaussian"), (5, "orthogonal"), (None, "gaussian")]
)
def test_steps_from_random_starts(width, init):
    sigma = np.array([1.0, 0.3, 0.1])
    problem = SensingProblem.two_point(
        dim=9, invariant_rank=3, spurious_rank=1, heterogeneity=6.0, rng=0,
        invariant_eigenvalues=sigma,
    )  # fmt: skip
    algorithm = HeteroSGD(step_size=0.1, batch_size=None, width=width, init=init)
    said = predict_outcome(problem, algorithm).convergence_steps
    took = []
    for seed in range(9):
        path = solve(problem, algorithm, steps=2200, rng=seed)
        took.append(np.argmax(path.error <= 0.05 * sigma[-1]))
    assert np.median(took) == pytest.approx(said, rel=0.1)


def test_the_trace_makes_the_matrix_itself_fluctuate_more():
    problem = traced([[6.0], [-6.0]])
    direct = HeteroSGD(step_size=0.02, batch_size=None, parameterization="direct")
    said = predict_outcome(problem, direct, 1000).relative_error
    runs = [solve(problem, direct, steps=1000, rng=s).relative_error[300:] for s in range(6)]
    assert np.sqrt(np.mean(np.square(runs))) == pytest.approx(said, rel=0.1)
