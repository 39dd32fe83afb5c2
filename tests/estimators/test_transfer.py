"""The forecasts for new environments, as their users see them."""

import copy
import json
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import LeaveOneGroupOut, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from elinvar import TransferClassifier, TransferRegressor, load_model, save_model
from elinvar.environments import Environments
from elinvar.errors import DataError, ModelFileError
from elinvar.estimators import predict_files
from elinvar.forecast.learners import (
    Additive,
    Boosting,
    Foreign,
    Forest,
    Logistic,
    OnResiduals,
)

PLACES = [f"site {letter}" for letter in "abcdefghij"]


def draw(n_environments=5, n=60, seed=0):
    """Draw a curve that holds, a line that differs, a category, and values that are missing."""
    rng = np.random.default_rng(seed)
    place = np.repeat(PLACES[:n_environments], n)
    code = np.repeat(np.arange(n_environments), n)
    bend, line = rng.normal(size=(2, len(place)))
    kind = rng.choice(["low", "mid", "high"], size=len(place))
    slope = np.linspace(-1.5, 1.5, n_environments)[code]
    y = np.abs(bend) * 2 + slope * line + (kind == "high") + rng.normal(size=len(place)) / 3
    X = pd.DataFrame({"bend": bend, "line": line, "kind": kind})
    X.loc[rng.random(len(X)) < 0.05, "bend"] = np.nan
    X.loc[rng.random(len(X)) < 0.05, "kind"] = None
    return X, y, place


@pytest.fixture(scope="module")
def data():
    return draw()


@pytest.fixture(scope="module")
def fitted(data):
    X, y, place = data
    return TransferRegressor().fit(X, y, environments=place)


@pytest.fixture(scope="module")
def classes(data):
    X, y, place = data
    labels = np.array(["low", "middle", "top"])[np.digitize(y, [1, 2.5])]
    return TransferClassifier().fit(X, labels, environments=place), labels


def quick(n_classes, columns):
    if n_classes:
        return (Foreign(name="logistic regression", estimator=LogisticRegression()),)
    return (Additive(name="least squares"), Additive(name="curves", n_knots=4, ridge=0.003))


# parts of one environment are drawn by row number, which copies of rows change
COPIES = {
    "check_sample_weight_equivalence_on_dense_data": "copies fall into other parts",
}


@parametrize_with_checks(
    [TransferRegressor(), TransferClassifier()], expected_failed_checks=lambda model: COPIES
)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    # what is checked is the face: with all learners it would take a minute
    monkeypatch.setattr("elinvar.estimators._transfer_fit.default_learners", quick)
    check(estimator)


def test_frames_of_polars_mean_the_same(fitted, data):
    X = pytest.importorskip("polars").from_pandas(data[0])
    assert np.array_equal(fitted.predict(X), fitted.predict(data[0]))


def test_every_parameter_is_declared():
    for model in (TransferRegressor(), TransferClassifier()):
        assert set(model._parameter_constraints) == set(model.get_params())


def test_missing_values_and_categories_are_taken_as_they_are(fitted, data):
    X, _, _ = data
    prediction = fitted.predict(X)
    assert prediction.shape == (len(X),) and np.isfinite(prediction).all()
    assert fitted.schema_.levels == {"kind": ("high", "low", "mid")}
    bare = X.assign(kind=X["kind"].map({"low": 0.0, "mid": 1.0, "high": 2.0})).to_numpy()
    again = TransferRegressor().fit(bare, fitted.predict(X), environments=data[2])
    assert np.isfinite(again.predict(bare)).all()


def test_levels_that_are_new_are_named(fitted, data):
    new = data[0][:2].assign(kind=["north", "low"])
    with pytest.warns(UserWarning, match="kind: training had no 'north'. Such rows count as of no"):
        assert np.isfinite(fitted.predict(new)).all()


def test_weights_and_errors_are_told_by_learner(fitted):
    weights, errors = fitted.weights_, fitted.left_out_
    assert weights["weight"].sum() == pytest.approx(1) and (weights["weight"] >= 0).all()
    assert list(errors["environment"]) == PLACES[:5] and (errors["rows"] == 60).all()
    for row in weights.itertuples():
        expected = np.sqrt((errors[row.learner] ** 2).mean())
        assert row.left_out_error == pytest.approx(expected)
        assert 0 < row.in_sample_error
    # a mean errs by no more than what it is the mean of
    mean = weights["weight"] @ weights["left_out_error"] ** 2
    assert fitted.answer_.error("mixture") <= np.sqrt(mean) + 1e-9
    assert fitted.answer_.error("mixture") < errors["constant"].mean()


def test_a_feature_whose_slope_turns_round_is_left_out_for_a_premium(fitted):
    assert fitted.selected_.tolist() == [True, False, True]
    logs = np.log(fitted.left_out_[["mixture", "all features"]] ** 2).mean()
    assert logs["mixture"] <= logs["all features"] + np.log(fitted.premium) + 1e-9
    assert fitted.shift_share_["selected"] < fitted.shift_share_["all features"]
    weight = fitted.weights_.set_index("learner")["weight"]
    part = weight[weight.index.str.endswith("(steady features)")].sum()
    assert 0 < part <= 1
    assert any(
        "line" in sentence and "changes between environments" in sentence
        for sentence in fitted.answer_.explanation.body
    )


def test_left_out_errors_are_those_of_fits_without_the_environment(data):
    X, y, place = data
    own = {"mine": LinearRegression()}
    model = TransferRegressor(learners=own).fit(X[["line"]], y, environments=place)
    at = place == PLACES[2]
    fit = LinearRegression().fit(X.loc[~at, ["line"]], y[~at])
    expected = np.sqrt(np.mean((y[at] - fit.predict(X.loc[at, ["line"]])) ** 2))
    assert model.left_out_["mine"][2] == pytest.approx(expected)
    assert model.left_out_["constant"][2] == pytest.approx(
        np.sqrt(np.mean((y[at] - y[~at].mean()) ** 2))
    )


def test_curves_show_what_holds_and_what_differs(fitted):
    shapes = fitted.answer_.shapes.set_index("feature")
    assert shapes.loc["bend", "spread"] < 0.25 * shapes.loc["bend", "size"]
    assert shapes.loc["line", "spread"] > 2 * shapes.loc["line", "size"]
    curves = fitted.curves_
    assert set(curves["environment"]) == {"common", *PLACES[:5]}
    line = curves[curves["feature"] == "line"]
    first, last = (line[line["environment"] == place]["effect"].to_numpy() for place in
                   (PLACES[0], PLACES[4]))  # fmt: skip
    assert first[0] > first[-1] and last[0] < last[-1]
    common = curves[(curves["feature"] == "bend") & (curves["environment"] == "common")]
    assert (common["low"] <= common["effect"]).all()
    assert common["effect"].to_numpy().argmin() not in (0, len(common) - 1)
    kinds = curves[(curves["feature"] == "kind") & (curves["environment"] == "common")]
    assert dict(zip(kinds["x"], kinds["effect"], strict=True))["high"] > 0.4


def test_words_say_what_it_is_worth(fitted):
    text = str(fitted.answer_.explanation)
    assert text.startswith("In an environment that it has not seen, the forecast of target is off")
    assert "what line does differs most" in text
    assert "What to do: " in text and "There is no margin" in text
    assert fitted.answer_.headline in " ".join(fitted.summary().split())
    for kind in ("markdown", "latex", "html"):
        assert "curves" in fitted.summary(kind)
    assert "<table>" in fitted._repr_html_() and fitted.answer_.headline in fitted._repr_html_()


def test_pictures_have_a_panel_for_each_feature(fitted, classes):
    figure = fitted.plot_curves().figure
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert sorted(titles) == ["bend", "kind", "line"]
    assert "line differs most between environments" in figure.get_suptitle()
    model, _ = classes
    assert len(model.plot_curves(outcome="top", top=2).figure.axes) == 2
    with pytest.raises(DataError, match=r"no class 'tops'\. Did you mean top"):
        model.plot_curves(outcome="tops")


def test_intervals_take_enough_environments(fitted, data):
    X = data[0]
    assert np.isnan(fitted.margin_)
    with pytest.raises(DataError, match=r"With 5 environments.*for 90% of them it takes 9"):
        fitted.predict_interval(X)
    ends = fitted.predict_interval(X, coverage=0.8)
    np.testing.assert_allclose(ends.mean(axis=1), fitted.predict(X))
    with pytest.raises(DataError, match="coverage is 1"):
        fitted.predict_interval(X, coverage=1)


def test_the_margin_holds_most_rows_of_new_environments(monkeypatch):
    monkeypatch.setattr("elinvar.estimators._transfer_fit.default_learners", quick)
    rng = np.random.default_rng(0)
    held = []
    for _ in range(20):
        level = rng.normal(size=13)
        place = np.repeat(np.arange(13), 40)
        X = rng.normal(size=(520, 1))
        y = X[:, 0] + level[place] + rng.normal(size=520)
        old = place < 10
        model = TransferRegressor().fit(X[old], y[old], environments=place[old])
        low, high = model.predict_interval(X).T
        inside = (low <= y) & (y <= high)
        held += [inside[place == e].mean() >= 0.9 for e in (10, 11, 12)]
    # 60 new environments: 90%, give or take three standard errors
    assert 0.78 <= np.mean(held) <= 1


def test_classes_have_probabilities(classes, data):
    model, labels = classes
    X = data[0]
    p = model.predict_proba(X)
    assert p.shape == (len(X), 3) and np.allclose(p.sum(axis=1), 1) and (p >= 0).all()
    assert (model.predict(X) == model.classes_[p.argmax(axis=1)]).all()
    assert model.score(X, labels) > 0.6
    assert set(model.curves_["outcome"]) == {"low", "middle", "top"}
    assert {"mixture_wrong", "constant"} <= set(model.left_out_)
    assert "names the right class in" in str(model.answer_.explanation)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(model.predict_log_proba(X), np.log(p))


def test_one_environment_says_what_it_cannot_tell(data):
    X, y, _ = data
    with pytest.warns(UserWarning, match="No environments were given"):
        model = TransferRegressor().fit(X, y)
    assert len(model.left_out_) == 0 and np.isnan(model.weights_["left_out_error"]).all()
    assert "how it fares elsewhere, one environment cannot tell" in str(model.answer_.explanation)
    assert np.isnan(model.shift_share_["all features"]) and model.selected_.all()
    assert np.isfinite(model.predict(X)).all()
    assert model.plot_curves().figure.get_suptitle() == "What each feature does to the prediction"
    assert "One environment" in model.notes_[0]


def test_two_environments_are_forecast_from_each_other():
    X, y, place = draw(n_environments=2)
    model = TransferRegressor().fit(X, y, environments=place)
    assert len(model.left_out_) == 2 and model.selected_.all()
    assert "Two environments" in model.notes_[0]
    assert "gather more environments" in str(model.answer_.explanation)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"learners": {"mine": 3}}, "The learner 'mine' must be an estimator of scikit-learn"),
        ({"learners": {3: Ridge()}}, "learners must name estimators by text; got the name 3"),
        ({"premium": 0.5}, "premium"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_what_cannot_be_asked_is_refused(options, words, data):
    X, y, place = data
    with pytest.raises((DataError, ValueError), match=words):
        TransferRegressor(**options).fit(X, y, environments=place)


def test_what_cannot_be_used_is_refused(data, fitted):
    X, y, place = data
    with pytest.raises(DataError, match="bend has no values"):
        TransferRegressor().fit(X.assign(bend=np.nan), y, environments=place)
    with pytest.raises(DataError, match="infinity in line"):
        TransferRegressor().fit(X.assign(line=np.inf), y, environments=place)
    with pytest.raises(DataError, match="missing"):
        TransferRegressor().fit(X, np.where(y > 1, np.nan, y), environments=place)
    with (
        warnings.catch_warnings(),
        pytest.raises(DataError, match=r"classes in 300 rows.*take TransferRegressor"),
    ):
        warnings.simplefilter("ignore")  # scikit-learn wonders, too, from 1.7 on
        TransferClassifier().fit(X, [f"{v}" for v in y], environments=place)
    with pytest.raises(DataError, match="feature names"):
        fitted.predict(X[["bend", "line"]])


def test_environments_are_routed(data, monkeypatch):
    monkeypatch.setattr("elinvar.estimators._transfer_fit.default_learners", quick)
    X, y, place = data
    with sklearn.config_context(enable_metadata_routing=True):
        model = TransferRegressor()
        pipeline = make_pipeline(FunctionTransformer(), model)
        pipeline.fit(X, y, environments=place)
        assert pipeline[-1].environments_ == tuple(PLACES[:5])
        scores = cross_validate(
            pipeline, X, y, cv=LeaveOneGroupOut(), error_score="raise",
            params={"environments": place, "groups": place},
        )["test_score"]  # fmt: skip
    assert scores.shape == (5,) and np.isfinite(scores).all()


def test_rows_in_memory_are_learnt_as_arrays_are(fitted, data):
    X, y, place = data
    rows = Environments.from_arrays(X, y, place, missing="keep")
    calls = []
    again = TransferRegressor().fit_rows(rows, progress=lambda done, all: calls.append((done, all)))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert calls[-1][0] == calls[-1][1] == len(calls)


def test_seeds_and_workers_do_not_change_a_fit(fitted, data):
    X, y, place = data
    order = np.random.default_rng(1).permutation(len(y))
    again = TransferRegressor(n_jobs=2).fit(X, y, environments=place)
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    mixed = TransferRegressor().fit(X.iloc[order], y[order], environments=place[order])
    assert mixed.answer_.error("least squares") == pytest.approx(
        fitted.answer_.error("least squares")
    )


def small(n_classes, columns):
    """Return learners of every kind, with few trees, so that files are small."""
    trees = Boosting(name="boosting, small trees", n_trees=3, n_leaves=8)
    base = Logistic(n_knots=2) if n_classes else Additive(name="curves", n_knots=2)
    stacked = OnResiduals(name="curves + boosting", base=base, trees=trees)
    return (base, stacked, trees, Forest(n_trees=3, n_leaves=8))


@pytest.fixture(scope="module", params=["number", "classes", "bare"])
def saved(request, data, classes, tmp_path_factory):
    X, y, place = data
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elinvar.estimators._transfer_fit.default_learners", small)
        if request.param == "number":
            model = TransferRegressor().fit(X, y, environments=place)
        elif request.param == "classes":
            model = TransferClassifier().fit(X, classes[1], environments=place)
        else:
            X = X[["bend", "line"]].to_numpy()
            model = TransferRegressor(premium=1).fit(X, y)
    return model, X, save_model(model, tmp_path_factory.mktemp("model") / "model.json")


def test_a_model_comes_back_as_it_was(saved, tmp_path):
    model, X, path = saved
    again = load_model(path)
    assert type(again) is type(model) and again.get_params() == model.get_params()
    assert np.array_equal(again.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    for name in ("weights_", "left_out_", "curves_"):
        assert_frame_equal(getattr(again, name), getattr(model, name), check_exact=True)
    assert again.explain() == model.explain() and again.summary() == model.summary()
    assert again.notes_ == model.notes_ and (again.selected_ == model.selected_).all()
    assert save_model(again, tmp_path / "again.json").read_text() == path.read_text()
    if isinstance(X, pd.DataFrame):
        X.to_csv(tmp_path / "rows.csv", index=False)
        rows = np.concatenate(list(predict_files(again, tmp_path / "rows.csv")))
        expected = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
        np.testing.assert_allclose(rows, expected, rtol=1e-9)


def test_learners_of_others_are_not_written(data, tmp_path, monkeypatch):
    monkeypatch.setattr("elinvar.estimators._transfer_fit.default_learners", quick)
    X, y, place = data
    own = {"mine": RandomForestRegressor(n_estimators=20, random_state=0)}
    model = TransferRegressor(learners=own).fit(X, y, environments=place)
    weight = model.weights_.set_index("learner")["weight"]
    assert weight[weight.index.str.startswith("mine")].max() > 0
    with pytest.raises(DataError, match=r"cannot hold the learner 'mine'.*skops"):
        save_model(model, tmp_path / "model.json")


def test_pickle_and_skops(fitted, data, tmp_path):
    skops = pytest.importorskip("skops.io")

    X = data[0]
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict(X), fitted.predict(X))
    assert again.summary() == fitted.summary()
    path = tmp_path / "model.skops"
    skops.dump(fitted, path)
    needed = skops.get_untrusted_types(file=path)
    assert all(name.startswith("elinvar.") for name in needed), needed
    loaded = skops.load(path, trusted=needed)
    assert np.array_equal(loaded.predict(X), fitted.predict(X))


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def spots_of(values):
    """Return places in a file, only the first and last of long lists."""
    spots = []
    for path in places(values):
        inner, keep = values, bool(path)
        for key in path:
            keep &= not (isinstance(inner, list) and len(inner) > 12 and 1 < key < len(inner) - 1)
            inner = inner[key]
        spots += [path] * keep
    return spots


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False)
    | st.sampled_from(["", "inf", "bend", "additive", "trees", "curves", 10**30]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)  # fmt: skip


@given(drawn=st.data())
@settings(max_examples=100, deadline=None)
def test_mutated_files_load_or_are_refused(saved, drawn):
    _, X, path = saved
    values = json.loads(path.read_text())
    spots = spots_of(values)
    for _ in range(drawn.draw(st.integers(1, 2))):
        *way, last = drawn.draw(st.sampled_from(spots))
        inner = values
        try:
            for key in way:
                inner = inner[key]
            action = drawn.draw(st.sampled_from(["replace", "delete", "copy"]))
            if action == "delete":
                del inner[last]
            elif action == "copy":
                inner[last] = copy.deepcopy(values[drawn.draw(st.sampled_from(list(values)))])
            else:
                inner[last] = drawn.draw(JSON)
        except (KeyError, IndexError, TypeError):
            return  # the first change took the second's place away
    changed = path.parent / "mutated.json"
    changed.write_text(json.dumps(values))
    check_loads_or_refuses(changed, X)


@given(drawn=st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_bytes_load_or_are_refused(saved, drawn):
    _, X, path = saved
    content = bytearray(path.read_bytes())
    content = content[: drawn.draw(st.integers(0, len(content)))]
    for _ in range(drawn.draw(st.integers(0, 3)) if content else 0):
        content[drawn.draw(st.integers(0, len(content) - 1))] = drawn.draw(st.integers(0, 255))
    changed = path.parent / "damaged.json"
    changed.write_bytes(content)
    check_loads_or_refuses(changed, X)


def check_loads_or_refuses(path, X):
    try:
        model = load_model(path)
    except ModelFileError:
        return
    with np.errstate(all="ignore"):
        try:
            assert model.predict(X).shape == (len(X),)
        except DataError:
            pass  # other features, or none that may be missing
        assert isinstance(model.summary(), str) and isinstance(str(model.answer_.explanation), str)
        assert isinstance(model.curves_, pd.DataFrame)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda v: v["weights"].append(0.0), "weights must be finite numbers of shape"),
        (lambda v: v["weights"].__setitem__(0, 7.0), "weights must be shares that sum to 1"),
        (lambda v: v["losses"].pop("mixture"), "losses must be errors of each learner"),
        (lambda v: v["in_sample"].pop("mixture"), "in_sample must be a number"),
        (lambda v: v.update(selected=[False] * 3), "selected must be true for one feature"),
        (lambda v: v["curves"][0].update(feature=9), "feature must be the number of a feature"),
        (lambda v: v["curves"][0]["each"].pop(), "each must be finite numbers of shape"),
        (lambda v: v["forecast"].update(learnt=[]), "learnt must be"),
        (lambda v: v["forecast"]["names"].reverse(), "forecast must be made of the learners"),
        (lambda v: v.update(keeps_missing="yes"), "keeps_missing must be true or false"),
    ],
)
def test_damage_is_named(change, reason, fitted, tmp_path):
    values = json.loads(save_model(fitted, tmp_path / "model.json").read_text())
    change(values)
    (tmp_path / "changed.json").write_text(json.dumps(values))
    with pytest.raises(ModelFileError, match=reason):
        load_model(tmp_path / "changed.json")
