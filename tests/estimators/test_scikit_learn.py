"""The estimators as scikit-learn's tools use them."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import elinvar
from elinvar import HeteroSGDRegressor, InvariantClassifier
from elinvar.errors import DataError

NAMES = ["HeteroSGDRegressor", "InvariantRegressor", "QuadraticInvariantRegressor"]


def make(name, **options):
    if name != "InvariantRegressor":
        options = {"random_state": 0, "n_steps": 1000, **options}
    return getattr(elinvar, name)(**options)


def learned(model):
    """Return what a model has learned: coefficients, or a matrix."""
    return model.matrix_ if hasattr(model, "matrix_") else model.coef_


def base(model, X):
    """Return what a model makes of rows before any intercept."""
    return ((X @ model.matrix_) * X).sum(1) if hasattr(model, "matrix_") else X @ model.coef_


@pytest.fixture(params=NAMES)
def model(request):
    return make(request.param)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    place = np.repeat(["a", "b", "c", "d"], 60)
    X = rng.normal(size=(240, 3))
    y = X @ [1.0, -2.0, 0.0] + rng.normal(size=240) * 0.5
    X[:, 2] = y * np.repeat([2.0, -1.0, 1.0, -2.0], 60) + rng.normal(size=240)
    return X, y, place


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@parametrize_with_checks([*(make(name) for name in NAMES), InvariantClassifier()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_every_parameter_is_declared(model):
    for each in (model, InvariantClassifier()):
        assert set(each._parameter_constraints) == set(each.get_params())


def test_clone_keeps_parameters_and_forgets_the_fit(model, data):
    X, y, place = data
    model.set_params(intercept="environment").fit(X, y, environments=place)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "coef_") and not hasattr(copy, "matrix_")
    np.testing.assert_array_equal(learned(copy.fit(X, y, environments=place)), learned(model))


def test_not_fitted(model, data):
    with pytest.raises(NotFittedError):
        model.predict(data[0])


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_predict_uses_known_environments(model, data, intercept):
    X, y, place = data
    y = y + 3.0 * (place == "b")
    model.set_params(intercept=intercept).fit(X, y, environments=place)
    own = model.environment_intercepts_ or {}
    known = model.predict(X[:2], environments=["b", "nowhere"]) - base(model, X[:2])
    np.testing.assert_allclose(known, [own.get("b", model.intercept_), model.intercept_])
    with pytest.raises(DataError, match="environments has 1"):
        model.predict(X[:2], environments=["b"])
    with pytest.raises(DataError, match="missing"):
        model.predict(X[:2], environments=["b", None])
    assert model.score(X, y, environments=place) <= 1.0


@pytest.mark.parametrize(
    "labels",
    [
        lambda place: list(place),
        lambda place: pd.Series(place, name="place", index=range(100, 340)),
        lambda place: pd.Series(place).astype("category"),
        lambda place: pytest.importorskip("polars").Series("place", list(place)),
        lambda place: np.array(place, dtype=object),
        lambda place: place[:, None],
    ],
    ids=["list", "pandas", "categorical", "polars", "object", "column"],
)
def test_labels_of_any_kind(data, labels):
    X, y, place = data
    model = HeteroSGDRegressor(random_state=0, n_steps=200)
    expected = model.fit(X, y, environments=place).coef_
    assert model.environments_ == ("a", "b", "c", "d")
    np.testing.assert_array_equal(model.fit(X, y, environments=labels(place)).coef_, expected)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([10, 2, 3, 4], ("2", "3", "4", "10")),
        ([2.0, 1.5, 3.0, 4.0], ("1.5", "2", "3", "4")),
        ([True, False, True, False], ("False", "True")),
        (
            np.array(["2021-01-01", "2020-06-01", "2022-01-01", "2023-01-01"], "M8[ns]"),
            ("2020-06-01", "2021-01-01", "2022-01-01", "2023-01-01"),
        ),
        ([1, "b", 2.0, "a"], ("1", "2", "a", "b")),
    ],
    ids=["int", "float", "bool", "date", "mixed"],
)
def test_labels_become_text(data, values, names):
    X, y, _ = data
    labels = [value for value in values for _ in range(60)]
    model = HeteroSGDRegressor(random_state=0, n_steps=200, intercept="environment")
    model.fit(X, y, environments=labels)
    assert model.environments_ == names
    expected = model.environment_intercepts_[model.environments_[0]]
    place = min(range(4), key=lambda i: names.index(_text(values[i])))
    known = model.predict(X[:1], environments=[values[place]]) - X[:1] @ model.coef_
    assert known == pytest.approx(expected)


def _text(value):
    if isinstance(value, np.datetime64):
        return str(value.astype("M8[D]"))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


@pytest.mark.parametrize("bad", [None, np.nan, pd.NaT, pd.NA])
def test_missing_labels_are_refused(model, data, bad):
    X, y, place = data
    labels = [bad, *place[1:]]
    with pytest.raises(DataError, match="missing"):
        model.fit(X, y, environments=labels)


def test_wrong_lengths_are_refused(model, data):
    X, y, place = data
    with pytest.raises(DataError, match="239"):
        model.fit(X, y, environments=place[1:])
    with pytest.raises(DataError, match="239"):
        model.fit(X, y[1:], environments=place)
    with pytest.raises(DataError, match="239"):
        model.fit(X, y, environments=place, sample_weight=np.ones(239))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_keep_names(model, data, library):
    X, y, place = data
    frame = pytest.importorskip(library).DataFrame(
        {"one": X[:, 0], "two": X[:, 1], "three": X[:, 2]}
    )
    model.fit(frame, y, environments=place)
    assert list(model.feature_names_in_) == ["one", "two", "three"]
    assert model.schema_.columns == ("one", "two", "three")
    assert "three" in model.summary()
    array = clone(model).fit(X, y, environments=place)
    np.testing.assert_allclose(model.predict(frame), array.predict(X))
    with pytest.raises(DataError, match="feature names"):
        model.predict(frame[["two", "one", "three"]])
    with pytest.raises(DataError, match="feature names"):
        model.predict(frame[["one", "two"]])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_with_text(model, data, library):
    X, y, place = data
    rng = np.random.default_rng(1)
    colour = rng.choice(["red", "green", "blue"], size=240)
    y = pd.Series(y + 2.0 * (colour == "red"), name="mass", index=range(5, 245))
    frame = pd.DataFrame({"x": X[:, 0], "colour": colour, "flag": X[:, 1] > 0})
    frame["colour"] = frame["colour"].astype("category" if library == "pandas" else "str")
    frame = frame if library == "pandas" else pytest.importorskip("polars").from_pandas(frame)
    model.fit(frame, y, environments=place)
    assert model.schema_.levels == {"colour": ("blue", "green", "red")}
    assert model.schema_.target == "mass"
    assert model.n_features_in_ == 3 and len(learned(model)) == 5
    assert list(model.feature_names_in_) == ["x", "colour", "flag"]
    expected = base(model, model.schema_.encode(frame)) + model.intercept_
    np.testing.assert_allclose(model.predict(frame), expected)
    with (
        pytest.warns(UserWarning, match="valid feature names"),
        pytest.raises(DataError, match="categorical"),
    ):
        model.predict(X)


def test_pipeline_routes_environments(model, data, routing):
    X, y, place = data
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y, environments=place)
    inner = pipeline[-1]
    Z = StandardScaler().fit_transform(X)
    alone = clone(model).fit(Z, y, environments=place)
    np.testing.assert_array_equal(learned(inner), learned(alone))
    expected = alone.predict(Z, environments=place)
    np.testing.assert_array_equal(pipeline.predict(X, environments=place), expected)
    assert pipeline.score(X, y, environments=place) == alone.score(Z, y, environments=place)


def test_pipeline_without_routing(model, data):
    X, y, place = data
    step = type(model).__name__.lower()
    pipeline = make_pipeline(StandardScaler(), model)
    pipeline.fit(X, y, **{f"{step}__environments": place})
    alone = clone(model).fit(StandardScaler().fit_transform(X), y, environments=place)
    np.testing.assert_array_equal(learned(pipeline[-1]), learned(alone))


def by_hand(model, X, y, place):
    errors = []
    for name in np.unique(place):
        train = place != name
        fitted = clone(model).fit(X[train], y[train], environments=place[train])
        errors.append(mean_squared_error(y[~train], fitted.predict(X[~train])))
    return np.array(errors)


def test_cross_validate_leaves_environments_out(model, data, routing):
    X, y, place = data
    model.set_fit_request(environments=True)
    result = cross_validate(
        model,
        X,
        y,
        cv=LeaveOneGroupOut(),
        scoring=make_scorer(mean_squared_error, greater_is_better=False),
        params={"environments": place, "groups": place},
    )
    np.testing.assert_allclose(-result["test_score"], by_hand(model, X, y, place))
    plain = cross_validate(
        model, X, y, cv=LeaveOneGroupOut(), params={"environments": place, "groups": place}
    )
    assert np.all(np.isfinite(plain["test_score"]))


def test_grid_search_routes_through_a_pipeline(model, data, routing):
    X, y, place = data
    pipeline = make_pipeline(StandardScaler(), model)
    step = type(model).__name__.lower()
    search = GridSearchCV(
        pipeline, {f"{step}__intercept": ["shared", "environment"]}, cv=LeaveOneGroupOut()
    )
    search.fit(X, y, environments=place, groups=place)
    assert search.best_params_[f"{step}__intercept"] in {"shared", "environment"}
    best = search.best_estimator_[-1]
    reference = clone(best).fit(StandardScaler().fit_transform(X), y, environments=place)
    np.testing.assert_array_equal(learned(best), learned(reference))
    without = clone(best).fit(search.best_estimator_[0].transform(X), y)
    assert not np.array_equal(learned(best), learned(without))


def test_a_request_can_be_withdrawn(model, data, routing):
    X, y, place = data
    model.set_fit_request(environments=False, sample_weight=True)
    pipeline = make_pipeline(model)
    pipeline.fit(X, y, sample_weight=np.ones(240))
    with pytest.raises(TypeError, match="environments"):
        pipeline.fit(X, y, environments=place)


def test_skops_round_trip(model, data, tmp_path):
    skops = pytest.importorskip("skops.io")

    X, y, place = data
    model.set_params(intercept="environment").fit(X, y, environments=place)
    for name in ("errors_", "evidence_", "tests_", "diagnosis_", "forecast_"):
        getattr(model, name, None)  # what is computed once it is asked for is saved, too
    model.summary()
    path = tmp_path / "model.skops"
    skops.dump(model, path)
    needed = skops.get_untrusted_types(file=path)
    assert all(name.startswith("elinvar.") for name in needed), needed
    loaded = skops.load(path, trusted=needed)
    np.testing.assert_array_equal(
        loaded.predict(X, environments=place), model.predict(X, environments=place)
    )
    assert loaded.summary() == model.summary()


def test_pickle_round_trip(model, data):
    import pickle

    X, y, place = data
    model.fit(X, y, environments=place)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.summary() == model.summary()
