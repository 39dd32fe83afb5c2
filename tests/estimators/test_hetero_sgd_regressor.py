"""HeteroSGDRegressor as its users meet it: rows, moments, streams, divergence."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LinearRegression

from elinvar import HeteroSGDRegressor, Moments
from elinvar.errors import DataError, ElinvarWarning


def spurious_data(n=2000, seed=0, effects=(6.0, -5.0)):
    """Column 0 holds everywhere; the effect of column 1 depends on the environment."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.array(["north", "south"]), n)
    X = rng.normal(size=(2 * n, 2)) * [2.0, 0.5] + [10.0, -3.0]
    effect = np.repeat(effects, n)
    y = 5.0 + X[:, 0] + effect * (X[:, 1] + 3.0) + 0.1 * rng.normal(size=2 * n)
    return X, y, place


def tame_data(n=400, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=n)
    X = rng.normal(size=(n, 3)) + labels[:, None]
    y = X @ [1.0, -2.0, 0.5] + labels + rng.normal(size=n)
    return X, y, labels


def test_the_spurious_effect_dies_and_pooled_learns_it():
    X, y, place = spurious_data()
    hetero = HeteroSGDRegressor(random_state=0).fit(X, y, environments=place)
    assert not hetero.diverged_
    np.testing.assert_allclose(hetero.coef_, [1.0, 0.0], atol=0.05)
    assert hetero.intercept_ == pytest.approx(5.0, abs=0.6)
    pooled = HeteroSGDRegressor(pooled=True).fit(X, y, environments=place)
    np.testing.assert_allclose(pooled.coef_, LinearRegression().fit(X, y).coef_, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"standardize": False}, {"environment_weights": "equal"}])
def test_pooled_is_least_squares_with_these_weights(options):
    X, y, labels = tame_data()
    model = HeteroSGDRegressor(pooled=True, n_steps=20_000, average=0.0, **options)
    model.fit(X, y, environments=labels)
    weight = np.ones(len(y))
    if options.get("environment_weights") == "equal":
        weight = 1 / np.bincount(labels)[labels]
    reference = LinearRegression().fit(X, y, sample_weight=weight)
    residual = y - model.predict(X)
    normal = (weight * residual) @ np.column_stack([X, np.ones(len(y))]) / weight.sum()
    np.testing.assert_allclose(normal, 0.0, atol=1e-8)
    np.testing.assert_allclose(model.coef_, reference.coef_, rtol=1e-6)
    assert model.intercept_ == pytest.approx(reference.intercept_, rel=1e-6)


def test_one_environment_is_pooled_step_for_step():
    X, y, _ = tame_data()
    hetero = HeteroSGDRegressor(random_state=3, gain=2.0).fit(X, y)
    pooled = HeteroSGDRegressor(random_state=4, pooled=True).fit(X, y)
    np.testing.assert_array_equal(hetero.trajectory_.coef, pooled.trajectory_.coef)
    assert hetero.environments_ == ("all",)
    np.testing.assert_allclose(hetero.coef_, LinearRegression().fit(X, y).coef_, rtol=1e-3)


def test_an_intercept_each():
    X, y, labels = tame_data(n=4000)
    model = HeteroSGDRegressor(intercept="environment", random_state=0, step_size=0.02)
    model.fit(X, y, environments=labels)
    np.testing.assert_allclose(model.coef_, [1.0, -2.0, 0.5], atol=0.1)
    own = model.environment_intercepts_
    assert list(own) == ["0", "1", "2", "3"]
    np.testing.assert_allclose(list(own.values()), [0, 1, 2, 3], atol=0.3)
    base = X[:4] @ model.coef_
    known = model.predict(X[:4], environments=[3, 0.0, "elsewhere", 2])
    expected = base + np.array([own["3"], own["0"], model.intercept_, own["2"]])
    np.testing.assert_allclose(known, expected)
    np.testing.assert_allclose(model.predict(X[:4]), base + model.intercept_)


def test_moments_give_the_same_model_as_rows():
    X, y, labels = tame_data()
    rows = HeteroSGDRegressor(random_state=0).fit(X, y, environments=labels)
    moments = Moments.from_arrays(X, y, labels)
    model = HeteroSGDRegressor(random_state=0).fit_moments(moments)
    np.testing.assert_allclose(model.coef_, rows.coef_, rtol=1e-9)
    np.testing.assert_allclose(model.predict(X), rows.predict(X), rtol=1e-9)
    assert model.n_features_in_ == 3 and not hasattr(model, "feature_names_in_")
    with pytest.raises(DataError, match="batch_size=5 draws rows"):
        HeteroSGDRegressor(batch_size=5).fit_moments(moments)


def test_batches_agree_with_whole_environments():
    X, y, place = spurious_data()
    options = {"n_steps": 4000, "random_state": 0, "step_size": 0.2}
    whole = HeteroSGDRegressor(**options).fit(X, y, environments=place)
    batches = HeteroSGDRegressor(batch_size=500, **options).fit(X, y, environments=place)
    np.testing.assert_array_equal(whole.trajectory_.environment, batches.trajectory_.environment)
    np.testing.assert_allclose(batches.coef_, whole.coef_, atol=0.05)
    again = HeteroSGDRegressor(batch_size=500, **options).fit(X, y, environments=place)
    np.testing.assert_array_equal(batches.coef_, again.coef_)


def test_weights_are_frequencies():
    X, y, labels = tame_data(n=60)
    weight = np.random.default_rng(0).integers(0, 4, size=60)
    weighted = HeteroSGDRegressor(random_state=0)
    weighted.fit(X, y, environments=labels, sample_weight=weight)
    repeated = HeteroSGDRegressor(random_state=0)
    repeated.fit(
        np.repeat(X, weight, axis=0), np.repeat(y, weight), environments=np.repeat(labels, weight)
    )
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-7)


def test_scale_and_place_of_the_data_do_not_matter():
    X, y, labels = tame_data()
    model = HeteroSGDRegressor(random_state=0).fit(X, y, environments=labels)
    moved = HeteroSGDRegressor(random_state=0)
    moved.fit(X * [1e3, 1e-3, 1] + [1e4, 0, -5], 7 * y - 1, environments=labels)
    np.testing.assert_allclose(moved.coef_ * [1e3, 1e-3, 1] / 7, model.coef_, rtol=1e-5)


def test_environment_weights_by_value_and_name():
    X, y, labels = tame_data()
    first = HeteroSGDRegressor(random_state=0, environment_weights=[1, 0, 0, 3])
    first.fit(X, y, environments=labels)
    named = HeteroSGDRegressor(random_state=0, environment_weights={0: 2, 1: 0, "2": 0, 3: 6})
    named.fit(X, y, environments=labels)
    np.testing.assert_array_equal(first.coef_, named.coef_)
    assert set(first.trajectory_.environment) == {0, 3}
    for bad in ([1, 2], {"0": 1}, [1, 1, 1, -1], [0, 0, 0, 0], [1, 1, 1, np.nan]):
        with pytest.raises(DataError, match="environment_weights"):
            HeteroSGDRegressor(environment_weights=bad).fit(X, y, environments=labels)


def test_constant_columns_and_reference_levels_are_exactly_zero():
    X, y, labels = tame_data()
    kind = np.where(X[:, 2] > 1.5, "large", "small")
    frame = pd.DataFrame({"a": X[:, 0], "flat": 7.25, "kind": kind, "b": X[:, 1]})
    model = HeteroSGDRegressor(random_state=0).fit(frame, y, environments=labels)
    assert model.schema_.columns == ("a", "flat", "kind=large", "kind=small", "b")
    assert model.coef_[1] == 0.0 and model.coef_[2] == 0.0 and np.all(model.coef_[[0, 3, 4]] != 0)
    assert "kind=small" in model.summary() and "kind=large" not in model.summary()
    expected = model.schema_.encode(frame) @ model.coef_ + model.intercept_
    np.testing.assert_allclose(model.predict(frame), expected)
    with pytest.raises(DataError, match="huge"):
        model.predict(frame.assign(kind="huge"))


def test_divergence_is_said_with_advice():
    X, y, place = spurious_data()
    model = HeteroSGDRegressor(step_size=50.0, random_state=0)
    with pytest.warns(ElinvarWarning, match=r"diverged at step \d+ .* Try step_size=0\.\d+"):
        model.fit(X, y, environments=place)
    assert model.diverged_ and model.n_steps_ < model.n_steps
    np.testing.assert_array_equal(model.coef_, 0.0)
    np.testing.assert_allclose(model.predict(X), y.mean())
    assert np.all(np.isfinite(model.trajectory_.coef)) and np.all(np.isfinite(model.gates_))
    model.set_params(step_size=0.5 * model.step_limit_).fit(X, y, environments=place)
    assert not model.diverged_


@pytest.mark.parametrize("gain", [3.0, 10.0, 30.0])
def test_auto_steps_do_not_diverge(gain):
    X, y, place = spurious_data(effects=(9.0, -6.0))
    model = HeteroSGDRegressor(gain=gain, random_state=1).fit(X, y, environments=place)
    assert not model.diverged_
    assert model.step_size_ <= 0.5 * model.step_limit_


def test_gain_suppresses_a_spurious_effect_of_one_sign():
    X, y, place = spurious_data(effects=(6.0, 0.5))
    plain = HeteroSGDRegressor(random_state=0, step_size=0.05).fit(X, y, environments=place)
    assert plain.coef_[1] > 2.0
    gained = HeteroSGDRegressor(random_state=0, step_size=0.05, gain=10.0, n_steps=20_000)
    gained.fit(X, y, environments=place)
    np.testing.assert_allclose(gained.coef_, [1.0, 0.0], atol=0.05)


@pytest.mark.parametrize("options", [{}, {"order": "cyclic"}, {"batch_size": 20}])
def test_same_seed_same_result(options):
    X, y, labels = tame_data()
    fits = [
        HeteroSGDRegressor(random_state=state, **options).fit(X, y, environments=labels).coef_
        for state in (5, 5, np.random.default_rng(1), np.random.default_rng(1))
    ]
    np.testing.assert_array_equal(fits[0], fits[1])
    np.testing.assert_array_equal(fits[2], fits[3])
    legacy = HeteroSGDRegressor(random_state=np.random.RandomState(0), **options)
    assert np.all(np.isfinite(legacy.fit(X, y, environments=labels).coef_))


def test_order_of_rows_does_not_matter():
    X, y, labels = tame_data()
    order = np.random.default_rng(0).permutation(len(y))
    first = HeteroSGDRegressor(random_state=0).fit(X, y, environments=labels)
    second = HeteroSGDRegressor(random_state=0)
    second.fit(X[order], y[order], environments=labels[order])
    np.testing.assert_allclose(first.coef_, second.coef_, rtol=1e-8)


def stream(model, batches, rows=200, seed=0, effects=(6.0, -5.0)):
    X, y, place = spurious_data(n=5000, seed=seed, effects=effects)
    rng = np.random.default_rng(seed)
    for _ in range(batches):
        drawn = rng.integers(len(y), size=rows)
        model.partial_fit(X[drawn], y[drawn], environments=place[drawn])
    return model


def test_a_stream_finds_what_fit_finds():
    model = stream(HeteroSGDRegressor(random_state=0, step_size=0.2), batches=600)
    assert model.n_steps_ == 1200 and not model.diverged_
    np.testing.assert_allclose(model.coef_, [1.0, 0.0], atol=0.1)
    pooled = stream(HeteroSGDRegressor(pooled=True, step_size=0.2), batches=600)
    assert pooled.n_steps_ == 600
    np.testing.assert_allclose(pooled.coef_, [1.0, 0.5], atol=0.2)
    with pytest.raises(DataError, match="only fit records"):
        model.plot_trajectory()
    assert "1,200 steps" in model.summary()


def test_a_stream_of_whole_data_repeats_the_steps_of_fit():
    X, y, labels = tame_data()
    options = {"order": "cyclic", "average": 0.0, "step_size": 0.05}
    streamed = HeteroSGDRegressor(**options)
    for _ in range(30):
        streamed.partial_fit(X, y, environments=labels)
    fitted = HeteroSGDRegressor(n_steps=120, environment_weights="equal", **options)
    streamed_equal = HeteroSGDRegressor(environment_weights="equal", **options)
    for _ in range(30):
        streamed_equal.partial_fit(X, y, environments=labels)
    fitted.fit(X, y, environments=labels)
    np.testing.assert_allclose(streamed_equal.coef_, fitted.coef_, rtol=1e-6)
    assert streamed.n_steps_ == 120


def test_new_environments_may_appear_in_a_stream():
    X, y, labels = tame_data()
    model = HeteroSGDRegressor(intercept="environment", random_state=0)
    for label in (2, 0, 3, 1):
        members = labels == label
        model.partial_fit(X[members], y[members], environments=labels[members])
    assert model.environments_ == ("0", "1", "2", "3")
    assert model.moments_.count.sum() == len(y)
    assert set(model.environment_intercepts_) == {"0", "1", "2", "3"}


def test_a_stream_may_follow_a_fit_and_starts_with_a_single_row():
    X, y, labels = tame_data()
    model = HeteroSGDRegressor(random_state=0).fit(X, y, environments=labels)
    before = model.coef_.copy()
    model.partial_fit(X[:50], y[:50], environments=labels[:50])
    assert model.n_steps_ == 5004
    np.testing.assert_allclose(model.coef_, before, atol=0.01)
    single = HeteroSGDRegressor(random_state=0).partial_fit(X[:1], y[:1])
    np.testing.assert_allclose(single.predict(X[:1]), y[:1])
    for row in range(1, 30):
        single.partial_fit(X[row : row + 1], y[row : row + 1])
    assert np.all(np.isfinite(single.coef_)) and np.any(single.coef_ != 0)


def test_a_stream_recovers_from_divergence():
    model = HeteroSGDRegressor(random_state=0, step_size=60.0)
    with pytest.warns(ElinvarWarning, match="batch is left out"):
        stream(model, batches=50)
    assert np.all(np.isfinite(model.coef_))
    model.set_params(step_size=0.2)
    stream(model, batches=600)
    np.testing.assert_allclose(model.coef_, [1.0, 0.0], atol=0.1)


def test_a_refused_batch_changes_nothing():
    X, y, labels = tame_data()
    model = HeteroSGDRegressor(random_state=0).partial_fit(X, y, environments=labels)
    before = model.coef_.copy()
    with pytest.raises(DataError, match="NaN"):
        model.partial_fit(np.full((2, 3), np.nan), [1.0, 2.0])
    np.testing.assert_array_equal(model.coef_, before)


def test_a_model_without_moments_cannot_go_on():
    X, y, _ = tame_data()
    model = HeteroSGDRegressor(random_state=0, n_steps=10).fit(X, y)
    del model.moments_
    with pytest.raises(DataError, match="fitted anew"):
        model.partial_fit(X, y)


def test_categories_in_a_stream():
    rng = np.random.default_rng(0)
    model = HeteroSGDRegressor(random_state=0)
    for _ in range(3):
        frame = pd.DataFrame({"x": rng.normal(size=40), "kind": rng.choice(["a", "b"], 40)})
        y = frame["x"] + (frame["kind"] == "b")
        model.partial_fit(frame, y, environments=rng.integers(2, size=40))
    assert model.schema_.columns == ("x", "kind=a", "kind=b") and model.coef_[1] == 0.0
    with pytest.raises(DataError, match="'c'"):
        model.partial_fit(frame.assign(kind="c"), y)


@pytest.mark.parametrize(
    "bad",
    [
        {"step_size": 0.0},
        {"step_size": "large"},
        {"batch_size": 0},
        {"gain": -1.0},
        {"order": "sorted"},
        {"n_steps": 0},
        {"intercept": "none"},
        {"average": 1.5},
        {"record_every": 0},
        {"environment_weights": "rows"},
    ],
)
def test_bad_parameters_are_refused(bad):
    X, y, _ = tame_data()
    with pytest.raises(ValueError, match=next(iter(bad))):
        HeteroSGDRegressor(**bad).fit(X, y)


def test_summary_and_records():
    X, y, labels = tame_data()
    model = HeteroSGDRegressor(n_steps=95, random_state=0).fit(X, y, environments=labels)
    np.testing.assert_array_equal(model.trajectory_.steps, [*range(10, 95, 10), 95])
    assert model.trajectory_.coef.shape == (10, 3)
    text = model.summary()
    assert "completed after 95 steps" in text and "environments: 4" in text and "x2" in text


def test_plot_trajectory():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    X, y, labels = tame_data()
    model = HeteroSGDRegressor(n_steps=100, random_state=0).fit(X, y, environments=labels)
    figure, ax = plt.subplots()
    assert model.plot_trajectory(ax) is ax
    assert len(ax.get_lines()) >= 3
    plt.close(figure)


def test_numba_is_loaded_only_by_fit():
    program = (
        "import sys; from elinvar import HeteroSGDRegressor; "
        "HeteroSGDRegressor(); print('numba' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


values = st.one_of(
    st.floats(-1e3, 1e3),
    st.sampled_from([0.0, 1.0, 1e8, -1e-8, 1e-150, 1e150, 1e200]),
)


@settings(max_examples=150, deadline=None)
@given(
    data=arrays(float, st.tuples(st.integers(1, 12), st.integers(2, 5)), elements=values),
    hole=st.sampled_from([1.0] * 8 + [np.nan, np.inf]),
    labels=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=12, max_size=12),
    weight=st.none() | st.lists(st.sampled_from([0.0, 1.0, 2.5, -1.0]), min_size=12, max_size=12),
    batch_size=st.sampled_from([None, 3]),
    intercept=st.sampled_from(["shared", "environment"]),
    gain=st.sampled_from([1.0, 5.0]),
    few=st.booleans(),
    standardize=st.booleans(),
)
def test_any_data_give_a_finite_model_or_our_own_error(
    data, hole, labels, weight, batch_size, intercept, gain, few, standardize
):
    n = len(data)
    data = data.copy()
    data[-1, -1] = data[-1, -1] if hole == 1.0 else hole
    labels = ["a" if few or (label is None and n % 2) else label for label in labels][:n]
    model = HeteroSGDRegressor(
        n_steps=50,
        random_state=0,
        batch_size=batch_size,
        intercept=intercept,
        gain=gain,
        standardize=standardize,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "No environments were given")
        warnings.simplefilter("ignore", ElinvarWarning)
        for method in (model.fit, model.partial_fit):
            try:
                method(
                    data[:, 1:],
                    data[:, 0],
                    environments=labels,
                    sample_weight=None if weight is None else weight[:n],
                )
            except DataError:
                continue
            assert np.all(np.isfinite(model.coef_)) and np.isfinite(model.intercept_)
            rows = np.where(np.abs(data) < 1e9, data, 0.0)[:, 1:]
            assert np.all(np.isfinite(model.predict(rows, environments=labels)))
