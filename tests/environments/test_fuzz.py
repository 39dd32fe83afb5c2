"""Whatever comes in, out comes a valid result or one of our own errors; never NaN."""

import warnings
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elinvar.environments import Environments, Moments, encode_files
from elinvar.errors import ElinvarError, ElinvarWarning

FAST = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

cell = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(
        ["", "a", "b", "1", "2.5", "nan", "NA", "1e400", "1_0", " x ", "é", 'q"u,o\nte']
    ),
    st.text(max_size=3),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=2),
    st.complex_numbers(allow_nan=False),
)
column = st.one_of(
    st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6),
    st.lists(st.sampled_from(["a", "b", None]), min_size=6, max_size=6),
    st.lists(st.integers(0, 3), min_size=6, max_size=6),
    st.lists(cell, min_size=6, max_size=6),
)
options = st.fixed_dictionaries(
    {"missing": st.sampled_from(["error", "drop", "impute"])},
    optional={
        "categorical": st.sampled_from(["a", "b"]),
        "drop": st.sampled_from(["a", ["b"]]),
        "sample_weight": st.sampled_from(["w"]),
    },
)
ROLES = {"target": "y", "environment": "e"}


def assert_sound(read):
    """Call ``read``; what it returns must be finite, what it raises must be ours."""
    try:
        # what looks like a mistake is warned of
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ElinvarWarning)
            result = read()
        moments = result.moments() if isinstance(result, Environments) else result
    except ElinvarError as error:
        assert str(error)
        return None
    assert all(np.isfinite(getattr(moments, k)).all() for k in ("mean_x", "cov_xx", "var_y"))
    assert (moments.count > 0).all() and len(set(moments.names)) == len(moments.names)
    return moments


def sound_frame(table, chosen):
    a = assert_sound(lambda: Environments.from_frame(table, **ROLES, **chosen))
    b = assert_sound(lambda: Moments.from_frame(table, **ROLES, **chosen))
    assert (a is None) == (b is None)
    if a is not None and b is not None:
        assert a.schema == b.schema and a.names == b.names
        encoded_ok(a.schema, table)


def encoded_ok(schema, table):
    # levels that are not known, but near one that is, are warned of
    with suppress(ElinvarError), warnings.catch_warnings():
        warnings.simplefilter("ignore", ElinvarWarning)
        assert np.isfinite(schema.encode(table, unknown="zero")).all()


@FAST
@given(columns=st.tuples(*[column] * 5), chosen=options)
def test_pandas_frames(columns, chosen):
    table = pd.DataFrame(
        {k: pd.Series(v, dtype=object) for k, v in zip("abyew", columns, strict=True)}
    )
    sound_frame(table, chosen)
    sound_frame(table.infer_objects(), chosen)


@FAST
@given(columns=st.tuples(*[column] * 5), chosen=options)
def test_polars_frames(columns, chosen):
    pl = pytest.importorskip("polars")
    data = dict(zip("abyew", columns, strict=True))
    try:
        table = pl.DataFrame(data, strict=False)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return
    sound_frame(table, chosen)


@FAST
@given(columns=st.tuples(*[column] * 5), chosen=options, size=st.integers(1, 6))
def test_batches(columns, chosen, size):
    table = pd.DataFrame(dict(zip("abyew", columns, strict=True)))
    pieces = [table[i : i + size] for i in range(0, 6, size)]
    assert_sound(lambda: Moments.from_batches(pieces, **ROLES, **chosen))


@FAST
@given(columns=st.tuples(*[column] * 5), chosen=options)
def test_csv_of_frames(tmp_path, columns, chosen):
    path = tmp_path / "t.csv"
    pd.DataFrame(dict(zip("abyew", columns, strict=True))).to_csv(
        path, index=False, errors="replace"
    )
    sound_files(path, chosen)


@FAST
@given(text=st.text(alphabet='aby,e;w\n\r"\t\0 1.é', max_size=60), chosen=options)
def test_csv_of_characters(tmp_path, text, chosen):
    path = tmp_path / "t.csv"
    path.write_text("a,b,y,e,w\n1,2,3,x,1\n" + text, newline="", encoding="utf-8")
    sound_files(path, chosen)


@FAST
@given(content=st.binary(max_size=200), ending=st.sampled_from(["csv", "parquet", "arrow", "gz"]))
def test_files_of_bytes(tmp_path, content, ending):
    path = tmp_path / f"t.{ending}"
    path.write_bytes(content)
    assert assert_sound(lambda: Moments.from_files(path, **ROLES)) is None


@FAST
@given(at=st.floats(0, 1), byte=st.integers(1, 255), ending=st.sampled_from(["parquet", "feather"]))
def test_files_with_a_damaged_byte(tmp_path, at, byte, ending):
    path = tmp_path / f"t.{ending}"
    table = pd.DataFrame({"a": np.arange(9.0), "b": list("uvwuvwuvw"), "y": np.arange(9) % 4.0})
    table["e"] = ["p", "q", "r"] * 3
    table.to_parquet(path) if ending == "parquet" else table.to_feather(path)
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= byte
    path.write_bytes(content)
    sound_files(path, {"missing": "error"})


def sound_files(path, chosen):
    moments = assert_sound(lambda: Moments.from_files(path, **ROLES, **chosen))
    data = assert_sound(lambda: Environments.from_files(path, **ROLES, **chosen))
    assert (moments is None) == (data is None)
    if moments is not None:
        with suppress(ElinvarError), warnings.catch_warnings():
            warnings.simplefilter("ignore", ElinvarWarning)
            for X, _ in encode_files(path, moments.schema, unknown="zero"):
                assert np.isfinite(X).all()


@FAST
@given(
    rows=st.lists(st.lists(cell, min_size=2, max_size=2), min_size=1, max_size=5),
    labels=st.lists(cell, min_size=1, max_size=5),
    missing=st.sampled_from(["error", "drop", "impute"]),
)
def test_arrays(rows, labels, missing):
    X = np.array(rows, dtype=object)
    e = np.empty(len(labels), dtype=object)
    e[:] = labels
    assert_sound(lambda: Moments.from_arrays(X, np.arange(len(X)), e, missing=missing))
    assert_sound(lambda: Environments.from_arrays(X, X[:, 0], missing=missing))
    assert_sound(lambda: Moments.from_arrays(rows, [row[0] for row in rows], labels))
