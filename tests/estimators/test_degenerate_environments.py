"""Columns that are constant, collinear or without some level in SOME environments."""

import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantClassifier, InvariantRegressor
from elinvar.datasets import load_penguins
from elinvar.environments import Moments
from elinvar.errors import DataError
from elinvar.inference import LinearProblem
from elinvar.inference.selection._subspace import invariant_subspace


def without_level(seed, *, classes=False):
    """Three environments whose 0/1 column is 0 in the last, and whose effects and levels differ."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(3), 40)
    X = rng.normal(size=(120, 3)) + rng.normal(size=(3, 3))[place]
    X[:, 1] = (rng.random(120) < 0.5) & (place < 2)
    y = X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=3)[place] * X[:, 2] + rng.normal(size=3)[place]
    y = y + 0.5 * rng.normal(size=120)
    if classes:
        y = y > np.quantile(y, 0.5)
    return X, y, np.array(["a", "b", "c"])[place]


def told(model):
    return model.status_, tuple(np.round(np.ravel(model.coef_), 6)), tuple(model.evidence_.verdict)


@pytest.mark.parametrize("estimator", [InvariantRegressor, InvariantClassifier])
def test_a_level_that_an_environment_lacks_stops_nobody(estimator):
    refused = 0
    for seed in range(60):
        X, y, place = without_level(seed, classes=estimator is InvariantClassifier)
        order = np.random.default_rng(seed).permutation(len(y))
        try:
            model = estimator().fit(X, y, environments=place)
        except DataError as error:
            assert "one class only" in str(error)
            refused += 1
            continue
        assert "nan" not in model.explain()
        again = estimator().fit(X[order], y[order], environments=place[order])
        assert told(again) == told(model), seed
    assert refused <= 5


def test_penguins_whose_islands_some_species_lack():
    frame = load_penguins().frame
    model = InvariantRegressor().fit(
        frame[["bill_length_mm", "island"]], frame.body_mass_g, environments=frame.species
    )
    assert model.status_ == "rejected"
    assert "nan" not in model.explain() + model.summary()
    assert np.isfinite(model.errors_.select_dtypes("number")).all(axis=None)


def school_rows(seed=0):
    """Five sites: the first has no smokers, in another the dose is twice the age."""
    rng = np.random.default_rng(seed)
    site = np.repeat([f"s{k}" for k in range(5)], 60)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["dose", "smoker", "age"])
    frame["smoker"] = ((rng.random(300) < 0.4) & (site != "s0")).astype(float)
    frame.loc[site == "s3", "dose"] = 2 * frame.age
    slopes = rng.normal(2, 1, size=5)
    y = slopes[np.arange(300) // 60] * frame.dose + 2 * np.arange(300) // 60 + rng.normal(size=300)
    return frame, y, site


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_the_order_of_columns_decides_nothing(intercept):
    X, y, site = school_rows()
    model = InvariantRegressor(intercept=intercept).fit(X, y, environments=site)
    for order in (["age", "dose", "smoker"], ["smoker", "age", "dose"]):
        other = InvariantRegressor(intercept=intercept).fit(X[order], y, environments=site)
        assert other.status_ == model.status_
        coef = pd.Series(other.coef_, order)[X.columns]
        np.testing.assert_allclose(coef, model.coef_, rtol=1e-6, atol=1e-9)
        verdicts = other.evidence_.set_index("feature").verdict
        assert list(verdicts[X.columns]) == list(model.evidence_.verdict)


def test_nothing_is_left_to_test_where_only_one_environment_varies():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 100)
    X = rng.normal(size=(300, 2)) * (place == 0)[:, None]
    y = X.sum(axis=1) + 3 * place + rng.normal(size=300)
    problem = LinearProblem.from_moments(Moments.from_arrays(X, y, place))
    assert invariant_subspace(problem, 1e-3) is None
