"""Answers as frames under the names of broom, and models side by side."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from elinvar import InvariantClassifier, InvariantRegressor, TransferRegressor, compare
from elinvar.errors import DataError, DataTypeError, MissingExtraError

BROOM = ["term", "estimate", "std.error", "statistic", "p.value", "conf.low", "conf.high", "df"]


def rows(n=80):
    rng = np.random.default_rng(4)
    place = np.repeat(["a", "b", "c", "d"], n)
    X = pd.DataFrame(rng.normal(size=(4 * n, 2)), columns=["x_1", "z & w"])
    X *= np.repeat([0.5, 1.0, 2.0, 3.0], n)[:, None]
    y = pd.Series(2 * X["x_1"] + rng.normal(size=4 * n), name="y")
    return X, y, place


@pytest.fixture(scope="module")
def model():
    X, y, place = rows()
    return InvariantRegressor().fit(X, y, environments=place)


@pytest.fixture(scope="module")
def forecast():
    X, y, place = rows()
    return TransferRegressor().fit(X, y, environments=place)


@pytest.mark.parametrize("table", ["all_features", "evidence"])
def test_a_row_a_term_whose_test_agrees_with_its_interval(model, table):
    tidy = model.tidy(table)
    assert list(tidy)[:8] == BROOM and list(tidy["term"]) == ["x_1", "z & w"]
    source = getattr(model, f"{table}_")
    for name, ours in {"estimate": "effect", "conf.low": "low", "conf.high": "high"}.items():
        np.testing.assert_array_equal(tidy[name], source[ours])
    law = stats.t(tidy["df"])
    half = law.ppf(0.975) * tidy["std.error"]
    np.testing.assert_allclose(half, (tidy["conf.high"] - tidy["conf.low"]) / 2)
    np.testing.assert_allclose(tidy["p.value"], 2 * law.sf(np.abs(tidy["statistic"])))
    assert list(tidy["verdict"]) == list(source["verdict"])
    assert (tidy["df"] == np.where(tidy["model"] == "all features", 3, np.inf)).all()
    pd.testing.assert_frame_equal(tidy, model.answer_.tidy(table))
    with pytest.raises(DataError, match="'all_features', 'evidence'"):
        model.tidy("errors")


def test_one_environment_is_least_squares():
    X, y, _ = rows()
    with pytest.warns(UserWarning, match="No environments"):
        tidy = InvariantRegressor().fit(X, y).tidy()
    design = np.column_stack([np.ones(len(X)), X])
    coef, residual, *_ = np.linalg.lstsq(design, y)
    error = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * residual / (len(X) - 3))
    np.testing.assert_allclose(tidy["estimate"], coef[1:])
    np.testing.assert_allclose(tidy["std.error"], error[1:], rtol=0.02)


def test_a_model_in_one_row(model, forecast):
    row = model.glance().iloc[0]
    assert (row["nobs"], row["n_environments"], row["n_features"]) == (320, 4, 2)
    assert row["status"] == model.status_ and row["p.value"] == model.p_value_
    errors = model.errors_
    mean = np.sqrt(np.average(errors["pooled"] ** 2, weights=errors["rows"]))
    assert row["error_pooled"] == pytest.approx(mean)
    one = forecast.glance()
    assert len(one) == 1 and one["error"][0] == forecast.answer_.error("mixture")
    tidy = forecast.tidy()
    assert set(BROOM) <= set(tidy) and set(tidy["term"]) == {"x_1", "z & w"}
    assert tidy["p.value"].isna().all() and tidy["selected"].dtype == bool
    for table in (model.glance(), one):
        pd.testing.assert_frame_equal(pd.concat([table, table]).iloc[:1], table)


def test_models_side_by_side(model, forecast):
    X, y, place = rows()
    small = InvariantRegressor().fit(X[["x_1"]], y, environments=place)
    found = compare(small, model.answer_, forecast, names=["<small>", "both", "forecast"])
    frame = found.frame
    assert list(frame) == ["<small>", "both", "forecast"]
    assert frame.loc["z & w", "<small>"] == "" and frame.loc["z & w", "both"] != ""
    assert list(frame.loc["status"]) == [small.status_, model.status_, "-"]
    assert len(set(frame.loc["of the mean alone"])) == 1
    assert frame.loc["error in a new place", "both"] == f"{model.glance()['error'][0]:.4g}"
    assert repr(found) == found.summary() and not found.summary().startswith((".", "\n"))
    assert "| x\\_1 |" in found.summary("markdown")
    page = found._repr_html_()
    assert "&lt;small&gt;" in page and "<small>" not in page and "z &amp; w" in page
    with pytest.raises(DataError, match="format must be one of"):
        found.summary("docx")


@pytest.mark.needs("great_tables")
def test_a_comparison_is_a_table_of_a_paper(model, monkeypatch):
    found = compare(model, model)
    text = found.summary("latex")
    assert r"\toprule" in text and r"z \& w" in text and r"x\_1" in text
    assert list(found.great_table()._tbl_data.columns)[1:] == ["(1)", "(2)"]
    monkeypatch.setitem(sys.modules, "great_tables", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'elinvar\[show\]'"):
        found.summary("latex")


def test_models_that_do_not_fit_beside_each_other_stand_below(model):
    found = compare(*[model] * 6)
    lines = found.summary().splitlines()
    assert max(map(len, lines)) <= 80
    heads = [line.split() for line in lines if "(" in line and not line.strip("() 123456")]
    assert len(heads) > 1
    assert [name for line in heads for name in line] == [f"({k})" for k in range(1, 7)]
    names = [line for line in lines if line.startswith("  environments")]
    assert len(names) == len(heads)


def test_what_cannot_be_compared(model):
    with pytest.raises(DataTypeError, match="got InvariantClassifier without one"):
        compare(model, InvariantClassifier())
    with pytest.raises(DataError, match="one fitted model at least"):
        compare()
    for names in (["one"], ["one", "one"]):
        with pytest.raises(DataError, match="2 different names"):
            compare(model, model, names=names)
