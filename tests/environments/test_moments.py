"""Moments: what they are, how they merge, and how many digits they keep."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elinvar.environments import Environments, Moments, Schema, check_environments
from elinvar.errors import DataError

ARRAYS = ("count", "mean_x", "mean_y", "cov_xx", "cov_xy", "var_y")


def table(seed=0, n=300, p=3, environments=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + rng.normal(size=p)
    return X, X @ rng.normal(size=p) + rng.normal(size=n), rng.integers(0, environments, n)


def assert_close(a, b, tolerance=1e-12):
    assert a.names == b.names
    assert a.schema.columns == b.schema.columns
    for name in ARRAYS:
        np.testing.assert_allclose(
            getattr(a, name), getattr(b, name), rtol=tolerance, atol=tolerance
        )


def plain(X, y, codes):
    """The definition, environment by environment."""
    for e in np.unique(codes):
        Z = np.column_stack([X, y])[codes == e]
        yield len(Z), Z.mean(axis=0), np.cov(Z.T, bias=True)


@pytest.mark.parametrize("environments", [1, 4, 100])
@pytest.mark.parametrize("layout", ["C", "F", "strided", "float32", "int"])
def test_moments_are_those_of_the_definition(environments, layout):
    X, y, codes = table(n=5000, environments=environments)
    if layout == "F":
        X = np.asfortranarray(X)
    elif layout == "strided":
        X = np.repeat(X, 2, axis=1)[:, ::2]
    elif layout != "C":
        X = (10 * X).astype(layout)
    moments = Moments.from_arrays(X, y, codes)
    assert moments.names == tuple(str(e) for e in range(environments))
    for e, (count, mean, cov) in enumerate(plain(X, y, codes)):
        assert moments.count[e] == count
        np.testing.assert_allclose(np.append(moments.mean_x[e], moments.mean_y[e]), mean)
        np.testing.assert_allclose(moments.cov_xx[e], cov[:-1, :-1], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(moments.cov_xy[e], cov[:-1, -1], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(moments.var_y[e], cov[-1, -1], rtol=1e-10)


def test_many_columns_and_few_rows():
    X, y, codes = table(n=90, p=200, environments=3)
    moments = Moments.from_arrays(X, y, codes)
    for e, (_, _, cov) in enumerate(plain(X, y, codes)):
        np.testing.assert_allclose(moments.cov_xx[e], cov[:-1, :-1], rtol=1e-9, atol=1e-10)
        np.testing.assert_array_equal(moments.cov_xx[e], moments.cov_xx[e].T)


def test_no_environments_means_one():
    X, y, _ = table()
    assert Moments.from_arrays(X, y).names == ("all",)


@pytest.mark.parametrize("order", ["random", "rising", "outlier first"])
def test_a_large_mean_keeps_six_digits_of_the_variance(order):
    rng = np.random.default_rng(1)
    deviation = rng.normal(size=(20_000, 1))
    if order == "rising":
        deviation = np.sort(deviation, axis=0)
    elif order == "outlier first":
        deviation[0] = 30.0
    X = 1e8 + deviation
    exact = (X - 1e8).var()
    codes = np.zeros(len(X), dtype=int)
    whole = Moments.from_arrays(X, deviation[:, 0], codes)
    np.testing.assert_allclose(whole.cov_xx[0, 0, 0], exact, rtol=1e-6)
    batches = Moments.from_batches(
        (X[i : i + 999], deviation[i : i + 999, 0], codes[i : i + 999])
        for i in range(0, len(X), 999)
    )
    np.testing.assert_allclose(batches.cov_xx[0, 0, 0], exact, rtol=1e-6)
    merged = sum_of(
        Moments.from_arrays(X[i : i + 5000], deviation[i : i + 5000, 0])
        for i in range(0, 20_000, 5000)
    )
    np.testing.assert_allclose(merged.cov_xx[0, 0, 0], exact, rtol=1e-6)


def sum_of(parts):
    total = None
    for part in parts:
        total = part if total is None else total + part
    return total


def test_merging_in_any_order_agrees():
    rng = np.random.default_rng(2)
    n, p = 4000, 4
    X = rng.normal(size=(n, p)) * [1, 1e-3, 1e4, 1] + np.array([1e3, 1.0, -1e7, 0])
    y, codes = 1e3 + rng.normal(size=n), rng.integers(0, 3, n)
    cuts = np.split(np.arange(n), [7, 300, 1500, 3999])
    parts = [Moments.from_arrays(X[i], y[i], codes[i]) for i in cuts]
    whole = Moments.from_arrays(X, y, codes)
    scale = np.sqrt(np.einsum("ejj->ej", whole.cov_xx))
    bound = 1e-10 * scale[:, :, None] * scale[:, None, :]
    for order in itertools.islice(itertools.permutations(parts), 0, 120, 7):
        merged = sum_of(order)
        assert merged.names == whole.names
        assert (np.abs(merged.cov_xx - whole.cov_xx) <= bound).all()
    left = (parts[0] + parts[1]) + (parts[2] + parts[3])
    assert (np.abs((left + parts[4]).cov_xx - whole.cov_xx) <= bound).all()


def test_constant_columns_have_variance_exactly_zero():
    X, y, codes = table()
    X[:, 1] = 0.1
    moments = Moments.from_arrays(X, y, codes)
    merged = Moments.from_arrays(X[:99], y[:99], codes[:99])
    merged += Moments.from_arrays(X[99:], y[99:], codes[99:])
    for m in (moments, merged):
        assert not m.cov_xx[:, 1].any() and not m.cov_xy[:, 1].any()
        assert (m.mean_x[:, 1] == 0.1).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 59), chunk=st.integers(1, 60))
def test_permuting_splitting_and_streaming_change_nothing(seed, cut, chunk):
    X, y, codes = table(seed, n=60)
    whole = Moments.from_arrays(X, y, codes)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(60), rng.permutation(3)
    assert_close(Moments.from_arrays(X[rows], y[rows], codes[rows]), whole)
    turned = Moments.from_arrays(X[:, columns], y, codes)
    np.testing.assert_allclose(turned.cov_xx, whole.cov_xx[:, columns][:, :, columns], atol=1e-12)
    halves = Moments.from_arrays(X[:cut], y[:cut], codes[:cut])
    halves += Moments.from_arrays(X[cut:], y[cut:], codes[cut:])
    assert_close(halves, whole)
    parts = [slice(i, i + chunk) for i in range(0, 60, chunk)]
    assert_close(Moments.from_batches((X[i], y[i], codes[i]) for i in parts), whole)


def test_weights_count_rows():
    X, y, codes = table()
    weight = np.random.default_rng(3).integers(0, 4, len(y))
    repeated = np.repeat(np.arange(len(y)), weight)
    weighted = Moments.from_arrays(X, y, codes, sample_weight=weight)
    assert_close(weighted, Moments.from_arrays(X[repeated], y[repeated], codes[repeated]))
    X[weight == 0] = np.nan
    assert_close(Moments.from_arrays(X, y, codes, sample_weight=weight), weighted, 0)


def test_an_environment_without_weight_is_absent():
    X, y, codes = table()
    moments = Moments.from_arrays(X, y, codes, sample_weight=codes != 2)
    assert moments.names == ("0", "1", "3")


def test_merging_matches_features_by_name_and_unites_environments():
    X, y, codes = table()
    a = Moments.from_arrays(X[:150], y[:150], codes[:150] + 8, feature_names=["p", "q", "r"])
    b = Moments.from_arrays(
        X[150:, [2, 0, 1]], y[150:], codes[150:] + 10, feature_names=["r", "p", "q"]
    )
    whole = Moments.from_arrays(
        X, y, np.append(codes[:150] + 8, codes[150:] + 10), feature_names=["p", "q", "r"]
    )
    assert_close(a + b, whole)
    assert (a + b).names == ("8", "9", "10", "11", "12", "13")


def frame_with_levels(seed=0, n=400):
    X, y, codes = table(seed, n=n)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["kind"] = np.random.default_rng(seed).choice(["u", "v", "w"], n)
    frame["site"] = codes
    frame["y"] = y
    return frame.sort_values("kind", ignore_index=True)


def test_levels_that_turn_up_late_make_the_same_moments():
    frame = frame_with_levels()
    whole = Moments.from_frame(frame, target="y", environment="site")
    assert whole.schema.columns == ("a", "b", "c", "kind=u", "kind=v", "kind=w")
    pieces = [frame[i : i + 37] for i in range(0, 400, 37)]
    assert_close(Moments.from_batches(pieces, target="y", environment="site"), whole)
    backwards = Moments.from_batches(pieces[::-1], target="y", environment="site")
    assert_close(backwards, whole)
    parts = [Moments.from_frame(piece, target="y", environment="site") for piece in pieces]
    assert_close(sum_of(parts), whole)
    assert_close(sum_of(parts[::-1]), whole)


def test_merging_refuses_what_does_not_fit():
    frame = frame_with_levels()
    moments = Moments.from_frame(frame, target="y", environment="site")
    other = Moments.from_frame(frame, target="y", environment="site", drop="a")
    with pytest.raises(DataError, match=r"same features.*only in the first: \['a'\]"):
        moments + other
    frame["kind"] = 1.0
    with pytest.raises(DataError, match="'kind' is categorical in one part and a number"):
        moments + Moments.from_frame(frame, target="y", environment="site")
    renamed = frame_with_levels().rename(columns={"y": "z"})
    with pytest.raises(DataError, match="same target"):
        moments + Moments.from_frame(renamed, target="z", environment="site")
    with pytest.raises(TypeError):
        moments + 1


def test_exclude():
    X, y, codes = table()
    moments, data = Moments.from_arrays(X, y, codes), Environments.from_arrays(X, y, codes)
    kept = codes != 2
    assert_close(moments.exclude("2"), Moments.from_arrays(X[kept], y[kept], codes[kept]), 0)
    assert_close(data.exclude(["2"]).moments(), moments.exclude(["2"]), 1e-14)
    with pytest.raises(DataError, match="no environment '7'"):
        moments.exclude("7")
    with pytest.raises(DataError, match="keep at least one"):
        data.exclude(["0", "1", "2", "3"])


def test_moments_are_checked_and_read_only():
    X, y, codes = table()
    moments = Moments.from_arrays(X, y, codes)
    with pytest.raises(ValueError, match="read-only"):
        moments.cov_xx[0, 0, 0] = 1
    fields = {name: getattr(moments, name) for name in (*ARRAYS, "names", "schema")}
    with pytest.raises(DataError, match="mean_x has shape"):
        Moments(**{**fields, "mean_x": moments.mean_x[:, :2]})
    with pytest.raises(DataError, match="var_y holds NaN"):
        Moments(**{**fields, "var_y": moments.var_y * np.nan})
    with pytest.raises(DataError, match="not be negative"):
        Moments(**{**fields, "var_y": -moments.var_y})
    with pytest.raises(DataError, match="positive count"):
        Moments(**{**fields, "count": 0 * moments.count})
    with pytest.raises(DataError, match="only once"):
        Moments(**{**fields, "names": ("a", "a", "b", "c")})


def test_the_data_given_stay_writeable_and_are_not_copied():
    X, y, codes = table()
    data = Environments.from_arrays(X, y, codes)
    assert np.shares_memory(data.X, X) and X.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        data.X[0, 0] = 1


def test_environments_agree_with_their_moments_and_print():
    frame = frame_with_levels()
    data = Environments.from_frame(frame, target="y", environment="site")
    moments = Moments.from_frame(frame, target="y", environment="site")
    assert_close(data.moments(), moments, 1e-13)
    assert data.n_rows == moments.n_rows == 400
    assert data.n_environments == moments.n_environments == 4
    head = "4 environments, 400 rows, 4 features in 6 columns, target 'y'"
    assert head in repr(data) and head in repr(moments)
    assert "<table>" in data._repr_html_() and "<table>" in moments._repr_html_()
    many = Moments.from_arrays(np.arange(60.0)[:, None], np.arange(60.0), np.arange(60) // 2)
    assert "... and 19 more" in repr(many)


def test_check_environments():
    X, y, codes = table()
    check_environments(Moments.from_arrays(X, y, codes))
    single = Moments.from_arrays(X, y, np.arange(len(y)))
    with pytest.raises(DataError, match=r"300 environments for 300 rows.*row identifier"):
        check_environments(single)
    with pytest.raises(DataError, match=r"'target' is constant \(0.1 in all 300 rows\)"):
        check_environments(Moments.from_arrays(X, np.full(300, 0.1), codes))
    lone = np.where(np.arange(300) == 0, 9, codes)
    check_environments(Moments.from_arrays(X, y, lone))


def test_ten_thousand_environments_of_one_row_are_refused_at_once():
    X = np.random.default_rng(0).normal(size=(10_000, 50))
    with pytest.raises(DataError, match=r"10,000 environments for 10,000 rows.*row identifier"):
        Moments.from_arrays(X, X[:, 0], np.arange(10_000))
    frame = pd.DataFrame(X).assign(id=np.arange(10_000))
    for kind in (Moments, Environments):
        with pytest.raises(DataError, match="row identifier"):
            kind.from_frame(frame, target="0", environment="id")


def test_schema_knows_groups_and_reference_levels():
    schema = Schema(features=("a", "k", "b"), levels={"k": ("1", "2", "10")})
    assert schema.columns == ("a", "k=1", "k=2", "k=10", "b")
    assert schema.groups.tolist() == [0, 1, 1, 1, 2]
    assert schema.reference.tolist() == [False, True, False, False, False]
    assert Schema.from_dict(schema.to_dict()) == schema
    with pytest.raises(DataError, match=r"levels must be there"):
        Schema.from_dict(
            {name: [1] for name in ("features", "environment", "fill", "named", "target")}
        )
    with pytest.raises(DataError, match=r"features\[0\] must be text"):
        Schema.from_dict(schema.to_dict() | {"features": [1]})
    with pytest.raises(DataError, match="must differ"):
        Schema(features=("a", "a"))


@pytest.mark.filterwarnings("ignore:.*all values are below 1e-160")
@pytest.mark.parametrize("size", [1e-170, 1e-200, 1e-300])
def test_values_whose_squares_vanish_are_refused(size):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    with pytest.raises(DataError, match=r"x1 are so small .* smaller units"):
        Moments.from_arrays(X * [1, size], y, np.arange(60) % 3)
    with pytest.raises(DataError, match="target are so small"):
        Moments.from_arrays(X, y * size, np.arange(60) % 3)
    assert Moments.from_arrays(X * [1, 0], y).n_rows == 60
