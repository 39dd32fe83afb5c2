"""Bare arrays that cannot be used get one clear sentence."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from elinvar.environments import Environments, Moments
from elinvar.errors import DataError, DataTypeError

X = np.arange(8.0).reshape(4, 2)
Y = np.array([1.0, 2.0, 4.0, 3.0])


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (X[0], DataError, r"two dimensions.*got 1: expected 2D array.*Reshape your data"),
        (X[None], DataError, "two dimensions.*got 3.*Reshape your data"),
        (3.0, DataError, "got 0: expected 2D array, got scalar array"),
        (X[:0], DataError, r"Found array with 0 sample\(s\) .*a minimum of 1 is required"),
        (X[:, :0], DataError, r"Found array with 0 feature\(s\) .*a minimum of 1 is required"),
        (X * 1j, DataTypeError, "Complex data not supported"),
        (X.astype(object) * 1j, DataTypeError, "Complex data not supported"),
        (scipy.sparse.csr_matrix(X), DataTypeError, "Sparse data are not supported.*toarray"),
        (scipy.sparse.coo_array(X), DataTypeError, "Sparse data are not supported"),
        (np.full((4, 2), "a"), DataTypeError, "X holds text .such as 'a'.*pandas or polars frame"),
        (np.full((4, 2), "a", dtype=object), DataTypeError, "X holds text"),
        (np.full((4, 2), b"a"), DataTypeError, "X holds text"),
        (np.full((4, 2), {}), DataTypeError, "argument must be a string or a real number"),
        (np.full((4, 2), np.datetime64("2020")), DataTypeError, "X must hold numbers; got"),
        ([[1, 2], [3]], DataTypeError, "X cannot be read as an array"),
        (None, DataError, "X"),
        ("text", DataTypeError, "X holds text"),
        ({"a": 1}, DataTypeError, "X must hold numbers only"),
        (np.where(X == 3, np.nan, X), DataError, r"missing values \(NaN\) in x1 \(1\).* row 2"),
        (np.where(X == 3, np.inf, X), DataError, r"infinity in x1 \(1\).* row 2"),
        (np.where(X == 3, None, X), DataError, r"missing values \(NaN\) in x1 \(1\)"),
        (pd.DataFrame(X, columns=["a", "a"]), DataError, "duplicated column names"),
    ],
)
def test_matrices(bad, error, message):
    for kind in (Moments, Environments):
        with pytest.raises(error, match=message) as caught:
            kind.from_arrays(bad, Y)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Y[:3], "X has 4 rows, y has 3; inconsistent numbers of samples"),
        (None, "requires y to be passed, but the target y is None"),
        (np.array(list("abcd")), "y holds text .such as 'a'.*turn it into numbers"),
        (Y * 1j, "Complex data not supported: y"),
        (X, r"y must be one-dimensional, a number a row; got shape \(4, 2\)"),
        (3.0, r"got shape \(\)"),
        ([1, 2, None, 4], r"missing values \(NaN\) in target \(1\); first in row 3"),
        ([1, np.inf, 2, 4], r"infinity in target \(1\); first in row 2"),
    ],
)
def test_targets(bad, message):
    for kind in (Moments, Environments):
        with pytest.raises(DataError, match=message):
            kind.from_arrays(X, bad)


@pytest.mark.parametrize(
    ("environments", "message"),
    [
        (["a", "b", "c"], "X has 4 rows, environments has 3; inconsistent"),
        ("site", r"the text 'site'. .* X\['site'\]"),
        (["a", None, "b", "a"], "environments: the environment label is missing in 1 row.* row 2"),
        (np.zeros((4, 1, 1)), r"one label a row; got shape \(4, 1, 1\)"),
        (np.zeros((4, 0)), "no columns"),
        ("abcd", r"one label a row; got shape \(\)"),
        ([[1], [2, 3], [4], [5]], "cannot be read as an array"),
    ],
)
def test_environments(environments, message):
    with pytest.raises(DataError, match=message):
        Moments.from_arrays(X, Y, environments)


def test_environments_of_several_columns():
    names = Moments.from_arrays(X, Y, np.array([["a", "1"]] * 2 + [["b", "1"]] * 2)).names
    assert names == ("a / 1", "b / 1")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 1, 1], "sample_weight has 3"),
        ([[1, 1]] * 4, "Sample weights must be 1D array or scalar"),
        ([1, -1, 1, 1], "finite and not negative; 1 row is not, first row 2 with -1"),
        ([1, np.nan, 1, 1], "finite and not negative"),
        ([0, 0, 0, 0], "all weights are zero"),
        (list("abcd"), "sample_weight holds text"),
    ],
)
def test_weights(weights, message):
    for kind in (Moments, Environments):
        with pytest.raises(DataError, match=message):
            kind.from_arrays(X, Y, sample_weight=weights)


def test_what_can_be_used_is():
    expected = Moments.from_arrays(X, Y)
    for given in (X.tolist(), X.astype(object), X.astype(np.float16), X > -1):
        moments = Moments.from_arrays(given, Y[:, None])
        assert moments.n_rows == 4 and (moments.var_y == expected.var_y).all()
    assert Moments.from_arrays(X, Y > 1).mean_y == 0.75


def test_values_whose_squares_overflow_are_refused():
    for kind in (Moments.from_arrays, lambda X, y: Environments.from_arrays(X, y).moments()):
        with pytest.raises(DataError, match="so large that their squares overflow"):
            kind(X * 1e200, Y)
    a, b = Moments.from_arrays(X * 1e100, Y), Moments.from_arrays(X * 1e100 + 1e200, Y)
    with pytest.raises(DataError, match="must be finite"):
        a + b
    frame = pd.DataFrame(X * 1e200).assign(site="s")
    with pytest.raises(DataError, match="squares overflow"):
        Moments.from_frame(frame, target="0", environment="site")
