"""The known answers are right, and the published reference figures come out."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from elinvar import datasets
from elinvar.datasets import (
    KnownAnswer,
    Sample,
    make_eills,
    make_linear_unit_test,
    make_random_linear,
    make_reversed,
)
from elinvar.errors import DataError

Array = NDArray[np.float64]

GENERATORS: dict[str, Callable[[int], KnownAnswer]] = {
    "unit test 1": lambda rng: make_linear_unit_test(1, n_samples=400, rng=rng),
    "unit test 2": lambda rng: make_linear_unit_test(2, n_samples=400, rng=rng),
    "unit test 3": lambda rng: make_linear_unit_test(3, n_samples=400, rng=rng),
    "unit test 1s": lambda rng: make_linear_unit_test(1, n_samples=400, rotated=True, rng=rng),
    "ten environments": lambda rng: make_linear_unit_test(2, n_environments=10, rng=rng),
    "eills": lambda rng: make_eills(n_samples=400, rng=rng),
    "random linear": lambda rng: make_random_linear(n_samples=400, rng=rng),
    "reversed": lambda rng: make_reversed(n_samples=400, rng=rng),
}
every_generator = pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS.keys())


def least_squares(X: Array, y: Array) -> Array:
    """Intercept, then slopes."""
    return np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), y, rcond=None)[0]


def predict(w: Array, X: Array) -> Array:
    return w[0] + X @ w[1:]


def parts(data: KnownAnswer | Sample) -> list[tuple[Array, Array]]:
    return [
        (data.X[data.environments == e], data.y[data.environments == e])
        for e in np.unique(data.environments)
    ]


@every_generator
def test_shapes_and_labels(make: Callable[[int], KnownAnswer]) -> None:
    data = make(0)
    n, p = data.X.shape
    assert data.y.shape == data.environments.shape == (n,)
    assert data.support.shape == (p,) and data.support.dtype == bool
    assert len(set(data.feature_names)) == p
    assert data.environments.dtype.kind == "U"
    assert np.isfinite(data.X).all() and np.isfinite(data.y).all()
    new = data.new_environments(50, 1)
    assert new.X.shape == (50 * np.unique(data.environments).size, p)
    assert f"{n:,} rows" in repr(data)


@every_generator
def test_same_seed_same_data(make: Callable[[int], KnownAnswer]) -> None:
    first, again, other = make(3), make(3), make(4)
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.X, other.X)
    np.testing.assert_array_equal(
        first.new_environments(20, 5).X, again.new_environments(20, np.random.default_rng(5)).X
    )


def test_a_generator_moves_on() -> None:
    rng = np.random.default_rng(0)
    assert not np.array_equal(
        make_eills(n_samples=20, rng=rng).X, make_eills(n_samples=20, rng=rng).X
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_linear_unit_test(1, n_samples=40_000, rng=1),
        lambda: make_eills(n_samples=40_000, rng=1),
        lambda: make_random_linear(n_features=8, n_samples=40_000, rng=1),
        lambda: make_reversed(n_samples=40_000, rng=1),
    ],
    ids=["unit test 1", "eills", "random linear", "reversed"],
)
def test_invariant_coefficients_hold_everywhere(make: Callable[[], KnownAnswer]) -> None:
    data = make()
    assert data.coef is not None
    truth = data.coef[data.support]
    assert (data.coef[~data.support] == 0).all()
    for X, y in parts(data) + parts(data.new_environments(40_000, 2)):
        w = least_squares(X[:, data.support], y)
        np.testing.assert_allclose(w, [0, *truth], atol=0.1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["unit test 1", "unit test 3", "eills", "random linear"])
def test_all_columns_together_are_not_invariant(name: str, seed: int) -> None:
    data = GENERATORS[name](seed)
    slopes = np.array([least_squares(X, y)[1:] for X, y in parts(data)])
    spread = slopes.max(axis=0) - slopes.min(axis=0)
    assert spread[~data.support].max() > 0.1


def test_reversed_effects_help_in_training_and_mislead_later() -> None:
    data = make_reversed(rng=0)
    new = data.new_environments(1000, 1)
    pooled = least_squares(data.X, data.y)
    oracle = least_squares(data.X[:, data.support], data.y)

    def ratio(X: Array, y: Array) -> float:
        pooled_error = np.mean((predict(pooled, X) - y) ** 2)
        return float(pooled_error / np.mean((predict(oracle, X[:, data.support]) - y) ** 2))

    assert ratio(data.X, data.y) < 0.5
    assert ratio(new.X, new.y) > 5


def mean_error(example: int, *, oracle: bool, rotated: bool = False, seeds: int = 8) -> float:
    errors = []
    for seed in range(seeds):
        data = make_linear_unit_test(example, rotated=rotated, rng=seed)
        test = data.new_environments(10_000, 100 + seed)
        choose = data.invariant_columns if oracle else np.asarray
        answer = predict(least_squares(choose(data.X), data.y), choose(test.X))
        wrong = (answer - test.y) ** 2 if example == 1 else (answer > 0.5) != (test.y > 0.5)
        errors.append(float(np.mean(wrong)))
    return float(np.mean(errors))


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize(
    ("example", "published", "tolerance"), [(1, 10.42, 0.15), (2, 0.0, 1e-9), (3, 0.013, 0.001)]
)
def test_oracle_errors_are_the_published_ones(
    example: int, published: float, tolerance: float, rotated: bool
) -> None:
    assert mean_error(example, oracle=True, rotated=rotated) == pytest.approx(
        published, abs=tolerance
    )


def test_pooled_errors_are_the_published_ones() -> None:
    assert mean_error(1, oracle=False) == pytest.approx(13.36, abs=1.5)
    assert mean_error(3, oracle=False) == pytest.approx(0.48, abs=0.02)


def test_rotation_keeps_the_answer() -> None:
    data = make_linear_unit_test(1, rotated=True, rng=0)
    assert data.rotation is not None and data.coef is not None
    np.testing.assert_allclose(data.rotation @ data.rotation.T, np.eye(10), atol=1e-12)
    slopes = least_squares(data.invariant_columns(data.X), data.y)[1:]
    np.testing.assert_allclose(data.rotation[data.support].T @ slopes, data.coef, atol=0.05)


def test_test_data_break_the_spurious_link_and_keep_the_columns() -> None:
    data = make_linear_unit_test(3, rng=0)
    for (X, y), (X_test, y_test) in zip(
        parts(data), parts(data.new_environments(10_000, 1)), strict=True
    ):
        assert abs(np.corrcoef(X[:, -1], y)[0, 1]) > 0.1
        assert abs(np.corrcoef(X_test[:, -1], y_test)[0, 1]) < 0.05
        np.testing.assert_allclose(X_test.std(axis=0), X.std(axis=0), rtol=0.05)


@pytest.mark.parametrize(("n", "published"), [(100, 0.013), (300, 0.004), (1000, 0.0012)])
def test_eills_true_support_error(n: int, published: float) -> None:
    errors = []
    for seed in range(100):
        data = make_eills(n_samples=n, rng=seed)
        assert data.coef is not None
        w = least_squares(data.X[:, data.support], data.y)[1:]
        errors.append(np.sum((w - data.coef[data.support]) ** 2))
    assert np.mean(errors) == pytest.approx(published, rel=0.25)


def test_eills_mechanisms() -> None:
    data = make_eills(n_samples=20_000, rng=0)
    (first, y0), (second, y1) = parts(data)
    assert first[:, 3].std() == pytest.approx(1, abs=0.05)
    assert second[:, 3].min() >= -1
    np.testing.assert_allclose(
        least_squares(np.column_stack([first[:, 2], y0]), first[:, 6]), [0, 0.5, 1], atol=0.05
    )
    np.testing.assert_allclose(
        least_squares(np.column_stack([second[:, 2], np.tanh(y1)]), second[:, 6]),
        [0, 4, 1],
        atol=0.05,
    )


@pytest.mark.parametrize("seed", range(10))
def test_random_linear_target_has_a_parent_and_in_degree_is_as_asked(seed: int) -> None:
    data = make_random_linear(n_features=20, n_samples=10, rng=seed)
    assert data.coef is not None
    assert 1 <= data.support.sum() <= 10
    assert (np.abs(data.coef[data.support]) >= 0.5).all()
    assert (np.abs(data.coef) <= 1.5).all()


def test_random_linear_mean_in_degree() -> None:
    counts = [
        make_random_linear(n_features=20, n_samples=2, rng=s).support.sum() for s in range(300)
    ]
    assert np.mean(counts) == pytest.approx(3.1, abs=0.3)


def test_reverse_spurious_hurts_pooled_more() -> None:
    def error(reverse: bool, seed: int) -> float:
        data = make_random_linear(n_features=8, edge_spread=0.2, reverse_spurious=reverse, rng=seed)
        new = data.new_environments(1000, seed, n_environments=5)
        return float(np.mean((predict(least_squares(data.X, data.y), new.X) - new.y) ** 2))

    assert np.median([error(True, s) / error(False, s) for s in range(10)]) > 1.5


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("example", [1, 2, 3])
def test_unseen_environments_of_the_unit_tests(example, rotated) -> None:
    """They follow the laws of further ones: the oracle stays right, the spurious link is gone."""
    data = make_linear_unit_test(example, rotated=rotated, n_samples=2000, rng=0)
    new = data.new_environments(4000, 1, n_environments=6)
    columns = new.X if data.rotation is None else new.X @ data.rotation.T
    assert set(new.environments) == {f"new{e}" for e in range(6)}
    for e in np.unique(new.environments):
        rows = new.environments == e
        assert abs(np.corrcoef(columns[rows, -1], new.y[rows])[0, 1]) < 0.08
    if example == 1:
        scales = np.array([columns[new.environments == f"new{e}", :5].std() for e in range(6)])
        assert ((0.0099 < scales) & (scales < 10.1)).all() and scales.max() / scales.min() > 3
        residual = new.y - data.oracle(new.X)
        spread = [residual[new.environments == f"new{e}"].std() for e in range(6)]
        np.testing.assert_allclose(spread, np.sqrt(5) * scales, rtol=0.05)
    else:
        share = np.mean((data.oracle(new.X) > 0.5) != (new.y > 0.5))
        assert share == pytest.approx(data.risk, abs=0.003)


def test_unit_test_environments_beyond_the_third() -> None:
    """log10 of the scale is uniform on (-2, 1): mean -.5, sd .866 (200 environments)."""
    data = make_linear_unit_test(1, n_environments=203, n_samples=100, rng=0)
    order = [data.environments == f"E{e}" for e in range(203)]
    logs = np.log10([data.X[rows, :5].std() for rows in order])
    np.testing.assert_allclose(10 ** logs[:3], [0.1, 1.5, 2.0], rtol=0.1)
    assert logs[3:].mean() == pytest.approx(-0.5, abs=0.2)
    assert logs[3:].std() == pytest.approx(0.866, abs=0.12)
    assert logs[3:].min() > -2.1 and logs[3:].max() < 1.1


def test_number_of_new_environments() -> None:
    new = make_random_linear(n_samples=20, rng=0).new_environments(10, 1, n_environments=7)
    assert np.unique(new.environments).size == 7


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_linear_unit_test(4, rng=0), "example is 4; the linear unit tests are 1"),
        (lambda: make_linear_unit_test(1, n_samples=1, rng=0), "n_samples must be .*got 1"),
        (
            lambda: make_linear_unit_test(1, n_environments=0, rng=0),
            "n_environments must be .*got 0",
        ),
        (lambda: make_eills(n_samples=2.5, rng=0), "n_samples must be .*got 2.5"),
        (lambda: make_random_linear(in_degree=0, rng=0), "in_degree is 0"),
        (lambda: make_random_linear(in_degree=11, rng=0), "at most 10"),
        (
            lambda: make_random_linear(broken="target!", rng=0),
            "broken must be .*got 'target!'",
        ),
        (lambda: make_random_linear(do_share=1.5, rng=0), "do_share must be .*got 1.5"),
        (lambda: make_random_linear(shift_spread=-1, rng=0), "shift_spread must be .*got -1"),
        (
            lambda: make_random_linear(measurement_error=-1, rng=0),
            "measurement_error must be .*got -1",
        ),
        (
            lambda: make_random_linear(edge_spread=float("nan"), rng=0),
            "edge_spread must be .*got nan",
        ),
        (lambda: make_reversed(spread=-1, rng=0), "spread must be .*got -1"),
        (
            lambda: make_eills(n_samples=9, rng=0).new_environments(0, 1),
            "n_samples must be .*got 0",
        ),
    ],
)
def test_bad_requests_are_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()


@pytest.mark.parametrize("broken", ["target", "confounder"])
def test_a_broken_model_has_no_invariant_set(broken):
    """Given its parents, the target's coefficients and level differ between environments."""
    data = make_random_linear(n_features=6, n_samples=20_000, broken=broken, rng=4)
    plain = make_random_linear(n_features=6, n_samples=20_000, rng=4)
    assert (data.support == plain.support).all() and broken in data.name

    def spread(known):
        fits = []
        for name in np.unique(known.environments):
            rows = known.environments == name
            X = np.column_stack([known.X[rows][:, known.support], np.ones(rows.sum())])
            fits.append(np.linalg.lstsq(X, known.y[rows], rcond=None)[0])
        return np.ptp(fits, axis=0).max()

    assert spread(plain) < 0.1 < 0.5 < spread(data)


@pytest.mark.parametrize(
    "name",
    [name for name in datasets.__all__ if name.startswith("make_") and name != "make_problem"],
)
def test_what_is_no_seed_is_refused(name):
    for seed in (-1, "a"):
        with pytest.raises(DataError, match="rng must be an integer"):
            getattr(datasets, name)(rng=seed)
