"""What both estimators of effects promise: the same questions to all of them, by public names."""

import copy
import json
import pickle
import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import clone, is_classifier
from sklearn.model_selection import LeaveOneGroupOut, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from elinvar import InvariantClassifier, InvariantRegressor, load_model, save_model
from elinvar.answer import STATUSES, VERDICTS
from elinvar.errors import DataError
from elinvar.report import write_figures, write_report

KINDS = ("number", "two classes", "three classes")
TABLES = ("evidence_", "effects_", "tests_", "residuals_", "errors_", "left_out_")
COLUMNS = {
    "evidence_": "feature verdict effect low high pooled_effect heterogeneity_p between_sd new_low "
    "new_high exit_strength model shift_p_value odd_environment contrast n_environments "
    "smallest_effect needed_rows needed_environments",
    "effects_": "feature environment effect low high",
    "tests_": "test statistic df1 df2 p_value question",
    "residuals_": "environment rows mean mean_low mean_high slope slope_low slope_high sd outcome",
    "left_out_": "environment model predicted_mean predicted_sd truth_mean truth_sd slope "
    "residual_sd outcome",
}
NOT_OF_CLASSES = ("mean squared", "least squares", "residual variance", "in units of")
RENAMED = {f"site {letter}": f"place {letter}" for letter in "abcd"}


def draw(kind, n=200, seed=1):
    """Draw a cause of spreads that differ, a category, a consequence that changes, and noise."""
    rng = np.random.default_rng(seed)
    spread, gain = [np.repeat(v, n) for v in ([0.7, 1.5, 1.0, 2.0], [-0.5, 1.0, 2.0, 3.0])]
    cause = rng.normal(size=4 * n) * spread
    group = rng.choice(["low", "mid", "high"], size=4 * n)
    signal = 1.2 * cause + 0.8 * (group == "high")
    if kind == "number":
        y = mark = signal + rng.normal(size=4 * n)
    else:
        odds = np.column_stack([0 * signal, signal, 0.4 - 0.7 * signal])
        odds = odds[:, : 2 if kind == "two classes" else 3]
        outcome = (odds + rng.gumbel(size=odds.shape)).argmax(axis=1)
        y, mark = (np.array(v)[outcome] for v in (["no", "yes", "maybe"], [0.0, 1.0, -1.0]))
    X = pd.DataFrame(
        {
            "cause": cause,
            "group": group,
            "sign": gain * mark + rng.normal(size=4 * n),
            "noise": rng.normal(size=4 * n),
        }
    )
    return X, y, np.repeat(list(RENAMED), n)


def make(kind, **options):
    return (InvariantRegressor if kind == "number" else InvariantClassifier)(**options)


@dataclass(frozen=True)
class Case:
    """A kind of target, an intercept, data and the model that was fitted to them."""

    kind: str
    intercept: str
    X: pd.DataFrame
    y: np.ndarray
    place: np.ndarray
    model: object

    @property
    def n_outcomes(self):
        return {"number": 1, "two classes": 1, "three classes": 3}[self.kind]

    @property
    def n_rows(self):
        return len(self.y)

    def fit(self, X=None, y=None, place=None, *, weight=None, **options):
        model = make(self.kind, intercept=self.intercept, **options)
        X, y = self.X if X is None else X, self.y if y is None else y
        place = self.place if place is None else place
        return model.fit(X, y, environments=place, sample_weight=weight)

    def among(self, *names):
        here = np.isin(self.place, names)
        return self.fit(self.X[here], self.y[here], self.place[here])


@pytest.fixture(
    scope="module",
    params=[(kind, intercept) for kind in KINDS for intercept in ("shared", "environment")],
    ids=lambda pair: f"{pair[0]}, {pair[1]}",
)
def case(request):
    kind, intercept = request.param
    bare = Case(kind, intercept, *draw(kind), model=None)
    return replace(bare, model=bare.fit())


@pytest.fixture(scope="module")
def alone(case):
    return case.fit(place=np.repeat("here", case.n_rows))


@pytest.fixture(scope="module")
def saved(case, tmp_path_factory):
    return save_model(case.model, tmp_path_factory.mktemp("model") / "model.json")


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def outputs(model, X, place=None):
    """Return what a model predicts: numbers, or probabilities of classes."""
    predict = model.predict_proba if is_classifier(model) else model.predict
    return predict(X, environments=place)


def says_the_same(model, other, X, place):
    """Check that two models show and predict the same, to the last digit."""
    for name in TABLES:
        assert_frame_equal(getattr(other, name), getattr(model, name))
    for name in ("status_", "status_reason_", "predictor_", "p_value_", "notes_", "environments_"):
        assert getattr(other, name) == getattr(model, name)
    assert (other.explain(), other.summary()) == (model.explain(), model.summary())
    assert (str(other.forecast_), other.odd_environment_) == (
        str(model.forecast_),
        model.odd_environment_,
    )
    assert_array_equal(other.path_.standardized, model.path_.standardized)
    assert_frame_equal(other.diagnosis_.features, model.diagnosis_.features)
    for places in (None, place, np.repeat("elsewhere", len(X))):
        assert_array_equal(outputs(other, X, places), outputs(model, X, places))
        assert_array_equal(
            other.predict(X, environments=places), model.predict(X, environments=places)
        )


def finds_the_same(model, other, rename=None):
    """Check that two models found the same, to a tolerance; the other may have other labels."""
    assert (other.status_, other.predictor_) == (model.status_, model.predictor_)
    assert other.p_value_ == pytest.approx(model.p_value_, rel=1e-3)
    numbers = ["effect", "low", "high", "pooled_effect", "between_sd"]
    ours, theirs = (m.evidence_.set_index("feature") for m in (model, other))
    assert (theirs.loc[ours.index, "verdict"] == ours["verdict"]).all()
    assert_allclose(theirs.loc[ours.index, numbers], ours[numbers], rtol=2e-3, atol=1e-4)
    ours, theirs = (m.errors_.set_index("environment") for m in (model, other))
    if rename is not None:
        ours = ours.rename(index=rename)
    assert_allclose(theirs.loc[ours.index], ours, rtol=2e-3, atol=1e-3)


def test_the_documented_attributes_have_their_shapes(case):
    model, m = case.model, case.n_outcomes
    shape = (6,) if case.kind == "number" else (m, 6)  # the category has three columns
    n_wide = () if case.kind == "number" else (m,)
    for name in ("coef_", "invariant_coef_", "pooled_coef_"):
        assert getattr(model, name).shape == shape
    for name in ("intercept_", "invariant_intercept_", "pooled_intercept_"):
        assert np.shape(getattr(model, name)) == n_wide
    assert model.selected_.shape == (4,) and model.selected_.dtype == bool
    assert model.status_ in STATUSES and isinstance(model.status_reason_, str)
    assert 0 <= model.p_value_ <= 1 and model.disagreement_ >= 0
    assert model.environments_ == tuple(RENAMED) and model.excluded_environments_ == ()
    assert model.n_features_in_ == 4 and list(model.feature_names_in_) == list(case.X)
    assert model.path_.coef.shape == (len(model.path_.strength), 6)
    assert len(model.diagnosis_.features) == 4
    assert np.isnan(model.margin_) and "4 environments" in model.forecast_.reason
    own = model.environment_intercepts_
    assert (own is None) == (case.intercept == "shared" or model.predictor_ == "pooled")
    if own is not None:
        assert set(own) == set(RENAMED) and all(np.shape(b) == n_wide for b in own.values())


def test_the_tables_have_their_columns_and_rows(case):
    model, m = case.model, case.n_outcomes
    for name, columns in COLUMNS.items():
        assert list(getattr(model, name)) == columns.split()
    models = ["invariant", "pooled", "lasso", "mean", "used"]
    if case.kind != "number":
        models.remove("lasso")
    wrong = [f"{name}_wrong" for name in models if case.kind != "number"]
    assert list(model.errors_) == ["environment", "rows", *models, *wrong]
    assert len(model.evidence_) == 4 and len(model.errors_) == 4
    assert len(model.residuals_) == 4 * m and len(model.left_out_) == 4 * m * (
        4 if case.kind == "number" else 3
    )
    assert set(model.evidence_["verdict"]) <= set(VERDICTS)
    assert (model.residuals_["outcome"] == "").all() == (case.kind == "number")


def test_what_is_known_of_these_data_is_found(case):
    verdicts = case.model.evidence_.set_index("feature")["verdict"]
    assert verdicts["cause"] == "invariant" and verdicts["sign"] == "spurious"
    assert verdicts["noise"] in ("no effect", "undecided")
    assert case.model.status_ in ("accepted", "borderline")
    assert case.model.selected_[0] and not case.model.selected_[2]


def test_words_and_tables_tell_the_same_numbers(case, shows):
    model = case.model
    # a wide table goes on below, with the names of rows again
    lines = [line for line in model.summary().splitlines() if line.startswith("  cause ")]
    ends = re.findall(r"\[(\S+), (\S+)\]", " ".join(lines))
    for k, table in enumerate((model.all_features_, model.answer_.of_set)):
        row = table.set_index("feature").loc["cause"]
        assert shows(ends[2 * k], row["low"], row["high"])
        assert shows(ends[2 * k + 1], row["new_low"], row["new_high"])
    assert f"{model.all_features_['pooled_effect'][0]:#.3g}" in model.summary()
    errors = model.errors_
    power = 2 if case.kind == "number" else 1
    mean = np.average(errors["invariant"] ** power, weights=errors["rows"]) ** (1 / power)
    assert f"{mean:.3g} for the invariant model" in str(model.answer_.explanation)
    test = model.tests_.set_index("test").loc["coefficients"]
    assert test["p_value"] == pytest.approx(model.p_value_, rel=1e-9)


def test_effects_stand_where_they_should(case):
    evidence, own = case.model.evidence_, case.model.effects_
    assert (evidence["low"] <= evidence["effect"]).all()
    assert (evidence["effect"] <= evidence["high"]).all()
    assert (own["low"] <= own["effect"]).all() and (own["effect"] <= own["high"]).all()
    if case.n_outcomes == 1:
        pooled = case.model.pooled_coef_.reshape(-1)[[0, 4, 5]]  # between them, the category
        effects = evidence.set_index("feature").loc[["cause", "sign", "noise"], "pooled_effect"]
        assert_allclose(effects, pooled, rtol=1e-6)


def test_a_single_environment_is_the_pooled_model(case, alone):
    assert (alone.status_, alone.predictor_, alone.p_value_) == ("pooled_only", "pooled", 1.0)
    assert not alone.selected_.any() and set(alone.evidence_["verdict"]) == {"undecided"}
    for name in ("tests_", "errors_", "left_out_"):
        assert len(getattr(alone, name)) == 0
        assert list(getattr(alone, name)) == list(getattr(case.model, name))
    assert "one environment only" in str(alone.answer_.explanation)
    # several environments decide how far coefficients of classes shrink; one has no say in it
    plain = case.fit(calibrate=False) if "classes" in case.kind else case.model
    assert_allclose(alone.pooled_coef_, plain.pooled_coef_, rtol=1e-5, atol=1e-7)
    bare = make(case.kind, intercept=case.intercept).fit(case.X, case.y)
    assert_array_equal(outputs(bare, case.X), outputs(alone, case.X))


def test_two_environments_are_said_to_be_few(case):
    model = case.among("site a", "site d")
    assert len(model.errors_) == 2 and model.environments_ == ("site a", "site d")
    assert any("Two environments are few" in note for note in model.notes_)
    assert np.isfinite(outputs(model, case.X)).all()


def test_an_excluded_environment_is_one_that_was_never_there(case):
    model = case.fit(exclude_environments=["site b"])
    other = case.among("site a", "site c", "site d")
    assert model.excluded_environments_ == ("site b",) and "site b" not in model.environments_
    assert any("Left out of the fit: site b." in note for note in model.notes_)
    finds_the_same(model, other)


def test_frequency_weights_are_repeated_rows(case):
    weight = 1.0 + (np.arange(case.n_rows) % 4 == 0)
    twice = np.repeat(np.arange(case.n_rows), weight.astype(int))
    finds_the_same(
        case.fit(weight=weight), case.fit(case.X.iloc[twice], case.y[twice], case.place[twice])
    )


def test_order_and_labels_decide_nothing(case):
    rows = np.random.default_rng(1).permutation(case.n_rows)
    X = case.X.iloc[rows][["noise", "sign", "group", "cause"]]
    place = np.array([RENAMED[name] for name in case.place[rows]])
    finds_the_same(case.model, case.fit(X, case.y[rows], place), rename=RENAMED)


def test_fitting_twice_gives_the_same(case):
    again = clone(case.model).fit(case.X, case.y, environments=case.place)
    again.fit(case.X, case.y, environments=case.place)
    says_the_same(case.model, again, case.X, case.place)


def test_tables_are_computed_once(case):
    for name in (*TABLES, "path_", "forecast_", "diagnosis_"):
        assert getattr(case.model, name) is getattr(case.model, name)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_say_the_same(case, copied):
    says_the_same(case.model, copied(case.model), case.X, case.place)


def test_a_model_file_says_the_same(case, saved, tmp_path):
    again = load_model(saved)
    says_the_same(case.model, again, case.X, case.place)
    assert save_model(again, tmp_path / "again.json").read_text() == saved.read_text()
    entries = json.loads(saved.read_text())
    assert entries["status"] == case.model.status_


@pytest.mark.parametrize(
    "labels", [[3, 1, 2], [10**12, -4, 0], ["x,y", 'a "b"', ""], [True, False]], ids=str
)
def test_labels_of_classes_come_back_from_a_file(labels, tmp_path):
    X, y, place = draw("two classes" if len(labels) == 2 else "three classes")
    values = np.array(labels)[np.unique(y, return_inverse=True)[1]]
    model = InvariantClassifier().fit(X, values, environments=place)
    again = load_model(save_model(model, tmp_path / "model.json"))
    assert_array_equal(again.classes_, np.unique(values))
    assert again.classes_.dtype.kind == values.dtype.kind
    says_the_same(model, again, X, place)


def test_the_page_says_what_the_model_says(case, parsed, tmp_path):
    page = parsed(write_report(case.model, tmp_path / "page.html").read_text())
    assert case.model.answer_.explanation.lead in page.text
    assert all(note in page.text for note in case.model.notes_)
    words = f" {page.text.lower()} "
    assert " nan " not in words and " none " not in case.model.summary().lower()
    labels = {
        "number": ("change in target per", "root mean squared error of target", "predicted target"),
        "two classes": ("log odds of target=yes per", "mean log loss", "predicted share of yes"),
        "three classes": ("log odds of target per", "mean log loss", "share of each class"),
    }[case.kind]
    assert [label for label in labels if label not in words] == []
    if case.kind != "number":
        assert [word for word in NOT_OF_CLASSES if word in words] == []
    assert ("largest difference between two classes" in words) == (case.kind == "three classes")


def test_the_page_of_a_single_environment(case, alone, parsed, tmp_path):
    page = parsed(write_report(alone, tmp_path / "page.html").read_text())
    assert "nothing to compare" in page.text and " nan " not in page.text.lower()
    if case.kind != "number":
        assert [word for word in NOT_OF_CLASSES if word in page.text.lower()] == []


@pytest.mark.parametrize("kind", ["number", "three classes"])
def test_every_figure_is_a_file(kind, tmp_path):
    X, y, place = draw(kind)
    model = make(kind).fit(X, y, environments=place)
    written = write_figures(model, tmp_path)
    names = ["forest", "effects", "path", "errors", "break_even"]
    names += ["adaptation"] * hasattr(model, "adapt") + ["left_out", "diagnosis", "power"]
    assert list(written) == [f"{name}.png" for name in names]
    assert all(path.stat().st_size > 5000 for path in written.values())


@pytest.mark.parametrize(
    ("style", "mark"), [("text", "  cause"), ("markdown", "| cause |"), ("latex", "cause &"),
                        ("html", "<td>cause</td>")]
)  # fmt: skip
def test_summaries_in_every_format(case, style, mark):
    text = case.model.summary(style)
    assert mark in text and "nan" not in text.lower()
    with pytest.raises(DataError, match="format must be one of"):
        case.model.summary("docx")


def test_the_explanation_comes_in_parts(case):
    found = case.model.answer_.explanation
    parts = [found.lead, *found.body, f"What to do: {found.advice}"]
    assert str(found) == " ".join(parts)
    lines = case.model.explain().splitlines()
    assert " ".join(lines) == str(found) and max(map(len, lines)) <= 80
    assert found.lead.endswith(".") and found.advice.endswith(".") and all(found.body)
    assert case.model.answer_.headline in " ".join(case.model.summary().split())


def test_own_intercepts_are_used_where_they_are_known(case):
    y = case.y + 3.0 * (case.place == "site c") if case.kind == "number" else case.y
    model = case.fit(y=y, predictor="invariant")
    here, average = outputs(model, case.X, case.place), outputs(model, case.X)
    assert_array_equal(outputs(model, case.X, np.repeat("elsewhere", case.n_rows)), average)
    if case.intercept == "shared":
        assert model.environment_intercepts_ is None
        assert_array_equal(here, average)
    else:
        assert set(model.environment_intercepts_) == set(RENAMED)
        assert not np.allclose(here, average)


@pytest.mark.parametrize("predictor", ["invariant", "pooled"])
def test_what_predicts_can_be_asked_for(case, predictor):
    model = case.fit(predictor=predictor)
    assert model.predictor_ == predictor
    assert_array_equal(model.coef_, getattr(model, f"{predictor}_coef_"))
    assert ", as asked" in str(model.answer_.explanation)


def test_features_that_always_stay(case):
    model = case.fit(features_always=["noise", 1])
    assert model.selected_[[1, 3]].all()
    with pytest.raises(DataError, match="features_always names 'height'"):
        case.fit(features_always=["height"])


def test_environments_are_routed(case, routing):
    pipeline = make_pipeline(
        FunctionTransformer(), make(case.kind, intercept=case.intercept).set_fit_request(
            environments=True
        )
    )  # fmt: skip
    pipeline.fit(case.X, case.y, environments=case.place)
    assert_array_equal(
        pipeline.predict(case.X, environments=case.place),
        case.model.predict(case.X, environments=case.place),
    )
    scores = cross_validate(
        pipeline, case.X, case.y, cv=LeaveOneGroupOut(), error_score="raise",
        params={"environments": case.place, "groups": case.place},
    )["test_score"]  # fmt: skip
    assert scores.shape == (4,) and np.isfinite(scores).all()


def few_rows(case):
    few = np.flatnonzero(case.place == "site a")[4:]
    rows = np.setdiff1d(np.arange(case.n_rows), few)
    return {"X": case.X.iloc[rows], "y": case.y[rows], "place": case.place[rows]}


def constant_target(case):
    return {"y": np.where(case.place == "site b", case.y[0], case.y)}


def missing_target(case):
    y = case.y.astype(object)
    y[5] = np.nan if case.kind == "number" else None
    return {"y": y}


def missing_label(case):
    place = case.place.astype(object)
    place[7] = None
    return {"place": place}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (few_rows, "Environment 'site a' has 4"),
        (constant_target, "site b"),
        (missing_target, "missing"),
        (missing_label, "missing"),
        (lambda case: {"exclude_environments": ["site x"]}, "site x"),
        (lambda case: {"exclude_environments": list(RENAMED)}, "environment"),
        (lambda case: {"weight": np.full(case.n_rows, -1.0)}, "weight"),
        (lambda case: {"environment_weights": {"site a": 1.0}}, "environment_weights"),
        (lambda case: {"strengths": [3, 2, 1]}, "strengths must be >= 0 and increasing"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(case, change, words):
    with pytest.raises((DataError, ValueError)) as caught:
        case.fit(**change(case))
    message = str(caught.value)
    assert isinstance(caught.value, DataError)
    assert words in message and "\n" not in message and message.endswith(".")


def test_labels_of_two_kinds_are_refused():
    X, y, place = draw("two classes")
    mixed = np.where(y == "yes", 1, y.astype(object))
    with pytest.raises(DataError, match="names its classes in text and in numbers"):
        InvariantClassifier().fit(X, mixed, environments=place)


def test_environments_that_lack_a_class_are_named_together():
    X, y, place = draw("three classes")
    y = np.where((y == "maybe") & (place != "site d"), "no", y)
    notes = InvariantClassifier().fit(X, y, environments=place).notes_
    sentence = "Environments site a, site b and site c have no row of maybe and say nothing"
    assert sum(sentence in note for note in notes) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_many_environments_allow_a_forecast(kind, parsed, tmp_path):
    parts = [draw(kind, n=80, seed=seed) for seed in range(3)]
    X = pd.concat([part[0] for part in parts])
    y = np.concatenate([part[1] for part in parts])
    place = np.concatenate([np.char.add(part[2], f" in {k}") for k, part in enumerate(parts)])
    model = make(kind).fit(X, y, environments=place)
    found = model.forecast_
    assert found.reason == "" and found.limit > 0 and found.n_environments == 12
    assert np.isnan(model.margin_) == (kind != "number")
    bound, words = (
        (found.margin, "of the rows should lie within")
        if kind == "number"
        else (found.limit, "of new environments the mean log loss should be at most")
    )
    page = parsed(write_report(model, tmp_path / "page.html").read_text()).text
    assert f"{words} {bound:.3g}".rstrip("0") in page and "There is no" not in page
