"""Numbers that are no amounts (row numbers, names, dates, marks) are asked about, and no others."""

import numpy as np
import pandas as pd
import pytest

from elinvar.environments import Environments, Moments
from elinvar.errors import DataError, ElinvarWarning

ROLES = {"target": "y", "environment": "site"}
N = 60
ROW = np.arange(N)


def frame(**columns):
    rng = np.random.default_rng(0)
    given = {name: column for name, column in columns.items() if name not in ("y", "last")}
    table = {**given, "x": rng.normal(size=N).round(2), "site": ["p", "q"] * (N // 2)}
    return pd.DataFrame({**table, "y": columns.get("y", rng.normal(size=N).round(2))})


ASKED = {
    "first column": ({"X1": ROW + 1}, "X1 counts the rows.*drop='X1'"),
    "readable name": ({"z": ROW % 7, "row number": ROW}, "row number counts the rows"),
    "from anywhere": ({"z": ROW % 7, "obs_id": ROW + 1001}, "obs_id counts the rows"),
    "with gaps": ({"z": ROW % 7, "ID": 3 * ROW + ROW % 2}, "ID seems to name something"),
    "in each site": ({"z": ROW % 7, "patientId": ROW // 2}, "patientId seems to name something"),
    "too long": ({"z": 2.0**60 + ROW}, "z seems to name something"),
    "dates": ({"z": 20200100 + ROW % 28 + 1}, "z seems to hold dates"),
    "below": ({"z": np.where(ROW % 5, ROW % 7, -999)}, "z: -999 lies far.*na='-999'"),
    "beside another": ({"z": np.select([ROW % 5 == 0, ROW % 5 == 1], [-8, -9], ROW % 4)}, "-9"),
    "above": ({"z": np.where(ROW % 5, ROW % 7, 9999.0)}, "z: 9999 lies far.*na='9999'"),
    "in the target": ({"y": np.where(ROW % 5, ROW % 7, -99)}, "y: -99 lies far"),
}


@pytest.mark.parametrize("case", ASKED)
def test_numbers_that_are_no_amounts_are_asked_about(case, tmp_path):
    columns, message = ASKED[case]
    table = frame(**columns)
    table.to_csv(tmp_path / "t.csv", index=False)
    for read in (
        lambda: Moments.from_frame(table, **ROLES),
        lambda: Environments.from_files(tmp_path / "t.csv", **ROLES),
    ):
        with pytest.warns(ElinvarWarning, match=message):
            read()
    X = table.drop(columns=["y", "site"])
    with pytest.warns(ElinvarWarning, match="of X|NaN"):
        Moments.from_arrays(X, table["y"], table["site"])


def test_what_numbers_cannot_hold_is_told():
    x = np.linspace(0, 1, N) ** 2
    for values, message in (
        (1e12 + x, "x0: all values agree in their first 11 digits"),
        (1e-170 * x, "x0: all values are below 1e-160"),
    ):
        with pytest.warns(ElinvarWarning, match=message):
            Environments.from_arrays(np.column_stack([values, x]), x, ROW % 2)
    Environments.from_arrays(np.column_stack([1e8 + x, 1e-140 * x]), x, ROW % 2)


def test_amounts_are_not_asked_about():
    sold = {"hour": ROW % 24, "year": 1990 + ROW // 2, "t": ROW // 2, "grid": ROW % 3, "n": -ROW}
    Moments.from_frame(frame(z=ROW % 7, **sold), **ROLES)
    # -9 is one of many values, and 99 occurs once
    Moments.from_frame(frame(a=ROW % 20 - 9, b=np.where(ROW == 5, 99, ROW % 7)), **ROLES)


def test_masked_values_are_missing():
    X = np.ma.masked_greater(np.linspace(0, 1, N).reshape(-1, 2), 0.9)
    with pytest.raises(DataError, match="missing values"):
        Moments.from_arrays(X, ROW[::2], ROW[::2] % 4)
    assert Environments.from_arrays(X, ROW[::2], ROW[::2] % 4, missing="drop").n_rows == 27


def test_months_of_pandas_are_labels():
    months = pd.period_range("2020-01", periods=2, freq="M").repeat(N // 2)
    assert Moments.from_frame(frame().assign(site=months), **ROLES).names == ("2020-01", "2020-02")
    levels = frame().set_axis(pd.MultiIndex.from_product([["a"], ["x", "site", "y"]]), axis=1)
    moments = Moments.from_frame(levels, target=("a", "y"), environment=[("a", "site")])
    assert moments.schema.features == ("('a', 'x')",)
