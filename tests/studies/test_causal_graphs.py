"""Question 9: causal graphs from environments that act on unknown variables."""

import dataclasses

import pytest

from elinvar.studies import STUDIES, run_study


@pytest.fixture(scope="module")
def small():
    study = STUDIES["causal-graphs"]
    config = dataclasses.replace(study.quick, actions=("hard", "soft"), variables=6, judged=9)
    return run_study(study, config, workers=2)


def claim_with(small, words, **changes):
    """Return the claim with these words, some columns of the summary changed."""
    claims = small.study.judge(small.summary.assign(**changes), small.config)
    return next(claim for claim in claims if words in claim.sentence)


def test_the_claims_hold_in_small(small):
    limits = "The limit of"
    failing = [claim.sentence for claim in small.claims if not claim.holds]
    assert [sentence for sentence in failing if not sentence.startswith(limits)] == []


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("act on unknown variables", {"unknown": 1.1}),
        ("known on what they act", {"known": 0.3}),
        ("actions that are told", {"recall": 0.8}),
        ("actions that are told", {"precision": 0.9}),
        ("claimed edges", {"wrong": 0.06}),
        ("do not suffice", {"unknown": 0.9}),
        ("effects hidden", {"hidden_wrong": 0.01}),
    ],
)
def test_other_numbers_contradict_the_claims(small, words, changes):
    assert not claim_with(small, words, **changes).holds


def test_a_distance_counts_edges_and_the_empty_graph_has_them_all(small):
    table = small.summary
    assert (table["pooled"] > table["unknown"]).all() and (table["edges"] > 3).all()
    assert table["environments"].tolist() == [3, 3, 9, 9] and (table["runs"] == 3).all()
