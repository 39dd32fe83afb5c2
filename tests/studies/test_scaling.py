import dataclasses

import numpy as np
import pytest

from elinvar.studies import STUDIES, run_study

study = STUDIES["scaling"]
SMALL = dataclasses.replace(study.quick, dims=(30, 100, 400), repetitions=8, steps=200)


@pytest.fixture(scope="module")
def result():
    return run_study(study, SMALL, workers=2)


def test_the_claims_hold_in_small(result):
    assert [claim.sentence for claim in result.claims if not claim.holds] == []


def test_the_predicted_steps_grow_as_the_logarithm(result):
    predicted = result.summary["predicted"].to_numpy()
    logs = np.log(result.summary["dim"].to_numpy())
    assert np.diff(predicted) == pytest.approx(np.diff(logs) / np.log1p(0.1), abs=1.5)


def test_steps_that_grow_as_the_root_of_d_fail(result):
    summary = result.summary.assign(steps=8 * np.sqrt(result.summary["dim"]))
    every, law, time = study.judge(summary, SMALL)
    assert every.holds
    assert not law.holds
    assert not time.holds


def test_a_run_that_is_too_short_is_said_not_to_recover():
    short = dataclasses.replace(SMALL, steps=30, dims=(30, 80), repetitions=2)
    result = run_study(study, short)
    assert result.summary["recovered"].tolist() == [0, 0]
    assert not result.holds
    assert "0 of 4 runs" in result.claims[0].sentence


def test_a_line_is_fitted_to_the_logarithm(result):
    summary = result.summary.assign(steps=3 + 2 * np.log(result.summary["dim"]))
    assert "The steps are 3 + 2 log d" in study.judge(summary, SMALL)[1].sentence
