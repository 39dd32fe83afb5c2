"""Frames of every library mean the same, and columns find their roles."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from elinvar.environments import (
    Environments,
    Moments,
    Schema,
    encode_files,
    environment_labels,
)
from elinvar.errors import DataError, DataTypeError, ElinvarWarning

ROLES = {"target": "y", "environment": "site"}


def frame(n=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "whole": rng.integers(0, 9, n),
            "flag": rng.random(n) > 0.5,
            "kind": rng.choice(["u", "v", "w"], n),
            "site": rng.choice(["Oslo", "Bergen"], n),
            "year": rng.choice([2020, 2021], n),
            "y": rng.normal(size=n),
        }
    )


def polars(frame):
    return pytest.importorskip("polars").from_pandas(frame)


LIBRARIES = {
    "pandas": lambda f: f,
    "pandas object": lambda f: f.astype({"kind": object, "site": object, "flag": object}),
    "pandas category": lambda f: f.astype({"kind": "category", "site": "category"}),
    "pandas arrow": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "pandas nullable": lambda f: f.convert_dtypes(),
    "polars": polars,
    "polars categorical": lambda f: polars(f).with_columns(
        polars(f)["kind"].cast(pytest.importorskip("polars").Categorical)
    ),
    "pyarrow": pa.Table.from_pandas,
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_means_the_same(library):
    expected = Environments.from_frame(frame(), **ROLES)
    data = Environments.from_frame(LIBRARIES[library](frame()), **ROLES)
    assert data.schema == expected.schema
    assert data.names == ("Bergen", "Oslo")
    np.testing.assert_array_equal(data.X, expected.X)
    np.testing.assert_array_equal(data.codes, expected.codes)
    encoded = expected.schema.encode(LIBRARIES[library](frame()))
    np.testing.assert_array_equal(encoded, expected.X)


def test_columns_are_what_they_say():
    data = Environments.from_frame(frame(), **ROLES)
    assert data.schema.columns == ("a", "whole", "flag", "kind=u", "kind=v", "kind=w", "year")
    assert set(np.unique(data.X[:, 2])) == {0.0, 1.0}
    assert (data.X[:, 3:6].sum(axis=1) == 1).all()


def test_several_environment_columns_are_joined():
    data = Environments.from_frame(frame(), target="y", environment=["site", "year"])
    assert data.names == ("Bergen / 2020", "Bergen / 2021", "Oslo / 2020", "Oslo / 2021")
    assert "year" not in data.schema.features
    labels = environment_labels(frame(), ["site", "year"])
    assert [data.names[code] for code in data.codes] == labels
    clash = frame()[:2].assign(site=["a / b", "a"], year=["c", "b / c"])
    with pytest.raises(DataError, match="both be named 'a / b / c'"):
        Environments.from_frame(clash, target="y", environment=["site", "year"])


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([10, 9, 2], ("2", "9", "10")),
        ([2020.0, 2021.5, 2020.0], ("2020", "2021.5")),
        (["e10", "e9", "E1"], ("E1", "e9", "e10")),
        ([True, False, True], ("False", "True")),
        (["b", 1, 2.0], ("1", "2", "b")),
        (
            [dt.date(2020, 1, 2), dt.date(2019, 1, 1), dt.date(2019, 1, 1)],
            ("2019-01-01", "2020-01-02"),
        ),
        (pd.to_datetime(["2020-01-02", "2019-01-01", "2019-01-01"]), ("2019-01-01", "2020-01-02")),
        (pd.Categorical(["b", "a", "a"], categories=["c", "b", "a"]), ("a", "b")),
        (np.array([2**60 + 1, 2**60, 2**60]), (str(2**60), str(2**60 + 1))),
    ],
)
def test_environment_labels_are_strings_in_natural_order(values, names):
    X, y = np.arange(6.0).reshape(3, 2), np.arange(3.0)
    array = np.empty(3, dtype=object)
    array[:] = list(values)
    given = array if isinstance(values, list) and len({type(v) for v in values}) > 1 else values
    assert Environments.from_arrays(X, y, given).names == names
    table = pd.DataFrame({"x": X[:, 0], "y": y, "e": pd.Series(given)})
    assert Environments.from_frame(table, target="y", environment="e").names == names


def test_features_drop_and_categorical_choose_columns():
    def columns(**chosen):
        return Moments.from_frame(frame(), **ROLES, **chosen).schema.columns

    assert columns(features=["year", "a"]) == ("year", "a")
    assert columns(features="a") == ("a",)
    assert columns(drop=["kind", "year", "flag"]) == ("a", "whole")
    assert columns(features=["a", "year"], categorical=["year"]) == ("a", "year=2020", "year=2021")
    assert columns(features="flag", categorical="flag") == ("flag=False", "flag=True")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"target": "Y "}, "no target column 'Y '; did you mean 'y'"),
        ({"environment": "sit"}, "no environment column 'sit'; did you mean 'site'"),
        ({"environment": ["site", "yeer"]}, "no environment column 'yeer'; did you mean 'year'"),
        ({"environment": []}, "No environment column was named"),
        ({"features": ["a", "hole"]}, "no feature 'hole'; did you mean 'whole'"),
        ({"features": ["a", "site"]}, "'site' is the environment column and cannot be a feature"),
        ({"features": ["a", "y"]}, "'y' is the target column and cannot be a feature"),
        ({"features": ["a", "a"]}, "chosen have duplicated column names: 'a'"),
        ({"features": []}, "No feature is left"),
        ({"drop": ["b"]}, "no column to drop 'b'"),
        ({"drop": ["a", "whole", "flag", "kind", "year"]}, "No feature is left"),
        ({"categorical": ["y"]}, "'y' is the target column and cannot be a feature"),
        ({"categorical": ["year"], "drop": ["year"]}, "'year' is listed as categorical, but"),
        ({"environment": "y"}, "both as the target and as the environment column"),
        ({"sample_weight": "w"}, "no weight column 'w'"),
        ({"sample_weight": "y"}, "both as the target and as the weight column"),
        (
            {"missing": "skip"},
            "missing must be one of 'error', 'drop', 'impute', 'keep'; got 'skip'",
        ),
    ],
)
def test_roles_that_cannot_be_are_refused(chosen, message):
    for kind in (Moments, Environments):
        with pytest.raises(DataError, match=message):
            kind.from_frame(frame(), **{**ROLES, **chosen})


def test_duplicated_columns_are_refused():
    twice = frame().rename(columns={"whole": "a"})
    with pytest.raises(DataError, match="duplicated column names: 'a'"):
        Moments.from_frame(twice, **ROLES)
    with pytest.raises(DataError, match="duplicated column names: '1'"):
        Moments.from_frame(frame().rename(columns={"whole": "1", "a": 1}), **ROLES)
    table = pa.table([[1.0], [2.0], ["s"]], names=["y", "y", "site"])
    with pytest.raises(DataError, match="duplicated column names: 'y'"):
        Moments.from_frame(table, **ROLES)


def test_what_is_no_frame_is_refused():
    for thing in (np.zeros((2, 2)), {"a": [1]}, "file.csv", None, frame()["a"]):
        with pytest.raises(DataTypeError, match="frame or a pyarrow table is needed; got"):
            Moments.from_frame(thing, **ROLES)
    several = frame()[["a", "y"]]
    several.columns = pd.MultiIndex.from_tuples([("a", "b"), ("y", "z")])
    with pytest.raises(DataError):
        Moments.from_frame(several, **ROLES)
    with pytest.raises(DataError, match="no rows: 0 sample"):
        Moments.from_frame(frame()[:0], **ROLES)


def texts(values):
    n = len(values)
    return pd.DataFrame(
        {"t": values, "x": np.arange(n, dtype=float), "y": np.arange(n) % 7 / 7.0, "site": "s"}
    )


def test_text_of_numbers_is_read_as_numbers():
    data = Environments.from_frame(texts(["1", " 2.5", "-3e2"]), **ROLES)
    assert data.schema.columns == ("t", "x")
    assert data.X[:, 0].tolist() == [1.0, 2.5, -300.0]
    assert data.schema.encode(texts(["7", "8", "9"]))[:, 0].tolist() == [7.0, 8.0, 9.0]


def test_text_that_is_mostly_numbers_is_refused_with_the_first_bad_row():
    message = r"t is text, though 3 of its 5 values are numbers; .* is '\?' in row 3"
    with pytest.raises(DataError, match=message):
        Moments.from_frame(texts(["1", "2", "?", "4", "-", None]), **ROLES, missing="drop")
    half = texts(["1", "2", "?", "-"])
    with pytest.warns(ElinvarWarning, match="t holds numbers beside words such as '-'"):
        assert Moments.from_frame(half, **ROLES).schema.levels == {"t": ("1", "2", "-", "?")}
    named = Moments.from_frame(texts(["1", "2", "?", "4"]), **ROLES, categorical="t")
    assert named.schema.levels == {"t": ("1", "2", "4", "?")}


def test_more_than_fifty_levels_are_refused_with_advice():
    values = [f"v{i}" for i in range(51)]
    message = "t has more than 50 levels.*drop it, merge its levels, or use it as the environment"
    with pytest.raises(DataError, match=message):
        Moments.from_frame(texts(values), **ROLES)
    assert Moments.from_frame(texts(values[:50]), **ROLES).n_columns == 51
    with pytest.raises(DataError, match="x has more than 50 levels"):
        Moments.from_frame(texts(values).drop(columns="t"), **ROLES, categorical="x")


def test_merging_beyond_what_rows_can_tell_is_refused():
    few, more = ([f"v{i}" for i in levels] for levels in (range(30), range(25, 55)))
    a, b = (Moments.from_frame(texts(levels), **ROLES) for levels in (few, more))
    with pytest.raises(DataError, match=r"t has more than 50 levels.* in 60 rows"):
        a + b
    a, b = (Moments.from_frame(texts(10 * levels), **ROLES) for levels in (few, more))
    assert len((a + b).schema.levels["t"]) == 55


def test_ten_rows_a_level_are_enough_for_up_to_two_hundred():
    values = [f"v{i}" for i in range(142)]
    many = Moments.from_frame(texts(12 * values), **ROLES)
    assert len(many.schema.levels["t"]) == 142
    with pytest.raises(DataError, match=r"more than 113 levels.* in 1,136 rows"):
        Moments.from_frame(texts(8 * values), **ROLES)
    with pytest.raises(DataError, match="t has more than 200 levels, too many for a categorical f"):
        Moments.from_frame(texts(20 * [f"v{i}" for i in range(201)]), **ROLES)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize(
    "values",
    [
        [dt.date(2020, 1, 1)] * 3,
        [dt.datetime(2020, 1, 1, 3)] * 3,
        [dt.timedelta(hours=1)] * 3,
    ],
)
def test_dates_and_times_are_refused_with_advice(library, values):
    with pytest.raises(DataTypeError, match=r"t holds dates or times.*days since a date"):
        Moments.from_frame(LIBRARIES[library](texts(values)), **ROLES)


def test_what_is_neither_number_nor_text_is_refused():
    for values in ([[1, 2]] * 3, [b"a"] * 3, [{"a": 1}] * 3, [object()] * 3):
        with pytest.raises(DataTypeError, match="t holds neither numbers nor text"):
            Moments.from_frame(texts(values), **ROLES)
        with pytest.raises(DataTypeError, match="t holds neither numbers nor text"):
            Moments.from_frame(texts(values), target="y", environment="t")
    with pytest.raises(DataTypeError, match="t holds neither numbers nor text"):
        Moments.from_frame(texts([1j, 2, 3]), **ROLES)


def test_odd_numbers_are_numbers():
    for values in ([decimal.Decimal("1.5"), None, 2], [True, None, False], [1, 2.5, None]):
        table = texts(values).astype({"t": object})
        data = Environments.from_frame(table, **ROLES, missing="drop")
        assert data.X[:, 0].tolist() == [float(v) for v in values if v is not None]
        assert data.n_dropped == 1


def test_the_target_is_a_number():
    with pytest.raises(DataTypeError, match=r"target must be a number.*'no' in row 2"):
        Moments.from_frame(texts([1, 2, 3]).assign(y=["1", "no", "yes"]), **ROLES)
    with pytest.raises(DataTypeError, match="y must hold numbers; it holds date values"):
        Moments.from_frame(texts([1, 2, 3]).assign(y=pd.Timestamp("2020-01-01")), **ROLES)
    flags = Environments.from_frame(texts([1, 2, 3]).assign(y=[True, False, True]), **ROLES)
    assert flags.y.tolist() == [1.0, 0.0, 1.0]


def test_weights_come_from_a_column():
    table = frame().assign(w=np.arange(60) % 3)
    repeated = frame().loc[np.repeat(np.arange(60), np.arange(60) % 3)]
    weighted = Moments.from_frame(table, **ROLES, sample_weight="w")
    expected = Moments.from_frame(repeated, **ROLES)
    assert weighted.schema == expected.schema
    np.testing.assert_allclose(weighted.cov_xx, expected.cov_xx, atol=1e-12)
    table.loc[table["w"] == 0, ["a", "kind"]] = None
    again = Moments.from_frame(table, **ROLES, sample_weight="w")
    np.testing.assert_allclose(again.cov_xx, expected.cov_xx, atol=1e-12)
    data = Environments.from_frame(table, **ROLES, sample_weight="w")
    np.testing.assert_allclose(data.moments().cov_xx, expected.cov_xx, atol=1e-12)
    assert data.n_rows == 40


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -2, 1], "1 row is not, first row 2 with -2"),
        ([1, np.nan, np.inf], "2 rows are not, first row 2 with nan"),
        ([0, 0, 0], "weight"),
    ],
)
def test_bad_weights_are_refused(weights, message):
    table = texts(["u", "v", "u"]).assign(w=weights)
    with pytest.raises(DataError, match=message):
        Moments.from_frame(table, **ROLES, sample_weight="w")
    X = table[["x"]].to_numpy()
    with pytest.raises(DataError, match=message):
        Moments.from_arrays(X, table["y"], sample_weight=weights)
    with pytest.raises(DataError, match=message):
        Moments.from_arrays(table[["x"]], table["y"], sample_weight=weights)


def missing_table():
    return pd.DataFrame(
        {
            "a": [1.0, np.nan, 3.0, 4.0, 8.0, 1.0],
            "k": ["u", "v", None, "v", "u", "v"],
            "y": [1.0, 2.0, 3.0, np.nan, 5.0, 6.0],
            "site": list("ppqqpq"),
        }
    )


def test_missing_values_are_named():
    message = (
        r"missing values \(NaN\) in a \(1\), k \(1\), y \(1\); first in row 2 .*"
        "missing='drop'.*missing='impute'.*--missing drop|impute"
    )
    for kind in (Moments, Environments):
        with pytest.raises(DataError, match=message):
            kind.from_frame(missing_table(), **ROLES)
    infinite = missing_table().assign(a=[1, np.inf, -np.inf, 1, 1, np.nan])
    for missing in ("error", "drop", "impute"):
        with pytest.raises(DataError, match=r"infinity in a \(2\); first in row 2"):
            Moments.from_frame(infinite, **ROLES, missing=missing)


def test_drop_leaves_rows_out():
    data = Environments.from_frame(missing_table(), **ROLES, missing="drop")
    assert data.y.tolist() == [1.0, 5.0, 6.0]
    assert data.n_dropped == data.moments().n_dropped == 3
    assert data.schema.levels == {"k": ("u", "v")}
    with pytest.raises(DataError, match="No rows are left"):
        Moments.from_frame(missing_table().assign(a=np.nan), **ROLES, missing="drop")


def test_impute_fills_in_and_remembers():
    data = Environments.from_frame(missing_table(), **ROLES, missing="impute")
    mean = np.mean([1, 3, 8, 1])
    assert data.y.tolist() == [1.0, 2.0, 3.0, 5.0, 6.0] and data.n_dropped == 1
    assert data.schema.fill == {"a": mean, "k": "(missing)"}
    assert data.schema.levels == {"k": ("u", "v", "(missing)")}
    assert data.X[:, 0].tolist() == [1.0, mean, 3.0, 8.0, 1.0]
    assert data.X[2, 1:].tolist() == [0, 0, 1]
    new = pd.DataFrame({"a": [None, 2.0], "k": [None, "u"]})
    assert data.schema.encode(new).tolist() == [[mean, 0, 0, 1], [2, 1, 0, 0]]
    with pytest.raises(DataError, match="a has no values to take a mean of"):
        Moments.from_frame(missing_table().assign(a=np.nan), **ROLES, missing="impute")
    numbers = missing_table().assign(k=["1", "2", None, "2", "5", "4"])
    filled = Environments.from_frame(numbers, **ROLES, missing="impute")
    assert filled.schema.fill == {"a": mean, "k": 3.0} and filled.X[2, 1] == 3.0


def test_a_row_without_target_is_dropped_whatever_else_it_holds(tmp_path):
    table = missing_table().assign(k=["u", "v", "v", "only here", "u", "v"])
    table.to_csv(tmp_path / "t.csv", index=False)
    for data in (
        Environments.from_frame(table, **ROLES, missing="impute"),
        Environments.from_files(tmp_path / "t.csv", **ROLES, missing="impute"),
    ):
        assert data.n_dropped == 1 and data.schema.levels == {"k": ("u", "v")}


def test_missing_values_may_be_kept(tmp_path):
    table = missing_table().assign(k=["u", "v", None, "only here", "u", "v"])
    table.to_csv(tmp_path / "t.csv", index=False)
    beside = table.drop(columns=["y", "site"])
    for data in (
        Environments.from_frame(table, **ROLES, missing="keep"),
        Environments.from_files(tmp_path / "t.csv", **ROLES, missing="keep"),
        Environments.from_arrays(beside, table["y"], table["site"], missing="keep"),
    ):
        assert data.schema.levels == {"k": ("u", "v")} and data.n_dropped == 1
        expected = [[1, 1, 0], [np.nan, 0, 1], [3, np.nan, np.nan], [8, 1, 0], [1, 0, 1]]
        np.testing.assert_array_equal(data.X, expected)
        new = pd.DataFrame({"a": [None, 2.0], "k": [None, "u"]})
        np.testing.assert_array_equal(data.schema.encode(new)[:, 1], [np.nan, 1])
        again = Schema.from_dict(data.schema.to_dict())
        assert again == data.schema and again.keeps_missing
    with pytest.raises(DataError, match="NaN"):
        Moments.from_frame(table, **ROLES, missing="keep")
    with pytest.raises(DataError, match="a has no values in any row that counts; drop it"):
        Environments.from_frame(table.assign(a=np.nan), **ROLES, missing="keep")
    with pytest.raises(DataError, match=r"infinity in a \(1\); first in row 2"):
        table.loc[1, "a"] = np.inf
        Environments.from_frame(table, **ROLES, missing="keep")


def test_new_levels_are_named_in_a_warning():
    schema = Environments.from_frame(frame(), **ROLES).schema
    new = frame()[:3].assign(kind=["north", "u", "south"])
    message = "kind: training had no 'north' or 'south'. Such rows count as of no level."
    with pytest.warns(UserWarning, match=message):
        encoded = schema.encode(new, unknown="warn")
    np.testing.assert_array_equal(encoded, schema.encode(new, unknown="zero"))
    schema.encode(new.assign(kind="u").astype({"kind": "category"}), unknown="warn")


def test_missing_values_in_arrays():
    table = missing_table()
    X, y = table[["a"]].to_numpy(), table["y"].to_numpy()
    with pytest.raises(DataError, match=r"NaN\) in x0 \(1\) and target \(1\); first in row 2"):
        Moments.from_arrays(X, y)
    assert Moments.from_arrays(X, y, missing="drop").n_dropped == 2
    imputed = Environments.from_arrays(X, y, missing="impute")
    mean = np.mean([1, 3, 8, 1])
    assert imputed.schema.fill == {"x0": mean} and imputed.X[1, 0] == mean
    assert imputed.schema.encode([[np.nan]]).tolist() == [[mean]]
    with pytest.raises(DataError, match="NaN"):
        Moments.from_arrays(X[:3], y[:3]).schema.encode([[np.nan]])


def test_a_missing_environment_label_is_refused():
    for label in (None, np.nan, "", "  "):
        table = missing_table().assign(site=["p", label, "q", "q", label, "q"])
        message = "site: the environment label is missing in 2 rows, first in row 2"
        with pytest.raises(DataError, match=message):
            Moments.from_frame(table, **ROLES)
        data = Environments.from_frame(table, **ROLES, missing="drop")
        assert data.names == ("p", "q") and data.n_dropped == 4 and data.y.tolist() == [1.0, 6.0]
    with pytest.raises(DataError, match="missing in 1 row, first in row 3"):
        Moments.from_arrays(np.zeros((3, 1)), np.arange(3), [1.0, 2.0, np.nan])
    for X in (np.zeros((3, 1)), pd.DataFrame({"x": np.zeros(3)})):
        kept = Environments.from_arrays(X, np.arange(3), ["a", None, "b"], missing="drop")
        assert kept.names == ("a", "b") and kept.n_dropped == 1


def test_rows_without_anything_in_them_are_left_out():
    """Spreadsheets leave such rows below a table."""
    table = pd.concat([texts(["u", "v", "u"]), pd.DataFrame({"x": [None, None]})])
    for missing in ("error", "drop", "impute"):
        data = Environments.from_frame(table, **ROLES, missing=missing)
        assert data.n_rows == 3 and data.n_dropped == 2
    with pytest.raises(DataError, match=r"label is missing in 1 row, first in row 3"):
        Moments.from_frame(
            table.assign(
                x=[1, 2, None, 3, None],
                t=[*"uv", None, *"u", None],
                site=["s", "s", "s", None, None],
            ).iloc[[0, 1, 3, 4]],
            **ROLES,
        )


def test_encode_reads_by_name():
    schema = Environments.from_frame(frame(), **ROLES).schema
    new = frame()[["kind", "y", "year", "flag", "a", "whole"]].assign(extra="x")
    np.testing.assert_array_equal(schema.encode(new), schema.encode(frame()))
    with pytest.raises(DataError, match="lack the feature 'whole'; did you mean 'hole'"):
        schema.encode(new.rename(columns={"whole": "hole"}))
    with pytest.raises(DataTypeError, match="categorical, so a frame"):
        schema.encode(np.zeros((2, 5)))
    with pytest.raises(DataError, match=r"missing values \(NaN\) in kind \(1\); first in row 2"):
        schema.encode(new[:3].assign(kind=["u", None, "v"]))
    with pytest.raises(DataError, match="a must hold numbers; it holds text: 'x' in row 2"):
        schema.encode(new[:3].assign(a=["1", "x", "v"]))


def test_unseen_levels():
    schema = Environments.from_frame(frame(), **ROLES).schema
    new = frame()[:3].assign(kind=["u", "z", "v"])
    with pytest.raises(DataError, match=r"kind: the level 'z' \(first in row 2\) was not seen"):
        schema.encode(new)
    zero = schema.encode(new, unknown="zero")
    assert zero[:, 3:6].tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    with pytest.raises(DataError, match="unknown must be"):
        schema.encode(new, unknown="ignore")


def test_bare_arrays_get_names_and_encode_by_position():
    data = Environments.from_arrays(np.arange(6).reshape(3, 2), [1, 2, 4])
    assert data.schema.features == ("x0", "x1") and not data.schema.named
    np.testing.assert_array_equal(data.schema.encode([[1, 2]]), [[1.0, 2.0]])
    with pytest.raises(DataError, match="X has 3 features, but 2"):
        data.schema.encode([[1, 2, 3]])
    named = Environments.from_arrays(np.zeros((2, 2)), [1, 2], feature_names=["p", "q"])
    assert named.schema == Schema(features=("p", "q"))
    with pytest.raises(DataError, match="3 names, but X has 2 columns"):
        Environments.from_arrays(np.zeros((2, 2)), [1, 2], feature_names=["p", "q", "r"])


def test_a_frame_may_come_with_arrays_beside_it():
    table = frame()
    X, y, site = table.drop(columns=["y", "site"]), table["y"], table["site"]
    data = Environments.from_arrays(X, y, site, target="y")
    expected = Environments.from_frame(table, **ROLES)
    assert data.schema.columns == expected.schema.columns
    np.testing.assert_array_equal(data.X, expected.X)
    with pytest.raises(DataError, match="names its features itself"):
        Moments.from_arrays(X, y, site, feature_names=list("abcde"))
    moments = Moments.from_arrays(polars(X), y.tolist(), site.tolist(), target="y")
    np.testing.assert_array_equal(moments.cov_xx, data.moments().cov_xx)


def test_without_an_environment_column_all_rows_are_in_one(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "y": [0.0, 1.0, 3.0]})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    read = Moments.from_frame(frame, target="y", environment=None)
    assert read.names == ("all",) and read.schema.environment == ()
    from_file = Moments.from_files(tmp_path / "rows.csv", target="y", environment=None)
    np.testing.assert_allclose(from_file.cov_xx, read.cov_xx)
    assert Environments.from_frame(frame, target="y", environment=None).n_environments == 1


def test_sparse_columns_of_pandas_are_numbers():
    table = pd.DataFrame({"a": [0.0, 0, 2, 1], "y": [1.0, 2, 3, 5], "site": list("ppqq")})
    sparse = table.assign(a=pd.arrays.SparseArray(table["a"]))
    dense, thin = (Moments.from_frame(t, target="y", environment="site") for t in (table, sparse))
    np.testing.assert_array_equal(dense.cov_xx, thin.cov_xx)
    with pytest.raises(DataError, match="neither numbers nor text"):
        text = table.assign(a=pd.arrays.SparseArray(list("abca")))
        Moments.from_frame(text, target="y", environment="site")


def test_names_that_look_the_same_are_the_same(tmp_path):
    """A letter with an accent is one sign, or a letter and an accent (macOS writes that)."""
    one, two = "gr\u00f6\u00dfe", "gro\u0308\u00dfe"
    table = frame().rename(columns={"a": two, "site": "pla\u0308tze"})
    new = table.rename(columns={two: one, "pla\u0308tze": "pl\u00e4tze"})
    roles = {"target": "y", "environment": "pl\u00e4tze", "features": [one, "kind"]}
    table.to_csv(tmp_path / "t.csv", index=False)
    new.to_csv(tmp_path / "new.csv", index=False)
    for data in (
        Environments.from_frame(table, **roles),
        Environments.from_files(tmp_path / "t.csv", **roles),
    ):
        np.testing.assert_array_equal(data.X[:, 0], table[two])
        np.testing.assert_array_equal(data.schema.encode(new), data.X)
        ((X, labels),) = encode_files(tmp_path / "new.csv", data.schema, environments=True)
        np.testing.assert_array_equal(X, data.X)
        assert labels == list(table["pla\u0308tze"])
