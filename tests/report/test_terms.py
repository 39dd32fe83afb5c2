"""Meanings say the rules that made the verdicts, with the numbers of this model."""

from dataclasses import replace

import numpy as np
import pytest

from elinvar.answer import STATUSES, VERDICTS
from elinvar.answer.figures import figures
from elinvar.answer.sentences import verdict_meaning
from elinvar.report._terms import CAPTIONS, STATUS, WHERE, caption


@pytest.fixture
def answer_of(models):
    def make(status, *, chosen=True, effect_tolerance=0.1, **parameters):
        answer = models["accepted"].answer_
        changed = {"effect_tolerance": effect_tolerance} | parameters
        return replace(
            answer,
            status=status,
            selected=np.full_like(answer.selected, chosen),
            parameters=dict(answer.parameters) | changed,
        )

    return make


def test_every_status_has_words():
    assert STATUS.keys() == set(STATUSES)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_meaning(verdict, status, answer_of):
    text = verdict_meaning(verdict, answer_of(status))
    assert text[0].islower()
    assert not text.endswith(".")


@pytest.mark.parametrize("status", STATUSES)
def test_nearly_the_same_is_a_share_of_the_effect_in_a_new_environment(status, answer_of):
    text = verdict_meaning("approximately invariant", answer_of(status, effect_tolerance=0.025))
    assert text.startswith("in a new environment it should lie within 2.5% of its average")
    assert ("no disagreement on it was seen" in text) == (status == "approximate")


def test_no_effect_names_the_threshold(answer_of):
    text = verdict_meaning("no effect", answer_of("accepted", t_threshold=3.0))
    assert "less than 3 standard errors" in text


def test_why_an_effect_is_undecided_depends_on_what_was_found(answer_of):
    reasons = {
        "pooled_only": "one environment",
        "untested": "not put to the test",
        "rejected": "further than 10% from its average",
        "borderline": "further than 10% from its average",
        "accepted": "models about as good differ on it",
        "approximate": "models about as good differ on it",
    }
    for status, reason in reasons.items():
        assert reason in verdict_meaning("undecided", answer_of(status))
    assert "target's own law" in verdict_meaning("undecided", answer_of("accepted", chosen=False))


def test_every_figure_has_a_caption_and_a_place_for_its_numbers(models):
    for name in ("accepted", "one"):
        for figure in figures(models[name].answer_):
            assert caption(figure, models[name].answer_)
            assert figure in WHERE
    assert CAPTIONS.keys() == WHERE.keys()
    assert "environments" not in caption("effects", models["one"].answer_)
