from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from elinvar.answer.sentences import missed_levels, multiplicity_sentence, overview


@pytest.mark.parametrize(
    ("n", "sentence"),
    [
        (0, ""),
        (1, "One statement is made for 90% of new environments like these: in a given one expect "
         "about 0.1 of it to fail."),
        (12, "12 statements are each made for 90% of new environments like these: in a given one "
         "expect about 1.2 of them to fail."),
    ],
)  # fmt: skip
def test_false_statements_are_to_be_expected_among_many(n, sentence):
    answer = SimpleNamespace(n_statements=n, expected_false=0.1 * n)
    assert multiplicity_sentence(answer) == sentence


def test_the_worst_level_of_each_model_is_named():
    left_out = pd.DataFrame(
        {
            "model": ["invariant", "invariant", "pooled", "pooled", "lasso"],
            "predicted_mean": [1.0, 2.0, 3.0, 4.0, 9.0],
            "truth_mean": [1.5, 2.1, 3.0, 1.0, 0.0],
        }
    )
    expected = "left-out environments are missed by up to 0.500 (invariant) and 3.00 (pooled)"
    for classes, what in (((), "Levels of"), (("no", "yes"), "Shares of classes in")):
        answer = SimpleNamespace(left_out=left_out, classes=classes)
        assert missed_levels(answer) == f"{what} {expected}"


def model_of(verdicts, effects, pooled, status="accepted"):
    names = list("abc")[: len(verdicts)]
    table = {"feature": names, "verdict": verdicts, "effect": effects, "pooled_effect": pooled}
    return SimpleNamespace(status=status, evidence=pd.DataFrame(table))


def test_the_overview_names_the_largest_effect_in_comparable_units():
    model = model_of(["invariant", "nearly invariant", "spurious"], [2, 1, 9], [2, 1, 9])
    assert overview(model, np.ones(3)) == "Of the effects that hold, that of a is the largest"
    assert overview(model, np.array([1, 3, 1])).endswith("that of b is the largest")
    pooled = model_of(["undecided"] * 2, [1, 3], [1, 3], "pooled_only")
    assert overview(pooled, np.ones(2)) == "b has the largest effect"


@pytest.mark.parametrize(
    ("verdict", "effect", "title"),
    [
        ("invariant", -2.0, None),
        ("invariant", 2.0, "The effect of a holds"),
        ("nearly invariant", 2.0, "The effect of a nearly holds"),
        ("undecided", 2.0, "a has the largest effect; none surely holds"),
        ("undecided", np.nan, None),
    ],
)
def test_signs_that_turn_are_left_to_the_figure(verdict, effect, title):
    assert overview(model_of([verdict], [effect], [1.0]), np.ones(1)) == title
