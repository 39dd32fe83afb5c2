"""A batch of runs has the law of single runs, and their numbers where nothing is drawn."""

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from elinvar.errors import DataError
from elinvar.neural import solve_batch
from elinvar.sensing import HeteroSGD, Momentum, PooledGD, PooledSGD, SensingProblem, solve

torch.set_num_threads(1)

# of k comparisons at most one in 1 / (k LEVEL) fails by chance; seeds are fixed
LEVEL = 1e-3
# batches so small, and a start so large, that sampling noise decides where a run goes
START = {"batch_size": 30, "init_scale": 0.5}

CASES = {
    "hetero": HeteroSGD(step_size=0.05, **START),
    "pooled": PooledSGD(step_size=0.05, **START),
    "gain": HeteroSGD(step_size=0.03, gain=1.5, **START),
    "one measurement": HeteroSGD(step_size=0.01, batch_size=1, init_scale=0.5),
    "narrow": HeteroSGD(step_size=0.05, width=2, init="gaussian", **START),
    "two-sided": HeteroSGD(step_size=0.05, parameterization="symmetric", **START),
    "direct": HeteroSGD(step_size=0.05, parameterization="direct", **START),
}


def problem(**options):
    plain = {"dim": 12, "invariant_rank": 2, "spurious_rank": 2, "heterogeneity": 4.0, "rng": 0}
    return SensingProblem.two_point(**plain | options)


def look(run):
    A = run.problem.truth.frame.T @ run.matrix @ run.problem.truth.frame
    signals = (run.invariant_signal, run.spurious_signal, run.residual, run.error, run.loss)
    entries = (A[0, 1], A[0, -1], A[-1, -2], A[-1, -1], np.trace(A))
    return [*(signal[-1] for signal in signals), *entries]


def singles(source, algorithm, seeds, steps=3, **how):
    return [
        look(solve(source, algorithm, steps=steps, rng=seed, record_every=steps, **how))
        for seed in seeds
    ]


def batched(source, algorithm, count, steps=3, seed=0, **how):
    how = {"record_every": steps} | how
    return [
        look(run) for run in solve_batch([source] * count, algorithm, steps=steps, seed=seed, **how)
    ]


def smallest_p(first, second):
    columns = zip(np.transpose(first), np.transpose(second), strict=True)
    return min(ks_2samp(a, b).pvalue for a, b in columns)


@pytest.mark.parametrize("name", CASES)
def test_a_batch_has_the_law_of_single_runs(name):
    source = problem(noise=0.5, angle=0.4)
    ours = batched(source, CASES[name], 250)
    theirs = singles(source, CASES[name], range(250))
    assert smallest_p(ours, theirs) > LEVEL


@pytest.mark.parametrize("law", ["uniform", "gaussian"])
@pytest.mark.parametrize("name", ["hetero", "pooled"])
def test_continuous_laws_too(law, name):
    source = getattr(SensingProblem, law)(
        dim=8, invariant_rank=1, spurious_rank=2, heterogeneity=3.0, signs="independent", rng=0
    )
    ours, theirs = batched(source, CASES[name], 300), singles(source, CASES[name], range(300))
    assert smallest_p(ours, theirs) > LEVEL


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whole_trajectories_agree_in_law(dtype):
    source = problem(heterogeneity=5.0)
    algorithm = HeteroSGD(step_size=0.1, batch_size=200, init_scale=0.1)
    ours = batched(source, algorithm, 200, steps=60, dtype=dtype)
    theirs = singles(source, algorithm, range(200), steps=60)
    assert smallest_p(ours, theirs) > LEVEL


def test_wrong_laws_are_found_out():
    """The step on the mean residual, other noise and other batches are told apart."""
    mean = SensingProblem.finite(dim=12, invariant_rank=2, values=[[1.0, 1.0]], rng=0)
    pooled = batched(problem(), CASES["pooled"], 250)
    assert smallest_p(pooled, singles(mean, CASES["hetero"], range(250))) < 1e-12
    noisy = batched(problem(noise=12.0), CASES["hetero"], 250)
    assert smallest_p(noisy, singles(problem(noise=0.5), CASES["hetero"], range(250))) < 1e-12
    larger = HeteroSGD(step_size=0.05, batch_size=75, init_scale=0.5)
    assert (
        smallest_p(batched(problem(), larger, 250), singles(problem(), CASES["hetero"], range(250)))
        < 1e-4
    )


@pytest.mark.parametrize("parameterization", ["psd", "symmetric", "direct"])
def test_without_sampling_the_numbers_are_those_of_single_runs(parameterization):
    """A grid of problems and steps, of three algorithms side by side, against the numba path."""
    spreads, steps = (0.0, 3.0, 5.0), (0.02, 0.05)
    problems, algorithms = [], []
    for spread in spreads:
        for step in steps:
            start = {"step_size": step, "init_scale": 0.1, "parameterization": parameterization}
            exact = {"batch_size": None, **start}
            grid = (
                HeteroSGD(order="cyclic", **exact),
                HeteroSGD(order="cyclic", gain=1.5, **exact),
                PooledGD(**start),
            )
            problems += [problem(heterogeneity=spread, angle=0.3)] * len(grid)
            algorithms += grid
    runs = solve_batch(problems, algorithms, steps=70, record_every=20, dtype="float64")
    for source, algorithm, run in zip(problems, algorithms, runs, strict=True):
        single = solve(source, algorithm, steps=70, record_every=20, dtype="float64")
        np.testing.assert_array_equal(run.steps, single.steps)
        for name in ("invariant_signal", "spurious_signal", "residual", "error", "loss"):
            np.testing.assert_allclose(
                getattr(run, name), getattr(single, name), rtol=1e-8, atol=1e-10
            )
        np.testing.assert_allclose(run.matrix, single.matrix, atol=1e-10)
        assert run.status == single.status == "completed"


def test_runs_that_diverge_stop_and_leave_the_others_alone():
    calm = HeteroSGD(step_size=0.05, batch_size=None, order="cyclic", init_scale=0.1)
    wild = HeteroSGD(step_size=1.5, batch_size=None, order="cyclic", init_scale=0.1)
    mixed = [calm, wild, calm, wild, calm]
    runs = solve_batch(problem(), mixed, steps=600, dtype="float64")
    single = [solve(problem(), each, steps=600, dtype="float64") for each in (calm, wild)]
    for run, algorithm in zip(runs, mixed, strict=True):
        alone = single[algorithm is wild]
        assert run.status == alone.status == ("diverged" if algorithm is wild else "completed")
        np.testing.assert_array_equal(run.steps, alone.steps)
        np.testing.assert_allclose(run.error, alone.error, rtol=1e-6)
        assert np.isfinite(run.error).all() and (run.matrix is None) == (algorithm is wild)
    all_wild = solve_batch(problem(), [wild, wild], steps=600)
    assert [run.status for run in all_wild] == ["diverged", "diverged"]


def test_the_same_seed_gives_the_same_numbers():
    first, again, other = (batched(problem(), CASES["pooled"], 5, seed=k) for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len({row[3] for row in first}) == 5


def test_what_a_run_says_and_tells():
    told = []
    source = problem()
    runs = solve_batch(source, [CASES["hetero"]], steps=300, progress=lambda *at: told.append(at))
    assert told[-1] == (300, 300) and len(runs) == 1
    assert runs[0].method == "exact" and "a batch on cpu" in runs[0].reason
    assert list(runs[0].steps) == list(range(301)) and runs[0].problem is source
    assert runs[0].dtype == "float32"


@pytest.mark.parametrize(
    ("problems", "algorithms", "words"),
    [
        ([], CASES["hetero"], "0 problems"),
        ([problem()] * 2, [CASES["hetero"]] * 3, "2 problems and 3 algorithms"),
        ([problem(), problem(dim=13)], CASES["hetero"], "same dimension"),
        (problem(), [CASES["hetero"], CASES["direct"]], "same width and parameterization"),
        (problem(measurements="rank_one"), CASES["hetero"], "exact law holds for fresh Gaussian"),
        (problem().sample(5, 0), CASES["hetero"], "exact law holds for fresh Gaussian"),
        (problem(), [3], "got SensingProblem and int"),
        (
            problem(),
            HeteroSGD(step_size=0.1, batch_size=9, optimizer=Momentum()),
            "plain SGD steps",
        ),
    ],
)
def test_what_does_not_fit_into_a_batch_is_refused(problems, algorithms, words):
    with pytest.raises(DataError, match=words):
        solve_batch(problems, algorithms, steps=3)


@pytest.mark.parametrize("bad", [{"steps": 0}, {"record_every": 0}, {"dtype": "float16"}])
def test_settings_out_of_range(bad):
    with pytest.raises(DataError, match="must be"):
        solve_batch(problem(), CASES["hetero"], **{"steps": 3} | bad)
