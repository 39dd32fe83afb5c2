"""What every learner must do, and what each is for."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import SVC

from elinvar.baselines import RandomInterceptRegressor
from elinvar.errors import DataError, ModelFileError
from elinvar.forecast.learners import (
    Additive,
    Boosting,
    Foreign,
    Forest,
    OnResiduals,
    fit_once,
    read_learnt,
)

LINES = Additive(name="least squares")
CURVES = Additive(name="curves", n_knots=4, ridge=0.003)
LEARNERS = [
    LINES,
    Additive(name="random intercept", level="random"),
    CURVES,
    Boosting(n_leaves=8),
    Forest(n_trees=20),
    OnResiduals(name="curves + boosting", base=CURVES, trees=Boosting(n_leaves=8)),
]
CLASSES = [
    Boosting(n_leaves=8),
    OnResiduals(name="twice", base=Boosting(n_trees=5), trees=Boosting(n_leaves=4, n_trees=10)),
]


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_a_model_file_predicts_the_same(from_file, curved, learner):
    sample = curved(missing=0.1)
    learnt = learner.fit(sample)
    found = learnt.predict(sample.X)
    assert found.shape == (400, 1)
    assert np.isfinite(found).all()
    again = read_learnt(from_file(learnt.entries()), n_columns=5, n_classes=0)
    np.testing.assert_array_equal(again.predict(sample.X), found)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("learner", CLASSES, ids=lambda learner: learner.name)
def test_classes_get_probabilities(from_file, curved, learner, n_classes):
    sample = curved(n_classes=n_classes)
    learnt = learner.fit(sample)
    found = learnt.predict(sample.X)
    assert found.shape == (400, n_classes)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == sample.y).mean() > 0.75
    again = read_learnt(from_file(learnt.entries()), n_columns=5, n_classes=n_classes)
    np.testing.assert_array_equal(again.predict(sample.X), found)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_a_value_that_was_never_missing_in_training_may_be_missing_later(curved, learner):
    learnt = learner.fit(curved())
    row = np.array([[0.3, 0.2, 0.0, 1.0, 0.0]])
    lost = np.array([[np.nan, 0.2, np.nan, np.nan, np.nan]])
    assert abs(learnt.predict(lost) - learnt.predict(row)).max() < 2


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_few_rows_and_constant_columns_are_learnt(curved, learner):
    sample = curved(n=7)
    sample.X[:, 1] = 2.0
    assert np.isfinite(learner.fit(sample).predict(sample.X)).all()


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_the_target_s_unit_changes_nothing(curved, learner):
    sample = curved()
    plain = learner.fit(sample).predict(sample.X)
    moved = learner.fit(sample.aimed_at(1e6 + 50 * sample.y)).predict(sample.X)
    np.testing.assert_allclose(moved, 1e6 + 50 * plain, atol=0.01, rtol=0)


def test_a_weight_of_two_is_the_row_twice(curved):
    sample = curved(n=100)
    twice = sample.rows(np.concatenate([np.arange(100), np.arange(30)]))
    sample.weight[:30] = 2
    np.testing.assert_allclose(
        LINES.fit(sample).predict(sample.X), LINES.fit(twice).predict(sample.X), atol=1e-8
    )


def test_least_squares_is_least_squares(curved):
    sample = curved()
    expected = LinearRegression().fit(sample.X, sample.y).predict(sample.X)
    found = LINES.fit(sample).predict(sample.X)[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_random_intercept_agrees_with_the_engine_of_moments(curved):
    sample = curved(n=120, n_environments=12, seed=3)
    sample.y[:] += np.random.default_rng(1).normal(size=12)[sample.codes]
    expected = RandomInterceptRegressor().fit(sample.X[:, :4], sample.y, environments=sample.codes)
    learnt = Additive(level="random").fit(sample)
    grid = np.eye(5)[:2]
    found = (learnt.predict(grid) - learnt.predict(0 * grid))[:, 0]
    np.testing.assert_allclose(found, expected.coef_[:2], atol=0.005)


def test_curves_bend_and_end(curved):
    sample = curved(n=2000)
    lines, curves = LINES.fit(sample), CURVES.fit(sample)
    assert (
        abs(curves.predict(sample.X)[:, 0] - sample.y).mean()
        < 0.8 * abs(lines.predict(sample.X)[:, 0] - sample.y).mean()
    )
    far = np.array([[5.0, 0, 1, 0, 0], [50.0, 0, 1, 0, 0]])
    assert np.ptp(curves.predict(far)) == 0


def test_lines_run_on_beyond_the_rows_but_not_for_ever(curved):
    sample = curved()
    learnt, X = LINES.fit(sample), np.repeat(sample.X[:1], 4, axis=0)
    least, most = sample.X[:, 0].min(), sample.X[:, 0].max()
    span = most - least
    X[:, 0] = [most, most + span / 2, most + span, most + 100 * span]
    at, near, end, far = learnt.predict(X)[:, 0]
    assert near - at == pytest.approx(end - near)
    assert far == end
    own = Foreign(name="mine", estimator=LinearRegression()).fit(sample).predict(X)[:, 0]
    assert own[3] - own[0] == pytest.approx(100 * (own[2] - own[0]))


def test_rows_of_residuals_share_bins_but_no_fits(curved):
    sample = curved()
    first = fit_once(CURVES, sample)
    assert fit_once(CURVES, sample) is first
    assert fit_once(CURVES, sample.aimed_at(-sample.y)) is not first
    Boosting().fit(sample)
    assert sample.aimed_at(-sample.y).shared is sample.shared
    assert sample.rows(np.arange(10)).shared == {}


def test_an_estimator_of_scikit_learn_can_join(curved):
    sample = curved(missing=0.1)
    learnt = Foreign(name="mine", estimator=LinearRegression()).fit(sample)
    expected = LINES.fit(sample).predict(sample.X)
    np.testing.assert_allclose(learnt.predict(sample.X), expected, atol=1e-4)
    with pytest.raises(DataError, match=r"'mine'.*save the model with skops"):
        learnt.entries()


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_rows_gives_their_mean_or_something_near(curved, learner, n):
    sample = curved(n=n)
    found = learner.fit(sample).predict(sample.X)
    assert (np.abs(found[:, 0] - sample.y.mean()) <= np.ptp(sample.y) + 1e-9).all()


def test_a_classifier_of_scikit_learn_can_join_if_it_says_how_likely(curved):
    sample = curved(n_classes=3)
    learner = Foreign(name="mine", estimator=LogisticRegression())
    # a class without rows keeps its place
    found = learner.fit(sample.rows(sample.y != 1)).predict(sample.X)
    assert (found[:, 1] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    with pytest.raises(DataError, match=r"'mine'.*predict_proba"):
        Foreign(name="mine", estimator=SVC()).fit(sample)


def test_a_file_of_other_columns_or_classes_is_refused(from_file, curved):
    entries = OnResiduals(name="", base=LINES, trees=Boosting(n_trees=2)).fit(curved()).entries()
    for size in ({"n_columns": 4, "n_classes": 0}, {"n_columns": 5, "n_classes": 2}):
        with pytest.raises(ModelFileError):
            read_learnt(from_file(entries), **size)
    with pytest.raises(ModelFileError, match="kind"):
        read_learnt(from_file(entries | {"kind": "pickle"}), n_columns=5, n_classes=0)
    nested = {"kind": "residuals", "base": entries, "trees": entries["trees"]}
    with pytest.raises(ModelFileError, match="base"):
        read_learnt(from_file(nested), n_columns=5, n_classes=0)
