"""Meanings say the rules that made the verdicts, with the numbers of this model."""

from dataclasses import replace

import numpy as np
import pytest

from elinvar.answer import STATUSES, VERDICTS
from elinvar.answer.figures import figures
from elinvar.answer.statements import meaning
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
    text = meaning(verdict, answer_of(status))
    assert text[0].islower()
    assert not text.endswith(".")


def test_meanings_name_the_tolerance_and_the_smallest_effect(answer_of):
    answer = answer_of("rejected", effect_tolerance=0.025, smallest_effect=0.2)
    assert "within 2.5% of the average" in meaning("nearly invariant", answer)
    assert "smallest effect of interest, 0.2 standard deviations of" in meaning("no effect", answer)


def test_why_an_effect_is_undecided_depends_on_what_was_found(answer_of):
    assert "one environment" in meaning("undecided", answer_of("pooled_only"))
    assert "none of these" in meaning("undecided", answer_of("rejected"))


def test_every_figure_has_a_caption_and_a_place_for_its_numbers(models):
    for name in ("accepted", "one"):
        for figure in figures(models[name].answer_):
            assert caption(figure, models[name].answer_)
            assert figure in WHERE
    assert CAPTIONS.keys() == WHERE.keys()
    assert "environments" not in caption("effects", models["one"].answer_)
