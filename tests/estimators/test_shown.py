"""What a terminal and a notebook show of estimators and their answers."""

import re

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from elinvar import (
    HeteroSGDRegressor,
    InvariantClassifier,
    InvariantRegressor,
    QuadraticInvariantRegressor,
    TransferRegressor,
)

KINDS = {
    "effects": InvariantRegressor(intercept="environment"),
    "classes": InvariantClassifier(),
    "forecast": TransferRegressor(),
    "steps": HeteroSGDRegressor(n_steps=50, random_state=0),
    "quadratic": QuadraticInvariantRegressor(n_steps=50, random_state=0),
}
NAME = "<b>a & b</b>"


def rows(seed=0, n=60, p=3):
    rng = np.random.default_rng(seed)
    place = np.repeat(["north", "south", "<i>west</i>"], n)
    X = rng.normal(size=(3 * n, p)) * np.repeat([0.5, 1.0, 2.0], n)[:, None]
    y = X[:, 0] + rng.normal(size=3 * n)
    names = [NAME, *(f"a feature whose name is long, number {j}" for j in range(1, p))]
    return pd.DataFrame(X, columns=names), pd.Series(y, name="target"), place


@pytest.fixture(scope="module", params=list(KINDS))
def fitted(request):
    X, y, place = rows()
    target = np.where(y > 0, "yes", "no") if request.param == "classes" else y
    return sklearn.clone(KINDS[request.param]).fit(X, target, environments=place)


def without_pictures(page):
    return re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)


def test_printing_fits_a_terminal(fitted):
    for shown in (fitted, sklearn.clone(fitted)):
        assert max(map(len, str(shown).splitlines())) <= 80
    assert str(sklearn.clone(fitted)) == repr(fitted)
    assert str(fitted).startswith(f"{fitted!r}\n") and len(str(fitted)) > len(repr(fitted)) + 40


def test_a_notebook_shows_what_was_found(fitted):
    page = fitted._repr_html_()
    assert page == fitted._repr_mimebundle_()["text/html"]
    assert "<table>" in page and "<svg" in page and len(without_pictures(page)) < 30_000
    assert "&lt;b&gt;a &amp; b&lt;/b&gt;" in page and NAME not in page and "<i>" not in page
    assert page.count("<td>") == page.count("</td>") and "nan" not in without_pictures(page)


def test_scikit_learn_shows_what_is_not_fitted(fitted):
    fresh = sklearn.clone(fitted)
    assert "sk-estimator" in fresh._repr_html_() and 'class="elinvar"' not in fresh._repr_html_()
    with sklearn.config_context(display="text"):
        assert not hasattr(fitted, "_repr_html_")
        assert list(fitted._repr_mimebundle_()) == ["text/plain"]


def test_no_picture_asks_for_what_takes_long(fitted):
    X, y, place = rows(1)
    fresh = sklearn.clone(fitted)
    y = y > 0 if isinstance(fresh, InvariantClassifier) else y
    pipe = make_pipeline(FunctionTransformer(), fresh)
    with sklearn.config_context(enable_metadata_routing=True):
        pipe.fit(X, y, environments=place)
    assert "sk-estimator" in pipe._repr_html_()
    fitted_here = pipe[-1]
    assert fitted_here._repr_html_() and str(fitted_here)
    slow = {"errors", "_left_out", "diagnosis", "adaptation", "break_even", "forecast"}
    answer = getattr(fitted_here, "answer_", None)
    if isinstance(fitted_here, InvariantRegressor | InvariantClassifier):
        assert not slow & set(vars(answer))
    assert "errors_" not in vars(fitted_here)


@pytest.mark.filterwarnings("ignore")
def test_a_very_wide_table_is_shown_without_its_evidence():
    rng = np.random.default_rng(0)
    place = np.repeat([0, 1], 700)
    X = rng.normal(size=(1400, 720))
    model = InvariantRegressor(exact_up_to=0).fit(X, X[:, 0] + rng.normal(size=1400) / 2,
                                                  environments=place)  # fmt: skip
    page = model._repr_html_()
    assert "when they are asked for" in page and model.answer_.reason.split(":")[0] in str(
        " ".join(str(model).split())
    )
    assert "_evidence" not in vars(model.answer_)
    assert model.answer_.evidence is not None
    page = model._repr_html_()
    assert "... and 695 more" in page and len(without_pictures(page)) < 30_000


@pytest.mark.parametrize("status", ["rejected", "pooled_only", "untested"])
def test_an_answer_that_failed_says_so(status):
    X, y, place = rows(2)
    X.columns = ["a", "b", "c"]
    if status == "rejected":
        y = y + np.repeat([0.0, 5.0, -5.0], 60) + X["b"] * np.repeat([3.0, -3.0, 9.0], 60)
    if status == "untested":
        X = pd.concat([X[:60]] * 3, ignore_index=True)
        y = X["a"] + np.random.default_rng(0).normal(size=180)
    model = InvariantRegressor()
    place = np.repeat("here", 180) if status == "pooled_only" else place
    model.fit(X, y, environments=place)
    assert model.status_ == status
    assert model.answer_.headline in model._repr_html_()
    assert set(model.all_features_["verdict"]) <= {
        cell for row in re.findall(r"<tr>(.*?)</tr>", model._repr_html_())
        for cell in re.findall("<td>(.*?)</td>", row)
    }  # fmt: skip
