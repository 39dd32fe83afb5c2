"""Networks behind the face of scikit-learn."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from elinvar.errors import DataError
from elinvar.neural import InvariantMLPClassifier, InvariantMLPRegressor

torch.set_num_threads(1)

SHORT = {"n_steps": 5, "refit_steps": 60, "hidden": 8, "random_state": 0}
QUICK = {"n_steps": 3, "refit_steps": 5}
BOTH = [InvariantMLPRegressor, InvariantMLPClassifier]


def make(kind, **options):
    return kind(**SHORT | options)


def rows(strengths=(2.0, -1.0, 1.0), n=400, seed=0, classes=False):
    """One nonlinear cause, one linear one, and a child of the target whose effect changes."""
    rng = np.random.default_rng(seed)
    place = np.repeat([f"e{k}" for k in range(len(strengths))], n)
    X = rng.normal(size=(len(place), 3))
    y = 1.5 * np.abs(X[:, 0]) + X[:, 1] + 0.3 * rng.normal(size=len(place))
    if classes:
        y = (y + 0.3 * rng.logistic(size=len(y)) > 1.2).astype(int)
    X[:, 2] = np.repeat(strengths, n) * y + 0.5 * X[:, 2]
    return X, y, place


def short_rows(kind):
    return rows(n=40, classes=kind is InvariantMLPClassifier)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@parametrize_with_checks([make(kind) for kind in BOTH])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def regressor():
    X, y, place = rows()
    model = InvariantMLPRegressor(n_steps=400, refit_steps=200, random_state=0)
    return model.fit(X, y, environments=place)


def test_numbers_are_predicted_in_new_environments(regressor):
    X, y, place = rows()
    assert regressor.status_ in ("accepted", "approximate")
    np.testing.assert_array_equal(regressor.selected_, [True, True, False])
    assert regressor.gates_[2] < 0.2 * regressor.gates_[:2].min()
    pooled = clone(regressor).set_params(pooled=True).fit(X, y, environments=place)
    assert pooled.status_ == "pooled_only" and pooled.selected_.all()
    X, y, _ = rows(strengths=(-3.0,), seed=5)
    assert regressor.score(X, y) > 0.9 > pooled.score(X, y) + 0.05
    linear = np.linalg.lstsq(X[:, :2], y - y.mean(), rcond=None)[0]
    assert np.var(y - X[:, :2] @ linear) > 2 * np.mean((y - regressor.predict(X)) ** 2)
    assert "features used: x0, x1" in regressor.summary()


def test_networks_say_what_they_use_as_frames(regressor):
    table, (row,) = regressor.tidy(), regressor.glance().to_dict("records")
    assert list(table.term) == list(regressor.schema_.features)
    np.testing.assert_array_equal(table.estimate, regressor.gates_)
    np.testing.assert_array_equal(table.selected, regressor.selected_)
    assert row["n_selected"] == regressor.selected_.sum()
    assert (row["status"], row["p.value"]) == (regressor.status_, regressor.p_value_)


def test_classes_are_predicted_in_new_environments():
    X, y, place = rows(n=500, classes=True)
    X[:, 2] += 0.7 * X[:, 0]
    model = InvariantMLPClassifier(n_steps=400, refit_steps=150, random_state=0)
    label = np.where(y, "ill", "well")
    model.fit(X, label, environments=place)
    assert model.status_ in ("accepted", "approximate")
    np.testing.assert_array_equal(model.selected_, [True, True, False])
    new, truth, _ = rows(strengths=(-3.0,), seed=5, classes=True)
    assert np.mean(model.predict(new) == np.where(truth, "ill", "well")) > 0.85
    share = model.predict_proba(new)
    np.testing.assert_allclose(share.sum(axis=1), 1.0)
    assert list(model.classes_) == ["ill", "well"]


def test_environments_that_disagree_are_told():
    """Effects of one sign, hardly different: no gate closes, and nobody is told it is invariant."""
    X, y, place = rows(strengths=(2.0, 1.0, 0.6))
    model = make(InvariantMLPRegressor, n_steps=150).fit(X, y, environments=place)
    assert model.status_ == "rejected" and model.selected_.all()
    assert model.disagreement_ > 0.1 and "may fail in new environments" in model.notes_[0]
    assert "rejected, 3 environments" in model.summary()


@pytest.mark.parametrize("kind", BOTH)
def test_one_environment_is_pooled_and_says_so(kind):
    X, y, _ = short_rows(kind)
    model = make(kind).fit(X, y)
    assert model.status_ == "pooled_only" and "one environment" in model.notes_[0]
    pooled = make(kind, pooled=True).fit(X, y)
    assert pooled.notes_ == ()
    np.testing.assert_array_equal(model.predict(X), pooled.predict(X))


def test_divergence_is_a_note():
    X, y, place = rows(n=40)
    model = make(InvariantMLPRegressor, step_size=1e6).fit(X, y, environments=place)
    assert np.isnan(model.gates_).all() and "Training diverged" in model.notes_[0]
    assert model.selected_.all() and np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("kind", BOTH)
def test_seeds_decide_and_fits_are_kept(kind):
    X, y, place = short_rows(kind)
    model = make(kind, **QUICK).fit(X, y, environments=place)
    again = clone(model).fit(X, y, environments=place)
    other = make(kind, **QUICK | {"random_state": 1}).fit(X, y, environments=place)
    output = [each._output(each._encode(X)) for each in (model, again, other)]
    np.testing.assert_array_equal(output[0], output[1])
    assert not np.array_equal(output[0], output[2])
    state = torch.get_rng_state()
    make(kind, **QUICK).fit(X, y, environments=place)
    assert torch.equal(state, torch.get_rng_state())
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert set(model._parameter_constraints) == set(model.get_params())
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


@pytest.mark.parametrize("kind", BOTH)
def test_units_do_not_matter(kind):
    X, y, place = short_rows(kind)
    scaled = X * [1e3, 1e-3, 7.0] + [5.0, -2.0, 1e4]
    first = make(kind, **QUICK).fit(X, y, environments=place)
    second = make(kind, **QUICK).fit(scaled, y, environments=place)
    np.testing.assert_allclose(
        first._output(first._encode(X)), second._output(second._encode(scaled)), atol=1e-2
    )


@pytest.mark.parametrize("kind", BOTH)
def test_frames_with_text(kind):
    X, y, place = short_rows(kind)
    frame = pd.DataFrame({"one": X[:, 0], "colour": np.resize(["red", "green", "blue"], len(y))})
    model = make(kind, **QUICK).fit(frame, y, environments=place)
    assert model.gates_.shape == (2,) and model.selected_.shape == (2,)
    assert len(model.predict(frame)) == len(y)


@pytest.mark.parametrize("kind", BOTH)
def test_environments_are_routed(kind, routing):
    X, y, place = short_rows(kind)
    quick = make(kind, **QUICK)
    pipeline = make_pipeline(StandardScaler(), quick).fit(X, y, environments=place)
    assert pipeline[-1].environments_ == ("e0", "e1", "e2")
    how = {"cv": LeaveOneGroupOut(), "params": {"environments": place, "groups": place}}
    found = cross_validate(quick, X, y, **how)["test_score"]
    assert len(found) == 3 and np.isfinite(found).all()
    step = f"{kind.__name__.lower()}__gain"
    grid = GridSearchCV(make_pipeline(quick), {step: [1.0, 3.0]}, cv=LeaveOneGroupOut())
    grid.fit(X, y, environments=place, groups=place)
    assert grid.best_params_[step] in (1.0, 3.0)


@pytest.mark.parametrize("kind", BOTH)
def test_what_cannot_be_used_is_refused(kind):
    X, y, place = short_rows(kind)
    with pytest.raises(DataError, match="device='nowhere'"):
        make(kind, device="nowhere").fit(X, y, environments=place)
    with pytest.raises(DataError, match="119"):
        make(kind).fit(X, y, environments=place[1:])
    with pytest.raises(DataError, match="missing"):
        make(kind).fit(X, y, environments=[None, *place[1:]])
    with pytest.raises(ValueError, match="activation"):
        make(kind, activation="tanh").fit(X, y)
    with pytest.raises(DataError):
        make(kind).fit(X, np.zeros(len(y)), environments=place)
