import dataclasses

import pytest

from elinvar.studies import STUDIES, run_study

study = STUDIES["quadratic-network"]

SMALL = dataclasses.replace(
    study.quick, dim=12, hidden=24, batch_size=2000, steps=240, repetitions=2
)


@pytest.fixture(scope="module")
def result():
    return run_study(study, SMALL, workers=2)


def test_the_claims_hold_in_small(result):
    assert [claim.sentence for claim in result.claims if not claim.holds] == []


def test_environments_in_turn_come_nearer_than_at_random(result):
    error = result.summary.set_index("training")["error"]
    assert error["in turn"] < 0.7 * error["random"]


def test_exchanged_algorithms_fail(result):
    names = {"random": "pooled", "pooled": "random", "intercept": "intercept, pooled"}
    names["intercept, pooled"] = "intercept"
    exchanged = result.summary.assign(training=result.summary["training"].replace(names))
    claims = study.judge(exchanged, SMALL)
    assert [claim.holds for claim in claims] == [False, True, False, False]


def test_one_bad_run_is_enough_to_fail(result):
    worse = result.summary.copy()
    worse.loc[worse["training"] == "in turn", "error_high"] = 2.0
    claims = study.judge(worse, SMALL)
    assert [claim.holds for claim in claims] == [True, False, True, True]
    assert " to 2)" in claims[1].sentence
