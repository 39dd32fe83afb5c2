"""Verdicts are held against an environment that the model has not seen."""

import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantClassifier, InvariantRegressor
from elinvar.bench import claims
from elinvar.errors import DataError

WORDS = ["nearly invariant", "same direction", "varies", "no effect"]


def places(slopes, rows=400, seed=0):
    """Draw a steady effect, one that keeps its sign, one that turns, nothing, and a category."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(slopes.shape[1]), rows)
    X = pd.DataFrame(rng.normal(size=(len(place), 4)), columns=list("abcd"))
    X["kind"] = rng.choice(["low", "mid", "high"], size=len(place))
    y = np.einsum("np,pn->n", X[list("abcd")], slopes[:, place]) + 3.0 * (X["kind"] == "high")
    return X, y + rng.normal(size=len(place)), place


@pytest.fixture(scope="module")
def seen():
    slopes = np.array([[2.0] * 6, [1.0, 1.3, 0.8, 1.6, 1.2, 0.9], [1, 2, -1, 0.5, -2, 1], [0] * 6])
    X, y, place = places(slopes)
    return InvariantRegressor(predictor="pooled", features_always=["c"]).fit(
        X, y, environments=place
    )


def held(model, slopes):
    X, y, _ = places(np.array(slopes, dtype=float)[:, None], seed=1)
    table = claims(model, X, y)
    return table[table["table"] == "all_features"].set_index("feature")


def test_a_place_like_the_others_contradicts_nothing(seen):
    found = held(seen, [2.0, 1.1, 1.0, 0.0])
    assert found["verdict"].tolist()[:4] == WORDS
    assert found["covered"].all() and not found["contradicted"].any()
    assert found["checked"].tolist() == [True, True, False, True, True]
    X, y, _ = places(np.array([[2.0], [1.1], [1.0], [0.0]]), seed=1)
    design = np.column_stack(
        [np.ones(400), X[list("abcd")], X["kind"] == "mid", X["kind"] == "low"]
    )
    own = np.linalg.lstsq(design.astype(float), y, rcond=None)[0]
    np.testing.assert_allclose(found["own"].iloc[:4], own[1:5], rtol=1e-8)
    assert found.loc["kind", "own"] == pytest.approx(3.0, abs=0.4)


@pytest.mark.parametrize(
    ("feature", "slopes"),
    [
        ("a", [3.0, 1.1, 1.0, 0.0]),
        ("b", [2.0, -1.1, 1.0, 0.0]),
        ("d", [2.0, 1.1, 1.0, 1.0]),
    ],
)
def test_a_place_that_is_unlike_contradicts_what_is_said_of_it(seen, feature, slopes):
    found = held(seen, slopes)
    assert found.index[found["contradicted"]].tolist() == [feature]


def test_what_the_rows_cannot_tell_is_not_checked(seen):
    X, y, _ = places(np.array([[2.0], [1.1], [1.0], [0.0]]), seed=1)
    X["a"], X["kind"] = 1.0, "mid"
    found = claims(seen, X, y).set_index("feature").loc[["a", "kind"]]
    assert found["own"].isna().all() and not found["checked"].any()
    few = claims(seen, X.head(10), y.head(10))
    assert few["own"].isna().all() and not few["contradicted"].any()


def test_classes_are_held_against_their_own_log_odds():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(5), 400)
    X = rng.normal(size=(2000, 2)) * (1 + place % 2)[:, None]
    y = np.where(rng.random(2000) < 1 / (1 + np.exp(-1.5 * X[:, 0])), "yes", "no")
    seen, new = place < 4, place == 4
    model = InvariantClassifier().fit(X[seen], y[seen], environments=place[seen])
    found = claims(model, X[new], y[new]).set_index("feature").loc["x0"]
    assert found["own"].to_numpy() == pytest.approx([1.5, 1.5], abs=0.4)
    assert not found["contradicted"].any()
    turned = claims(model, -X[new], y[new]).set_index("feature").loc["x0"]
    assert turned["contradicted"].all()


def test_classes_that_the_model_does_not_know_are_refused():
    rng = np.random.default_rng(0)
    X, place = rng.normal(size=(400, 2)), np.repeat(list("abcd"), 100)
    y = np.where(X[:, 0] + rng.normal(size=400) > 0, "yes", "no")
    model = InvariantClassifier().fit(X, y, environments=place)
    with pytest.raises(DataError, match=r"y holds 'maybe'; the model knows .* 'no' and 'yes'"):
        claims(model, X[:50], np.where(y[:50] == "yes", "yes", "maybe"))
