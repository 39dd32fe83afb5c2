"""Frames of what estimators without intervals learnt, under the names of R's broom."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from elinvar import HeteroSGDRegressor, InvariantRegressor, QuadraticInvariantRegressor

BROOM = ["term", "estimate", "std.error", "statistic", "p.value", "conf.low", "conf.high", "df"]


def rows():
    rng = np.random.default_rng(0)
    place = np.repeat(["east", "north", "west"], 300)
    table = pd.DataFrame({"a": rng.normal(size=900), "b": rng.normal(size=900)})
    table["kind"] = rng.choice(["u", "v"], size=900)
    return table, table.a + rng.normal(size=900), place


def test_steps_say_each_coefficient_and_how_they_ended():
    X, y, place = rows()
    model = HeteroSGDRegressor(random_state=0, n_steps=200)
    with pytest.raises(NotFittedError):
        model.tidy()
    model.fit(X, y, environments=place)
    table, (row,) = model.tidy(), model.glance().to_dict("records")
    assert list(table) == BROOM
    assert list(table.term) == ["a", "b", "kind=v"]
    assert dict(zip(model.schema_.columns, model.coef_, strict=True))["a"] == table.estimate[0]
    assert table["std.error"].isna().all()
    assert (row["nobs"], row["n_environments"], row["n_features"]) == (900, 3, 3)
    assert (row["status"], row["n_steps"]) == ("completed", 200)


def test_a_quadratic_form_is_told_by_its_products():
    X, y, place = rows()
    X = X[["a", "b"]]
    model = QuadraticInvariantRegressor(random_state=0, n_steps=200)
    table = model.fit(X, y, environments=place).tidy()
    assert list(table.term) == ["a^2", "a:b", "b^2"]
    products = np.column_stack([X.a**2, X.a * X.b, X.b**2])
    level = model.predict(X) - products @ table.estimate
    np.testing.assert_allclose(level, level[0], atol=1e-9)
    assert model.glance().n_steps[0] == 200


def test_an_adapted_model_says_what_shifted_there():
    X, y, place = rows()
    model = InvariantRegressor().fit(X, y + (place == "east"), environments=place)
    there = model.adapt(X[:40], y[:40] + 1, place="east")
    table, (row,) = there.tidy(), there.glance().to_dict("records")
    assert list(table)[:8] == BROOM
    np.testing.assert_array_equal(table.estimate, there.evidence_["shift"])
    assert ((table["p.value"] < 0.05) == table["differs"]).all()
    assert (row["place"], row["nobs"]) == ("east", 40)
    assert row["n_different"] == there.evidence_["differs"].sum()
