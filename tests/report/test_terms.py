"""Meanings say the rules that made the verdicts, with the numbers of this model."""

from types import SimpleNamespace

import numpy as np
import pytest

from elinvar.report._figures import figures
from elinvar.report._tables import ORDER
from elinvar.report._terms import CAPTIONS, STANDING, WHERE, caption, meaning


def model_of(standing, *, chosen=True, effect_tolerance=0.1, min_t=4.5):
    return SimpleNamespace(
        standing_=standing,
        selected_=np.array([chosen, False]),
        effect_tolerance=effect_tolerance,
        min_t=min_t,
    )


@pytest.mark.parametrize("standing", STANDING)
@pytest.mark.parametrize("verdict", ORDER)
def test_every_verdict_has_a_meaning(verdict, standing):
    text = meaning(verdict, model_of(standing))
    assert text[0].islower()
    assert not text.endswith(".")


@pytest.mark.parametrize("standing", STANDING)
def test_nearly_the_same_is_a_share_of_the_effect_in_a_new_environment(standing):
    text = meaning("approximately invariant", model_of(standing, effect_tolerance=0.025))
    assert text.startswith("in a new environment it should lie within 2.5% of its average")
    assert ("no disagreement on it was seen" in text) == (standing == "approximate")


def test_no_effect_names_the_threshold():
    assert "less than 3 standard errors" in meaning("no effect", model_of("accepted", min_t=3.0))


def test_why_an_effect_is_undecided_depends_on_what_was_found():
    reasons = {
        "pooled_only": "one environment",
        "untested": "not put to the test",
        "rejected": "further than 10% from its average",
        "borderline": "further than 10% from its average",
        "accepted": "models about as good differ on it",
        "approximate": "models about as good differ on it",
    }
    for standing, reason in reasons.items():
        assert reason in meaning("undecided", model_of(standing))
    assert "target's own law" in meaning("undecided", model_of("accepted", chosen=False))


def test_every_figure_has_a_caption_and_a_place_for_its_numbers(models):
    for name in ("accepted", "one"):
        for figure in figures(models[name]):
            assert caption(figure, models[name])
            assert figure in WHERE
    assert CAPTIONS.keys() == WHERE.keys()
    assert "environments" not in caption("effects", models["one"])
