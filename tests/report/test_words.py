from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from elinvar.report._words import missed_levels, overview, verdict_sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "accepted",
            "The effects of cause and sex on y hold in all 3 environments, while child comes and "
            "goes; ",
        ),
        (
            "one",
            "There is only one environment, so nothing can be compared; the pooled model (least "
            "squares) answers.",
        ),
        ("rejected", "Invariance is rejected: no set of effects explains y alike in all 3 env"),
    ],
)
def test_the_verdict_is_one_plain_sentence(name, sentence, models):
    assert verdict_sentence(models[name]).startswith(sentence)


def test_two_environments_are_both(models):
    assert verdict_sentence(models["excluded"]).count("both environments") == 1


def test_the_worst_level_of_each_model_is_named():
    left_out = pd.DataFrame(
        {
            "model": ["invariant", "invariant", "pooled", "pooled", "lasso"],
            "predicted_mean": [1.0, 2.0, 3.0, 4.0, 9.0],
            "truth_mean": [1.5, 2.1, 3.0, 1.0, 0.0],
        }
    )
    expected = (
        "Levels of left-out environments are missed by up to 0.500 (invariant) and 3.00 (pooled)"
    )
    assert missed_levels(left_out) == expected


def test_the_overview_names_the_largest_effect_in_comparable_units(models):
    model = models["accepted"]
    by_name = dict(zip(model.evidence_["feature"], range(3), strict=True))
    scale = np.ones(3)
    assert overview(model, scale) == "Of the effects that hold, that of cause is the largest"
    scale[by_name["sex"]] = 100.0
    assert overview(model, scale) == "Of the effects that hold, that of sex is the largest"
    assert overview(models["one"], scale) == "Effects of the pooled model"


def test_signs_that_turn_matter_more():
    table = {"feature": ["a"], "verdict": ["invariant"], "effect": [2.0], "pooled_effect": [-1.0]}
    model = SimpleNamespace(status_="accepted", evidence_=pd.DataFrame(table))
    assert overview(model, np.ones(1)) is None
