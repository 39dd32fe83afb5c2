"""What a fitted model says of itself, sentence by sentence."""

import re

import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantRegressor
from elinvar.answer.headline import headline as headline_of
from elinvar.answer.headline import predictor_words
from elinvar.datasets import load_penguins


def rows(n_environments=4, n=200, seed=0):
    """A cause, its effect in other strength everywhere, noise; the environments' codes."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(n_environments), n)
    cause = rng.normal(size=len(code)) + code % 3
    y = 2.0 * cause + rng.normal(size=len(code))
    strength = np.linspace(0.3, 2.0, n_environments)[code]
    frame = pd.DataFrame(
        {
            "cause": cause,
            "effect": strength * y + rng.normal(size=len(code)),
            "noise": rng.normal(size=len(code)),
        }
    )
    return frame, pd.Series(y, name="weight"), code


def fit(frame, y, code, **options):
    return InvariantRegressor(**options).fit(frame, y, environments=code)


def headline(model):
    return headline_of(model.answer_)


def said(model, *words):
    """Whether one note holds all the words."""
    return sum(all(word in note for word in words) for note in model.notes_) == 1


def test_accepted():
    model = fit(*rows())
    assert headline(model).startswith("Invariant in all 4 environments: cause. ")
    text = " ".join(model.summary().split())
    assert text.startswith(headline(model))
    assert "Predictions come from the invariant model." in text
    assert f"p = {model.p_value_:.2g}" in text


def test_a_summary_has_a_table_a_model(shows):
    model = fit(*rows())
    text = model.summary()
    assert "Model: all features together" in text
    assert "Second model: the invariant set alone (cause), whose effects agree" in text
    first, second = text.split("Second model")
    for part, table in ((first, model.all_features_), (second, model.answer_.of_set)):
        lines = {}  # of a table that is wider than a terminal a feature has more than one
        for line in part.splitlines():
            if line.startswith("  "):
                name = line.split()[0]
                lines[name] = lines.get(name, "") + line
        assert len(lines) == 1 + len(table)
        for row in table.to_dict("records"):
            line = lines[row["feature"]]
            assert row["verdict"] in line
            effect, *ends = re.findall(r"-?\d+\.\d+", line)[:5]
            assert shows(ends[:2], row["low"], row["high"])
            assert shows(ends[2:], row["new_low"], row["new_high"])
            assert float(effect) == pytest.approx(
                row["effect"], abs=(row["high"] - row["low"]) / 40
            )


def test_a_summary_wider_than_a_terminal_goes_on_below_with_the_names_repeated():
    frame, y, code = rows()
    long = frame.rename(columns={"cause": "cause_of_the_whole_affair", "noise": "idle_talk"})
    model = fit(long, y, code)
    text, wide = model.summary(), model.summary("markdown")
    assert max(map(len, text.splitlines())) <= 80
    starts = [line for line in text.splitlines() if line.startswith("  cause_of_the_whole_affair")]
    assert len(starts) > 2
    assert not any(line.endswith(" ") for line in text.splitlines())
    for head in ("average [95%]", "in a new one [90%]", "spread", "pooled"):
        assert text.count(f"  {head}") == wide.count(f"| {head} ")


def test_a_summary_can_be_had_for_a_page_or_a_paper():
    model = fit(*rows())
    assert model.summary("markdown").count("|---|---|") >= 2
    assert model.summary("latex").count(r"\begin{tabular}") == 2
    assert model.summary("html").count("<table>") == 2


def test_why_it_predicts_is_said():
    frame, y, code = rows()
    assert said(fit(frame, y, code), "Predictions come from", "left out", "more than noise")
    assert fit(frame, y, code, predictor="pooled").notes_ == ()


def test_pooled_only():
    frame, y, _ = rows()
    model = fit(frame, y, None)
    assert "one environment only" in headline(model) and "pooled model of weight" in headline(model)
    assert "Overidentification" not in model.summary()
    assert "Predictions come from the pooled model." in model.summary()


def test_rejected():
    frame, y, code = rows()
    y = (y + 4.0 * (code == 1) * frame["cause"]).rename("weight")
    model = fit(frame, y, code)
    assert headline(model).endswith(
        "Exact invariance is rejected: no set of features has the same effects in all 4 "
        "environments."
    )
    assert said(model, "acts on the target itself", "common cause", "not linear")
    assert said(model, "p < 0.0001", f"{100 * model.disagreement_:.2g}%")
    assert said(model, "exclude_environments", "intercept='environment'")
    own = fit(frame, y, code, intercept="environment")
    assert own.status_ == "rejected"
    assert said(own, "exclude_environments") and not said(own, "intercept='environment'")


def test_approximate():
    rng = np.random.default_rng(0)
    code = np.repeat([0, 1, 2], 20_000)
    x = rng.normal(size=60_000) + code
    y = np.array([0.96, 1.0, 1.04])[code] * x + rng.normal(size=60_000)
    model = fit(pd.DataFrame({"x": x}), y, code)
    assert headline(model).startswith("Nearly invariant in all 3 environments: x.")
    share = f"at most {100 * model.disagreement_:.2g}%"
    assert said(model, "Exact invariance is rejected", share, "up to 1% counts")
    wider = fit(pd.DataFrame({"x": x}), y, code, tolerance=0.05)
    assert said(wider, "up to 5% counts")


def test_nothing_invariant():
    rng = np.random.default_rng(0)
    code = np.repeat(np.arange(4), 100)
    frame, y = pd.DataFrame({"x": rng.normal(size=400) + code}), rng.normal(size=400)
    assert headline(fit(frame, y, code)).endswith(
        "None is invariant: only its mean is the same in all 4 environments."
    )
    own = headline(fit(frame, y + 5 * code, code, intercept="environment"))
    assert own == "The environments do not differ: no effect on target was put to the test."


def test_copies():
    rng = np.random.default_rng(0)
    frame, code = pd.DataFrame({"x": rng.normal(size=400)}), np.repeat(np.arange(4), 100)
    model = fit(frame, frame["x"] + rng.normal(size=400), code)
    assert model.status_ == "untested"
    assert headline(model).startswith("The environments do not differ: no effect on x was")


def test_barely_accepted():
    data = load_penguins()
    model = InvariantRegressor(intercept="environment")
    model.fit_moments(data.environments().moments())
    assert headline(model) == (
        "3 of 4 effects on body_mass_g keep their sign in a new place; 1 changes. None is sure to "
        "be invariant: a model with bill_depth_mm and flipper_length_mm only just fits "
        "all 3 environments (p = 0.025)."
    )


def test_signs_that_pooling_turns():
    rng = np.random.default_rng(0)
    code = np.repeat(np.arange(4), 100)
    x = rng.normal(size=400) + 4 * code
    y = x - 8 * code + rng.normal(size=400)
    model = fit(pd.DataFrame({"x": x}), y, code, intercept="environment")
    own, pooled = model.invariant_coef_[0], model.pooled_coef_[0]
    assert pooled < 0 < own
    assert said(model, "opposite sign for x", f"{pooled:.3g} pooled", f"{own:.3g} invariant")


@pytest.mark.parametrize(
    ("n_environments", "predictor", "words"),
    [
        (2, "auto", "Predictions come from the pooled model: two environments are too few"),
        (2, "pooled", None),
        (4, "invariant", None),
    ],
)
def test_what_predicts_is_explained(n_environments, predictor, words):
    model = fit(*rows(n_environments), predictor=predictor)
    assert model.status_ == "accepted"
    told = [note for note in model.notes_ if "Predictions come" in note]
    assert told == [] if words is None else told[0].startswith(words)
    expected = "pooled" if predictor == "pooled" or (words and "pooled" in words) else "invariant"
    assert predictor_words(model.predictor_) == f"the {expected} model"
    assert said(model, "Two environments are few") == (n_environments == 2)


def test_three_environments_leave_two():
    assert said(fit(*rows(3)), "one of three environments is left out")


def test_a_nearly_invariant_model_that_predicts_is_explained():
    rng = np.random.default_rng(0)
    code = np.repeat(np.arange(6), 300)
    cause = 2 * rng.normal(size=1800)
    y = cause + np.array([0.5, -0.5, 0.4, -0.4, 0.3, -0.3])[code] + rng.normal(size=1800)
    effect = np.array([2.0, -1.0, 1.5, -1.5, 1.0, -2.0])[code] * y + 0.3 * rng.normal(size=1800)
    frame = pd.DataFrame({"cause": cause, "effect": effect})
    model = fit(frame, y, code)
    assert model.predictor_ == "nearly_invariant"
    assert said(model, "it leads the pooled model by more than noise")
    assert "the nearly invariant model, whose features change little" in model.summary()
    asked = fit(frame, y, code, predictor="invariant")
    assert said(asked, "asks for it, though invariance is rejected")


def test_columns_that_say_nothing_are_named():
    frame, y, code = rows()
    frame["flat"] = 1.0
    for j in range(10):
        frame[f"copy{j}"] = -frame["cause"] + j
    model = fit(frame, y, code)
    assert said(model, "Constant", "coefficient 0", "flat.")
    assert said(model, "copy0 repeats cause up to shift and scale; cause, which comes first, stays")
    assert said(model, "2 more columns repeat earlier ones")
    line = next(line for line in model.summary().splitlines() if line.startswith("  flat"))
    assert line.split()[:3] == ["flat", "undecided", "-"]
    assert "all features together but flat, " in model.summary()


def test_environments_left_out_are_named():
    model = fit(*rows(5), exclude_environments=[1, 4])
    assert said(model, "Left out of the fit: 1 and 4.")
