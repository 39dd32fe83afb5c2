"""Sentences on forecasts, each from the numbers that it speaks of."""

from dataclasses import replace

import numpy as np
import pytest

from elinvar.answer import TransferAnswer
from elinvar.answer.transfer_tables import forecast_tables, left_out_texts
from elinvar.answer.transfer_words import (
    carried_sentence,
    cost_sentence,
    curves_sentence,
    forecast_headline,
    margin_sentence,
    rivals_sentence,
)
from elinvar.environments import Schema
from elinvar.forecast import SPREAD_LEVELS, Spread
from elinvar.forecast.curves import Curve

LEARNERS = ("least squares", "curves", "boosting, large trees")


def curve(feature, size, spread, share):
    x = np.array([-1.0, 1.0])
    common = size * x
    each = np.tile(common, (4, 1))
    return Curve(
        feature=feature, outcome=0, x=x, common=common, low=common - spread, high=common + spread,
        each=each, each_low=each, each_high=each, size=size, spread=spread, share=share,
    )  # fmt: skip


def errors(**rmse):
    names = {"lines": LEARNERS[0], "bent": LEARNERS[1], "trees": LEARNERS[2]}
    return {names.get(key, key): np.full(4, value**2) for key, value in rmse.items()}


@pytest.fixture
def answer():
    return TransferAnswer(
        estimator="TransferRegressor",
        parameters={"premium": 1.15},
        schema=Schema(features=("depth", "kind", "stem"), target="mass"),
        rows=dict.fromkeys(["Bonn", "Lima", "Oslo", "Rome"], 50.0),
        n_dropped=0,
        scales=np.ones(3),
        learners=LEARNERS,
        weights=np.array([0.3, 0.7, 0.0]),
        losses=errors(lines=2.4, bent=2.0, trees=2.5, mixture=2.0, constant=4.0),
        wrong=np.zeros(0),
        in_sample=dict.fromkeys([*LEARNERS, "mixture"], 1.5**2),
        spread=Spread(np.tile(np.arange(1.0, 12.0), (4, 1))),
        selected=np.ones(3, dtype=bool),
        shift_share=(0.2, 0.2),
        curves=(curve(0, 2.0, 0.1, 0.01), curve(1, 1.0, 0.0, 0.0), curve(2, 1.0, 0.8, 0.3)),
    )


def test_the_headline_compares_with_a_constant(answer):
    assert forecast_headline(answer) == (
        "In an environment that it has not seen, the forecast of mass is off by 2.00 (root mean "
        "squared error), 50% less than the mean alone."
    )
    for error, words in ((3.99, "hardly better than"), (4.1, "no better than")):
        changed = replace(answer, losses=answer.losses | errors(mixture=error))
        assert f"{words} the mean alone (4.00)" in forecast_headline(changed)
    classes = replace(answer, classes=("a", "b"), wrong=np.array([0.1, 0.2, 0.3, 0.2]))
    assert forecast_headline(classes).endswith(
        "has a mean log loss of 4.00, 75% less than shares of classes alone, and names the right "
        "class in 80% of rows."
    )


def test_learners_that_carry_it_are_named(answer):
    assert carried_sentence(answer) == (
        "It mixes curves (70%) and least squares (30%), weighted by their errors in environments "
        "left out."
    )


@pytest.mark.parametrize(
    ("lines", "trees", "words"),
    [
        (2.4, 2.5, "straight lines alone would have 20% more error and boosting alone would have "
         "25% more error."),
        (2.01, 1.99, "straight lines alone and boosting alone would be as good."),
        (5.0, 1.8, "straight lines alone would have 2.5 times its error and boosting alone would "
         "have 10% less error."),
        (2.0, 99.0, "straight lines alone would be as good and boosting alone would be far "
         "worse."),
    ],
)  # fmt: skip
def test_rivals_are_held_against_it(answer, lines, trees, words):
    changed = replace(answer, losses=answer.losses | errors(lines=lines, trees=trees))
    assert rivals_sentence(changed) == f"In environments left out, {words}"


def test_what_a_new_place_costs(answer):
    said = cost_sentence(answer)
    assert "On the rows that it learnt from it is off by 1.50; a new environment costs the" in said
    assert "About 20% of its squared error there comes from relations that change" in said
    steady = replace(answer, shift_share=(0.0, 0.0))
    assert "Next to nothing of its error there" in cost_sentence(steady)
    unknown = replace(answer, shift_share=(np.nan, np.nan))
    assert cost_sentence(unknown).endswith("costs the rest.")


def test_curves_that_agree_are_told_from_those_that_differ(answer):
    assert curves_sentence(answer) == (
        "depth and kind do the same in all environments; what stem does differs most, which makes "
        "30% of the error elsewhere."
    )
    steady = replace(answer, curves=answer.curves[:2])
    assert curves_sentence(steady).startswith("Each feature does the same in all environments")
    odd = replace(answer, curves=answer.curves[2:])
    assert curves_sentence(odd).startswith("What stem does differs most")


def test_the_margin_is_told_or_why_there_is_none(answer):
    assert "With 4 environments" in margin_sentence(answer)
    nine = replace(answer, spread=Spread(np.tile(np.arange(1.0, 12.0), (9, 1))))
    at = SPREAD_LEVELS.index(0.9) + 1.0
    assert f"should lie within {at:.2f} of their predictions" in margin_sentence(nine)


def test_advice_follows_from_what_was_found(answer):
    assert "label some rows in the new place" in answer.explanation.advice
    few = replace(answer, rows={"a": 1.0, "b": 1.0, "c": 1.0})
    assert few.explanation.advice.startswith("gather more environments")
    assert "Three environments" in few.notes[0]
    steady = replace(answer, shift_share=(0.02, 0.02))
    assert steady.explanation.advice.startswith("use it in places that differ as these do")
    one = replace(answer, rows={"a": 1.0}, losses={}, spread=Spread.unknown())
    assert one.explanation.advice.startswith("gather data in at least two more environments")
    assert "one environment cannot tell" in one.headline


def test_tables_say_what_learners_and_features_do(answer):
    learners, features = forecast_tables(answer)
    assert [row[0] for row in learners.rows] == [
        "curves", "least squares", "boosting, large trees", "mixture", "the mean",
    ]  # fmt: skip
    assert learners.rows[0][1:4] == ("70%", "2.000", "1.500")
    assert features.rows[2] == ("stem", "1.00", "0.800", "80%", "30%")
    rivals = left_out_texts(answer)
    assert rivals.header == ("left out", "rows", "forecast", "straight lines", "boosting",
                             "the mean")  # fmt: skip
    assert rivals.rows[0] == ("Bonn", "50", "2.000", "2.400", "2.500", "4.000")


def test_a_learner_of_the_users_is_named_as_theirs(answer):
    names = ("mine", *LEARNERS[1:])
    changed = replace(
        answer,
        learners=names,
        losses={**answer.losses, "mine": np.ones(4)},
        in_sample={**answer.in_sample, "mine": 1.0},
    )
    row = next(row for row in forecast_tables(changed)[0].rows if row[0] == "mine")
    assert row[-1] == "an estimator of yours"
