import dataclasses

import numpy as np
import pytest

from elinvar.studies import STUDIES, run_study
from elinvar.theory import critical_heterogeneity

study = STUDIES["phase-diagram"]
SMALL = dataclasses.replace(
    study.quick,
    step_sizes=(0.15, 0.25),
    heterogeneities=tuple(np.geomspace(2.0, 10.0, 14).round(3).tolist()),
    dim=10,
    steps=1000,
    repetitions=6,
)


@pytest.fixture(scope="module")
def result():
    return run_study(study, SMALL, workers=2)


def test_the_claims_hold_in_small(result):
    assert [claim.sentence for claim in result.claims if not claim.holds] == []


def test_all_three_outcomes_are_seen_and_each_run_has_one(result):
    outcomes = result.rows[["recovers", "learns_spurious", "diverged"]].sum()
    assert (outcomes > 10).all()
    assert outcomes.sum() == len(result.rows)


def test_the_transition_is_measured_within_its_error(result):
    for row in result.summary.to_dict("records"):
        assert row["predicted"] == critical_heterogeneity(row["step_size"])
        assert abs(row["measured"] - row["predicted"]) < 4 * row["standard_error"]
        assert row["bounded_until"] < row["half_diverge_from"] < row["dies_until"]


def test_runs_of_pooled_steps_have_no_transition():
    pooled = dataclasses.replace(SMALL, algorithm="PooledSGD", repetitions=3, steps=300)
    result = run_study(study, pooled, workers=2)
    assert not result.claims[0].holds
    assert not result.claims[1].holds
    assert not result.rows["recovers"].any()


def test_a_wrong_line_fails(result):
    """The expansion to second order is no substitute: it is 5 to 15% off at these steps."""
    strict = dataclasses.replace(SMALL, worst=0.05)
    wrong = np.sqrt(2 / result.summary["step_size"] - 1)
    summary = result.summary.assign(deviation=result.summary["measured"] / wrong - 1)
    assert not study.judge(summary, strict)[0].holds


def test_the_bound_is_the_root_of_its_formula(result):
    for row in result.summary.to_dict("records"):
        step_size, M = row["step_size"], row["bounded_until"]
        up = 4 / 27 * (1 + step_size * (1 + M)) ** 3
        assert up == pytest.approx(2 + step_size * (1 - M), abs=1e-3)


def test_half_the_runs_diverge_between_two_values(result):
    # all runs beyond the third value diverge, and none up to it
    values = SMALL.heterogeneities
    rows = result.rows.assign(diverged=result.rows["heterogeneity"] > values[2])
    found = study.summarise(rows, SMALL)["half_diverge_from"]
    assert found.tolist() == pytest.approx([(values[2] + values[3]) / 2] * 2)
    never = study.summarise(rows.assign(diverged=False), SMALL)["half_diverge_from"]
    assert never.isna().all()
