"""Trees as plain arrays predict what LightGBM predicts, and a damaged file is refused."""

import copy

import lightgbm
import numpy as np
import pytest

from elinvar.errors import ModelFileError
from elinvar.forecast.learners import TreeEnsemble


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4))
    X[:, 2] = rng.integers(0, 40, 600)
    y = np.nan_to_num(X[:, 0]) + (X[:, 2] % 3 == 1) + 0.1 * rng.normal(size=600)
    X[rng.random(600) < 0.2, 0] = np.nan
    X[rng.random(600) < 0.2, 2] = np.nan
    return X, y


def grow(X, y, **options):
    data = lightgbm.Dataset(X, y, categorical_feature=[2])
    fixed = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    return lightgbm.train(fixed | options, data, 20)


@pytest.mark.parametrize(
    "options",
    [
        {"num_leaves": 31},
        {"num_leaves": 2},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
        {"objective": "binary"},
        {"objective": "multiclass", "num_class": 3},
        {"min_data_in_leaf": 600},
    ],
    ids=str,
)
def test_arrays_predict_what_lightgbm_predicts(from_file, rows, options):
    X, y = rows
    if "objective" in options:
        y = np.digitize(y, [0.3, 1.0][: options.get("num_class", 2) - 1])
    booster = grow(X, y, **options)
    lost, strange = [np.nan, 0.0, np.nan, 0.0], [0.0, 0.0, 77.0, 0.0]
    unseen = np.vstack([X, X * [1.5, 1.5, 1, 1.5], [lost, strange]])
    expected = booster.predict(unseen, raw_score="boosting" not in options)
    trees = TreeEnsemble.from_booster(booster)
    found = trees.predict(unseen)
    np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=0, atol=1e-12)
    again = TreeEnsemble.read(from_file(trees.entries()))
    np.testing.assert_array_equal(again.predict(unseen), found)


def test_no_rows_give_no_predictions(rows):
    assert TreeEnsemble.from_booster(grow(*rows)).predict(np.zeros((0, 4))).shape == (0, 1)


def loop(entries):
    entries["left"][3] = 3


def strange_feature(entries):
    entries["feature"][0] = 4


def infinite(entries):
    entries["values"][0] = 1e999


def text(entries):
    entries["threshold"][0] = "0"


def short(entries):
    entries["right"].pop()


def no_leaf(entries):
    entries["right"][0] = -len(entries["values"]) - 1


def no_tree(entries):
    entries["roots"][0] = len(entries["left"])


def no_categories(entries):
    entries["categories"].pop()


def absent(entries):
    del entries["missing_left"]


def true(entries):
    entries["feature"][0] = True


@pytest.mark.parametrize(
    "damage",
    [
        loop, strange_feature, infinite, text, short, no_leaf, no_tree, no_categories, absent, true,
    ],
)  # fmt: skip
def test_damaged_trees_are_refused(from_file, rows, damage):
    entries = copy.deepcopy(TreeEnsemble.from_booster(grow(*rows)).entries())
    damage(entries)
    with pytest.raises(ModelFileError, match="The model file is damaged"):
        TreeEnsemble.read(from_file(entries))
