"""QuadraticInvariantRegressor: known answers, the paper's steps as oracle, limits, bad input."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error

from elinvar import QuadraticInvariantRegressor, load_model, save_model
from elinvar.errors import DataError, ElinvarWarning, ModelFileError
from elinvar.sensing import HeteroSGD, PooledGD, SensingProblem, solve


def sensed(spurious, n=20_000, p=10, seed=0, noise=1.0, invariant=(1.0, 1.0)):
    """Return A*, the spurious directions V, and rows with y = x'(A* + s_e V V')x + noise."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(p, 4)))[0]
    U, V = basis[:, :2], basis[:, 2:]
    A = (U * np.array(invariant)) @ U.T
    place = np.repeat(np.arange(len(spurious)), n)
    X = rng.normal(size=(len(place), p))
    strength = np.asarray(spurious, dtype=float)[place]
    y = form(X, A) + strength * form(X, V @ V.T) + noise * rng.normal(size=len(place))
    return A, V, X, y, place


def form(X, A):
    return ((X @ A) * X).sum(axis=1)


def relative(found, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


def small(n=300, p=3, seed=0):
    rng = np.random.default_rng(seed)
    place = rng.integers(3, size=n)
    X = rng.normal(size=(n, p)) * [1.0, 2.0, 0.5] + 0.3 * place[:, None]
    A = np.array([[1.0, 0.5, 0.0], [0.5, 0.0, -1.0], [0.0, -1.0, 2.0]])
    y = form(X, A) + (place - 1) * X[:, 2] ** 2 + place + rng.normal(size=n)
    return X, y, place


def fit(X, y, place, **options):
    options = {"random_state": 0, "n_steps": 1500, **options}
    return QuadraticInvariantRegressor(**options).fit(X, y, environments=place)


@pytest.mark.parametrize("parameterization", ["symmetric", "psd"])
@pytest.mark.parametrize("heterogeneity", [4.0, 6.0])
def test_the_invariant_form_is_recovered_and_pooled_learns_the_mean(
    parameterization, heterogeneity
):
    spurious = (1 + heterogeneity, 1 - heterogeneity)
    A, V, X, y, place = sensed(spurious)
    model = fit(X, y, place, parameterization=parameterization, n_steps=3000)
    assert not model.diverged_ and model.notes_ == ()
    assert relative(model.matrix_, A) < 0.06
    np.testing.assert_allclose(model.eigenvalues_[:2], 1.0, atol=0.05)
    np.testing.assert_allclose(model.own_eigenvalues_, 1.0, atol=0.1)
    pooled = fit(X, y, place, parameterization=parameterization, pooled=True)
    ending = A + V @ V.T
    assert relative(pooled.matrix_, ending) < 0.25 < relative(pooled.matrix_, A)
    assert relative(pooled.pooled_matrix_, pooled.matrix_) < 0.15
    rng = np.random.default_rng(1)
    new = rng.normal(size=(2000, 10))
    levels = form(new, A) - 8.0 * form(new, V @ V.T)
    ours, theirs = (np.var(levels - m.predict(new)) for m in (model, pooled))
    assert ours < 0.9 * theirs
    unlike = np.linalg.qr(rng.normal(size=(10, 10)))[0][:, :1]
    other = form(new, A) + 0.5 * form(new, unlike @ unlike.T)
    ours, theirs = (np.var(other - m.predict(new)) for m in (model, pooled))
    assert ours < 0.2 * theirs


def test_a_gain_suppresses_spurious_parts_of_one_sign_and_the_plain_step_says_it_did_not():
    A, V, X, y, place = sensed((6.0, 0.5))
    plain = fit(X, y, place)
    assert relative(plain.matrix_, A + 2.0 * V @ V.T) < 0.1
    assert "is not the same everywhere" in plain.notes_[0] and "a larger gain" in plain.notes_[-1]
    np.testing.assert_allclose(np.sort(plain.own_eigenvalues_[:, 0]), [0.5, 6.0], atol=0.1)
    gained = fit(X, y, place, gain=10.0)
    assert relative(gained.matrix_, A) < 0.05 and gained.notes_ == ()


def test_negative_eigenvalues_need_the_symmetric_form():
    A, _, X, y, place = sensed((5.0, -5.0), invariant=(1.5, -1.0), n=5000)
    model = fit(X, y, place)
    assert relative(model.matrix_, A) < 0.1
    psd = fit(X, y, place, parameterization="psd")
    assert psd.eigenvalues_.min() > -1e-6 and relative(psd.matrix_, A) > 0.4


def test_slopes_cancel_the_sampling_noise_of_gradients():
    A, _, X, y, place = sensed((7.0, -5.0), n=2000)
    slopes, gradient = (relative(fit(X, y, place, direction=d).matrix_, A) for d in DIRECTIONS)
    assert slopes < 0.1 < 3 * slopes < gradient


DIRECTIONS = ("slopes", "gradient")


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("parameterization", ["symmetric", "psd"])
def test_gradients_are_the_steps_of_sensing(pooled, parameterization):
    X, y, place = small()
    common = {"step_size": 0.01, "init_scale": 0.01, "parameterization": parameterization}
    if pooled:
        algorithm = PooledGD(**common)
    else:
        algorithm = HeteroSGD(batch_size=None, order="cyclic", gain=2.0, **common)
    problem = SensingProblem.from_measurements(X, y, place)
    reference = solve(problem, algorithm, steps=60, rng=0)
    model = fit(
        X, y, place, direction="gradient", intercept="none", standardize=False, order="cyclic",
        average=0.0, n_steps=60, pooled=pooled, gain=2.0, **common,
    )  # fmt: skip
    np.testing.assert_allclose(model.matrix_, reference.matrix, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.trajectory_.loss, reference.loss[::10], rtol=1e-9)


def products(X):
    j, k = np.triu_indices(X.shape[1])
    return X[:, j] * X[:, k] * np.where(j == k, 1.0, 2.0)


@pytest.mark.parametrize("intercept", ["environment", "shared", "none"])
def test_pooled_is_least_squares_on_products(intercept):
    X, y, place = small()
    F = products(X)
    if intercept == "environment":
        F = np.hstack([F, np.eye(3)[place]])
    reference = LinearRegression(fit_intercept=intercept == "shared").fit(F, y)
    model = fit(X, y, place, pooled=True, intercept=intercept, n_steps=4000)
    expected = reference.coef_[:6]
    np.testing.assert_allclose(model.pooled_matrix_[np.triu_indices(3)], expected, rtol=1e-6)
    np.testing.assert_allclose(model.matrix_, model.pooled_matrix_, atol=1e-4)
    np.testing.assert_allclose(model.predict(X, environments=place), reference.predict(F), atol=0.1)
    assert (model.environment_intercepts_ is None) == (intercept != "environment")
    assert (model.intercept_ == 0.0) == (intercept == "none")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_one_environment_is_pooled_step_for_step(direction):
    X, y, _ = small()
    hetero = fit(X, y, None, direction=direction, gain=3.0)
    pooled = fit(X, y, None, direction=direction, pooled=True)
    np.testing.assert_array_equal(hetero.trajectory_.eigenvalues, pooled.trajectory_.eigenvalues)
    assert hetero.environments_ == ("all",) and "one environment only" in hetero.notes_[0]
    assert len(hetero.errors_) == 0


def test_the_limit_is_that_of_normal_features():
    _, _, X, y, place = sensed((7.0, -5.0), noise=0.0)
    slopes, gradient = (
        fit(X, y, place, direction=d, standardize=False, n_steps=5) for d in DIRECTIONS
    )
    assert slopes.step_limit_ == pytest.approx(1 / 7, rel=0.01)
    assert gradient.step_limit_ == pytest.approx(1 / 14, rel=0.1)
    assert slopes.step_size_ == pytest.approx(0.9 * slopes.step_limit_)
    # gain 3: environments at 1 + 18 and 1 - 18
    gained = fit(X, y, place, gain=3.0, standardize=False, n_steps=5)
    assert gained.step_limit_ == pytest.approx(1 / 19, rel=0.01)


@pytest.mark.parametrize("gain", [1.0, 5.0, 30.0])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_auto_steps_do_not_diverge(gain, direction):
    for seed in range(3):
        _, _, X, y, place = sensed((9.0, -6.0), n=400, p=6, seed=seed)
        model = fit(X, y, place, gain=gain, direction=direction, n_steps=800)
        assert not model.diverged_ and model.step_size_ <= 0.9 * model.step_limit_


def test_divergence_is_said_with_advice():
    X, y, place = small()
    with pytest.warns(ElinvarWarning, match=r"diverged at step \d+ .* Try step_size="):
        model = fit(X, y, place, step_size=50.0)
    assert model.diverged_ and model.n_steps_ < 1500
    np.testing.assert_array_equal(model.matrix_, 0.0)
    assert "diverged" in model.notes_[0] and "diverged" in model.summary()
    assert np.isfinite(model.trajectory_.eigenvalues).all()
    np.testing.assert_allclose(
        model.predict(X, environments=place), [y[place == e].mean() for e in place]
    )


def test_left_out_errors_are_those_of_fits_to_the_others():
    _, _, X, y, place = sensed((7.0, -5.0, 4.0, -2.0), n=1000, p=5)
    # in the data's own units, and in turn, both take the very same steps
    options = {"order": "cyclic", "standardize": False, "step_size": 0.03}
    model = fit(X, y, place, **options)
    table = model.errors_
    assert list(table["environment"]) == ["0", "1", "2", "3"]
    for e, row in enumerate(table.to_dict("records")):
        train = place != e
        other = fit(X[train], y[train], place[train], **options)
        assert row["rows"] == 1000
        error = mean_squared_error(y[~train], other.predict(X[~train]))
        assert row["model"] == pytest.approx(error, rel=1e-6)
        assert row["mean"] == pytest.approx(np.mean((y[~train] - y[train].mean()) ** 2))
        pooled = form(X, other.pooled_matrix_)
        level = np.mean((y - pooled)[train])
        assert row["pooled"] == pytest.approx(np.mean((y - pooled - level)[~train] ** 2), rel=1e-6)
    assert "left-out environments: mean squared error" in model.summary()
    assert len(fit(X[:2000], y[:2000], place[:2000]).errors_) == 0


def test_worse_than_pooled_is_said():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(4), 500)
    X = rng.normal(size=(2000, 2))
    y = form(X, np.diag([1.0, 2.0])) + rng.normal(size=2000)
    model = fit(X, y, place, width=1, parameterization="psd")
    assert (model.errors_["model"] > model.errors_["pooled"]).all()
    assert "worse in 4 of 4: prefer pooled least squares" in model.summary()


def test_linear_terms_come_with_a_column_of_ones():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 3))
    place = np.repeat([0, 1], 2000)
    y = 3 + X[:, 0] - 2 * X[:, 0] * X[:, 1] + np.where(place == 0, 5, -4) * X[:, 2] ** 2
    model = fit(np.column_stack([X, np.ones(4000)]), y, place)
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = -1
    expected[0, 3] = expected[3, 0] = 0.5
    np.testing.assert_allclose(model.matrix_, expected, atol=0.02)


def test_width_bounds_the_rank():
    X, y, place = small()
    model = fit(X, y, place, width=1, parameterization="psd", average=0.0)
    assert (np.abs(model.eigenvalues_) > 1e-9).sum() == 1
    rebuilt = (model.components_.T * model.eigenvalues_) @ model.components_
    np.testing.assert_allclose(rebuilt, model.matrix_, atol=1e-12)
    wide = fit(X, y, place, width=7, n_steps=3000)
    np.testing.assert_allclose(wide.matrix_, fit(X, y, place, n_steps=3000).matrix_, atol=0.1)


@pytest.mark.parametrize("options", [{}, {"direction": "gradient"}])
def test_weights_are_frequencies(options):
    X, y, place = small(n=120)
    weight = np.random.default_rng(0).integers(0, 4, size=120)
    options = {"random_state": 0, "n_steps": 300, **options}
    weighted = QuadraticInvariantRegressor(**options)
    weighted.fit(X, y, environments=place, sample_weight=weight)
    X2, y2, place2 = (np.repeat(a, weight, axis=0) for a in (X, y, place))
    repeated = QuadraticInvariantRegressor(**options).fit(X2, y2, environments=place2)
    np.testing.assert_allclose(weighted.matrix_, repeated.matrix_, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(weighted.errors_.iloc[:, 1:], repeated.errors_.iloc[:, 1:])


def test_units_and_order_of_columns_and_rows_do_not_matter():
    X, y, place = small()
    model = fit(X, y, place)
    scale = np.array([1e3, 1e-3, 1.0])
    moved = fit(X * scale, 7 * y - 1, place)
    expected = 7 * model.matrix_ / np.outer(scale, scale)
    np.testing.assert_allclose(moved.matrix_, expected, rtol=1e-4)
    columns, rows = [2, 0, 1], np.random.default_rng(0).permutation(len(y))
    turned = fit(X[rows][:, columns], y[rows], place[rows])
    np.testing.assert_allclose(turned.matrix_, model.matrix_[columns][:, columns], atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"order": "cyclic"}, {"width": 2, "n_steps": 200}])
def test_same_seed_same_result(options):
    X, y, place = small()
    first, second = (fit(X, y, place, **options).matrix_ for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_columns_that_take_no_part_are_exactly_zero():
    X, y, place = small()
    kind = np.where(X[:, 1] > 0, "large", "small")
    frame = pd.DataFrame({"a": X[:, 0], "nothing": 0.0, "kind": kind})
    model = fit(frame, y, place)
    assert model.schema_.columns == ("a", "nothing", "kind=large", "kind=small")
    np.testing.assert_array_equal(model.matrix_[[1, 2]], 0.0)
    assert np.all(model.matrix_[0, [0, 3]] != 0)


def test_records_summary_and_picture():
    from matplotlib import pyplot as plt

    X, y, place = small()
    model = fit(X, y, place, n_steps=95)
    np.testing.assert_array_equal(model.trajectory_.steps, [*range(0, 95, 10), 95])
    assert model.trajectory_.eigenvalues.shape == (11, 3) and "95 steps" in repr(model.trajectory_)
    assert model.trajectory_.loss[-1] < model.trajectory_.loss[0]
    text = model.summary()
    assert "completed after 95 steps" in text and "environments: 3" in text and "x2" in text
    figure, ax = plt.subplots()
    assert model.plot_trajectory(ax) is ax and ax.get_ylabel().startswith("eigenvalue")
    plt.close(figure)


def test_a_file_holds_the_model_and_refuses_damage(tmp_path):
    X, y, place = small()
    model = fit(X, y, place)
    path = save_model(model, tmp_path / "model.json")
    again = load_model(path)
    for name in ("matrix_", "pooled_matrix_", "own_eigenvalues_", "eigenvalues_", "components_"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    pd.testing.assert_frame_equal(again.errors_, model.errors_)
    assert again.notes_ == model.notes_ and again.summary() == model.summary()
    with pytest.raises(DataError, match="a model file keeps none"):
        again.plot_trajectory()
    values = json.loads(path.read_text())
    for key, bad in {
        "matrix": [[1.0, 2.0], [3.0, 4.0]],
        "pooled_matrix": None,
        "own_eigenvalues": [[1.0] * 4] * 3,
        "errors": [{"environment": "a"}],
        "diverged": "no",
    }.items():
        path.write_text(json.dumps(values | {key: bad}))
        with pytest.raises(ModelFileError, match=key):
            load_model(path)
    lopsided = np.array(values["matrix"]) + np.triu(np.ones((3, 3)), 1)
    path.write_text(json.dumps(values | {"matrix": lopsided.tolist()}))
    with pytest.raises(ModelFileError, match="matrix must be symmetric"):
        load_model(path)


@pytest.mark.parametrize(
    "bad",
    [
        {"width": 0},
        {"parameterization": "direct"},
        {"direction": "up"},
        {"step_size": 0.0},
        {"gain": -1.0},
        {"order": "blocks"},
        {"n_steps": 0},
        {"init_scale": 0.0},
        {"intercept": "both"},
        {"environment_weights": "rows"},
        {"average": 1.5},
        {"record_every": 0},
    ],
)
def test_bad_parameters_are_refused(bad):
    X, y, place = small()
    with pytest.raises(ValueError, match=next(iter(bad))):
        fit(X, y, place, **bad)


def test_bad_data_are_refused_in_a_sentence():
    X, y, place = small()
    with pytest.raises(DataError, match="200 columns have 20,100 products, too many"):
        fit(np.ones((4, 200)), np.arange(4.0), [0, 0, 1, 1])
    with pytest.raises(DataError, match="does not vary"):
        fit(X, np.ones(len(y)), place)
    with pytest.raises(DataError, match="does not vary within environments"):
        fit(X, place.astype(float), place)
    with pytest.raises(DataError, match="NaN"):
        fit(X * np.nan, y, place)
    with pytest.raises(DataError, match="rescale them"):
        fit(X * 1e-160, y, place)


values = st.one_of(
    st.floats(-1e3, 1e3),
    st.sampled_from([0.0, 1.0, 1e8, -1e-8, 1e-150, 1e150, 1e200]),
)


@settings(max_examples=120, deadline=None)
@given(
    data=arrays(float, st.tuples(st.integers(1, 12), st.integers(2, 4)), elements=values),
    labels=st.lists(st.sampled_from(["a", "b", "c"]), min_size=12, max_size=12),
    weight=st.none() | st.lists(st.sampled_from([0.0, 1.0, 2.5]), min_size=12, max_size=12),
    options=st.fixed_dictionaries(
        {
            "direction": st.sampled_from(["slopes", "gradient"]),
            "intercept": st.sampled_from(["environment", "shared", "none"]),
            "gain": st.sampled_from([1.0, 5.0]),
            "standardize": st.booleans(),
            "width": st.sampled_from([None, 1, 9]),
        }
    ),
)
def test_any_data_give_a_finite_model_or_our_own_error(data, labels, weight, options):
    n = len(data)
    model = QuadraticInvariantRegressor(n_steps=30, random_state=0, **options)
    weight = None if weight is None else weight[:n]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "No environments were given")
        warnings.simplefilter("ignore", ElinvarWarning)
        try:
            model.fit(data[:, 1:], data[:, 0], environments=labels[:n], sample_weight=weight)
        except DataError:
            return
        assert np.isfinite(model.matrix_).all() and np.isfinite(model.intercept_)
        rows = np.where(np.abs(data) < 1e9, data, 0.0)[:, 1:]
        assert np.isfinite(model.predict(rows, environments=labels[:n])).all()
        assert isinstance(model.summary(), str)
