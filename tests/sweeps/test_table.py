"""The table of a sweep against loops written by hand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import sweep_cells
from pandas.testing import assert_frame_equal

from elinvar.errors import ElinvarError
from elinvar.sweeps import Sweep, run_sweep


def echo(*, rng, number, text, flag):
    return {"sum": number + flag, "both": f"{text}{number}", "not": not flag, "none": None}


def test_rows_are_in_the_order_of_the_grid():
    axes = {"number": (3.5, 1), "text": ("b", "a"), "flag": (True, False)}
    table = run_sweep(Sweep(name="echo", function=echo, axes=axes), workers=3)
    rows = [
        {
            **dict(zip(axes, cell, strict=True)),
            **echo(rng=None, **dict(zip(axes, cell, strict=True))),
        }
        for cell in product(*axes.values())
    ]
    expected = pd.DataFrame(rows).astype({"number": float, "sum": float, "none": float})
    assert_frame_equal(table, expected)


def test_a_cell_may_have_several_rows_or_none():
    def cell(*, rng, n):
        return [{"k": k, "half": k / 2} for k in range(n)]

    table = run_sweep(Sweep(name="rows", function=cell, axes={"n": (2, 0, 3)}))
    expected = {"n": [2, 2, 3, 3, 3], "k": [0, 1, 0, 1, 2], "half": [0.0, 0.5, 0.0, 0.5, 1.0]}
    assert_frame_equal(table, pd.DataFrame(expected))


def test_what_is_missing_was_returned_as_missing():
    values = {"a": 1, "b": None, "c": np.nan, "d": np.inf}

    def cell(*, rng, which):
        word = None if which == "b" else which
        return {"value": values[which], "word": word, "whole": None if which == "a" else 7}

    table = run_sweep(Sweep(name="missing", function=cell, axes={"which": tuple(values)}))
    np.testing.assert_array_equal(table["value"], [1.0, np.nan, np.nan, np.inf])
    assert table["word"].isna().tolist() == [False, True, False, False]
    np.testing.assert_array_equal(table["whole"], [np.nan, 7, 7, 7])


def test_numpy_values_are_values():
    def cell(*, rng, x, y):
        assert type(x) is float and type(y) is int
        return {
            "x2": np.float64(x) * 2,
            "small": np.float32(0.5),
            "ok": np.bool_(True),
            "n": np.int8(y),
        }

    axes = {"x": np.linspace(0, 1, 3), "y": np.arange(2)}
    table = run_sweep(Sweep(name="numpy", function=cell, axes=axes))
    assert [str(kind) for kind in table.dtypes] == ["float64", "int64"] + ["float64"] * 2 + [
        "bool",
        "int64",
    ]
    np.testing.assert_array_equal(table["x2"], 2 * table["x"])


def test_numbers_come_back_to_the_last_bit(tmp_path):
    def cell(*, rng, repetition):
        return {
            "value": rng.normal() * 10.0 ** rng.integers(-300, 300),
            "whole": 2**62 + repetition,
        }

    sweep = Sweep(name="bits", function=cell, axes={"repetition": range(200)})
    table = run_sweep(sweep, tmp_path / "a.parquet")
    np.testing.assert_array_equal(table["whole"], 2**62 + np.arange(200))
    again = run_sweep(sweep, tmp_path / "a.parquet")
    few = Sweep(name="bits", function=cell, axes={"repetition": range(100, 120)})
    assert_frame_equal(table, again, check_exact=True)
    part = table[100:120].reset_index(drop=True)
    assert_frame_equal(part, run_sweep(few), check_exact=True)


@pytest.mark.parametrize(
    ("workers", "backend"), [(2, "threads"), (None, "threads"), (2, "processes")]
)
def test_workers_change_nothing(workers, backend, tmp_path):
    sweep = sweep_cells.draws()
    one, more = tmp_path / "one.parquet", tmp_path / "more.parquet"
    table = run_sweep(sweep, one)
    assert_frame_equal(table, run_sweep(sweep, more, workers=workers, backend=backend))
    assert one.read_bytes() == more.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["more.parquet", "one.parquet"]


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda k: 1.0, "returned float; needed a dict"),
        (lambda k: [{"a": 1}, {"b": 1}], "different columns"),
        (lambda k: {}, "no columns"),
        (lambda k: {"a": [1, 2]}, "'a' holds a list"),
        (lambda k: {"a": 1j}, "'a' holds a complex"),
        (lambda k: {"a": 2**70}, "'a' holds a int"),
        (lambda k: {"k": 1}, "column 'k'"),
        (lambda k: {1: 1}, "column 1"),
        (lambda k: [{"a": 1}, {"a": "one"}], "mixes numbers and text"),
        (lambda k: {"a": "none" if k else 0.0}, "mixes numbers and text"),
        (lambda k: {"a": 1.0, "b": 2} if k else {"a": 1}, "only some cells have the column 'b'"),
    ],
)
def test_rows_that_make_no_table_are_refused(returned, words):
    def cell(*, rng, k):
        return returned(k)

    with pytest.raises(ElinvarError, match=words) as raised:
        run_sweep(Sweep(name="wrong", function=cell, axes={"k": (0, 1)}))
    assert "'wrong' stopped at k=" in str(raised.value)
