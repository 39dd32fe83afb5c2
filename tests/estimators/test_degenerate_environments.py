"""Columns that are constant, collinear or without some level in SOME environments.

Nothing crashes, nothing that cannot be estimated is said, and neither the order of rows nor that of
columns decides anything.
"""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from elinvar import (
    HeteroSGDRegressor,
    InvariantClassifier,
    InvariantRegressor,
    QuadraticInvariantRegressor,
    diagnose,
)
from elinvar.datasets import load_penguins
from elinvar.environments import Moments
from elinvar.errors import DataError
from elinvar.inference import LinearProblem
from elinvar.inference.losses.squared import invariant_subspace
from elinvar.report import write_report

MODELS = {
    "shared": lambda: InvariantRegressor(),
    "own": lambda: InvariantRegressor(intercept="environment"),
    "invariant": lambda: InvariantRegressor(predictor="invariant"),
    "two classes": lambda: InvariantClassifier(),
    "two classes, own": lambda: InvariantClassifier(intercept="environment"),
    "three classes": lambda: InvariantClassifier(),
    "steps": lambda: HeteroSGDRegressor(random_state=0),
    "own steps": lambda: HeteroSGDRegressor(intercept="environment", random_state=0),
    "quadratic": lambda: QuadraticInvariantRegressor(random_state=0),
}
TABLES = ("evidence_", "effects_", "tests_", "residuals_", "errors_", "left_out_", "margin_")


def classes_of(y, place, n):
    """Classes by quantiles half of all rows and half of the environment's own."""
    grid, codes = np.linspace(0, 1, n + 1)[1:-1], np.zeros(len(y), dtype=int)
    for name in np.unique(place):
        own = y[place == name]
        cuts = (np.quantile(y, grid) + np.quantile(own, grid)) / 2
        codes[place == name] = np.searchsorted(cuts, own)
    return codes


def target_of(model, y, place):
    if "classes" not in model:
        return y
    return classes_of(y, place, 3 if model.startswith("three") else 2)


def fitted(model, table):
    """Fit the model without any warning; None where the data are refused with a reason."""
    X, y, place = table
    try:
        return MODELS[model]().fit(X, target_of(model, y, place), environments=place)
    except DataError as error:
        assert "one class only" in str(error)
        return None


def numbers_and_words(model):
    """What was found, by name: sorted, so that the order of columns does not matter."""
    words = {
        name: getattr(model, name)
        for name in ("status_", "predictor_", "standing_")
        if hasattr(model, name)
    }
    numbers = {}
    if hasattr(model, "matrix_"):
        order = np.argsort(model.schema_.columns)
        numbers["matrix"] = model.matrix_[np.ix_(order, order)]
        return numbers, words
    numbers["coef"] = np.atleast_2d(model.coef_)[:, np.argsort(model.schema_.columns)]
    if hasattr(model, "evidence_"):
        rows = model.evidence_.set_index("feature").sort_index()
        words["verdict"], words["odd"] = list(rows.verdict), list(rows.odd_environment)
        tables = {"evidence": rows, "errors": model.errors_}
        if hasattr(model, "tests_"):
            tables["tests"] = model.tests_
        numbers |= {
            f"{name} {column}": table[column].to_numpy(dtype=float)
            for name, table in tables.items()
            for column in table.select_dtypes("number").columns
            # equally frequent classes are a draw
            if column != "mean_wrong"
        }
    return numbers, words


@pytest.mark.parametrize("model", MODELS)
def test_every_estimator_fits_and_explains_what_some_environments_cannot_tell(
    model, degenerate_table
):
    refused = 0
    for seed in range(8):
        table = degenerate_table(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = fitted(model, table)
            if found is None:
                refused += 1
                continue
            words = repr(found) + " ".join(getattr(found, "notes_", ()))
            for name in ("summary", "explain"):
                words += getattr(found, name, str)()
            if hasattr(found, "evidence_"):
                for name in TABLES:
                    getattr(found, name, None)
            assert np.isfinite(found.matrix_ if model == "quadratic" else found.coef_).all()
        assert not re.search(r"\b(nan|inf)\b", words, re.IGNORECASE), (seed, words)
    assert refused <= 4


@pytest.mark.parametrize("model", sorted(MODELS.keys() - {"invariant", "own steps"}))
def test_the_order_of_rows_and_of_columns_decides_nothing(model, degenerate_table):
    for seed in range(100, 104):
        # with two environments that tell them apart, no two columns are the same where one is out
        X, y, place = degenerate_table(seed, regular=2)
        first = fitted(model, (X, y, place))
        if first is None:
            continue
        numbers, words = numbers_and_words(first)
        rng = np.random.default_rng(seed)
        rows, columns = rng.permutation(len(y)), list(rng.permutation(X.columns))
        shuffled = X.iloc[rows].reset_index(drop=True), y[rows], place[rows]
        for table in (shuffled, (X[columns], y, place)):
            again, same = numbers_and_words(fitted(model, table))
            assert same == words, seed
            assert list(again) == list(numbers)
            for name, values in numbers.items():
                np.testing.assert_allclose(
                    again[name], values, rtol=1e-6, atol=1e-6, err_msg=f"{seed} {name}"
                )


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_the_diagnosis_of_columns_that_some_environments_cannot_tell(intercept, degenerate_table):
    for seed in range(30):
        X, y, place = degenerate_table(seed)

        def found(X):
            frame = X.assign(target=y, place=place)  # noqa: B023
            moments = Moments.from_frame(frame, target="target", environment="place")
            return diagnose(moments, intercept=intercept)

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            first, turned = found(X), found(X[X.columns[::-1]])
        assert not re.search(r"\bnan\b", str(first), re.IGNORECASE)
        assert turned.verdict == first.verdict
        for column in first.features.select_dtypes("number"):
            own = turned.features.set_index("feature")[column][first.features.feature]
            np.testing.assert_allclose(own, first.features[column], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("seed", [2, 5, 7])
def test_the_page_on_columns_that_some_environments_cannot_tell(
    seed, degenerate_table, parsed, tmp_path
):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_report(fitted("shared", degenerate_table(seed)), tmp_path / "page.html")
    page = parsed((tmp_path / "page.html").read_text())
    assert not re.search(r"\bnan\b", page.text, re.IGNORECASE)


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
        assert "nan" not in str(model.answer_.explanation)
        again = estimator().fit(X[order], y[order], environments=place[order])
        assert told(again) == told(model), seed
    assert refused <= 5


def test_penguins_whose_islands_some_species_lack():
    frame = load_penguins().frame
    model = InvariantRegressor().fit(
        frame[["bill_length_mm", "island"]], frame.body_mass_g, environments=frame.species
    )
    assert model.status_ == "rejected"
    assert "nan" not in str(model.answer_.explanation) + model.summary()
    assert np.isfinite(model.errors_.select_dtypes("number")).all(axis=None)


def mixed(seed, without):
    """Two causes and an effect, turned; the second cause is 0 in ``without`` of 4 environments."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(4), 150)
    causes = rng.normal(size=(600, 2)) @ np.array([[1, 0.5], [0, 1]])
    causes[place >= 4 - without, 1] = 0.0
    y = causes.sum(axis=1) + rng.normal(size=600)
    effect = np.linspace(-1, 1, 4)[place] * y + rng.normal(size=600) + np.linspace(0, 1, 4)[place]
    turn = np.linalg.qr(np.random.default_rng(9).normal(size=(3, 3)))[0]
    return Moments.from_arrays(np.column_stack([causes, effect]) @ turn, y, place)


@pytest.mark.parametrize("without", [1, 3])
def test_the_test_of_combinations_has_its_size_where_directions_are_lost(without):
    found = [
        invariant_subspace(LinearProblem.from_moments(mixed(seed, without)), 1e-12)
        for seed in range(100)
    ]
    assert all(one is not None and one.removed == 1 for one in found)
    assert np.mean([one.p_value < 0.05 for one in found]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def test_nothing_is_left_to_test_where_only_one_environment_varies():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 100)
    X = rng.normal(size=(300, 2)) * (place == 0)[:, None]
    y = X.sum(axis=1) + 3 * place + rng.normal(size=300)
    problem = LinearProblem.from_moments(Moments.from_arrays(X, y, place))
    assert invariant_subspace(problem, 1e-3) is None


@pytest.mark.parametrize("lacking", ["weight", "environment"])
def test_a_level_that_no_row_has_left_is_not_taken_for_another(lacking):
    """Columns of a classifier's rows stay what they are where a level has gone."""
    rng = np.random.default_rng(0)
    place = np.repeat(["a", "b", "c", "d"], 60)
    colour = rng.choice(["blue", "green"], size=240)
    colour[place == "d"] = rng.choice(["amber", "green"], size=60)
    frame = pd.DataFrame({"colour": colour, "dose": rng.normal(size=240)})
    y = frame.dose + rng.normal(size=240) > 0
    weight = np.where(colour == "amber", 0.0, 1.0)
    if lacking == "weight":
        kept = weight > 0
        model = InvariantClassifier().fit(frame, y, environments=place, sample_weight=weight)
    else:
        kept = place != "d"
        model = InvariantClassifier(exclude_environments=["d"]).fit(frame, y, environments=place)
    other = InvariantClassifier().fit(frame[kept], y[kept], environments=place[kept])
    np.testing.assert_allclose(
        model.predict_proba(frame[kept]), other.predict_proba(frame[kept]), atol=1e-6
    )
    np.testing.assert_allclose(model.errors_.invariant, other.errors_.invariant, atol=1e-6)


@pytest.mark.parametrize("size", [1e-160, 1e160])
def test_units_in_which_effects_cannot_be_computed_are_refused(size):
    X, y, place = without_level(0)
    with pytest.raises(DataError, match=r"(differ so much in size|squares overflow).*: rescale"):
        InvariantRegressor().fit(X * [size, 1, 1], y, environments=place)
    model = InvariantRegressor().fit(X * [size**0.5, 1, 1], y, environments=place)
    assert np.isfinite(model.evidence_.effect).all()
