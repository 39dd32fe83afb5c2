"""Predictions for problems and algorithms drawn at random, against runs."""

import numpy as np

from elinvar.sensing import HeteroSGD, PooledSGD, SensingProblem, solve
from elinvar.theory import predict_outcome

STEPS, RUNS = 1000, 3


def drawn(seed):
    """Return a problem and an algorithm of any law, angle, size, noise, order and factor."""
    rng = np.random.default_rng([2024, seed])
    dim, r1, r2 = (int(rng.integers(*ends)) for ends in ((12, 22), (1, 4), (1, 4)))
    wide, mean = 10 ** rng.uniform(-0.3, 1.1), rng.choice([0.0, 1.0, 1.0, 2.0, -1.0])
    values = mean + wide * rng.normal(size=(int(rng.integers(2, 6)), r2))
    if rng.random() < 0.4:
        values = np.repeat([[mean + wide], [mean - wide]], r2, axis=1)
    if rng.random() < 0.3:
        basis = np.linalg.qr(rng.normal(size=(len(values), r2, r2)))[0]
        values = basis * values[:, None, :] @ basis.transpose(0, 2, 1)
    problem = SensingProblem.finite(
        dim=dim, invariant_rank=r1, values=values, rng=seed,
        weights=rng.uniform(0.3, 1.0, len(values)), angle=rng.choice([0.0, 0.0, 0.15]),
        invariant_eigenvalues=rng.uniform(0.5, 1.5, r1), noise=rng.choice([0.0, 0.0, 3.0]),
        measurements=str(rng.choice(["gaussian", "goe"])),
    )  # fmt: skip
    settings = {
        "step_size": 10 ** rng.uniform(-1.5, -0.5),
        "batch_size": [None, 100, 1000, 10_000, 10**6][rng.integers(5)],
        "parameterization": str(rng.choice(["psd", "psd", "symmetric", "direct"])),
    }
    if settings["parameterization"] != "direct" and rng.random() < 0.3:
        settings |= {"width": int(rng.integers(r1, dim)), "init": "gaussian"}
    if rng.random() < 0.35:
        return problem, PooledSGD(**settings)
    order = [{}, {}, {"order": "cyclic"}, {"order": "blocks", "block": 3}][rng.integers(4)]
    return problem, HeteroSGD(gain=rng.choice([1.0, 1.0, 2.0]), **settings, **order)


def happened(said, runs):
    """Whether most runs do what was said."""
    fine = [run for run in runs if run.status != "diverged"]
    if said.outcome in ("diverges", "does not settle"):
        return len(fine) < len(runs) / 2
    if len(fine) < len(runs) / 2:
        return False
    error = np.median([np.median(run.relative_error[-STEPS // 4 :]) for run in fine])
    limits = {
        "recovers": (0.0, 0.15),
        "recovers approximately": (0.06, 0.65),
        "noise dominates": (0.35, np.inf),
        "too few steps": (0.1, np.inf),
    }
    near = (said.relative_error / 1.5 - 0.02, said.relative_error * 1.5 + 0.02)
    low, high = limits.get(said.outcome, near)
    return low <= error <= high


def test_most_predictions_are_sure_and_right():
    right, sure, outcomes = 0, 0, set()
    for seed in range(22):
        problem, algorithm = drawn(seed)
        said = predict_outcome(problem, algorithm, STEPS)
        if said.outcome == "undecided":
            continue
        runs = [solve(problem, algorithm, steps=STEPS, rng=seed) for seed in range(RUNS)]
        fits = happened(said, runs)
        sure, right = sure + 1, right + fits
        outcomes.add(said.outcome)
    assert len(outcomes) >= 5
    assert sure >= 20
    assert right >= sure - 1
