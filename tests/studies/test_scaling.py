import dataclasses

import numpy as np
import pandas as pd
import pytest

from elinvar.studies import _scaling as study
from elinvar.studies import run_study

SMALL = dataclasses.replace(study.QUICK, dims=(30, 100, 400), repetitions=8, steps=200)


@pytest.fixture(scope="module")
def result():
    return run_study(study.STUDY, SMALL, workers=2)


def test_the_claims_hold_in_small(result):
    assert [claim.sentence for claim in result.verdict.claims if not claim.holds] == []


def test_the_predicted_steps_grow_as_the_logarithm(result):
    predicted = result.summary["predicted"].to_numpy()
    logs = np.log(result.summary["dim"].to_numpy())
    assert np.diff(predicted) == pytest.approx(np.diff(logs) / np.log1p(0.1), abs=1.5)


def test_steps_that_grow_as_the_root_of_d_fail(result):
    summary = result.summary.assign(steps=8 * np.sqrt(result.summary["dim"]))
    every, law, time = study.judge(summary, SMALL).claims
    assert every.holds
    assert not law.holds
    assert not time.holds


def test_a_run_that_is_too_short_is_said_not_to_recover():
    short = dataclasses.replace(SMALL, steps=30, dims=(30, 80), repetitions=2)
    result = run_study(study.STUDY, short)
    assert result.summary["recovered"].tolist() == [0, 0]
    assert not result.verdict.holds
    assert "0 of 4 runs" in result.verdict.sentence


def test_a_line_is_fitted_to_the_logarithm():
    table = pd.DataFrame({"dim": [10, 100, 1000], "steps": 3 + 2 * np.log([10, 100, 1000])})
    assert study._fit(table, "steps") == pytest.approx((2.0, 3.0))
