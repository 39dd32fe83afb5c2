"""One suite over every method of the registry."""

import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from peer_rows import rows
from sklearn.base import clone, is_regressor
from sklearn.exceptions import NotFittedError

from elinvar import baselines
from elinvar.baselines import BASELINES
from elinvar.errors import DataError, MissingExtraError

NAMES = list(BASELINES)
SUPPORT = np.array([True, True, True, False, False])
CLASSES = [name for name in NAMES if BASELINES[name].tasks == ("classification",)]
LINEAR = [
    name for name in NAMES if BASELINES[name].returns != "predictions" and name not in CLASSES
]

# forests, networks and folds draw rows, columns and starts by their places
NETWORKS = [name for name in NAMES if BASELINES[name].package == "torch"]
FORECASTS = ("elinvar-forecast", "elinvar-forecast-classifier")
ORDERLY = pytest.mark.parametrize(
    "name",
    [name for name in NAMES if name not in ("forest", "nonlinearicp", *FORECASTS, *NETWORKS)],
)

# parameters that keep a test short, and whether the method needs an environment more than columns
QUICK = {
    "boosting": {"n_trees": 20},
    "logisticboosting": {"n_trees": 20},
    "forest": {"n_trees": 20},
    "anchorboosting": {"n_trees": 20},
    "erasplitting": {"n_trees": 20},
    "directionalerasplitting": {"n_trees": 20},
    "groupdroboosting": {"n_trees": 20},
    "fairnetwork": {"n_steps": 60, "refit_steps": 60, "hidden": [8], "opponent_hidden": [8]},
    "irmnetwork": {"n_steps": 60, "hidden": [8]},
    "coralnetwork": {"n_steps": 60, "hidden": [8]},
    "nonlinearicp": {"n_trees": 10, "max_features": 4},
    "fish": {"n_steps": 400},
    "andgradient": {"n_steps": 1000},
    "heterosgd": {"n_steps": 500},
    "oracle": {"support": SUPPORT},
}


def make(name, **options):
    return BASELINES[name].make(**QUICK.get(name, {}) | options)


def table(name, **options):
    """Return data that the method applies to."""
    X, y, place = rows(n=(60,) * 8 if BASELINES[name].instruments else (200, 300, 250), **options)
    return X, (y > np.median(y)).astype(float) if name in CLASSES else y, place


def fit(name, X, y, place, **options):
    if BASELINES[name].package:
        pytest.importorskip(BASELINES[name].package)
    return fit_anyhow(name, X, y, place, **options)


def fit_anyhow(name, X, y, place, **options):
    with warnings.catch_warnings():
        if name.startswith("elinvar") or name == "heterosgd":
            warnings.simplefilter("ignore")
        return make(name, **options).fit(X, y, environments=place)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_names_are_as_the_command_prints_them(name):
    assert name == name.lower() == BASELINES[name].name
    assert BASELINES[name].title


def test_every_estimator_is_in_the_registry():
    classes = {type(one.estimator).__name__ for one in BASELINES.values()}
    public = {name for name in baselines.__all__ if name.endswith("Regressor")}
    assert classes == public | {"InvariantRegressor", "HeteroSGDRegressor", "TransferRegressor"}


def test_the_grid_holds_the_defaults(name):
    entry = BASELINES[name]
    defaults = entry.estimator.get_params()
    candidates = list(entry.candidates())
    assert candidates == ([{}] if not entry.grid else candidates)
    assert len(candidates) == np.prod([len(values) for values in entry.grid.values()], dtype=int)
    for parameter, values in entry.grid.items():
        assert defaults[parameter] in values
    for parameters in candidates:
        entry.make(**parameters)._validate_params()


def test_scikit_learn_conventions(name):
    model = make(name)
    assert is_regressor(model)
    assert set(model._parameter_constraints) >= set(model.get_params())
    assert repr(clone(model)) == repr(model)
    X, y, place = table(name)
    with pytest.raises(NotFittedError):
        model.predict(X)
    fitted = fit(name, X, y, place)
    assert fitted.n_features_in_ == 5
    assert fitted.environments_ == tuple(sorted(set(place)))
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))


def test_it_returns_what_it_declares(name):
    entry = BASELINES[name]
    X, y, place = table(name)
    model = fit(name, X, y, place)
    prediction = model.predict(X)
    assert prediction.shape == y.shape and np.isfinite(prediction).all()
    if entry.returns == "predictions":
        assert not hasattr(model, "coef_")
    elif name in CLASSES:
        assert ((prediction >= 0) & (prediction <= 1)).all() and model.coef_.shape == (5,)
    else:
        np.testing.assert_allclose(prediction, X @ model.coef_ + model.intercept_, atol=1e-9)
    selected = getattr(model, "selected_", None)
    if entry.returns == "selection" and name != "dantzig":
        assert selected.shape == (5,) and selected.dtype == bool
    elif entry.returns != "selection" and name not in (
        "fairnetwork",
        "nonlinearicp",
        *FORECASTS,
    ):
        assert selected is None


def test_the_same_seed_gives_the_same_answer(name):
    X, y, place = table(name)
    np.testing.assert_array_equal(
        fit(name, X, y, place).predict(X), fit(name, X, y, place).predict(X)
    )


@ORDERLY
def test_the_order_of_rows_means_nothing(name):
    X, y, place = table(name)
    order = np.random.default_rng(1).permutation(len(y))
    shuffled = fit(name, X[order], y[order], place[order])
    close = {"rtol": 1e-4, "atol": 1e-4} if name != "heterosgd" else {"rtol": 1e-2, "atol": 1e-2}
    np.testing.assert_allclose(shuffled.predict(X), fit(name, X, y, place).predict(X), **close)


@ORDERLY
def test_the_order_of_columns_means_nothing(name):
    X, y, place = table(name)
    order = np.array([3, 0, 4, 2, 1])
    options = {"support": SUPPORT[order]} if name == "oracle" else {}
    moved = fit(name, X[:, order], y, place, **options)
    expected = fit(name, X, y, place)
    np.testing.assert_allclose(
        moved.predict(X[:, order]), expected.predict(X), rtol=1e-4, atol=1e-4
    )
    if getattr(expected, "selected_", None) is not None:
        np.testing.assert_array_equal(moved.selected_, expected.selected_[order])


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("fish", "heterosgd", *NETWORKS)])
def test_the_names_of_environments_mean_nothing(name):
    X, y, place = table(name)
    renamed = np.array([f"z{'hgfedcba'.index(one)}" for one in place])
    np.testing.assert_allclose(
        fit(name, X, y, renamed).predict(X),
        fit(name, X, y, place).predict(X),
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize("name", [name for name in LINEAR if name not in ("eills", "kclass")])
def test_a_shift_and_a_scale_of_the_target_come_through(name):
    X, y, place = table(name)
    moved, model = fit(name, X, 10 * y - 7, place), fit(name, X, y, place)
    np.testing.assert_allclose(moved.predict(X), 10 * model.predict(X) - 7, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", [n for n in NAMES if BASELINES[n].fewest_environments == 1])
def test_one_environment_is_enough(name):
    X, y, _ = table(name)
    assert np.isfinite(fit(name, X, y, None).predict(X)).all()
    assert BASELINES[name].why_not(1, 5, BASELINES[name].tasks[0]) == ""


@pytest.mark.parametrize("name", [n for n in NAMES if BASELINES[n].fewest_environments > 1])
def test_one_environment_is_refused_in_a_sentence(name):
    X, y, _ = rows()
    with pytest.raises(DataError, match=r"needs at least 2 environments; got 1: give"):
        fit(name, X, y, None)
    assert BASELINES[name].why_not(1, 5) == "needs 2 environments"


def test_bad_input_is_one_sentence(name):
    X, y, place = table(name)
    broken = X.copy()
    broken[0, 0] = np.nan
    cases = [(X, y[:-1], place), (X, y, place[:-1])]
    if name not in FORECASTS:  # they take missing values, and a target that is always the same
        cases += [(broken, y, place), (X, 0 * y, place)]
    for case in cases:
        with pytest.raises(ValueError) as caught:
            make(name).fit(case[0], case[1], environments=case[2])
        assert isinstance(caught.value, DataError)
        assert "\n" not in str(caught.value)


def test_unknown_parameters_are_refused(name):
    for parameter in BASELINES[name].grid:
        model = make(name, **{parameter: "no such thing"})
        with pytest.raises(ValueError, match=parameter):
            model.fit(*rows()[:2], environments=rows()[2])


@pytest.mark.parametrize("name", [name for name in NAMES if BASELINES[name].package])
def test_a_missing_package_names_the_command(name, monkeypatch):
    package = BASELINES[name].package
    for module in [one for one in sys.modules if one.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    extra = "torch" if package == "torch" else "bench"
    with pytest.raises(MissingExtraError, match=rf"'{package}', .*install 'elinvar\[{extra}\]'"):
        fit_anyhow(name, *table(name))


def test_frames_with_categories(name):
    if BASELINES[name].instruments or name == "oracle":
        pytest.skip("needs as many truth values or environments as columns")
    X, y, place = table(name)
    frame = pd.DataFrame(X, columns=list("vwxyz"))
    frame["kind"] = np.where(np.arange(len(y)) % 3 == 0, "red", "blue")
    model = fit(name, frame, y, place)
    assert np.isfinite(model.predict(frame)).all()


def test_known_limits():
    assert "at most 16" in BASELINES["eills"].why_not(3, 17)
    assert BASELINES["eills"].why_not(3, 16) == ""
    assert "11" in BASELINES["kclass"].why_not(10, 10)
    assert BASELINES["kclass"].why_not(11, 10) == ""
    assert "classification" in BASELINES["causalicp"].why_not(3, 5, "classification")
    assert BASELINES["irmv1"].why_not(3, 5, "classification") == ""
    assert "regression" in BASELINES["logistic"].why_not(3, 5, "regression")


@pytest.mark.parametrize("name", CLASSES)
def test_more_than_two_classes_are_refused(name):
    X, y, place = table(name)
    with pytest.raises(DataError, match="a target of 0 and 1; got other values"):
        fit(name, X, y + (X[:, 0] > 1), place)
