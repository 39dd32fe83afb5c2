import dataclasses

import pandas as pd
import pytest

from elinvar.studies import STUDIES, run_study
from elinvar.studies._normalised_steps import _crossing


@pytest.fixture(scope="module")
def result():
    study = STUDIES["normalised-steps"]
    config = dataclasses.replace(
        study.quick, ratios=(0.3, 0.6, 0.9, 1.2), steps=5000, repetitions=2
    )
    return run_study(study, config, workers=2)


def test_the_claims_hold_in_small(result):
    assert [claim.sentence for claim in result.claims if not claim.holds] == []


def test_another_critical_step_fails(result):
    summary = result.summary.assign(from_high=result.summary["at_low"])
    assert not result.study.judge(summary, result.config)[0].holds


def test_plain_steps_that_grow_from_nearly_nothing_fail(result):
    summary = result.summary.assign(grew_from_nearly_0=1.0)
    assert not result.study.judge(summary, result.config)[2].holds


@pytest.mark.parametrize(
    ("values", "found"),
    [((1.0, 0.5, 0.0), 2.8), ((1.0, 0.5, 0.3), float("inf")), ((0.0, 0.5, 0.0), 1.0)],
)
def test_the_step_from_which_it_is_lost_lies_between_grid_points(values, found):
    assert _crossing(pd.Series(values, index=[1.0, 2.0, 3.0]), 0.1) == pytest.approx(found)
