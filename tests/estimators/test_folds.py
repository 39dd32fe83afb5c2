"""What models say where scikit-learn cuts rows into folds that they cannot learn from."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict

from elinvar import InvariantClassifier, InvariantRegressor
from elinvar.errors import DataError, ElinvarWarning


def rows(n_environments, n):
    rng = np.random.default_rng(0)
    place = np.repeat([f"p{e}" for e in range(n_environments)], n)
    X = rng.normal(size=(len(place), 2))
    return X, X[:, 0] + rng.normal(size=len(place)), place


def stacked(X, y, place, cv=None):
    members = [("holds", InvariantRegressor()), ("line", LinearRegression())]
    last = InvariantRegressor(predictor="pooled")
    with sklearn.config_context(enable_metadata_routing=True):
        # without environments the last one is given none, and a plain one takes over
        labels = {} if place is None else {"environments": place}
        return StackingRegressor(members, last, cv=cv).fit(X, y, **labels)


def test_sorted_folds_are_told_how_to_cut():
    X, y, place = rows(6, 11)
    with pytest.raises(DataError, match=r"'p1' has 3 rows.*fold.*KFold\(5, shuffle=True\)"):
        stacked(X, y, place)
    model = stacked(X, y, place, cv=KFold(8, shuffle=True, random_state=0))
    assert model.score(X, y) > 0.2
    with pytest.raises(DataError, match=r"holds one class only.*folds of sorted rows"):
        labels = np.where(np.arange(66) % 11 < 6, "no", "yes")
        params = {"environments": place}
        cross_val_predict(InvariantClassifier(), X, labels, cv=KFold(4), params=params)


def test_a_fold_with_one_environment_says_so():
    X, y, place = rows(2, 40)
    with pytest.warns(ElinvarWarning, match="A fold.*one environment only.*leave whole environ"):
        cross_val_predict(InvariantRegressor(), X, y, cv=2, params={"environments": place})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = InvariantRegressor().fit(X[:40], y[:40], environments=place[:40])
    assert model.status_ == "pooled_only"


def test_folds_without_environments_are_told_how_to_route_them():
    X, y, _ = rows(3, 20)
    words = r"enable_metadata_routing=True.*params=.*StackingRegressor.*final estimator"
    with pytest.warns(ElinvarWarning, match=words):
        cross_val_predict(InvariantRegressor(), X, y, cv=3)
    with pytest.warns(ElinvarWarning, match=words):
        stacked(X, y, None)
