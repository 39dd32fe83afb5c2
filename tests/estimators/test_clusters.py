"""Clusters and robust=True at the doors: fit, files, routing, pickles, and what is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from elinvar import InvariantClassifier, InvariantRegressor, load_model, save_model
from elinvar.environments import Environments, Moments, Roles
from elinvar.errors import DataError, DataTypeError


@pytest.fixture
def people():
    """Forty people in four years; the second column is an effect, of other strength each year."""
    rng = np.random.default_rng(0)
    person = np.repeat([f"person {k}" for k in range(40)], 4)
    year = np.tile([2001, 2002, 2003, 2004], 40)
    level = np.repeat(rng.normal(size=40), 4)
    cause = rng.normal(size=160) * np.tile([0.5, 1, 1.5, 2], 40)
    y = 2 * cause + level + rng.normal(size=160)
    effect = np.tile([-1.0, 0.5, 1.0, 3.0], 40) * y + rng.normal(size=160)
    return pd.DataFrame({"person": person, "year": year, "cause": cause, "effect": effect, "y": y})


def fitted(table, **options):
    model = InvariantRegressor(**options)
    return model.fit(
        table[["cause", "effect"]], table["y"], environments=table["year"], cluster=table["person"]
    )


def test_a_model_says_what_its_covariances_allow_for(people):
    assert any("in 40 clusters (CR2)" in note for note in fitted(people).notes_)
    features = people[["cause", "effect"]]
    robust = InvariantRegressor(robust=True).fit(features, people["y"], environments=people["year"])
    assert any("depend on the features (HC2)" in note for note in robust.notes_)
    assert robust.answer_.parameters["robust"] is True
    plain = InvariantRegressor().fit(features, people["y"], environments=people["year"])
    assert not any("CR2" in note or "HC2" in note for note in plain.notes_)
    # estimates stay what they are
    np.testing.assert_allclose(plain.pooled_coef_, robust.pooled_coef_)


def test_rows_may_come_from_a_frame_or_a_file(people, tmp_path):
    rows = Environments.from_frame(people, target="y", environment="year", cluster="person")
    assert rows.schema.features == ("cause", "effect")
    expected = fitted(people).tests_
    pd.testing.assert_frame_equal(InvariantRegressor().fit_rows(rows).tests_, expected)
    people.to_csv(tmp_path / "people.csv", index=False)
    read = Environments.from_files(
        tmp_path / "people.csv", target="y", environment="year", cluster="person"
    )
    again = InvariantRegressor().fit_rows(read).tests_
    np.testing.assert_allclose(again.p_value, expected.p_value, rtol=1e-6)
    # what has no use for clusters leaves them out of the features
    moments = Moments.from_frame(people, target="y", environment="year", cluster="person")
    assert moments.schema.features == ("cause", "effect")


def test_missing_rows_and_left_out_environments_take_their_clusters_with_them(people):
    holed = people.copy()
    holed.loc[[3, 70], "effect"] = np.nan
    roles = {"target": "y", "environment": "year", "cluster": "person", "missing": "drop"}
    dropped = Environments.from_frame(holed, **roles)
    kept = Environments.from_frame(people.drop(index=[3, 70]), **roles)
    options = {"exclude_environments": [2004], "features_always": ["cause", "effect"]}
    first, second = (InvariantRegressor(**options).fit_rows(rows) for rows in (dropped, kept))
    np.testing.assert_allclose(first.tests_.p_value, second.tests_.p_value)


def test_pickles_clones_and_files_hold_the_answer_and_no_rows(people, tmp_path):
    model = fitted(people)
    stored = pickle.dumps(model)
    assert b"person 17" not in stored
    back = pickle.loads(stored)
    pd.testing.assert_frame_equal(back.evidence_, model.evidence_)
    save_model(model, tmp_path / "model.json")
    loaded = load_model(tmp_path / "model.json")
    np.testing.assert_allclose(loaded.tests_.p_value, model.tests_.p_value)
    assert loaded.notes_ == model.notes_
    assert clone(InvariantRegressor(robust=True)).robust is True


@pytest.mark.parametrize("estimator", [InvariantRegressor, InvariantClassifier])
def test_clusters_are_routed_like_environments(people, estimator):
    y = people["y"] if estimator is InvariantRegressor else people["y"] > 0
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_validate(
            make_pipeline(StandardScaler(), estimator()),
            people[["cause", "effect"]],
            y,
            params={
                "environments": people["year"],
                "cluster": people["person"],
                "groups": people["person"],
            },
            cv=GroupKFold(2),
            return_estimator=True,
        )
    assert all("20 clusters" in " ".join(one[-1].notes_) for one in found["estimator"])


@pytest.mark.parametrize("estimator", [InvariantRegressor, InvariantClassifier])
@pytest.mark.parametrize(
    ("cluster", "error", "message"),
    [
        ("person", DataTypeError, r"cluster must hold one label a row; got .* the text 'person'"),
        (["a"] * 3, DataError, "cluster"),
        ([None] + ["a"] * 159, DataError, "cluster"),
        (np.repeat(["a", "b"], 80), DataError, "'2001' has 2 clusters only; at least 5"),
    ],
)
def test_clusters_that_cannot_be_used_are_refused(people, estimator, cluster, error, message):
    y = people["y"] if estimator is InvariantRegressor else people["y"] > 0
    with pytest.raises(error, match=message):
        estimator().fit(people[["cause"]], y, environments=people["year"], cluster=cluster)


def test_moments_have_no_rows_to_be_robust_with(people):
    moments = Moments.from_frame(people, target="y", environment="year", drop="person")
    with pytest.raises(DataError, match="robust=True takes the rows"):
        InvariantRegressor(robust=True).fit_moments(moments)


def test_a_support_with_as_many_coefficients_as_clusters_is_not_tested():
    rng = np.random.default_rng(0)
    place, cluster = np.repeat([0, 1, 2], 60), np.arange(180) // 10
    X = rng.normal(size=(180, 6))
    model = InvariantRegressor(features_always=[0, 1, 2, 3, 4, 5])
    model.fit(X, X.sum(axis=1) + rng.normal(size=180), environments=place, cluster=cluster)
    assert model.status_ in ("rejected", "untested")
    assert np.isnan(model.p_value_)


def test_a_cluster_may_be_an_environment_column_and_nothing_else_beside():
    names = ["y", "year", "firm", "x", "w"]
    both = Roles(target="y", environment=["year", "firm"], cluster="firm").find(names)
    assert both.names == ("x", "w", "y", "year", "firm")
    alone = Roles(target="y", environment="year", cluster="firm").find(names)
    assert alone.features == ("x", "w")
    with pytest.raises(DataError, match="'y' is the target column and cannot name clusters"):
        Roles(target="y", environment="year", cluster="y").find(names)
    with pytest.raises(DataError, match=r"cluster column.*'frim'|'frim'"):
        Roles(target="y", environment="year", cluster="frim").find(names)


def test_a_note_says_where_a_covariance_from_rows_looks_needed(people):
    rng = np.random.default_rng(0)
    place, X = np.repeat([0, 1, 2], 200), rng.normal(size=(600, 2))
    noise = rng.normal(size=600)
    fan = X[:, 0] + noise * (0.2 + np.abs(X[:, 0]))
    notes = InvariantRegressor().fit(X, fan, environments=place).notes_
    assert any("Residuals fan out with x0" in note and "robust=True" in note for note in notes)
    robust = InvariantRegressor(robust=True).fit(X, fan, environments=place).notes_
    assert not any("fan out" in note for note in robust)
    notes = InvariantRegressor().fit(X, X[:, 0] + noise, environments=place).notes_
    assert not any("fan out" in note for note in notes)
    features = people[["person", "cause"]]
    notes = InvariantRegressor().fit(features, people["y"], environments=people["year"]).notes_
    assert any("person looks like the name of who a row belongs to" in note for note in notes)
