"""Batches of frames or arrays, each seen once."""

import numpy as np
import pandas as pd
import pytest

from elinvar.environments import Moments
from elinvar.errors import DataError, DataTypeError

ROLES = {"target": "y", "environment": "site"}


def texts(values):
    n = len(values)
    return pd.DataFrame(
        {"t": values, "x": np.arange(n, dtype=float), "y": np.arange(n) % 7 / 7.0, "site": "s"}
    )


def missing_table():
    return pd.DataFrame(
        {
            "a": [1.0, np.nan, 3.0, 4.0, 8.0, 1.0],
            "k": ["u", "v", None, "v", "u", "v"],
            "y": [1.0, 2.0, 3.0, np.nan, 5.0, 6.0],
            "site": list("ppqqpq"),
        }
    )


def test_batches_of_frames_decide_by_all_their_values():
    n = 40
    for values, outcome in (
        (["a"] * 15 + ["1"] * 25, "t is text, though 25 of its 40 values are numbers"),
        (["a"] * 25 + ["1"] * 15, None),
        (["1"] * 40, "t is text, though all its values are numbers"),
        ([f"v{i}" for i in range(40)] + [], None),
    ):
        for size in (1, 7, 40):
            batches = [texts(values)[i : i + size] for i in range(0, n, size)]
            if outcome is None:
                moments = Moments.from_batches(batches, **ROLES)
                assert set(moments.schema.levels["t"]) == set(values)
            else:
                with pytest.raises(DataError, match=outcome):
                    Moments.from_batches(batches, **ROLES)


def test_batches_that_do_not_fit_are_refused():
    good = texts(["u", "v"])
    with pytest.raises(DataTypeError, match="t holds numbers in some batches and text"):
        Moments.from_batches([good, texts([1, 2])], **ROLES)
    with pytest.raises(DataError, match="no column 't'"):
        Moments.from_batches([good, good.drop(columns="t")], **ROLES)
    with pytest.raises(DataTypeError, match="all frames or all tuples"):
        Moments.from_batches([good, (np.zeros((2, 1)), [1, 2])], **ROLES)
    with pytest.raises(DataError, match="'impute' needs a file or a frame"):
        Moments.from_batches([good], **ROLES, missing="impute")
    with pytest.raises(DataError, match="need target= and environment="):
        Moments.from_batches([good])
    with pytest.raises(DataError, match="No rows are left"):
        Moments.from_batches([])
    with pytest.raises(DataTypeError, match="iterable of batches"):
        Moments.from_batches(good, **ROLES)
    with pytest.raises(DataError, match=r"got 1 items"):
        Moments.from_batches([(np.zeros((2, 1)),)])
    with pytest.raises(DataError, match=r"NaN.*first in row 5"):
        Moments.from_batches([good, good, good.assign(x=[np.nan, 1.0])], **ROLES)
    with pytest.raises(DataError, match=r"NaN.*first in row 3"):
        Moments.from_batches([(np.zeros((2, 1)), [1, 2]), (np.full((2, 1), np.nan), [1, 2])])


def test_batches_may_miss_values():
    batches = [missing_table()[i : i + 1] for i in range(6)]
    moments = Moments.from_batches(batches, **ROLES, missing="drop")
    expected = Moments.from_frame(missing_table(), **ROLES, missing="drop")
    assert moments.n_dropped == 3 and moments.schema == expected.schema
    np.testing.assert_allclose(moments.cov_xx, expected.cov_xx, atol=1e-13)
