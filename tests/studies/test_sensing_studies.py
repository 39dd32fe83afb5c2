"""Small studies of the paper's setting hold, and fail with the wrong algorithm or the wrong law."""

import dataclasses

import numpy as np
import pytest

from elinvar.studies import STUDIES, run_study


def text(claims):
    return " ".join(claim.sentence for claim in claims)


def changed(name, **changes):
    study = STUDIES[name]
    return study, dataclasses.replace(study.quick, **changes)


@pytest.fixture(scope="module")
def trajectories():
    study, config = changed("trajectories", steps=500, record_every=50, repetitions=3)
    return run_study(study, config, workers=2)


@pytest.fixture(scope="module")
def heterogeneity():
    study, config = changed(
        "heterogeneity", step_sizes=(0.2,), ratios=(0.5, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
    )
    return run_study(study, config, workers=2)


STEPS = {"step_sizes": (0.03, 0.044, 0.052, 0.06, 0.068, 0.076, 0.1, 0.14, 0.28), "steps": 1000}


@pytest.fixture(scope="module")
def step_size():
    study, config = changed("step-size", **STEPS)
    return run_study(study, config, workers=2)


@pytest.fixture(scope="module")
def batch_size():
    study, config = changed(
        "batch-size", batch_sizes=(200, 600, 5000, 200_000), steps=600, repetitions=3
    )
    return run_study(study, config, workers=2)


@pytest.fixture(scope="module")
def small_batches():
    study, config = changed("small-batches", steps=2000, record_every=100, repetitions=3)
    return run_study(study, config, workers=2)


@pytest.mark.parametrize(
    "name", ["trajectories", "heterogeneity", "step_size", "batch_size", "small_batches"]
)
def test_the_claims_hold_in_small(name, request):
    result = request.getfixturevalue(name)
    assert [claim.sentence for claim in result.claims if not claim.holds] == []


def test_pooled_steps_do_not_recover_the_invariant_part(trajectories):
    wrong = dataclasses.replace(
        trajectories.config, recovering=("PooledSGD", "HeteroSGD"), pooling=("PooledGD",)
    )
    claims = trajectories.study.judge(trajectories.summary, wrong)
    assert [claim.holds for claim in claims] == [False, True, True]
    assert "PooledSGD ends at the invariant part A*: 100% of |A*| from it" in text(claims)


def test_large_batches_end_at_the_pooled_solution_at_every_step_size(small_batches):
    config = dataclasses.replace(small_batches.config, batch_size=10**6)
    claims = run_study(small_batches.study, config, workers=2).claims
    assert not claims[0].holds


def test_noise_that_falls_with_the_step_fails(small_batches):
    claims = small_batches.study.judge(small_batches.summary.iloc[::-1], small_batches.config)
    assert [claim.holds for claim in claims] == [True, False, True]


def test_one_environment_a_batch_is_no_pooled_solution_within_noise(small_batches):
    config = dataclasses.replace(small_batches.config, algorithm="HeteroSGD", step_sizes=(0.01,))
    assert not run_study(small_batches.study, config, workers=2).claims[2].holds


def test_captions_say_how_large_batches_are(heterogeneity, trajectories):
    assert heterogeneity.config.caption.startswith("Batches of 10^14, drawn by the exact law")
    assert "2,000 and 20,000 where it says so (5 runs each)" in heterogeneity.config.caption
    assert trajectories.config.caption.startswith("Batches of 1,000,000; 3 runs of each setting, ")


def test_without_heterogeneity_batches_of_any_size_have_no_transition(heterogeneity):
    summary = heterogeneity.summary.assign(noisy_beyond=1.0, step_size=0.1)
    assert not heterogeneity.study.judge(summary, heterogeneity.config)[-1].holds


def test_runs_that_diverge_recover_nothing():
    study, config = changed("trajectories", step_size=0.4, steps=100, repetitions=2)
    result = run_study(study, config)
    hetero = result.summary.set_index("algorithm").loc["HeteroSGD"]
    assert hetero["runs"] < 2
    assert not result.claims[0].holds


def test_the_measured_transition_is_at_the_line(heterogeneity):
    row = heterogeneity.summary.iloc[0]
    assert row["predicted"] == pytest.approx(np.sqrt(11))
    assert abs(row["measured"] - row["predicted"]) < 3 * row["standard_error"]
    assert row["standard_error"] < 0.03 * row["predicted"]


def test_a_wrong_law_of_the_line_fails(heterogeneity):
    """The expansion to second order, M^2 = 2 / eta - 1, says 3 where 3.32 is right."""
    study, config = heterogeneity.study, heterogeneity.config
    wrong = np.sqrt(2 / heterogeneity.summary["step_size"] - 1)
    summary = heterogeneity.summary.assign(
        predicted=wrong, deviation=heterogeneity.summary["measured"] / wrong - 1
    )
    claim = study.judge(summary, config)[0]
    assert summary["deviation"].iloc[0] == pytest.approx(0.105, abs=0.04)
    assert not claim.holds
    assert "predicted 3, a deviation of 1" in claim.sentence


def test_pooled_steps_have_no_transition():
    study, config = changed(
        "heterogeneity",
        algorithm="PooledSGD", step_sizes=(0.2,), ratios=(0.8, 0.9, 1.0, 1.1, 1.2, 1.3),
        steps=300, repetitions=2,
    )  # fmt: skip
    result = run_study(study, config, workers=2)
    assert [claim.holds for claim in result.claims] == [False, False]
    assert "stops growing nowhere between M = 2.65 and 3.98" in text(result.claims)


def test_pooled_steps_learn_the_spurious_part_at_every_step_size():
    study, config = changed("step-size", **STEPS | {"steps": 300}, algorithm="PooledSGD")
    result = run_study(study, dataclasses.replace(config, repetitions=2), workers=2)
    assert [claim.holds for claim in result.claims] == [False, True, False, False, False]


def test_a_wrong_window_of_the_step_fails(step_size):
    """The window of a heterogeneity of 5 is not that of 6."""
    wrong = dataclasses.replace(step_size.config, heterogeneity=5.0)
    assert not step_size.study.judge(step_size.summary, wrong)[0].holds


def test_pooled_steps_keep_an_error_of_one_however_large_the_batch():
    study, config = changed(
        "batch-size", algorithm="PooledSGD", batch_sizes=(5000, 200_000), steps=300, repetitions=2
    )
    result = run_study(study, config, workers=2)
    assert [claim.holds for claim in result.claims] == [False, False]
    assert "nowhere just as large" in text(result.claims)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_another_noise_floor_fails(factor, batch_size):
    study, config = batch_size.study, batch_size.config
    found = batch_size.summary
    summary = found.assign(
        predicted=factor * found["predicted"],
        deviation=found["error"] / (factor * found["predicted"]) - 1,
    )
    assert not study.judge(summary, config)[0].holds


def test_the_batch_at_which_noise_overtakes_is_interpolated_by_powers(batch_size):
    study, config = batch_size.study, batch_size.config
    summary = batch_size.summary.assign(batch_size=[100, 10_000, 10**6, 10**8])
    summary["error"] = summary["error_low"] = summary["error_high"] = [10.0, 0.1, 0.01, 0.001]
    sentence = study.judge(summary, config)[1].sentence
    assert "at 1,000 measurements a step" in sentence
