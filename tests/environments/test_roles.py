"""The roles of columns, and the target, are settled in one place."""

import numpy as np
import pandas as pd
import pytest

from elinvar.environments import (
    Moments,
    Roles,
    check_target,
    encode_files,
    has_text,
    label,
    labels_of_rows,
    natural_order,
)
from elinvar.errors import DataError, DataTypeError

NAMES = ["id", "b", "a", "w", "y", "site"]


def test_what_has_no_other_role_is_a_feature_in_the_order_of_the_table():
    found = Roles(target="y", environment="site", drop="id", sample_weight="w").find(NAMES)
    assert found.features == ("b", "a")
    assert found.names == ("b", "a", "y", "site", "w")
    chosen = Roles(target="y", environment=None, features=["a", "id"], categorical="id").find(NAMES)
    assert chosen.features == ("a", "id") and chosen.environment == ()


def test_the_roles_are_the_keywords_of_every_way_in():
    frame = pd.DataFrame(np.arange(24.0).reshape(4, 6) % 7, columns=NAMES).assign(
        w=1.0, y=[1, 2, 4, 3]
    )
    roles = Roles(target="y", environment="site", drop=["id"], sample_weight="w", missing="drop")
    read = Moments.from_frame(frame, **vars(roles))
    assert read.schema.features == ("b", "a")


def test_an_unknown_policy_for_missing_values_is_refused_at_once():
    with pytest.raises(DataError, match="missing must be one of 'error', 'drop', 'impute', 'keep'"):
        Roles(target="y", environment=None, missing="skip")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([1.0, np.nan, np.inf], r"missing \(NaN\) or infinite in 2 rows, first in row 2"),
        (np.array([1, None, 2], dtype=object), "in 1 row, first in row 2"),
        (["a", "b"], "y holds text .such as 'a'.*two-way outcome can be given as 0/1"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(y, message):
    with pytest.raises(DataError, match=message):
        check_target(y)


def test_classes_may_be_text_but_not_missing():
    check_target(["a", "b"], numbers=False)
    check_target([0, 1, 1])
    with pytest.raises(DataError, match="first in row 2"):
        check_target(np.array(["a", None], dtype=object), numbers=False)


def test_labels_of_rows_read_elements_as_they_are():
    assert labels_of_rows([1, "a", 2.0], 3) == ["1", "a", "2"]
    assert labels_of_rows(np.array([2020.0, 2021.0]), 2) == ["2020", "2021"]
    with pytest.raises(DataError, match="X has 2 rows, environments has 3"):
        labels_of_rows(["a", "b", "c"], 2)
    with pytest.raises(DataTypeError, match="cannot be read as an array"):
        labels_of_rows([[1], [2, 3]], 2)


def test_labels_have_one_form_and_one_order():
    assert [label(v) for v in (2020.0, " ", None, np.datetime64("2020-01-02"))] == [
        "2020",
        None,
        None,
        "2020-01-02",
    ]
    assert natural_order(["x10", "10", "x2", "2", "(missing)"]) == [
        "2",
        "10",
        "x2",
        "x10",
        "(missing)",
    ]


def test_only_frames_with_other_than_numbers_need_a_schema():
    frame = pd.DataFrame({"a": [1.0, 2.0], "flag": [True, False]})
    assert not has_text(frame) and not has_text(frame.to_numpy()) and not has_text([[1.0]])
    assert has_text(frame.assign(k=["u", "v"])) and has_text(frame.assign(k=pd.Categorical([1, 2])))
    lazy = pytest.importorskip("polars").from_pandas(frame).lazy()
    with pytest.raises(DataTypeError, match="lazy frame"):
        has_text(lazy)


def test_environments_of_new_files_are_read_where_they_have_the_columns(tmp_path):
    table = pd.DataFrame({"a": [1.0, 2.0, 4.0], "y": [1.0, 0.0, 2.0], "site": ["p", "q", "p"]})
    schema = Moments.from_frame(table, target="y", environment="site").schema
    table.to_csv(tmp_path / "with.csv", index=False)
    table[["a"]].to_csv(tmp_path / "without.csv", index=False)
    ((_, labels),) = encode_files(tmp_path / "with.csv", schema, environments=True)
    assert labels == ["p", "q", "p"]
    ((X, none),) = encode_files(tmp_path / "without.csv", schema, environments=True)
    assert none is None and X[:, 0].tolist() == [1.0, 2.0, 4.0]
