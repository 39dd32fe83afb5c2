"""Labels that do not match: named, with the nearest one, at fit and at predict."""

import warnings

import numpy as np
import pandas as pd
import pytest

from elinvar import Environments, InvariantClassifier, InvariantRegressor, Moments, load_model
from elinvar import save_model as save
from elinvar.environments import warn_of_strangers
from elinvar.errors import DataError, ElinvarWarning
from elinvar.estimators import predict_files

RNG = np.random.default_rng(0)
PLACE = np.repeat(["day 6", "north", "Oslo", "1"], 30)
X = pd.DataFrame({"x": RNG.normal(size=120), "colour": np.tile(["red", "blue"], 60)})
Y = 2 * X["x"].to_numpy() + np.repeat([0.0, 2.0, 4.0, 6.0], 30) + RNG.normal(size=120)


@pytest.mark.parametrize(
    ("label", "near"),
    [
        ("Day 6", "day 6"),
        ("day_06", "day 6"),
        ("north ", "north"),
        ("nroth", "north"),
        ("n\u00f6rth", "north"),
        ("no-rth", "north"),
        ("n\uff4frth", "north"),
        ("1.0", "1"),
        ("01", "1"),
        ("day 7", None),
        ("south", None),
        ("Bergen", None),
        ("11", None),
    ],
)
@pytest.mark.parametrize("kind", [InvariantRegressor, InvariantClassifier])
def test_an_environment_that_is_nearly_a_known_one_is_named(kind, label, near):
    y = Y if kind is InvariantRegressor else Y > np.repeat([0.0, 2.0, 4.0, 6.0], 30)
    model = kind(intercept="environment", predictor="invariant", t_threshold=0)
    model.fit(X[["x"]], y, environments=PLACE)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.predict(X[["x"]][:2], environments=["Oslo", label])
    assert [str(w.message).split(" Predictions")[0] for w in caught] == (
        []
        if near is None
        else [f"environments: {label!r} was not seen in training; did you mean {near!r}?"]
    )
    assert all(w.category is ElinvarWarning and w.filename == __file__ for w in caught)


def test_files_are_warned_of_too(tmp_path):
    model = InvariantRegressor(intercept="environment", predictor="invariant")
    model.fit_moments(
        Moments.from_frame(X[["x"]].assign(y=Y, site=PLACE), target="y", environment="site")
    )
    model = load_model(save(model, tmp_path / "model.json"))
    X[["x"]].assign(site="NORTH").to_csv(tmp_path / "new.csv")
    with pytest.warns(ElinvarWarning, match="'NORTH' was not seen .* mean 'north'"):
        list(predict_files(model, tmp_path / "new.csv"))


def test_shared_intercepts_need_no_known_environment():
    model = InvariantRegressor().fit(X[["x"]], Y, environments=PLACE)
    model.predict(X[["x"]], environments=np.full(120, "Day 6"))


def test_a_level_that_is_nearly_a_known_one_is_named():
    model = InvariantRegressor().fit(X, Y, environments=PLACE)
    with pytest.raises(DataError, match=r"did you mean 'red'\?"):
        model.predict(X.assign(colour="Red"))
    with pytest.warns(ElinvarWarning, match="colour: 'Red' was not seen .* mean 'red'"):
        model.schema_.encode(X.assign(colour="Red"), unknown="zero")
    model.schema_.encode(X.assign(colour="green"), unknown="zero")


def test_labels_that_differ_in_their_spelling_only_are_named():
    place = PLACE.astype(object)
    place[:6], place[40:46] = "Day 6", " north"
    said = "environments: ' north' and 'north'; 'Day 6' and 'day 6': they count as different"
    with pytest.warns(ElinvarWarning, match=said):
        model = InvariantRegressor().fit(X, Y, environments=np.roll(place, 5))
    assert len(model.environments_) == 6
    table = X.assign(y=Y, site=PLACE, colour=np.where(X["x"] > 1, "RED", X["colour"]))
    with pytest.warns(ElinvarWarning, match="colour: 'RED' and 'red'"):
        Environments.from_frame(table, target="y", environment="site")
    north = Moments.from_arrays(X[["x"]], Y, PLACE)
    with pytest.warns(ElinvarWarning, match="'North' and 'north'"):
        north + Moments.from_arrays(X[["x"]], Y, np.full(120, "North"))


def test_signs_tell_labels_apart():
    labels = ["A+", "A-", "A", "-1", "1", "<5", ">5", "\u304b", "\u304c", "1.10", "1.1", "11"]
    assert Environments.from_arrays(X[["x"]], Y, np.repeat(labels, 10)).n_environments == 12


def test_codes_are_no_slips():
    known = ["site a", "Iran", "group 1a", "12", "north west"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_strangers(
            ["site d", "Iraq", "group 2a", "group 1b", "1-2", "north east"], known, "", ""
        )


def test_many_strangers_are_counted():
    known = [f"place {k}" for k in range(9)]
    with pytest.warns(ElinvarWarning, match=r"did you mean 'place 2'\? So with 6 more labels\."):
        warn_of_strangers([name.upper() for name in known], known, "sites", "They are new.")


@pytest.mark.parametrize("name", ["y", "environments", "sample_weight"])
@pytest.mark.parametrize("kind", [InvariantRegressor, InvariantClassifier])
def test_rows_in_another_order_are_refused(kind, name):
    rows = pd.RangeIndex(500, 620)
    given = {
        "y": pd.Series(Y > 3 if kind is InvariantClassifier else Y, rows),
        "environments": pd.Series(np.tile(PLACE[::30], 30), rows),
        "sample_weight": pd.Series(1.0, rows),
    }
    frame = X[["x"]].set_index(rows)
    fits = kind().fit(frame, **given)
    moved = {**given, name: given[name].iloc[np.r_[0, 119:0:-1]]}
    said = rf"{name} has the rows of X in another order: row 2 .* is 501 .* and 619 .*loc\[X.index"
    with pytest.raises(DataError, match=said):
        kind().fit(frame, **moved)
    if name != "sample_weight":
        with pytest.raises(DataError, match="another order"):
            fits.score(frame, moved["y"], environments=moved["environments"])
    # other labels say nothing of which rows belong together
    moved[name] = given[name].set_axis(pd.RangeIndex(120))
    np.testing.assert_array_equal(kind().fit(frame, **moved).coef_, fits.coef_)


def test_rows_of_arrays_and_moments_in_another_order_are_refused():
    place = pd.Series(PLACE)
    for kind in (Environments, Moments):
        with pytest.raises(DataError, match="environments has the rows of y in another order"):
            kind.from_arrays(X[["x"]].to_numpy(), pd.Series(Y), place[::-1])


@pytest.mark.parametrize("kind", [InvariantRegressor, InvariantClassifier])
def test_a_fit_without_environments_says_so(kind):
    with pytest.warns(ElinvarWarning, match=r"No environments were given.*params=") as caught:
        kind().fit(X, Y > 3)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kind().fit(X, Y > 3, environments=["all"] * 120).status_ == "pooled_only"
