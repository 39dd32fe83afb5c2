"""Meanings say the rules that made the verdicts, with the numbers of this model."""

import re
from dataclasses import replace

import numpy as np
import pytest

from elinvar.answer import STATUSES, VERDICTS
from elinvar.answer.figures import figures
from elinvar.answer.statements import meaning
from elinvar.report._terms import STATUS


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


@pytest.mark.parametrize("name", ["accepted", "one"])
def test_every_figure_has_a_caption_and_a_place_for_its_numbers(name, models, pages):
    page, drawn = pages(name), figures(models[name].answer_)
    captions = re.findall(r"<figcaption>(.{20,})</figcaption>", page.raw)
    told = [attrs["aria-label"] for attrs in page.named("svg")]
    assert len(captions) == len(told) == len(drawn)
    assert all(re.search(r"\bin the tables? of", label) for label in told)
    effects = next(caption for caption in captions if caption.startswith("All features on one"))
    assert ("environments" in effects) == (name != "one")
