"""The tables of evidence: what they hold, that they hang together, and where they come from."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from elinvar import InvariantRegressor
from elinvar.datasets import load_bikes, make_random_linear
from elinvar.errors import DataError

TABLES = ("evidence_", "effects_", "tests_", "residuals_", "errors_", "left_out_")


def many_places(n=10, rows=200, seed=0):
    """A cause, and an effect of the target that differs between places."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(n), rows)
    cause = np.exp(0.5 * rng.normal(size=n))[place] * rng.normal(size=n * rows)
    y = 2 * cause + rng.normal(size=n * rows)
    effect = rng.normal(size=n)[place] * y + rng.normal(size=n * rows)
    return np.column_stack([cause, effect]), y, place


@pytest.fixture(scope="module")
def model():
    X, y, place = many_places()
    return InvariantRegressor().fit(X, y, environments=place)


def test_tables_are_made_once_and_forgotten_by_the_next_fit(model):
    X, y, place = many_places(seed=1)
    again = InvariantRegressor().fit(X, y, environments=place)
    before = {name: getattr(again, name) for name in TABLES}
    assert all(getattr(again, name) is table for name, table in before.items())
    again.fit(X, -3 * y, environments=place)
    assert again.evidence_["effect"][0] == pytest.approx(-3 * before["evidence_"]["effect"][0])
    assert all(getattr(again, name) is not table for name, table in before.items())
    assert again.diagnosis_ is not None and again.odd_environment_ is None


def test_nothing_is_known_before_a_fit():
    for name in (*TABLES, "diagnosis_", "forecast_", "margin_", "odd_environment_"):
        assert not hasattr(InvariantRegressor(), name)
    with pytest.raises(NotFittedError):
        InvariantRegressor().explain()
    with pytest.raises(NotFittedError):
        InvariantRegressor().predict_interval(np.zeros((2, 2)))


def test_effects_agree_with_the_evidence(model):
    evidence = model.evidence_.set_index("feature")
    for feature, rows in model.effects_.groupby("feature"):
        assert rows["effect"].min() <= evidence["effect"][feature] <= rows["effect"].max()
        assert len(rows) == 10
    assert evidence["between_sd"]["x1"] > 0.1 > evidence["between_sd"]["x0"]


def test_errors_and_predictions_of_left_out_environments_are_the_same_thing(model):
    for kind in ("invariant", "pooled", "lasso", "used"):
        fits = model.left_out_[model.left_out_["model"] == kind].reset_index(drop=True)
        bias = fits["truth_mean"] - fits["predicted_mean"]
        np.testing.assert_allclose(np.hypot(bias, fits["residual_sd"]), model.errors_[kind])


def test_an_environment_left_out_is_one_that_was_never_seen():
    """The errors from moments are those of a model fitted without the rows, on the rows."""
    X, y, place = many_places(5)
    whole = InvariantRegressor().fit(X, y, environments=place)
    here = place == 3
    rest = InvariantRegressor().fit(X[~here], y[~here], environments=place[~here])
    row = whole.errors_.set_index("environment").loc["3"]
    assert row["used"] == pytest.approx(np.sqrt(np.mean((y[here] - rest.predict(X[here])) ** 2)))
    assert row["mean"] == pytest.approx(np.sqrt(np.mean((y[here] - y[~here].mean()) ** 2)))


def test_prediction_intervals_hold_in_new_environments():
    """90% of rows in 90% of environments is at least 81% of all rows."""
    data = make_random_linear(n_features=6, n_environments=12, n_samples=300, rng=3)
    model = InvariantRegressor().fit(data.X, data.y, environments=data.environments)
    new = data.new_environments(300, np.random.default_rng(0), n_environments=40)
    low, high = model.predict_interval(new.X).T
    inside = (low <= new.y) & (new.y <= high)
    shares = [inside[new.environments == e].mean() for e in np.unique(new.environments)]
    assert np.mean(np.array(shares) >= 0.85) >= 0.8
    np.testing.assert_allclose((low + high) / 2, model.predict(new.X))
    np.testing.assert_allclose(high - low, 2 * model.margin_)


def test_too_few_environments_have_no_prediction_interval():
    X, y, place = many_places(4)
    model = InvariantRegressor().fit(X, y, environments=place)
    assert np.isnan(model.margin_)
    with pytest.raises(DataError, match="no prediction interval: With 4 environments"):
        model.predict_interval(X)


def test_the_diagnosis_is_that_of_the_moments():
    data = load_bikes().environments().moments()
    model = InvariantRegressor(intercept="environment", exclude_environments=["winter"])
    diagnosis = model.fit_moments(data).diagnosis_
    assert diagnosis.environments == ("autumn", "spring", "summer")
    assert diagnosis.verdict in ("can answer", "can answer in part", "cannot")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("plot_effects", "1 of 2 effects keeps its size"),
        ("plot_forest", "x0"),
        ("plot_errors", "invariant model is better on"),
        ("plot_left_out", "truth less prediction"),
        ("plot_path", "1 of 2 features"),
    ],
)
def test_every_figure_is_drawn_from_the_tables(model, name, says):
    ax = getattr(model, name)()
    assert says in ax.get_title(loc="left")


def test_the_forest_shows_what_is_asked_for(model):
    axes = model.plot_forest(["x1"]).figure.axes
    assert [ax.get_title(loc="left") for ax in axes if ax.get_title(loc="left")] == ["x1"]


def test_verdicts_do_not_depend_on_units():
    X, y, place = many_places()
    one = InvariantRegressor().fit(X, y, environments=place).evidence_
    two = InvariantRegressor().fit(X * [1e-6, 1e4], 10 * y, environments=place).evidence_
    assert list(one["verdict"]) == list(two["verdict"])
    np.testing.assert_allclose(two["new_low"], one["new_low"] * [1e7, 1e-3], rtol=1e-6)
    np.testing.assert_allclose(two["between_sd"], one["between_sd"] * [1e7, 1e-3], rtol=1e-4)
    np.testing.assert_allclose(two["shift_p_value"], one["shift_p_value"], atol=1e-9)


def test_a_cause_and_its_near_copy_are_both_undecided():
    """Either will do: a model with the other one is accepted as well."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 400)
    cause = (1 + place) * rng.normal(size=1200)
    X = cause[:, None] + 0.02 * rng.normal(size=(1200, 2))
    model = InvariantRegressor().fit(X, cause + rng.normal(size=1200), environments=place)
    assert model.status_ == "accepted" and model.selected_.sum() == 1
    assert list(model.evidence_["verdict"]) == ["undecided", "undecided"]
    assert set(model.evidence_["model"]) == {"all features"}
