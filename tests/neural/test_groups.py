"""Labels of any kind become rows sorted by environment."""

import numpy as np
import pandas as pd
import pytest
import torch

from elinvar.errors import DataError
from elinvar.neural.batches._groups import _CHUNK, group_rows

CODES = np.array([2, 0, 10, 2, 0, 2])


@pytest.mark.parametrize(
    "labels",
    [
        CODES,
        CODES.tolist(),
        CODES.astype(float),
        CODES.astype(str),
        list(CODES.astype(str)),
        CODES.astype(str).astype(object),
        torch.tensor(CODES),
        torch.tensor(CODES, dtype=torch.float32),
        pd.Series(CODES, index=np.linspace(0.5, 3, 6)),
        pd.Series(CODES.astype(str)),
        pd.Series(CODES).astype("category"),
        pd.Categorical(CODES, categories=[10, 2, 0]),
    ],
)
def test_labels_of_every_kind_are_the_same_environments(labels):
    groups = group_rows(labels)
    assert groups.names == ("0", "2", "10")
    assert groups.rows.tolist() == [1, 4, 0, 3, 5, 2]
    assert groups.counts.tolist() == [2, 3, 1]
    assert groups.codes().tolist() == [1, 0, 2, 1, 0, 1]
    assert groups.fingerprint == group_rows(CODES).fingerprint


@pytest.mark.parametrize("n_environments", [1, 7, 40_000])
def test_the_sort_is_that_of_numpy_across_chunks(n_environments):
    codes = np.random.default_rng(0).integers(0, n_environments, _CHUNK + 13)
    groups = group_rows(codes)
    assert groups.rows.dtype == np.int32
    assert np.array_equal(groups.rows, np.argsort(codes, kind="stable"))
    assert np.array_equal(groups.counts, np.unique(codes, return_counts=True)[1])


def test_dates_and_truth_values_have_names():
    assert group_rows([True, False, True]).names == ("False", "True")
    days = np.array(["2020-01-02", "2020-01-01", "2020-01-02"], dtype="datetime64[ns]")
    assert group_rows(days).names == ("2020-01-01", "2020-01-02")


def test_the_fingerprint_sees_one_row_that_moves():
    moved = CODES.copy()
    moved[[0, 1]] = moved[[1, 0]]
    renamed = np.where(CODES == 10, 11, CODES)
    prints = {group_rows(labels).fingerprint for labels in (CODES, moved, renamed, CODES[:-1])}
    assert len(prints) == 4


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1.0, np.nan, 1.0], "Row 1 has no environment"),
        (["a", None, "a"], "Row 1 has no environment"),
        (["a", "a", ""], "Row 2 has no environment"),
        (pd.Categorical(["a", None, "a"]), "Row 1 has no environment"),
        (pd.Series(["a", "a"], dtype="category").cat.add_categories("b"), "'b' has no rows"),
        (pd.Categorical(["a", "a"], categories=["b", "a"]), "'b' has no rows"),
        ([], r"one label for each row.*got shape \(0,\)"),
        (np.zeros((3, 2)), r"one label for each row.*got shape \(3, 2\)"),
        ("Oslo", "one label for each row"),
        (np.arange(5), "Each of the 5 rows has an environment of its own"),
    ],
)
def test_bad_labels_are_refused_in_a_sentence(labels, message):
    with pytest.raises(DataError, match=message):
        group_rows(labels)


def test_a_missing_label_far_down_is_found():
    labels = np.zeros(_CHUNK + 5)
    labels[_CHUNK + 3] = np.nan
    with pytest.raises(DataError, match=f"Row {_CHUNK + 3:,} has no environment"):
        group_rows(labels)
