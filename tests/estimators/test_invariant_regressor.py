"""The main face: the same answer from every door, and one clear sentence for bad input."""

import warnings
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

from elinvar import InvariantRegressor, Moments
from elinvar.answer import VERDICTS
from elinvar.datasets import load_bikes, load_penguins, make_eills, make_random_linear
from elinvar.errors import DataError, DataTypeError
from elinvar.inference import Predictor

EVIDENCE = [
    "feature", "verdict", "effect", "low", "high", "pooled_effect", "heterogeneity_p", "between_sd",
    "new_low", "new_high", "exit_strength", "model", "shift_p_value", "odd_environment", "contrast",
    "n_environments", "smallest_effect", "needed_rows", "needed_environments",
]  # fmt: skip
TEXTS = ["model", "odd_environment", "contrast"]
ERRORS = ["environment", "rows", "invariant", "pooled", "lasso", "mean", "used"]
TABLES = ("effects_", "tests_", "residuals_", "errors_", "left_out_")
STATES = {"accepted", "borderline", "approximate", "rejected", "untested", "pooled_only"}


def draw(rows=(150, 150, 150, 150), seed=0, levels=0.0):
    """x0 causes the target, x1 is its effect, unlike in each place, and x2 is noise."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(len(rows)), rows)
    n = len(code)
    cause = rng.normal(size=n) + rng.normal(size=len(rows))[code]
    y = 2.0 * cause + 1.0 + levels * rng.normal(size=len(rows))[code] + rng.normal(size=n)
    strength = np.linspace(0.3, 2.0, len(rows))[code]
    X = np.column_stack([cause, strength * y + rng.normal(size=n), rng.normal(size=n)])
    return X, y, np.array(["north", "south", "west", "east", "far"])[code % 5]


@pytest.fixture
def table():
    return draw()


def fitted(X, y, place=None, *, sample_weight=None, **options):
    model = InvariantRegressor(**options)
    return model.fit(X, y, environments=place, sample_weight=sample_weight)


def assert_same(a, b, rtol=1e-7):
    for name in ("status_", "predictor_", "environments_"):
        assert getattr(a, name) == getattr(b, name)
    np.testing.assert_array_equal(a.selected_, b.selected_)
    for name in ("coef_", "intercept_", "invariant_coef_", "invariant_intercept_",
                 "pooled_coef_", "pooled_intercept_", "p_value_", "disagreement_"):  # fmt: skip
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=rtol, atol=1e-9)


def assert_same_tables(a, b):
    """Evidence and errors, but for the place on the path, which is the path's own affair."""
    columns = [name for name in EVIDENCE if name != "exit_strength"]
    pd.testing.assert_frame_equal(a.evidence_[columns], b.evidence_[columns], rtol=1e-6, atol=1e-9)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name), rtol=1e-6, atol=1e-9)


def assert_valid(model):
    """Everything fitted is finite and hangs together, whatever the data."""
    p, k = model.n_features_in_, model.schema_.n_columns
    assert model.status_ in STATES and model.predictor_ in get_args(Predictor)
    assert model.selected_.shape == (p,) and model.selected_.dtype == bool
    for name in ("coef_", "invariant_coef_", "pooled_coef_"):
        assert getattr(model, name).shape == (k,) and np.isfinite(getattr(model, name)).all()
    for name in ("intercept_", "invariant_intercept_", "pooled_intercept_", "disagreement_"):
        assert np.isfinite(getattr(model, name))
    assert 0 <= model.p_value_ <= 1
    for name in ("environment_intercepts_", "invariant_environment_intercepts_"):
        assert np.isfinite(list((getattr(model, name) or {}).values())).all()
    assert np.isfinite(model.path_.coef).all() and model.path_.coef.shape[1] == k
    evidence, errors = model.evidence_, model.errors_
    assert list(evidence) == EVIDENCE and list(errors) == ERRORS
    assert list(evidence["feature"]) == list(model.schema_.features)
    assert set(evidence["verdict"]) <= set(VERDICTS)
    unmeasured = ["exit_strength", "needed_rows", "needed_environments", *TEXTS]
    measured = evidence[EVIDENCE[2:]].drop(columns=unmeasured).to_numpy(dtype=float)
    unknown = np.isnan(measured).any(axis=1)
    assert (evidence["verdict"][unknown] == "undecided").all()
    assert np.isfinite(measured[~unknown]).all()
    assert (evidence["low"][~unknown] <= evidence["high"][~unknown]).all()
    assert (
        np.isfinite(evidence["pooled_effect"]).all() and not evidence["exit_strength"].isna().any()
    )
    assert np.isfinite(errors[ERRORS[1:]].to_numpy(dtype=float)).all()
    several = len(model.environments_) > 1
    assert len(errors) == several * len(model.environments_)
    assert len(model.left_out_) == 4 * len(errors)
    assert np.isfinite(model.effects_[["effect", "low", "high"]].to_numpy()).all()
    assert np.isfinite(model.tests_[["statistic", "df1", "df2", "p_value"]].to_numpy()).all()
    assert list(model.residuals_["environment"]) == list(model.environments_)
    assert set(model.evidence_["odd_environment"]) <= {"", *model.environments_}
    assert np.isnan(model.margin_) == (model.forecast_.reason != "")
    assert "nan" not in str(model.answer_.explanation).replace("name", "")
    text = model.summary() + " ".join(model.notes_)
    assert "nan" not in text.lower().replace("name", "") and model.notes_ == tuple(model.notes_)


class TestAnswer:
    def test_attributes(self, table):
        model = fitted(*table)
        assert_valid(model)
        assert model.status_ == "accepted" and model.predictor_ == "invariant"
        np.testing.assert_array_equal(model.selected_, [True, False, False])
        np.testing.assert_allclose(model.coef_, [2.0, 0.0, 0.0], atol=0.1)
        assert model.intercept_ == pytest.approx(1.0, abs=0.2)
        assert model.environments_ == ("east", "north", "south", "west")
        assert model.environment_intercepts_ is None
        assert list(model.evidence_["verdict"]) == ["invariant", "same direction", "no effect"]
        np.testing.assert_array_equal(model.coef_, model.invariant_coef_)
        assert 0 < model.p_value_ <= 1

    def test_pooled_is_least_squares(self, table):
        X, y, place = table
        reference = LinearRegression().fit(X, y)
        for intercept in ("shared", "environment"):
            model = fitted(X, y, place, intercept=intercept)
            np.testing.assert_allclose(model.pooled_coef_, reference.coef_)
            assert model.pooled_intercept_ == pytest.approx(reference.intercept_)
            np.testing.assert_allclose(model.evidence_["pooled_effect"], reference.coef_)

    @pytest.mark.parametrize("place", [None, "one label"])
    def test_one_environment_is_the_pooled_model(self, table, place):
        X, y, _ = table
        model = fitted(X, y, None if place is None else np.full(len(y), "here"))
        assert_valid(model)
        assert model.status_ == "pooled_only" and model.predictor_ == "pooled"
        reference = LinearRegression().fit(X, y)
        np.testing.assert_allclose(model.predict(X), reference.predict(X))
        np.testing.assert_array_equal(model.invariant_coef_, np.zeros(3))
        assert model.invariant_intercept_ == pytest.approx(y.mean())
        assert model.p_value_ == 1.0 and not model.selected_.any()
        assert "one environment" in model.summary()
        np.testing.assert_allclose(model.evidence_["effect"], reference.coef_)

    def test_rejected_names_the_best_candidate(self):
        X, y, place = draw(levels=3.0)
        model = fitted(X, y, place)
        assert_valid(model)
        assert model.status_ == "rejected" and model.p_value_ < 1e-6
        assert set(model.evidence_["verdict"]).isdisjoint({"invariant", "spurious"})
        assert any("acts on the target" in note for note in model.notes_)

    @pytest.mark.parametrize("seed", range(2))
    def test_parents_of_a_random_model(self, seed):
        known = make_random_linear(n_features=9, n_samples=1000, rng=seed)
        model = fitted(known.X, known.y, known.environments)
        np.testing.assert_array_equal(model.selected_, known.support)
        np.testing.assert_allclose(model.coef_, known.coef, atol=0.15)

    def test_eills_model(self):
        errors = []
        for seed in range(5):
            known = make_eills(n_samples=1000, rng=seed)
            model = fitted(known.X, known.y, known.environments)
            errors.append(np.sum((model.invariant_coef_ - known.coef) ** 2))
        assert np.median(errors) < 0.004 and max(errors) < 0.02

    def test_the_order_of_rows_does_not_matter(self, table):
        X, y, place = table
        order = np.random.default_rng(1).permutation(len(y))
        for intercept in ("shared", "environment"):
            a = fitted(X, y, place, intercept=intercept)
            b = fitted(X[order], y[order], place[order], intercept=intercept)
            assert_same(a, b)
            assert a.notes_ == b.notes_

    def test_a_search_over_many_features_repeats_itself(self):
        known = make_random_linear(n_features=20, n_environments=4, n_samples=300, rng=3)
        order = np.random.default_rng(0).permutation(len(known.y))
        a = fitted(known.X, known.y, known.environments)
        b = fitted(known.X[order], known.y[order], known.environments[order])
        assert_same(a, b)
        np.testing.assert_array_equal(a.errors_["used"] > 0, True)


class TestDoors:
    """fit, fit_moments, frames and weights say the same."""

    def test_moments(self, table):
        X, y, place = table
        moments = Moments.from_arrays(X[:100], y[:100], place[:100])
        moments += Moments.from_arrays(X[100:], y[100:], place[100:])
        for intercept in ("shared", "environment"):
            a = fitted(X, y, place, intercept=intercept)
            b = InvariantRegressor(intercept=intercept).fit_moments(moments)
            assert_same(a, b)
            assert_same_tables(a, b)
            np.testing.assert_allclose(a.predict(X), b.predict(X))
            assert b.n_features_in_ == 3 and not hasattr(b, "feature_names_in_")

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_frames(self, table, library):
        X, y, place = table
        frame = pytest.importorskip(library).DataFrame(
            {name: X[:, j] for j, name in enumerate("abc")}
        )
        a, b = fitted(X, y, place), fitted(frame, y, place)
        assert_same(a, b)
        assert list(b.feature_names_in_) == list(b.evidence_["feature"]) == ["a", "b", "c"]
        assert b.path_.columns == ("a", "b", "c")
        by_moments = InvariantRegressor().fit_moments(Moments.from_arrays(frame, y, place))
        assert_same(b, by_moments)
        np.testing.assert_allclose(by_moments.predict(frame), a.predict(X))

    def test_frequency_weights(self, table):
        X, y, place = table
        weight = np.random.default_rng(0).integers(0, 4, size=len(y))
        rows = np.repeat(np.arange(len(y)), weight)
        a = fitted(X, y, place, sample_weight=weight)
        b = fitted(X[rows], y[rows], place[rows])
        assert_same(a, b)
        assert_same_tables(a, b)

    def test_text_columns_are_one_gate(self, table):
        X, y, place = table
        colour = np.random.default_rng(5).choice(["red", "green", "blue"], size=len(y))
        y = y + 2.0 * (colour == "red")
        frame = pd.DataFrame({"a": X[:, 0], "colour": colour, "b": X[:, 2]})
        model = fitted(frame, y, place)
        assert_valid(model)
        np.testing.assert_array_equal(model.selected_, [True, True, False])
        assert model.schema_.columns[1:4] == ("colour=blue", "colour=green", "colour=red")
        assert model.coef_[1] == 0 and model.coef_[3] == pytest.approx(2.0, abs=0.4)
        row = model.evidence_.iloc[1]
        assert row["low"] < 2.0 < row["high"]
        columns = model.pooled_coef_[1:4]
        assert row["pooled_effect"] == pytest.approx(columns.max() - columns.min())
        np.testing.assert_allclose(
            model.predict(frame), model.schema_.encode(frame) @ model.coef_ + model.intercept_
        )
        frame = pytest.importorskip("polars").from_pandas(frame)
        assert_same(model, fitted(frame, y, place))

    def test_clone_and_repeated_fits(self, table):
        X, y, place = table
        model = fitted(X, y, place, intercept="environment", kappa=5.0)
        first = model.evidence_, model.errors_
        assert model.evidence_ is first[0] and model.errors_ is first[1]
        copy = clone(model)
        assert not hasattr(copy, "coef_") and copy.kappa == 5.0
        model.fit(X[:, :2], y[::-1], environments=place)
        assert len(model.evidence_) == 2 and model.n_features_in_ == 2
        fresh = clone(model).fit(X[:, :2], y[::-1], environments=place)
        pd.testing.assert_frame_equal(model.evidence_, fresh.evidence_)
        pd.testing.assert_frame_equal(model.errors_, fresh.errors_)
        model.fit(X, y)
        assert model.status_ == "pooled_only" and len(model.errors_) == 0
        assert model.environment_intercepts_ is None


class TestOptions:
    @pytest.mark.parametrize(
        "spec", ["equal", [3, 3, 3, 3], dict.fromkeys(["north", "south", "west", "east"], 1)]
    )
    def test_equal_weights(self, spec):
        X, y, place = draw((50, 200, 100, 300), levels=2.0)
        model = fitted(X, y, place, environment_weights=spec)
        count = pd.Series(place).map(pd.Series(place).value_counts()).to_numpy()
        reference = LinearRegression().fit(X, y, sample_weight=1 / count)
        np.testing.assert_allclose(model.pooled_coef_, reference.coef_)
        assert model.pooled_intercept_ == pytest.approx(reference.intercept_)

    def test_weights_of_its_own(self):
        X, y, place = draw((50, 200, 100, 300), levels=2.0)
        by_name = {"north": 1.0, "south": 0.5, "west": 2.0, "east": 4.0}
        model = fitted(X, y, place, environment_weights=by_name)
        in_order = fitted(X, y, place, environment_weights=[4.0, 1.0, 0.5, 2.0])
        assert_same(model, in_order)
        size = pd.Series(place).value_counts()
        weight = np.array([by_name[name] / size[name] for name in place])
        reference = LinearRegression().fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(model.pooled_coef_, reference.coef_)
        size_again = fitted(X, y, place, environment_weights=dict(size))
        assert_same(size_again, fitted(X, y, place, environment_weights="size"))

    def test_weights_by_numeric_labels(self, table):
        X, y, place = table
        code = np.unique(place, return_inverse=True)[1].astype(float)
        by_label = fitted(X, y, code, environment_weights={0.0: 1, 1: 2, "2": 3, 3.0: 4})
        assert_same(by_label, fitted(X, y, code, environment_weights=[1, 2, 3, 4]))

    @pytest.mark.parametrize(
        "bad", [[1, 1], [1, 1, 1, -1], [0, 0, 0, 0], [1, 1, 1, np.nan], {"north": 1}, {}, ["a"] * 4]
    )
    def test_weights_that_make_no_sense(self, table, bad):
        with pytest.raises(DataError, match="environment_weights"):
            fitted(*table, environment_weights=bad)

    def test_weights_of_strangers_are_refused(self, table):
        weights = dict.fromkeys(["north", "south", "west", "east", "esat"], 1)
        with pytest.raises(DataError, match=r"environment_weights names 'esat'; .*: 'east', 'n"):
            fitted(*table, environment_weights=weights)
        weights = {name: 1 for name in weights if name[0] != "e"}
        with pytest.raises(DataError, match="environment_weights has no number for 'east'; give"):
            fitted(*table, environment_weights=weights)

    def test_all_weight_on_one_environment(self, table):
        for intercept in ("shared", "environment"):
            assert_valid(fitted(*table, environment_weights=[0, 1, 0, 0], intercept=intercept))

    def test_excluded_environments(self):
        X, y, place = draw()
        y = y + 5.0 * (place == "west") * X[:, 0]
        assert fitted(X, y, place).status_ == "rejected"
        model = fitted(X, y, place, exclude_environments=["west"])
        keep = place != "west"
        assert_same(model, fitted(X[keep], y[keep], place[keep]))
        assert model.status_ == "accepted" and model.excluded_environments_ == ("west",)
        assert model.environments_ == model.moments_.names == ("east", "north", "south")
        assert any("Left out of the fit: west" in note for note in model.notes_)

    def test_excluded_by_number(self, table):
        X, y, place = table
        code = np.unique(place, return_inverse=True)[1]
        model = fitted(X, y, code, exclude_environments=[2.0])
        assert model.environments_ == ("0", "1", "3")
        alone = fitted(X, y, code, exclude_environments=[0, 1, 2])
        assert alone.status_ == "pooled_only"
        with pytest.raises(DataError, match="'7'"):
            fitted(X, y, code, exclude_environments=[7])
        with pytest.raises(DataError, match="at least one"):
            fitted(X, y, code, exclude_environments=[0, 1, 2, 3])

    @pytest.mark.parametrize("always", [["c"], [2], [-1], np.array([2]), ("c", 2)])
    def test_features_always(self, table, always):
        X, y, place = table
        model = fitted(pd.DataFrame(X, columns=list("abc")), y, place, features_always=always)
        np.testing.assert_array_equal(model.selected_, [True, False, True])
        assert model.coef_[2] != 0 and model.evidence_["exit_strength"][2] == np.inf

    @pytest.mark.parametrize("always", [["d"], [3], [-4], [1.5], [True], [None], [["a"]]])
    def test_features_always_that_are_not_there(self, table, always):
        X, y, place = table
        with pytest.raises(DataError, match=r"features_always names .* 3 features \(a, b, c\)"):
            fitted(pd.DataFrame(X, columns=list("abc")), y, place, features_always=always)

    @pytest.mark.parametrize("exact_up_to", [0, 14])
    def test_features_always_that_cannot_be_told_apart(self, table, exact_up_to):
        X, y, place = table
        X = np.column_stack([X, X[:, 0] + X[:, 2]])
        with pytest.raises(DataError, match=r"features_always.*collinear"):
            fitted(X, y, place, features_always=[0, 2, 3], exact_up_to=exact_up_to)
        few = np.arange(len(y)) % 30 == 0
        wide = np.random.default_rng(0).normal(size=(few.sum(), 12))
        with pytest.raises(DataError, match="smallest environment \\(5\\)"):
            fitted(wide, y[few], place[few], features_always=range(4), exact_up_to=exact_up_to)

    @pytest.mark.parametrize("predictor", ["invariant", "pooled", "auto"])
    def test_predictor(self, predictor):
        X, y, place = draw(levels=3.0)
        model = fitted(X, y, place, predictor=predictor)
        assert model.status_ == "rejected"
        if predictor == "invariant":
            assert model.predictor_ == "invariant"
            np.testing.assert_array_equal(model.coef_, model.invariant_coef_)
            assert any("predictor='invariant'" in note for note in model.notes_)
        if predictor == "pooled":
            assert model.predictor_ == "pooled"
            np.testing.assert_allclose(model.predict(X), LinearRegression().fit(X, y).predict(X))
        if predictor == "auto":
            assert model.predictor_ != "invariant"

    def test_own_intercepts(self):
        X, y, place = draw(levels=4.0)
        model = fitted(X, y, place, intercept="environment", predictor="invariant")
        assert model.status_ == "accepted" and set(model.environment_intercepts_) == set(place)
        slopes = X @ model.coef_
        for name in set(place):
            own = np.mean((y - slopes)[place == name])
            assert model.environment_intercepts_[name] == pytest.approx(own)
        average = np.mean([model.environment_intercepts_[name] for name in place])
        assert model.intercept_ == pytest.approx(average)
        labels = np.where(np.arange(len(y)) % 2, place, "never seen")
        expected = slopes + [model.environment_intercepts_.get(name, average) for name in labels]
        np.testing.assert_allclose(model.predict(X, environments=labels), expected)
        np.testing.assert_allclose(model.predict(X), slopes + average)
        assert model.score(X, y, environments=place) > model.score(X, y)

    def test_own_intercepts_where_the_pooled_model_predicts(self):
        X, y, place = draw(levels=4.0)
        model = fitted(X, y, place, intercept="environment", predictor="pooled")
        assert model.environment_intercepts_ is None
        assert set(model.invariant_environment_intercepts_) == set(place)
        np.testing.assert_array_equal(model.predict(X, environments=place), model.predict(X))

    def test_level_and_tolerance(self):
        rng = np.random.default_rng(0)
        place = np.repeat(["a", "b", "c"], 20_000)
        X = rng.normal(size=(60_000, 1)) + np.repeat([2.0, 0.0, -1.0], 20_000)[:, None]
        y = np.repeat([0.96, 1.0, 1.04], 20_000) * X[:, 0] + rng.normal(size=60_000)
        model = fitted(X, y, place)
        assert model.status_ == "approximate" and 0 < model.disagreement_ <= 0.01
        assert list(model.evidence_["verdict"]) == ["nearly invariant"]
        assert any("tolerance" in note for note in model.notes_)
        assert fitted(X, y, place, tolerance=0.0).status_ == "rejected"
        assert fitted(X, y, place, tolerance=model.disagreement_ * 0.99).status_ == "rejected"

    def test_strengths(self, table):
        model = fitted(*table, strengths=[0.0, 1.0, 10.0])
        np.testing.assert_array_equal(model.path_.strength, [0.0, 1.0, 10.0])
        np.testing.assert_allclose(model.path_.coef[0], model.pooled_coef_)
        for bad in ([], [1.0, 0.5], [-1.0, 1.0], [np.nan], ["a"], [[1.0]], [1.0, 1.0]):
            with pytest.raises(DataError, match="strengths must"):
                fitted(*table, strengths=bad)

    @pytest.mark.parametrize(
        "bad",
        [{"level": 0.0}, {"level": 1}, {"kappa": -1}, {"tolerance": -0.1}, {"exact_up_to": 21},
         {"intercept": "none"}, {"predictor": "best"}, {"random_state": -1}],
    )  # fmt: skip
    def test_options_out_of_range(self, table, bad):
        with pytest.raises(ValueError, match=next(iter(bad))):
            fitted(*table, **bad)


class TestErrors:
    """What ``errors_`` promises: the whole procedure, repeated without each environment."""

    @pytest.mark.parametrize(
        "options", [{}, {"intercept": "environment"}, {"predictor": "invariant"}]
    )
    def test_by_hand(self, options):
        X, y, place = draw((80, 100, 120, 90), levels=0.5)
        errors = fitted(X, y, place, **options).errors_.set_index("environment")
        for name in set(place):
            train = place != name
            model = fitted(X[train], y[train], place[train], **options)
            out, target = X[~train], y[~train]

            def rmse(prediction, target=target):
                return pytest.approx(np.sqrt(np.mean((target - prediction) ** 2)))

            row = errors.loc[name]
            assert row["rows"] == (~train).sum()
            assert row["used"] == rmse(model.predict(out))
            assert row["pooled"] == rmse(LinearRegression().fit(X[train], y[train]).predict(out))
            assert row["mean"] == rmse(np.full(len(out), y[train].mean()))
            assert row["invariant"] == rmse(
                out @ model.invariant_coef_ + model.invariant_intercept_
            )

    def test_three_environments(self):
        model = fitted(*draw((100, 100, 100)))
        assert list(model.errors_["environment"]) == ["north", "south", "west"]
        assert_valid(model)

    @pytest.mark.parametrize("intercept", ["shared", "environment"])
    def test_two_environments_refit_what_both_chose(self, intercept):
        X, y, place = draw((100, 130))
        model = fitted(X, y, place, intercept=intercept)
        assert_valid(model)
        assert any("Two environments are few" in note for note in model.notes_)
        errors = model.errors_.set_index("environment")
        chosen = model.selected_
        for name in ("north", "south"):
            train = place != name
            fit = LinearRegression().fit(X[train][:, chosen], y[train])
            expected = np.sqrt(np.mean((y[~train] - fit.predict(X[~train][:, chosen])) ** 2))
            assert errors.loc[name, "invariant"] == pytest.approx(expected)
            pooled = LinearRegression().fit(X[train], y[train])
            assert errors.loc[name, "pooled"] == pytest.approx(
                np.sqrt(np.mean((y[~train] - pooled.predict(X[~train])) ** 2))
            )

    def test_features_always_that_only_one_environment_tells_apart(self):
        X, y, place = draw((100, 100, 100))
        X = np.column_stack([X, X[:, 0] - X[:, 2] + (place == "west") * X[:, 1]])
        model = fitted(X, y, place, features_always=[0, 2, 3])
        assert_valid(model)
        np.testing.assert_array_equal(model.selected_[[0, 2, 3]], True)

    def test_weighted_rows(self):
        X, y, place = draw((80, 100, 120))
        weight = np.random.default_rng(0).integers(1, 4, size=len(y)).astype(float)
        errors = fitted(X, y, place, sample_weight=weight).errors_.set_index("environment")
        train = place != "south"
        fit = LinearRegression().fit(X[train], y[train], sample_weight=weight[train])
        residual = (y - fit.predict(X))[~train]
        assert errors.loc["south", "pooled"] == pytest.approx(
            np.sqrt(np.average(residual**2, weights=weight[~train]))
        )
        assert errors.loc["south", "rows"] == weight[~train].sum()


class TestAwkwardTables:
    def test_constant_columns(self, table):
        X, y, place = table
        X = np.insert(X, 1, 4.2, axis=1)
        model = fitted(X, y, place)
        assert_valid(model)
        assert model.coef_[1] == model.pooled_coef_[1] == model.invariant_coef_[1] == 0.0
        assert any(note.startswith("Constant") and "x1" in note for note in model.notes_)
        assert_same_but_for_columns(model, fitted(*table), [0, 2, 3])

    def test_nothing_but_constant_columns(self, table):
        X, y, place = table
        model = fitted(np.ones_like(X), y, place)
        assert_valid(model)
        np.testing.assert_allclose(model.predict(X), y.mean(), atol=0.3)

    def test_duplicated_columns(self, table):
        X, y, place = table
        model = fitted(np.column_stack([X, 3 - 2 * X[:, 0], X[:, 1]]), y, place)
        assert_valid(model)
        np.testing.assert_array_equal(model.coef_[3:], [0.0, 0.0])
        np.testing.assert_array_equal(model.selected_, [True, False, False, False, False])
        assert any(note.startswith("x3 repeats x0") for note in model.notes_)
        assert any(note.startswith("x4 repeats x1") for note in model.notes_)
        assert_same_but_for_columns(model, fitted(*table), [0, 1, 2])

    def test_a_duplicate_that_always_stays_is_stood_in_for(self, table):
        X, y, place = table
        model = fitted(np.column_stack([X, X[:, 2]]), y, place, features_always=[3])
        np.testing.assert_array_equal(model.selected_, [True, False, True, False])

    @pytest.mark.parametrize("intercept", ["shared", "environment"])
    def test_a_collinear_triple(self, table, intercept):
        X, y, place = table
        X = np.column_stack([X, X[:, 0] - 2 * X[:, 2]])
        model = fitted(X, y, place, intercept=intercept)
        assert_valid(model)
        assert model.status_ == "accepted"
        np.testing.assert_allclose(
            model.predict(X), fitted(*table, intercept=intercept).predict(X[:, :3]), atol=0.5
        )
        np.testing.assert_allclose(
            X @ model.pooled_coef_ + model.pooled_intercept_,
            LinearRegression().fit(X, y).predict(X),
        )

    @pytest.mark.parametrize("intercept", ["shared", "environment"])
    @pytest.mark.parametrize("p", [12, 40])
    def test_more_features_than_rows_everywhere(self, p, intercept):
        rng = np.random.default_rng(0)
        X, place = rng.normal(size=(30, p)), np.repeat(["a", "b", "c"], 10)
        model = fitted(X, X[:, 0] + 0.1 * rng.normal(size=30), place, intercept=intercept)
        assert_valid(model)
        assert model.selected_.sum() <= 8
        assert_valid(fitted(X, rng.normal(size=30), intercept=intercept))

    def test_too_few_rows_in_one_environment(self, table):
        X, y, place = table
        place = place.astype(object)
        place[:3] = "tiny"
        with pytest.raises(DataError, match="'tiny' has 3 rows; at least 5"):
            fitted(X, y, place)
        assert_valid(fitted(X, y, place, exclude_environments=["tiny"]))
        place[-1] = "other"
        with pytest.raises(DataError, match=r"2 of \d .*'other' \(1\) and 'tiny' \(3\)"):
            fitted(X, y, place)

    def test_a_constant_target_in_one_environment(self, table):
        X, y, place = table
        y = np.where(place == "south", 7.0, y)
        for intercept in ("shared", "environment"):
            with pytest.raises(DataError, match="constant in environment 'south'"):
                fitted(X, y, place, intercept=intercept)
        assert fitted(X, y, place, exclude_environments=["south"]).status_ == "accepted"

    @pytest.mark.parametrize("place", [None, "several"])
    def test_a_constant_target(self, table, place):
        X, y, labels = table
        with pytest.raises(DataError, match="constant"):
            fitted(X, np.full(len(y), 3.0), None if place is None else labels)

    def test_ten_thousand_environments_of_one_row(self):
        rng = np.random.default_rng(0)
        with pytest.raises(DataError, match="10,000 environments"):
            fitted(rng.normal(size=(10_000, 2)), rng.normal(size=10_000), np.arange(10_000))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_values_that_are_not_finite(self, table, value):
        X, y, place = (a.copy() for a in table)
        X[5, 1] = value
        with pytest.raises(DataError, match=r"x1 \(1\); first in row 6"):
            fitted(X, y, place)
        y[7] = value
        with pytest.raises(DataError, match="row 8"):
            fitted(table[0], y, place)

    @pytest.mark.parametrize(
        ("weight", "message"),
        [
            (np.r_[-1.0, np.ones(599)], "not negative"),
            (np.zeros(600), "zero"),
            (np.r_[np.nan, np.ones(599)], "finite"),
            (np.ones(599), "599"),
        ],
    )
    def test_weights_that_make_no_sense(self, table, weight, message):
        with pytest.raises(DataError, match=message):
            fitted(*table, sample_weight=weight)

    def test_weight_zero_drops_an_environment(self, table):
        X, y, place = table
        keep = place != "west"
        model = fitted(X, y, place, sample_weight=keep.astype(float))
        assert_same(model, fitted(X[keep], y[keep], place[keep]))

    def test_wrong_kinds(self, table):
        X, y, place = table
        with pytest.raises(DataTypeError, match="Moments"):
            InvariantRegressor().fit_moments(X)
        with pytest.raises(DataError, match=r"to float.*tall.*; give text"):
            fitted(np.full(X.shape, "tall"), y, place)
        with pytest.raises(DataTypeError, match="text"):
            fitted(X, np.where(y > 0, "yes", "no"), place)

    def test_units_do_not_matter(self, table):
        X, y, place = table
        units = np.array([1e-8, 1e8, 3.0])
        reference = fitted(X, y, place)
        model = fitted(X * units + 5 * units, 1e6 * y, place)
        np.testing.assert_array_equal(model.selected_, reference.selected_)
        np.testing.assert_allclose(model.coef_ * units, 1e6 * reference.coef_, rtol=1e-6)
        assert_valid(fitted(X * 1e-120, y * 1e-120, place))
        assert_valid(fitted(X * 1e100, y * 1e100, place))

    def test_a_target_without_noise(self, table):
        X, _, place = table
        model = fitted(X, 3 * X[:, 0] - X[:, 2] + 1, place)
        assert_valid(model)
        np.testing.assert_allclose(model.predict(X), 3 * X[:, 0] - X[:, 2] + 1, atol=1e-8)


def assert_same_but_for_columns(model, reference, columns):
    np.testing.assert_allclose(model.coef_[columns], reference.coef_, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(model.pooled_coef_[columns], reference.pooled_coef_, rtol=1e-7)
    assert (model.status_, model.predictor_) == (reference.status_, reference.predictor_)
    assert model.p_value_ == pytest.approx(reference.p_value_)


class TestRealTables:
    def test_penguins_with_an_intercept_each(self):
        model = InvariantRegressor(intercept="environment")
        model.fit_moments(load_penguins().environments().moments())
        assert_valid(model)
        depth = model.evidence_.set_index("feature").loc["bill_depth_mm"]
        assert depth["pooled_effect"] < 0 < depth["low"] < depth["effect"]
        # p = .014 is enough to accept, and too little to call an effect the same
        assert model.status_ == "borderline" and depth["verdict"] == "same direction"
        assert any("opposite sign" in note and "bill_depth_mm" in note for note in model.notes_)

    def test_penguins_with_a_shared_intercept_are_rejected(self):
        model = InvariantRegressor().fit_moments(load_penguins().environments().moments())
        assert_valid(model)
        assert model.status_ == "rejected"
        assert any("intercept='environment'" in note for note in model.notes_)

    def test_bikes_are_rejected_and_the_notes_say_what_that_means(self):
        model = InvariantRegressor().fit_moments(load_bikes().environments().moments())
        assert_valid(model)
        assert model.status_ == "rejected" and model.predictor_ != "invariant"
        text = model.summary()
        for words in (
            "invariance is rejected",
            "acts on the target itself",
            "exclude_environments",
            "Predictions come from",
        ):
            assert words in text
        assert model.errors_["used"].mean() <= 1.05 * model.errors_["pooled"].mean()


def test_plot_path(table):
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    X, y, place = table
    axes = fitted(pd.DataFrame(X, columns=list("abc")), y, place).plot_path()
    assert len(axes.get_lines()) >= 3
    own = plt.figure().subplots()
    assert fitted(X, y).plot_path(own) is own
    plt.close("all")


VALUES = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-100, 100, width=32),
    st.sampled_from([0.0, 1e-12, 1e6, -1e9, 1e150, 1e-150, np.nan, np.inf]),
)


@st.composite
def small_tables(draw):
    n, p = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    tame = draw(st.booleans())
    values = st.floats(-10, 10, width=32) if tame else VALUES
    X = draw(hnp.arrays(np.float64, (n, p), elements=values))
    if tame or draw(st.booleans()):
        noise = np.random.default_rng(draw(st.integers(0, 5)))
        X = X + draw(st.sampled_from([0.0, 1e-9, 1.0])) * noise.normal(size=(n, p))
    y = draw(
        st.one_of(
            hnp.arrays(np.float64, n, elements=values),
            st.just(np.where(np.isfinite(X[:, 0]), X[:, 0], 0.0)),
            st.just(np.random.default_rng(n).normal(size=n)),
        )
    )
    labels = draw(st.sampled_from([1, 2, 3, 7]))
    place = draw(
        st.one_of(st.none(), hnp.arrays(np.intp, n, elements=st.integers(0, labels - 1)),
                  st.just(np.arange(n) % labels))
    )  # fmt: skip
    weight = draw(
        st.one_of(st.none(), hnp.arrays(np.float64, n, elements=st.sampled_from([0, 0.5, 1, 2, 3])))
    )
    options = {
        "intercept": draw(st.sampled_from(["shared", "environment"])),
        "predictor": draw(st.sampled_from(["auto", "invariant", "pooled"])),
        "environment_weights": draw(st.sampled_from(["size", "equal"])),
        "exact_up_to": draw(st.sampled_from([0, 14])),
        "features_always": draw(st.sampled_from([None, [0], list(range(p))])),
        "tolerance": draw(st.sampled_from([0.0, 0.01, 10.0])),
    }
    return X, y, place, weight, options


@settings(max_examples=150)
@given(small_tables())
def test_fuzz(case):
    """A valid finite answer or one of our own errors, without a warning."""
    X, y, place, weight, options = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "No environments were given")
        try:
            model = fitted(X, y, place, sample_weight=weight, **options)
        except DataError as error:
            assert str(error) and "\n" not in str(error)
            return
        assert_valid(model)
        known = np.isfinite(X).all(axis=1)  # a row of weight 0 may hold anything
        labels = None if place is None else place[known]
        assert np.isfinite(model.predict(X[known], environments=labels)).all()


@pytest.fixture
def noise_acted_on():
    """Environments that change nothing but the noise of the target, and the laws of its causes."""
    rng = np.random.default_rng(3)
    place = np.repeat(list("abcd"), 500)
    spread, noise = (np.repeat(values, 500) for values in ([1.0, 2, 0.5, 1.5], [1.0, 1, 1, 2]))
    x = spread * rng.normal(size=2000)
    y = x + noise * rng.normal(size=2000)
    return np.column_stack([x, rng.normal(size=2000)]), y, place


def test_noise_that_differs_is_no_matter_unless_it_is_asked_for(noise_acted_on):
    X, y, place = noise_acted_on
    plain = InvariantRegressor().fit(X, y, environments=place)
    assert plain.status_ == "accepted" and plain.selected_.tolist() == [True, False]
    strict = InvariantRegressor(invariance="coefficients and noise", tolerance=0.0)
    strict.fit(X, y, environments=place)
    assert strict.status_ == "rejected" and strict.p_value_ < 1e-6
    assert "the test of equal coefficients and noise has p < 0.0001" in strict.status_reason_
    # the effects alone are the same
    assert "no set of features has the same effects and noise in all 4" in strict.answer_.headline
    assert "No set of effects and noise" in strict.explain()
    assert "invariance='coefficients' allows for different noise" in strict.notes_[0]
    strict.set_params(exclude_environments=["d"]).fit(X, y, environments=place)
    assert strict.status_ == "accepted" and strict.selected_.tolist() == [True, False]


def test_invariant_noise_is_tested_from_the_rows_if_robust(noise_acted_on):
    X, _, place = noise_acted_on
    y = X[:, 0] + np.random.default_rng(0).laplace(size=2000) ** 3
    model = InvariantRegressor(invariance="coefficients and noise", tolerance=0.0)
    assert model.fit(X, y, environments=place).status_ == "rejected"
    model.set_params(robust=True).fit(X, y, environments=place)
    assert model.status_ != "rejected"
