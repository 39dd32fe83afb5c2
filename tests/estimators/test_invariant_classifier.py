"""Invariant effects on the log odds: oracles, the size of the test, and what is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.optimize import brentq
from scipy.stats import t
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from elinvar import InvariantClassifier, load_model, save_model
from elinvar.datasets import make_coloured_digits, make_linear_unit_test
from elinvar.environments import Environments
from elinvar.errors import DataError
from elinvar.inference import LogisticLoss

P = 8


def draw(seed, *, n_environments=5, n=2000, n_classes=2, p=P):
    """Three parents whose laws change, the class, three effects of it that change, bystanders."""
    rng = np.random.default_rng(seed)
    roles = rng.permutation(p)
    parents, children = roles[:3], roles[3:6]
    beta = np.zeros((n_classes - 1, p))
    beta[:, parents] = rng.uniform(0.6, 1.4, (n_classes - 1, 3)) * rng.choice([-1, 1], 3)
    mixing = np.eye(3) + np.tril(rng.normal(size=(3, 3)) / 2, -1)
    marks = rng.normal(size=(3, n_classes))
    parts = []
    for _ in range(n_environments):
        X = rng.normal(size=(n, p))
        spread, shift = rng.uniform(0.6, 1.8, 3), 0.7 * rng.normal(size=3)
        X[:, parents] = (rng.normal(size=(n, 3)) * spread + shift) @ mixing.T
        odds = np.column_stack([np.zeros(n), X @ beta.T + 0.3])
        y = (odds + rng.gumbel(size=odds.shape)).argmax(axis=1)
        for mark, child in zip(marks, children, strict=True):
            X[:, child] += (rng.uniform(-0.5, 2) * mark)[y] + 0.4 * X[:, parents[0]]
        parts.append((X, y))
    place = np.repeat([f"e{e}" for e in range(n_environments)], n)
    X, y = (np.concatenate(part) for part in zip(*parts, strict=True))
    return X, y, place, np.isin(np.arange(p), parents)


def loss_of(X, y, place, **options):
    rows = Environments.from_arrays(X, np.asarray(y, dtype=float), place)
    return LogisticLoss.from_rows(rows, tuple(map(str, range(int(y.max()) + 1))), **options)


@pytest.fixture(scope="module")
def small():
    return draw(1, n_environments=4, n=400)


@pytest.fixture(scope="module")
def fitted(small):
    X, y, place, _ = small
    return InvariantClassifier().fit(X, y, environments=place)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_score_equations(n_classes):
    X, y, place, _ = draw(2, n=500, n_classes=n_classes)
    model = InvariantClassifier(predictor="pooled", calibrate=False).fit(X, y, environments=place)
    for chosen, predictor in ((np.ones(P, dtype=bool), "pooled"), (model.selected_, "invariant")):
        model.set_params(predictor=predictor).fit(X, y, environments=place)
        residual = (y[:, None] == np.arange(n_classes)) - model.predict_proba(X)
        design = np.column_stack([np.ones(len(X)), X[:, chosen]])
        # what is left is the pull of the ridge
        assert np.abs(design.T @ residual).max() < 5e-3
        assert (model.coef_[:, ~chosen] == 0).all()


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("several", [False, True])
def test_agrees_with_scikit_learn(n_classes, several):
    X, y, place, _ = draw(3, n=300, n_classes=n_classes)
    model = InvariantClassifier(predictor="pooled", calibrate=False)
    model.fit(X, y, environments=place if several else None)
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=2000).fit(X, y)
    np.testing.assert_allclose(model.coef_, other.coef_, atol=2e-5)
    np.testing.assert_allclose(model.intercept_, other.intercept_, atol=2e-5)
    np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(model.decision_function(X), other.decision_function(X), atol=2e-4)
    np.testing.assert_array_equal(model.predict(X), other.predict(X))


def test_weights_count_rows(small):
    X, y, place, _ = small
    weight = 1.0 + (np.arange(len(y)) % 3 == 0)
    twice = np.repeat(np.arange(len(y)), weight.astype(int))
    light = InvariantClassifier().fit(X, y, environments=place, sample_weight=weight)
    heavy = InvariantClassifier().fit(X[twice], y[twice], environments=place[twice])
    np.testing.assert_array_equal(light.selected_, heavy.selected_)
    np.testing.assert_allclose(light.coef_, heavy.coef_, rtol=1e-5, atol=1e-8)
    assert light.p_value_ == pytest.approx(heavy.p_value_, rel=1e-4)


def test_order_does_not_matter(small, fitted):
    X, y, place, _ = small
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(y)), rng.permutation(P)
    scale = rng.uniform(0.1, 10, P)
    other = InvariantClassifier().fit(
        (X * scale)[rows][:, columns], y[rows], environments=place[rows]
    )
    np.testing.assert_array_equal(other.selected_, fitted.selected_[columns])
    np.testing.assert_allclose(
        other.coef_ * scale[columns], fitted.coef_[:, columns], rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_statistic_is_that_of_wald_to_first_order(intercept):
    X, y, place, parents = draw(4, n=4000)
    loss = loss_of(X, y, place, intercept=intercept)
    table, (fit,) = loss.assess(parents[None]), loss.refits(parents[None])
    off = fit.own - fit.coef
    wald = np.einsum("ej,ejk,ek->", off, np.linalg.inv(fit.own_covariance), off)
    assert table.freedom[0] == 4 * (4 if intercept == "shared" else 3)
    assert table.statistic[0] == pytest.approx(wald, rel=0.1)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_size_and_power(n_classes):
    seeds = 120 if n_classes == 2 else 60
    p_values, wrong = [], []
    for seed in range(seeds):
        X, y, place, parents = draw(seed, n=300, n_classes=n_classes)
        masks = np.array([parents, np.ones(P, dtype=bool)])
        right, full = loss_of(X, y, place).assess(masks).p_value
        p_values.append(right)
        wrong.append(full)
    # three standard deviations of a share of 0.05
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / seeds)
    assert 0.35 < np.mean(p_values) < 0.6
    assert np.mean(np.array(wrong) < 0.01) > 0.95


def test_parents_are_found():
    scores = []
    for seed in range(6):
        X, y, place, parents = draw(seed)
        model = InvariantClassifier().fit(X, y, environments=place)
        hits = (model.selected_ & parents).sum()
        scores.append(2 * hits / (model.selected_.sum() + parents.sum()))
        assert model.status_ in ("accepted", "borderline")
    assert np.mean(scores) >= 0.95


def test_parents_of_several_classes():
    X, y, place, parents = draw(5, n_classes=3, n=1000)
    model = InvariantClassifier().fit(X, np.array(["a", "b", "c"])[y], environments=place)
    np.testing.assert_array_equal(model.selected_, parents)
    verdicts = model.evidence_["verdict"].to_numpy()
    assert "invariant" in verdicts[parents] and "spurious" not in verdicts[parents]
    assert "spurious" in verdicts[~parents] and "invariant" not in verdicts[~parents]


def test_verdicts_and_intervals():
    X, y, place, parents = draw(6)
    model = InvariantClassifier().fit(X, y, environments=place)
    table = model.evidence_
    assert set(table["verdict"][parents]) == {"invariant"}
    assert "spurious" in set(table["verdict"][~parents])
    assert (table["low"] <= table["effect"]).all() and (table["effect"] <= table["high"]).all()
    np.testing.assert_allclose(table["effect"][parents], model.invariant_coef_[0, parents])
    np.testing.assert_allclose(table["pooled_effect"], model.pooled_coef_[0])
    own = LogisticRegression(C=np.inf, tol=1e-10).fit(
        X[place == "e0"][:, parents], y[place == "e0"]
    )
    effects = model.effects_.set_index(["feature", "environment"])["effect"]
    names = table["feature"][parents]
    np.testing.assert_allclose([effects[name, "e0"] for name in names], own.coef_[0], rtol=1e-3)
    assert "spurious" in model.summary() and "; nothing of " in str(model.answer_.explanation)


@pytest.mark.parametrize("n_environments", [2, 3])
def test_what_is_called_invariant_is(n_environments):
    right, spurious = [], []
    for seed in range(12):
        X, y, place, parents = draw(50 + seed, n_environments=n_environments, n=600)
        model = InvariantClassifier(calibrate=False).fit(X, y, environments=place)
        verdicts = model.evidence_["verdict"].to_numpy()
        right += list(parents[verdicts == "invariant"])
        spurious += list(~parents[verdicts == "spurious"])
    assert len(right) > 3 and np.mean(right) >= 0.9
    assert len(spurious) > 3 and np.mean(spurious) >= 0.95


@pytest.mark.parametrize(("example", "most"), [(2, 0.0005), (3, 0.015)])
def test_linear_unit_tests(example, most):
    known = make_linear_unit_test(example, rng=0)
    model = InvariantClassifier().fit(known.X, known.y, environments=known.environments)
    new = known.new_environments(10_000, rng=1)
    assert model.status_ == "accepted" and not model.selected_[5:].any()
    assert 1 - model.score(new.X, new.y) <= most
    separated = [note for note in model.notes_ if "without a mistake" in note]
    assert len(separated) == (example == 2)


def test_combinations_predict_where_columns_are_mixed():
    known = make_linear_unit_test(3, n_environments=10, n_samples=1000, rotated=True, rng=0)
    model = InvariantClassifier().fit(known.X, known.y, environments=known.environments)
    assert model.status_ == "accepted" and not model.selected_.any()
    assert model.predictor_ == "subspace"
    assert "combinations of columns that hold" in model.notes_[0]
    assert "with 5 combinations that come and go left out" in model.notes_[1]
    assert "combinations of columns that hold everywhere predict" in str(model.answer_.explanation)
    new = known.new_environments(10_000, rng=1)
    oracle = LogisticRegression(C=np.inf).fit(known.invariant_columns(known.X), known.y)
    wrong = 1 - oracle.score(known.invariant_columns(new.X), new.y)
    assert 1 - model.score(new.X, new.y) < wrong + 0.002
    # the size of the log odds is fitted, too
    assert log_loss(new.y, model.predict_proba(new.X)) < 1.1 * log_loss(
        new.y, oracle.predict_proba(known.invariant_columns(new.X))
    )
    table = model.errors_
    assert (table["used"] < table["mean"]).all()
    few = np.isin(known.environments, ["E0", "E1", "E2"])
    other = InvariantClassifier(predictor="invariant")
    other.fit(known.X[few], known.y[few], environments=known.environments[few])
    assert any("shares of classes" in note for note in other.notes_)


def test_combinations_are_sought_for_two_classes_only():
    known = make_linear_unit_test(3, n_environments=10, n_samples=500, rotated=True, rng=0)
    three = known.y + (np.random.default_rng(0).random(len(known.y)) < 0.3) * 2
    model = InvariantClassifier().fit(
        known.X, np.minimum(three, 2), environments=known.environments
    )
    assert model.predictor_ != "subspace"
    assert any("sought for two classes only" in note for note in model.notes_)


def test_discriminants_tell_separated_classes_apart():
    rng = np.random.default_rng(0)
    p_values, others = [], []
    for _ in range(100):
        y = np.arange(900) % 2
        place = np.repeat(["a", "b", "c"], 300)
        X = 6.0 * y[:, None] + rng.normal(size=(900, 2))
        gain = np.repeat([1.0, 1.4, 2.0], 300)[:, None]
        for features, found in ((X, p_values), (X * gain, others)):
            loss = loss_of(features, y, place)
            table = loss.assess(np.ones((1, 2), dtype=bool))
            assert loss.refits(np.ones((1, 2), dtype=bool))[0].test_alone
            assert table.freedom[0] == 4
            found.append(table.p_value[0])
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)
    assert np.mean(np.array(others) < 0.05) > 0.95


def test_coloured_digits():
    known = make_coloured_digits(n_samples=700, rng=0)
    model = InvariantClassifier(predictor="invariant")
    model.fit(known.X, known.y, environments=known.environments)
    new = known.new_environments(3000, rng=1)
    grey = LogisticRegression(C=np.inf, max_iter=3000).fit(known.X[:, :-1], known.y)
    oracle = 1 - grey.score(new.X[:, :-1], new.y)
    assert model.status_ == "accepted" and not model.selected_[-1]
    assert 1 - model.score(new.X, new.y) < oracle + 0.06
    assert any("Two environments are few" in note for note in model.notes_)
    # two environments alone do not tell that colour will fail
    both = known.X @ model.pooled_coef_[0] + model.pooled_intercept_
    assert np.mean((both > 0) == known.y) > 0.8


def overfitted(seed, n_environments):
    """Few rows for many columns: any fit is too sure, and in every environment."""
    rng = np.random.default_rng(seed)
    n = 60 * n_environments
    X = rng.normal(size=(n, 20))
    y = (rng.random(n) < 1 / (1 + np.exp(1 - X[:, 0]))).astype(int)
    return X, y, np.repeat([f"e{e}" for e in range(n_environments)], 60)


def test_calibration_is_what_environments_agree_on():
    X, y, place = overfitted(1, 10)
    model = InvariantClassifier(predictor="invariant", features_always=list(range(X.shape[1])))
    model.fit(X, y, environments=place)
    centre = X.mean(axis=0)[None]
    level, eta = np.empty(len(y)), np.empty(len(y))
    for name in np.unique(place):
        here = place == name
        rest = LogisticRegression(C=np.inf, tol=1e-10).fit(X[~here], y[~here])
        level[here] = rest.decision_function(centre)[0]
        eta[here] = rest.decision_function(X[here]) - level[here]

    def slope(rows):
        def score(s):
            share = 1 / (1 + np.exp(-level[rows] - s * eta[rows]))
            return (share - y[rows]) @ eta[rows] + s - 1

        return brentq(score, 0, 5)

    best = slope(np.ones(len(y), dtype=bool))
    without = np.array([slope(place != name) for name in np.unique(place)])
    variance = 9 / 10 * ((without - best) ** 2).sum()
    expected = 1 + (best - 1) * (1 - t(9).ppf(0.9) ** 2 * variance / (best - 1) ** 2)
    assert best < expected < 0.9
    # environments are left out by one Newton step
    assert model.calibration_ == pytest.approx(expected, abs=0.03)
    # the log odds at the centre stay as they are
    plain = clone(model).set_params(calibrate=False).fit(X, y, environments=place)
    np.testing.assert_allclose(model.decision_function(centre), plain.decision_function(centre))


def test_calibration_helps_where_fits_are_too_sure_and_does_not_harm_elsewhere():
    lower, elsewhere = [], []
    for seed in range(4):
        X, y, place = overfitted(seed, 16)
        train = np.isin(place, [f"e{e}" for e in range(6)])
        model = InvariantClassifier(predictor="pooled")
        losses = []
        for calibrate in (True, False):
            model.set_params(calibrate=calibrate).fit(X[train], y[train], environments=place[train])
            losses.append(log_loss(y[~train], model.predict_proba(X[~train])))
        lower.append(losses[0] / losses[1])
        X, y, place, parents = draw(seed, n_environments=5, n=300)
        elsewhere.append(loss_of(X, y, place).support_model(parents).slope)
    assert max(lower) <= 1 and np.mean(lower) < 0.99
    assert min(elsewhere) > 0.97


def test_calibrated_in_new_environments():
    for seed in range(3):
        X, y, place, _ = draw(seed, n_environments=8, n=1000)
        train = np.isin(place, ["e0", "e1", "e2", "e3", "e4"])
        model = InvariantClassifier().fit(X[train], y[train], environments=place[train])
        shares = model.predict_proba(X[~train])[:, 1]
        assert abs(shares.mean() - y[~train].mean()) < 0.03
        assert LogisticRegression(C=np.inf).fit(
            model.decision_function(X[~train])[:, None], y[~train]
        ).coef_[0, 0] == pytest.approx(1, abs=0.1)


def test_one_environment_is_pooled(small):
    X, y, _, _ = small
    model = InvariantClassifier().fit(X, y)
    assert (model.status_, model.predictor_) == ("pooled_only", "pooled")
    assert model.p_value_ == 1 and model.calibration_ == 1 and not model.selected_.any()
    assert set(model.evidence_["verdict"]) == {"undecided"}
    assert len(model.errors_) == 0
    assert "one environment only" in model.summary()
    assert "one environment only" in str(model.answer_.explanation)


def test_rejected_where_the_target_itself_is_acted_on():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 3))
    place = np.repeat(["a", "b", "c"], 1000)
    turned = np.repeat([1.0, -1.0, 0.3], 1000)
    y = rng.random(3000) < 1 / (1 + np.exp(-2 * turned * X[:, 0] - np.repeat([0, 1, -1], 1000)))
    model = InvariantClassifier().fit(X, y, environments=place)
    assert (model.status_, model.predictor_) == ("rejected", "pooled")
    np.testing.assert_array_equal(model.coef_, model.pooled_coef_)
    assert "invariance is rejected" in model.answer_.headline
    assert any("Predictions come from the pooled model" in note for note in model.notes_)
    assert "invariant" not in set(model.evidence_["verdict"])
    forced = InvariantClassifier(predictor="invariant").fit(X, y, environments=place)
    assert any("asks for it" in note for note in forced.notes_)


def test_copies_are_untested():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2000, 3))
    y = rng.random(2000) < 1 / (1 + np.exp(-X[:, 0]))
    model = InvariantClassifier().fit(X, y, environments=np.arange(2000) % 4)
    assert model.status_ == "untested"
    assert "invariant" not in set(model.evidence_["verdict"])


def test_errors_are_those_of_refits(small, fitted):
    X, y, place, _ = small
    table = fitted.errors_.set_index("environment")
    # three environments are too few to calibrate on
    pooled = clone(fitted).set_params(predictor="pooled")
    for name in ("e0", "e3"):
        here = place == name
        pooled.fit(X[~here], y[~here], environments=place[~here])
        share = pooled.predict_proba(X[here])
        assert table.loc[name, "pooled"] == pytest.approx(log_loss(y[here], share))
        assert table.loc[name, "pooled_wrong"] == pytest.approx(1 - pooled.score(X[here], y[here]))
        mean = log_loss(y[here], np.full(here.sum(), y[~here].mean()))
        assert table.loc[name, "mean"] == pytest.approx(mean, rel=1e-4)
    assert (table["rows"] == 400).all()


@pytest.mark.parametrize(
    "labels", [["no", "yes"], [False, True], [3, 7], [-1.0, 1.0]], ids=["text", "bool", "int", "1"]
)
def test_classes_of_any_kind(small, fitted, labels):
    X, y, place, _ = small
    named = np.array(labels)[y]
    model = InvariantClassifier().fit(X, named, environments=place)
    assert list(model.classes_) == labels and is_classifier(model)
    np.testing.assert_array_equal(model.coef_, fitted.coef_)
    np.testing.assert_array_equal(model.predict(X) == named, fitted.predict(X) == y)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_with_text(small, library):
    X, y, place, _ = small
    colour = np.random.default_rng(0).choice(["blue", "green", "red"], len(y))
    y = np.where(colour == "red", 1, y)
    frame = pytest.importorskip(library).DataFrame(
        {**{f"f{j}": X[:, j] for j in range(P)}, "colour": colour}
    )
    model = InvariantClassifier().fit(frame, pd.Series(y, name="ill"), environments=place)
    assert model.schema_.levels == {"colour": ("blue", "green", "red")}
    assert model.schema_.target == "ill" and model.coef_.shape == (1, P + 3)
    assert list(model.feature_names_in_) == [*(f"f{j}" for j in range(P)), "colour"]
    assert model.selected_[-1]
    effect = model.evidence_["effect"].iloc[-1]
    levels = model.invariant_coef_[0, -3:]
    assert effect == pytest.approx(levels.max() - levels.min())
    assert np.isfinite(model.predict_proba(frame)).all()


def test_constant_and_repeated_columns(small):
    X, y, place, _ = small
    wide = np.column_stack([X, np.ones(len(y)), 3 * X[:, 0]])
    model = InvariantClassifier().fit(wide, y, environments=place)
    assert (model.coef_[:, P:] == 0).all() and not model.selected_[P:].any()
    assert any("Constant" in note for note in model.notes_)
    assert any("repeats x0" in note for note in model.notes_)


def test_features_that_always_stay(small):
    X, y, place, parents = small
    extra = int(np.flatnonzero(~parents)[0])
    model = InvariantClassifier(features_always=[extra]).fit(X, y, environments=place)
    assert model.selected_[extra]


def test_environments_can_be_left_out(small):
    X, y, place, _ = small
    some = place != "e3"
    model = InvariantClassifier(exclude_environments=["e3"]).fit(X, y, environments=place)
    same = InvariantClassifier().fit(X[some], y[some], environments=place[some])
    np.testing.assert_array_equal(model.coef_, same.coef_)
    assert model.environments_ == ("e0", "e1", "e2")


def test_a_class_that_an_environment_lacks():
    X, y, place, _ = draw(7, n=250, n_classes=3)
    keep = ~((place == "e0") & (y == 2))
    model = InvariantClassifier().fit(X[keep], y[keep], environments=place[keep])
    assert any("Environment e0 has no row of 2" in note for note in model.notes_)
    assert model.predict_proba(X).shape == (len(X), 3)
    assert len(model.errors_) == 5


def test_an_environment_of_one_class_is_refused(small):
    X, y, place, _ = small
    y = np.where(place == "e1", 1, y)
    with pytest.raises(DataError, match=r"'e1' holds one class only \('1'\)"):
        InvariantClassifier().fit(X, y, environments=place)
    InvariantClassifier(exclude_environments=["e1"]).fit(X, y, environments=place)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y, e: (X, np.where(y == 1, np.nan, y), e), "target is missing"),
        (lambda X, y, e: (X, [None, *np.where(y, "a", "b")[1:]], e), "target is missing"),
        (lambda X, y, e: (X, np.ones(len(y)), e), "one class only"),
        (lambda X, y, e: (X, y + 0.5 * X[:, 0], e), "Unknown label type"),
        (lambda X, y, e: (np.where(X > 1, np.nan, X), y, e), "missing"),
        (lambda X, y, e: (X, y[1:], e), "1599"),
        (lambda X, y, e: (X, y, e[1:]), "1599"),
        (lambda X, y, e: (X, y, [*e[1:], "alone"]), "'alone' has 1 row"),
    ],
)
def test_what_is_refused(small, change, message):
    X, y, place, _ = small
    X, y, place = change(X, y, place)
    with pytest.raises(DataError, match=message) as caught:
        InvariantClassifier().fit(X, y, environments=place)
    assert "\n" not in str(caught.value)


def test_environments_are_routed(small):
    X, y, place, _ = small
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), InvariantClassifier())
        pipeline.fit(X, y, environments=place)
        assert pipeline[-1].environments_ == ("e0", "e1", "e2", "e3")
        leave = LeaveOneGroupOut()
        routed = {"environments": place, "groups": place}
        found = cross_validate(pipeline, X, y, cv=leave, params=routed, scoring="neg_log_loss")
        assert np.isfinite(found["test_score"]).all()
        grid = {"invariantclassifier__predictor": ["auto", "pooled"]}
        search = GridSearchCV(pipeline, grid, cv=leave).fit(X, y, **routed)
        assert search.best_params_["invariantclassifier__predictor"] in {"auto", "pooled"}


def test_pickles_keep_tables_but_no_rows(small, fitted, tmp_path):
    skops = pytest.importorskip("skops.io")

    X, *_ = small
    text = pickle.dumps(fitted)
    assert len(text) < X.nbytes / 3
    skops.dump(fitted, tmp_path / "model.skops")
    needed = skops.get_untrusted_types(file=tmp_path / "model.skops")
    assert all(name.startswith("elinvar.") for name in needed), needed
    for loaded in (pickle.loads(text), skops.load(tmp_path / "model.skops", trusted=needed)):
        np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
        assert loaded.summary() == fitted.summary()


def shifted_shares(seed=0, n=600):
    """Slopes hold; the shares of classes shift by themselves from place to place."""
    rng = np.random.default_rng(seed)
    place = np.repeat(["a", "b", "c", "d"], n)
    X = rng.normal(size=(4 * n, 3)) * np.repeat([0.7, 1.0, 1.5, 2.0], n)[:, None]
    level = np.repeat([1.0, -1.0, 0.5, -0.5], n)
    y = rng.random(4 * n) < 1 / (1 + np.exp(-(X[:, 0] - X[:, 1] + level)))
    return X, np.where(y, "yes", "no"), place


def test_own_intercepts_predict_where_the_environment_is_known():
    X, y, place = shifted_shares()
    model = InvariantClassifier(intercept="environment", predictor="invariant")
    model.fit(X, y, environments=place)
    assert model.status_ == "accepted" and model.selected_.tolist() == [True, True, False]
    assert set(model.environment_intercepts_) == {"a", "b", "c", "d"}
    known = model.predict_proba(X, environments=place)[:, 1]
    for name in "abcd":
        here = place == name
        assert known[here].mean() == pytest.approx((y[here] == "yes").mean(), abs=1e-4)
    average = model.predict_proba(X)
    elsewhere = model.predict_proba(X, environments=np.full(len(y), "new"))
    np.testing.assert_array_equal(average, elsewhere)
    assert model.score(X, y, environments=place) > model.score(X, y)
    assert log_loss(y, known) < log_loss(y, average) - 0.03
    odds = model.decision_function(X, environments=place)
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), known)
    assert (model.predict(X, environments=place) == "yes").mean() == np.mean(known > 0.5)
    assert "c" in set(model.residuals_["environment"]) and len(model.tests_) == 1


@pytest.mark.parametrize("labels", [["no", "yes"], [3, 7], [False, True], ["a", "b", "c"]])
def test_model_files_bring_everything_back(small, tmp_path, labels):
    X, y, place, _ = small
    if len(labels) == 3:
        X, y, place, _ = draw(7, n=250, n_classes=3)
    named = np.array(labels)[y]
    model = InvariantClassifier(intercept="environment").fit(X, named, environments=place)
    loaded = load_model(save_model(model, tmp_path / "model.json"))
    assert loaded.classes_.dtype.kind == model.classes_.dtype.kind
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(
        loaded.predict_proba(X, environments=place), model.predict_proba(X, environments=place)
    )
    for name in ("evidence_", "effects_", "tests_", "residuals_", "errors_", "left_out_"):
        pd.testing.assert_frame_equal(getattr(loaded, name), getattr(model, name))
    assert (loaded.summary(), loaded.explain()) == (model.summary(), model.explain())
    assert loaded.forecast_ == model.forecast_ or np.isnan(model.forecast_.limit)
    np.testing.assert_array_equal(loaded.path_.coef, model.path_.coef)
