"""Question 9: causal graphs from environments that act on unknown variables."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from elinvar.studies import STUDIES, run_study
from elinvar.studies._causal_graphs import KNOWN, _row


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


def graph(*edges):
    found = np.zeros((4, 4), dtype=bool)
    found[tuple(zip(*edges, strict=True))] = True
    return found


def test_pairs_are_counted_whichever_way_their_edge_goes():
    true = graph((0, 1), (3, 1), (2, 1), (0, 3))
    # one turned round, one missed; one that is right is open, and so is one that is not there
    loose = graph((0, 3), (0, 2))
    found = SimpleNamespace(adjacency_=graph((1, 0), (2, 1)), undirected_=loose | loose.T)
    row = _row(KNOWN, found, true)
    assert {name: row[name] for name in ("edges", "distance", "claimed", "wrong", "open")} == {
        "edges": 4, "distance": 4, "claimed": 4, "wrong": 2, "open": 2
    }  # fmt: skip
