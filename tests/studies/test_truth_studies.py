"""Small studies of angles and of saddles hold, and fail with a wrong law."""

import dataclasses

import numpy as np
import pytest

from elinvar.studies import STUDIES, run_study


@pytest.fixture(scope="module")
def angles():
    study = STUDIES["relaxed-orthogonality"]
    parts = ("M = 7, step size 0.06", "one direction, shared, step size 0.1")
    cases = tuple(name for name in study.full.cases if name.startswith(parts))
    config = dataclasses.replace(study.quick, cases=cases, steps=3000, repetitions=6)
    return run_study(study, config, workers=2)


@pytest.fixture(scope="module")
def saddles():
    study = STUDIES["saddles"]
    left_out = (
        "condition 25",
        "condition 80",
        "2,500 measurements twice",
        "6,000 measurements twice",
    )
    cases = tuple(name for name in study.full.cases if not name.endswith(left_out))
    config = dataclasses.replace(
        study.quick, cases=cases, dim=14, reused_steps=300, noise_tolerance=0.25, repetitions=4
    )
    return run_study(study, config, workers=2)


@pytest.mark.parametrize("name", ["angles", "saddles"])
def test_the_claims_hold_in_small(name, request):
    result = request.getfixturevalue(name)
    assert [claim.sentence for claim in result.claims if not claim.holds] == []


def test_another_slope_fails(angles):
    found = angles.summary
    wrong = found.assign(
        predicted=found["predicted"] * 1.6,
        deviation=found["measured"] / found["predicted"] / 1.6 - 1,
    )
    claims = angles.study.judge(wrong, angles.config)
    assert not claims[0].holds
    assert "relative error is" in claims[0].sentence
    # the line of a shared direction is not that of a spurious one
    assert not claims[-1].holds


def test_the_shared_line_is_not_the_critical_heterogeneity(angles):
    row = angles.summary.iloc[-1]
    assert row["predicted"] == pytest.approx(np.sqrt(44))
    assert row["measured"] > 1.3 * np.sqrt(21)


def test_a_direction_that_is_learned_is_not_stuck(saddles):
    found = saddles.summary
    wrong = found.assign(escaped=found["runs"])
    stuck = saddles.study.judge(wrong, saddles.config)[1]
    assert not stuck.holds
    assert "4 of 4 runs learn it" in stuck.sentence


def test_other_times_and_errors_fail(saddles):
    wrong = saddles.summary.assign(deviation=saddles.summary["deviation"] + 0.3)
    claims = saddles.study.judge(wrong, saddles.config)
    assert [claim.holds for claim in claims] == [False, True, False, False, False, True]
