"""The answer as one object: frozen, computed once, the same wherever it is shown."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantRegressor
from elinvar.answer import STATUSES, VERDICTS, Answer, Explanation
from elinvar.errors import DataError

TABLES = ("evidence", "effects", "tests", "residuals", "errors", "left_out")


def draw(seed=0, n=150):
    """A cause, a consequence whose link differs, noise with a name that markup must not take."""
    rng = np.random.default_rng(seed)
    place = np.repeat(["north", "south", "west"], n)
    cause = rng.normal(size=3 * n) * np.repeat([0.5, 1.0, 2.0], n)
    y = 2 * cause + rng.normal(size=3 * n)
    effect = np.repeat([0.2, 1.0, -2.0], n) * y + rng.normal(size=3 * n)
    noise = rng.normal(size=3 * n)
    frame = pd.DataFrame({"cause": cause, "effect": effect, "a_b & <c> |": noise})
    return frame, pd.Series(y, name="weight"), place


@pytest.fixture(scope="module")
def model():
    frame, y, place = draw()
    return InvariantRegressor().fit(frame, y, environments=place)


def test_attributes_of_the_model_are_views_of_its_answer(model):
    answer = model.answer_
    assert isinstance(answer, Answer)
    for name in TABLES:
        assert getattr(model, f"{name}_") is getattr(answer, name)
    for name in ("status", "predictor", "p_value", "disagreement", "notes", "environments"):
        assert getattr(model, f"{name}_") == getattr(answer, name)
    assert model.diagnosis_ is answer.diagnosis and model.path_ is answer.path
    assert model.status_reason_ == answer.reason
    assert str(model.answer_.explanation) == str(answer.explanation)
    assert model.summary() == answer.summary()
    np.testing.assert_array_equal(model.coef_, answer.used.coef[0])
    assert model.intercept_ == answer.used.intercept[0]


def test_an_answer_is_frozen_and_computes_what_it_is_asked_for_once(model):
    answer = model.answer_
    with pytest.raises(FrozenInstanceError):
        answer.status = "accepted"
    assert answer.evidence is answer.evidence and answer.explanation is answer.explanation


def test_statuses_and_verdicts_are_those_that_are_told_apart(model):
    assert model.status_ in STATUSES
    assert set(model.evidence_["verdict"]) <= set(VERDICTS)


def test_a_refit_leaves_an_earlier_answer_as_it_was():
    frame, y, place = draw()
    model = InvariantRegressor().fit(frame, y, environments=place)
    first = model.answer_
    before = first.evidence.copy()
    model.fit(frame.iloc[::2], y.iloc[::2], environments=place[::2])
    assert model.answer_ is not first
    pd.testing.assert_frame_equal(first.evidence, before)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_copies_say_the_same(model, again):
    other = again(model).answer_
    assert str(other.explanation) == str(model.answer_.explanation)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(other, name), getattr(model, f"{name}_"))


def test_the_explanation_comes_in_parts(model):
    said = model.answer_.explanation
    assert isinstance(said, Explanation)
    assert said.lead.endswith(".") and said.advice.endswith(".")
    assert all(sentence for sentence in said.body)
    assert str(said) == " ".join([said.lead, *said.body, f"What to do: {said.advice}"])


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "html"])
def test_every_format_has_a_row_for_each_feature_and_all_that_is_said(model, format):
    text = model.summary(format)
    for word in ("cause", "weight", "Predictions come from", model.evidence_["verdict"][0]):
        assert word in text
    assert f"{model.evidence_['pooled_effect'][0]:#.3g}" in text


@pytest.mark.parametrize(
    ("format", "written"),
    [
        ("markdown", r"| a\_b & \<c> \| |"),
        ("latex", r"a\_b \& <c> | &"),
        ("html", "<td>a_b &amp; &lt;c&gt; |</td>"),
    ],
)
def test_names_are_no_markup(model, format, written):
    assert written in model.summary(format)


def test_a_notebook_shows_the_answer(model):
    assert model.answer_.headline in model.answer_._repr_html_()
    assert repr(model.answer_).startswith(f"Answer({model.status_}): ")


def test_an_unknown_format_is_refused(model):
    with pytest.raises(DataError, match="format must be one of 'text', 'markdown'"):
        model.summary("pdf")
