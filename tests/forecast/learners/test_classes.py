"""Learners of classes: probabilities of all of them, whichever had rows."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from elinvar.errors import ModelFileError
from elinvar.forecast.learners import Boosting, Forest, Logistic, OnResiduals, learn, read_learnt

LINES = Logistic()
CURVES = Logistic(name="curves", n_knots=4, ridge=0.003)
LEARNERS = [
    LINES,
    CURVES,
    Boosting(n_leaves=8),
    Forest(n_trees=20),
    OnResiduals(name="curves + boosting", base=CURVES, trees=Boosting(n_leaves=8, n_trees=20)),
]


def loss(sample, predicted):
    return -np.log(predicted[np.arange(sample.n_rows), sample.y.astype(int)]).mean()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_probabilities_add_to_one_and_a_model_file_has_the_same(
    from_file, curved, learner, n_classes
):
    sample = curved(n_classes=n_classes, missing=0.1)
    learnt = learn(learner, sample)
    found = learnt.predict(sample.X)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert loss(sample, found) < 0.85 * np.log(n_classes)
    again = read_learnt(from_file(learnt.entries()), n_columns=5, n_classes=n_classes)
    np.testing.assert_array_equal(again.predict(sample.X), found)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_a_class_without_rows_is_unlikely_and_not_impossible(curved, learner):
    sample = curved(n_classes=3)
    rows = sample.rows(sample.y != 1)
    found = learn(learner, rows).predict(sample.X)
    np.testing.assert_allclose(found[:, 1], 1 / (rows.n_rows + 3))
    assert loss(rows, found[sample.y != 1]) < 0.6


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_rows_of_one_class_teach_that_class(from_file, curved, learner):
    sample = curved(n_classes=2)
    learnt = learn(learner, sample.rows(sample.y == 1))
    np.testing.assert_allclose(learnt.predict(sample.X)[:, 0], 1 / 202)
    again = read_learnt(from_file(learnt.entries()), n_columns=5, n_classes=2)
    np.testing.assert_array_equal(again.predict(sample.X), learnt.predict(sample.X))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_lines_are_logistic_regression(curved, n_classes):
    sample = curved(n_classes=n_classes)
    sample.X[:, 2:] = 0  # one column a feature, so whitening is scaling
    peer = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))
    expected = peer.fit(sample.X, sample.y).predict_proba(sample.X)
    np.testing.assert_allclose(LINES.fit(sample).predict(sample.X), expected, atol=1e-4)


def test_curves_bend_and_end(curved):
    sample = curved(n=2000, n_classes=2)
    lines, curves = LINES.fit(sample), CURVES.fit(sample)
    assert loss(sample, curves.predict(sample.X)) < 0.8 * loss(sample, lines.predict(sample.X))
    far = np.array([[5.0, 0, 1, 0, 0], [50.0, 0, 1, 0, 0]])
    assert np.ptp(curves.predict(far), axis=0).max() == 0


def test_many_coefficients_reach_the_same_optimum(curved, monkeypatch):
    sample = curved(n_classes=3)
    expected = CURVES.fit(sample).predict(sample.X)
    monkeypatch.setattr("elinvar.forecast.learners._logistic._MANY_COEFFICIENTS", 0)
    np.testing.assert_allclose(CURVES.fit(sample).predict(sample.X), expected, atol=0.005)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_classes_that_can_be_separated_have_finite_log_odds(curved, learner):
    sample = curved(n_classes=2)
    sample.X[:, 0] = sample.y
    found = learn(learner, sample).predict(sample.X)
    assert found.min() > 1e-3
    assert loss(sample, found) < 0.2


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_where_nothing_varies_classes_are_as_frequent_as_they_are(curved, learner):
    sample = curved(n_classes=3)
    sample.X[:] = 1.0
    found = learner.fit(sample).predict(sample.X)[0]
    np.testing.assert_allclose(found, np.bincount(sample.y.astype(int)) / 400, atol=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"present": [1, 0]},
        {"present": [0, 2]},
        {"n_rows": 0},
        {"learnt": None},
        {"learnt": {"kind": "classes"}},
    ],
    ids=str,
)
def test_a_file_of_other_classes_is_refused(from_file, curved, change):
    entries = learn(LINES, curved(n_classes=2)).entries()
    with pytest.raises(ModelFileError):
        read_learnt(from_file(entries | change), n_columns=5, n_classes=2)


@pytest.mark.parametrize(
    "change", [{"coef": [[1.0]]}, {"coef": [[None]] * 5}, {"intercept": [0.0, 0.0]}], ids=str
)
def test_a_file_of_other_coefficients_is_refused(from_file, curved, change):
    entries = LINES.fit(curved(n_classes=2)).entries()
    with pytest.raises(ModelFileError):
        read_learnt(from_file(entries | change), n_columns=5, n_classes=2)


def test_a_file_of_other_shares_is_refused(from_file, curved):
    entries = learn(Forest(n_trees=2), curved(n_classes=3)).entries()["learnt"]
    for n_classes in (0, 2):
        with pytest.raises(ModelFileError):
            read_learnt(from_file(entries), n_columns=5, n_classes=n_classes)
    scores = Boosting(n_trees=2).fit(curved(n_classes=2)).entries()
    with pytest.raises(ModelFileError, match="n_classes"):
        read_learnt(from_file(entries | {"own": [scores] * 3}), n_columns=5, n_classes=3)


def test_a_forest_of_classes_has_the_frequencies_of_its_leaves(curved):
    sample = curved(n=2000, n_classes=2)
    sample.X[:, 1] = np.random.default_rng(0).integers(0, 2, 2000)
    sample.X[:, [0, 2, 3, 4]] = 0
    sample.y[:] = np.random.default_rng(1).random(2000) < 0.1 + 0.02 * sample.X[:, 1]
    found = Forest().fit(sample).predict(sample.X)[:, 1]
    for value in (0, 1):
        own = sample.X[:, 1] == value
        np.testing.assert_allclose(found[own], sample.y[own].mean(), atol=0.01)
