"""Rows that every engine gets, and how its moments are compared with theirs."""

import numpy as np
import pandas as pd
import pytest

from elinvar.environments import Moments

ROLES = {"target": "y", "environment": "site"}
ARRAYS = ("count", "mean_x", "mean_y", "cov_xx", "cov_xy", "var_y")


@pytest.fixture(scope="session")
def rows():
    rng = np.random.default_rng(0)
    n = 4000
    made = pd.DataFrame(
        {
            "a": rng.normal(size=n) + 1e6,
            "whole": rng.integers(0, 9, n),
            "flag": rng.random(n) < 0.5,
            "k": rng.choice(["u", "v", "it's"], n),
            "site": rng.choice(["s1", "s2", "s10"], n),
        }
    )
    made["y"] = made["a"] + made["whole"] + rng.normal(size=n)
    made.loc[::100, "a"] = np.nan
    return made


@pytest.fixture(scope="session")
def assert_same(rows):
    """Return a check that moments are those of the rows, those without a value left out."""
    expected = Moments.from_frame(rows, **ROLES, missing="drop")

    def check(found):
        assert (found.names, found.schema) == (expected.names, expected.schema)
        assert found.n_dropped == expected.n_dropped == 40
        for name in ARRAYS:
            np.testing.assert_allclose(
                getattr(found, name), getattr(expected, name), rtol=1e-10, atol=1e-10
            )

    return check
