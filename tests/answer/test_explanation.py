"""The paragraph: what it says must follow from the numbers."""

import re

import numpy as np
import pytest

from elinvar import InvariantRegressor, load_model, save_model
from elinvar.datasets import load_penguins, make_schools


def three_places(seed=0, rows=500):
    """A cause, and an effect of the target that differs between places."""
    rng = np.random.default_rng(seed)
    place = np.repeat(["north", "south", "west"], rows)
    scale = np.repeat([0.5, 1.0, 2.0], rows)
    cause = scale * rng.normal(size=3 * rows)
    y = 2 * cause + rng.normal(size=3 * rows)
    effect = np.repeat([0.2, 1.0, -2.0], rows) * y + rng.normal(size=3 * rows)
    return np.column_stack([cause, effect]), y, place


def explained(X, y, place=None, **options):
    return str(InvariantRegressor(**options).fit(X, y, environments=place).answer_.explanation)


def test_an_invariant_effect_is_stated_with_what_to_do():
    text = explained(*three_places())
    places = "all 3 environments (north, south and west)"
    assert f"The effect of x0 on target is the same in {places}" in text
    assert "as far as 1,500 rows can tell" in text
    assert "x1 comes and goes: beside the invariant set in a new place from" in text
    assert "west stands out" in text
    assert "carry to a new place the size of x0; nothing of x1" in text


def test_numbers_in_the_paragraph_are_those_of_the_tables(shows):
    X, y, place = three_places()
    model = InvariantRegressor().fit(X, y, environments=place)
    text = str(model.answer_.explanation)
    told = model.evidence_[
        model.evidence_["verdict"].isin(["same direction", "varies", "spurious"])
    ]
    ends = re.findall(r"in a new place from (\S+) to ([^\s;]+)", text)
    assert len(ends) == len(told) == 1
    assert shows(ends[0], told["new_low"].item(), told["new_high"].item())
    assert model.evidence_["verdict"].ne("undecided").all()
    assert "expect about 0.2 of them to fail" in text


def test_what_can_be_said_comes_before_what_cannot():
    """Slopes differ, so no set agrees exactly; but all of them keep their sign, one its size."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(12), 200)
    X = rng.normal(size=(2400, 2)) * (1 + 0.1 * place)[:, None]
    slope = rng.normal([3.0, 1.0], [0.1, 0.2], size=(12, 2))
    y = (slope[place] * X).sum(axis=1) + rng.normal(size=2400)
    model = InvariantRegressor(features_always=["x0", "x1"]).fit(X, y, environments=place)
    assert model.status_ == "rejected"
    found = model.answer_.explanation
    assert found.lead == ("All 2 effects on target keep their sign in a new place, 1 its size.")
    assert "No set of effects is exactly the same in all 12 environments" in " ".join(found.body)
    assert found.advice.startswith("carry to a new place the size of x0; the sign of x1")


def test_a_sign_that_turns_is_told_from_both_sides():
    data = load_penguins()
    X, y = data.frame[list(data.features)], data.frame[data.target]
    model = InvariantRegressor(intercept="environment")
    text = str(model.fit(X, y, environments=data.frame[data.environment]).answer_.explanation)
    assert "All rows together, body_mass_g falls with bill_depth_mm" in text
    assert "compared environment by environment it rises with it" in text
    assert "Adelie, Chinstrap and Gentoo" in text


def test_rejection_names_who_is_responsible():
    rng = np.random.default_rng(1)
    place = np.repeat(["a", "b", "c", "d", "e"], 300)
    X = (1 + np.repeat(np.arange(5), 300)[:, None]) * rng.normal(size=(1500, 2))
    y = X[:, 0] * np.where(place == "c", -2.0, 2.0) + X[:, 1] + rng.normal(size=1500)
    y = y + 4.0 * (place == "c")
    model = InvariantRegressor(features_always=["x0", "x1"], exact_up_to=4)
    text = str(model.fit(X, y, environments=place).answer_.explanation)
    assert model.status_ == "rejected"
    assert "No set of effects is exactly the same in all 5 environments" in text
    assert "Without c the others agree (p = " in text
    assert "find out what is different in c" in text
    assert "carry to a new place the size of x1" in text


def test_copies_were_not_put_to_the_test():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 3))
    y = X[:, 0] + rng.normal(size=900)
    model = InvariantRegressor().fit(X, y, environments=np.arange(900) % 3)
    assert model.status_ == "untested"
    assert "invariant" not in set(model.evidence_["verdict"])
    assert "nothing was put to the test" in str(model.answer_.explanation)
    assert "The effect of x0 is steady" in str(model.answer_.explanation)


def test_effects_that_differ_are_not_said_to_look_the_same():
    rng, places = np.random.default_rng(0), np.repeat(range(6), 100)
    x, z = rng.normal(size=(2, 600))
    y = places * z + 0.01 * rng.normal(size=600)
    model = InvariantRegressor().fit(np.c_[x, x + 0.1 * z], y, environments=places)
    assert model.status_ == "untested"
    assert (model.evidence_["verdict"] == "varies").all()
    said = " ".join(str(model.explain()).split())
    assert "do not differ in their features by more than chance" in said
    assert "every effect" not in said


def test_one_environment_says_nothing_of_others():
    X, y, _ = three_places()
    text = explained(X, y)
    assert "one environment only" in text and "gather data in at least two more" in text


def test_two_environments_ask_for_a_third():
    X, y, place = three_places(rows=800)
    two = place != "south"
    text = explained(X[two], y[two], place[two])
    assert "both environments (north and west)" in text
    assert "confirm it in a third environment" in text


def test_an_unmoved_feature_is_weak_evidence():
    X, y, place = three_places()
    rng = np.random.default_rng(5)
    unmoved = rng.normal(size=len(y))
    text = explained(np.column_stack([X, unmoved]), y + unmoved, place)
    assert (
        "Whether the size of x2 holds was hardly put to the test: its own values behave alike"
        in text
    )
    assert "carry to a new place the size of x0; with reserve the size of x2" in text


@pytest.mark.parametrize("seed", range(3))
def test_a_loaded_model_tells_the_same(seed, tmp_path):
    X, y, place = three_places(seed)
    model = InvariantRegressor().fit(X, y, environments=place)
    again = load_model(save_model(model, tmp_path / "model.json"))
    assert str(again.answer_.explanation) == str(model.answer_.explanation)


def test_what_varies_in_a_rejected_table_is_an_effect_that_differs():
    """x0 is larger against its interval, but the same everywhere; x1 is what varies."""
    rng = np.random.default_rng(3)
    place = np.repeat(["a", "b", "c", "d"], 400)
    X = rng.normal(size=(1600, 2)) * (1 + np.repeat(np.arange(4), 400))[:, None]
    slope = np.repeat([0.5, 1.0, -1.0, 2.0], 400)
    y = 9 * X[:, 0] + slope * X[:, 1] + np.repeat([0, 3, -2, 5], 400) + rng.normal(size=1600)
    model = InvariantRegressor(features_always=["x0", "x1"]).fit(X, y, environments=place)
    assert model.status_ == "rejected"
    text = str(model.answer_.explanation)
    assert "The effect of x0 is steady" in text
    assert "x1 varies: in a new place from " in text
    assert "carry to a new place the size of x0; nothing of x1" in text


@pytest.mark.parametrize("helps", [True, False])
def test_models_that_fail_in_places_not_seen_are_said_to(helps):
    """The only effect turns from place to place, so what the others say is worse than nothing."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 300)
    x = rng.normal(size=900)
    slope = np.ones(900) if helps else np.array([4.0, -4.0, 1.0])[place]
    y = slope * x + (0.0 if helps else 2.0) * place + rng.normal(size=900)
    model = InvariantRegressor(features_always=["x0"]).fit(x[:, None], y, environments=place)
    assert ("no model did better than the mean" in str(model.answer_.explanation)) != helps


def test_features_that_rows_do_not_suffice_for_are_named():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(6), 14)
    X = rng.normal(size=(len(place), 8))
    y = X[:, 2] - X[:, 5] + 0.5 * rng.normal(size=len(place))
    model = InvariantRegressor().fit(X, y, environments=place)
    (note,) = [note for note in model.notes_ if note.startswith("The model of all features has")]
    assert "has 5 of 8" in note
    left = model.all_features_["feature"][model.all_features_["effect"].isna()]
    assert len(left) == 3 and all(name in note for name in left)


def test_environments_with_too_few_rows_to_compare_are_named():
    X, y, place = three_places()
    few = (place != "west") | (np.cumsum(place == "west") <= 9)
    model = InvariantRegressor().fit(X[few], y[few], environments=place[few])
    assert any(note.startswith("Too few rows") and "west" in note for note in model.notes_)
    whole = InvariantRegressor().fit(X, y, environments=place)
    assert not any(note.startswith("Too few rows") for note in whole.notes_)


def test_schools_learn_what_to_carry_and_what_not():
    """Effects of every kind, all of them known: see `make_schools`."""
    data = make_schools(rng=0)
    model = InvariantRegressor(intercept="environment").fit_moments(data.environments().moments())
    assert model.answer_.explanation.advice == (
        "carry to a new place the size of homework_hours and days_present; the sign of "
        "books_at_home; that shoe_size matters little; nothing of group_size."
    )
