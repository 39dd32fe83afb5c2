import dataclasses

import numpy as np
import pandas as pd
import pytest

from elinvar.studies import _phase_diagram as study
from elinvar.studies import run_study
from elinvar.theory import critical_heterogeneity, heterogeneity_window

SMALL = dataclasses.replace(
    study.QUICK,
    step_sizes=(0.15, 0.25),
    heterogeneities=study._spaced(2.0, 10.0, 14),
    dim=10,
    steps=1000,
    repetitions=6,
)


@pytest.fixture(scope="module")
def result():
    return run_study(study.STUDY, SMALL, workers=2)


def test_the_claims_hold_in_small(result):
    assert [claim.sentence for claim in result.verdict.claims if not claim.holds] == []


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
    result = run_study(study.STUDY, pooled, workers=2)
    assert not result.verdict.claims[0].holds
    assert not result.verdict.claims[1].holds
    assert not result.rows["recovers"].any()


def test_a_wrong_line_fails(result, monkeypatch):
    """The expansion to second order is no substitute: it is 5 to 15% off at these steps."""
    monkeypatch.setattr(study, "critical_heterogeneity", lambda eta: float(np.sqrt(2 / eta - 1)))
    strict = dataclasses.replace(SMALL, worst=0.05)
    summary = study.summarise(result.rows, strict)
    assert not study.judge(summary, strict).claims[0].holds


@pytest.mark.parametrize("step_size", [0.05, 0.1, 0.2])
def test_the_bound_is_the_root_of_its_formula(step_size):
    M = study._bounded_until(step_size, heterogeneity_window(step_size).high)
    up = 4 / 27 * (1 + step_size * (1 + M)) ** 3
    assert up == pytest.approx(2 + step_size * (1 - M), abs=1e-3)
    assert pytest.approx({0.05: 18.4, 0.1: 9.05, 0.2: 4.38}[step_size], rel=2e-3) == M
    assert study._bounded_until(step_size, 3.0) == 3.0


def test_half_the_runs_diverge_between_two_values():
    rows = pd.DataFrame({"heterogeneity": [1, 1, 2, 2, 4, 4], "diverged": [0, 0, 0, 0, 1, 1]})
    assert study._half(rows) == pytest.approx(3.0)
    assert np.isnan(study._half(rows.assign(diverged=0)))


def test_the_neighbourhood_is_found_from_the_runs_alone():
    M = np.arange(1.0, 13.0)
    rows = pd.DataFrame({"heterogeneity": M, "slope": 6.5 - M, "slope_steps": 10})
    assert study._near(rows, 3)["heterogeneity"].tolist() == [4, 5, 6, 7, 8, 9]
    assert len(study._near(rows.assign(slope=-1.0), 3)) == 6
