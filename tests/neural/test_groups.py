"""Labels of any kind become environments and their rows."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from elinvar.errors import DataError
from elinvar.neural import EnvironmentBatchSampler

# labels are read in parts of this many rows
PART = 2**18
CODES = np.array([2, 0, 10, 2, 0, 2])


def sampler(labels):
    return EnvironmentBatchSampler(labels, len(labels), order="cyclic", small="shrink")


def rows_of(labels):
    """Return the rows of each environment: an epoch is a batch, which is all rows of one."""
    source = sampler(labels)
    return {name: sorted(next(iter(source))) for name in source.environments}


def fingerprint(labels):
    return sampler(labels).state_dict()["fingerprint"]


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
    assert sampler(labels).environments == ("0", "2", "10")
    assert rows_of(labels) == {"0": [1, 4], "2": [0, 3, 5], "10": [2]}
    assert fingerprint(labels) == fingerprint(CODES)


@pytest.mark.parametrize("n_environments", [1, 7, 40_000])
def test_rows_are_sorted_across_parts(n_environments):
    codes = np.random.default_rng(0).integers(0, n_environments, PART + 13)
    source = EnvironmentBatchSampler(codes, 5000, order="cyclic", small="shrink")
    order, counts = np.argsort(codes, kind="stable"), np.unique(codes, return_counts=True)[1]
    ends = np.cumsum(counts)
    assert source.n_environments == len(counts)
    for environment, batch in zip(source.schedule(), source, strict=True):
        rows = order[ends[environment] - counts[environment] : ends[environment]]
        assert set(batch) <= set(rows) and len(batch) == min(5000, len(rows))


SITES, YEARS = list("abababab"), [1, 1, 2, 2, 1, 1, 2, 2]


@pytest.mark.parametrize(
    "labels",
    [
        pd.DataFrame({"site": SITES, "year": YEARS}, index=np.linspace(0.5, 4, 8)),
        pl.DataFrame({"site": SITES, "year": YEARS}),
        list(zip(SITES, YEARS, strict=True)),
        np.array(list(zip(SITES, YEARS, strict=True)), dtype=object),
    ],
)
def test_several_columns_are_environments_together(labels):
    found = rows_of(labels)
    assert found == {"a / 1": [0, 4], "a / 2": [2, 6], "b / 1": [1, 5], "b / 2": [3, 7]}


def test_metadata_of_two_columns_and_unused_categories():
    metadata = torch.tensor([[0, 1], [0, 1], [1, 1], [1, 1]])
    assert rows_of(metadata) == {"0 / 1": [0, 1], "1 / 1": [2, 3]}
    unused = pd.Categorical(["b", "b", "a", "a"], categories=["c", "b", "a"])
    assert rows_of(unused) == {"a": [2, 3], "b": [0, 1]}
    assert sampler(pl.Series(["b", "b", "a"], dtype=pl.Categorical)).environments == ("a", "b")
    grades = pd.CategoricalDtype(["low", "mid", "high"], ordered=True)
    assert sampler(pd.Series(["high", "low", "low"], dtype=grades)).environments == ("low", "high")


def test_dates_and_truth_values_have_names():
    assert sampler([True, False, True]).environments == ("False", "True")
    days = np.array(["2020-01-02", "2020-01-01", "2020-01-02"], dtype="datetime64[ns]")
    assert sampler(days).environments == ("2020-01-01", "2020-01-02")


def test_the_fingerprint_sees_one_row_that_moves():
    moved = CODES.copy()
    moved[[0, 1]] = moved[[1, 0]]
    renamed = np.where(CODES == 10, 11, CODES)
    prints = {fingerprint(labels) for labels in (CODES, moved, renamed, CODES[:-1])}
    assert len(prints) == 4


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1.0, np.nan, 1.0], "Row 1 has no environment"),
        (["a", None, "a"], "Row 1 has no environment"),
        (["a", "a", ""], "Row 2 has no environment"),
        (pd.Categorical(["a", None, "a"]), "Row 1 has no environment"),
        ([], r"one label for each row.*got shape \(0,\)"),
        (np.zeros((3, 2, 2)), r"one label a row; got shape \(3, 2, 2\)"),
        (np.array("Oslo"), r"one label for each row.*got shape \(\)"),
        ("Oslo", "one label for each row"),
        (np.arange(5), "Each of the 5 rows has an environment of its own"),
    ],
)
def test_bad_labels_are_refused_in_a_sentence(labels, message):
    with pytest.raises(DataError, match=message):
        EnvironmentBatchSampler(labels, 2)


def test_a_missing_label_far_down_is_found():
    labels = np.zeros(PART + 5)
    labels[PART + 3] = np.nan
    with pytest.raises(DataError, match=f"Row {PART + 3:,} has no environment"):
        EnvironmentBatchSampler(labels, 2)
