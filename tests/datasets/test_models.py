"""The structural equations hold: each setting changes what it says, and nothing else."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from elinvar.datasets import (
    KnownAnswer,
    make_additive,
    make_coloured_digits,
    make_gene_network,
    make_irm_chain,
    make_linear_unit_test,
    make_random_linear,
    make_reversed,
    make_sparse_linear,
)
from elinvar.datasets._additive import spline_columns
from elinvar.datasets._gene_network import _draw_network
from elinvar.datasets._sparse import _draw_model
from elinvar.errors import DataError

Array = NDArray[np.float64]


def least_squares(X: Array, y: Array) -> Array:
    """Intercept, then slopes."""
    return np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), y, rcond=None)[0]


def parts(data: KnownAnswer) -> list[tuple[Array, Array]]:
    names = list(dict.fromkeys(data.environments))
    return [(data.X[data.environments == e], data.y[data.environments == e]) for e in names]


# Random linear models


@pytest.mark.parametrize(
    ("kwargs", "value", "total", "new"),
    [
        ({}, -1.3228640135773153, -36.08424532607731, 9.752822148675616),
        ({"broken": "target"}, -1.3228640135773153, 35.87130116108176, -36.69266186348859),
        ({"broken": "confounder"}, -1.1824280773182947, 10.384035070412388, -21.746746289274277),
    ],
)
def test_published_seeds_keep_their_data(kwargs, value, total, new) -> None:
    data = make_random_linear(n_features=6, n_samples=50, in_degree=2, rng=0, **kwargs)
    found = data.X[7, 3], data.y.sum(), data.new_environments(5, 1).X.sum()
    np.testing.assert_allclose(found, (value, total, new), rtol=1e-9)


def test_other_seeds_keep_their_data() -> None:
    assert make_reversed(n_samples=50, rng=0).y.sum() == pytest.approx(-32.64212528994506)
    data = make_linear_unit_test(n_samples=50, rng=0)
    assert data.new_environments(5, 1).X.sum() == pytest.approx(-27.046549312216364)


def random_model(**kwargs) -> KnownAnswer:
    off = {"n_features": 6, "noise_spread": 0.0, "edge_spread": 0.0, "n_samples": 20_000, "rng": 4}
    return make_random_linear(**(off | kwargs))


def test_shifts_move_levels_and_leave_covariances() -> None:
    data = parts(random_model(shift_spread=2.0))
    means = np.array([X.mean(axis=0) for X, _ in data])
    assert (means.std(axis=0) > 0.5).all()
    first = np.cov(data[0][0].T)
    for X, _ in data[1:]:
        np.testing.assert_allclose(np.cov(X.T), first, atol=0.05 * np.abs(first).max())


def test_noise_scales_move_variances_and_leave_levels() -> None:
    data = parts(random_model(noise_spread=1.0))
    sds = np.array([X.std(axis=0) for X, _ in data])
    assert (sds.max(axis=0) / sds.min(axis=0) > 1.5).all()
    for X, _ in data:
        assert (np.abs(X.mean(axis=0)) < 5 * X.std(axis=0) / np.sqrt(len(X))).all()


def test_do_cuts_all_effects_of_others() -> None:
    """With every node but the target set by itself, the columns before it are independent."""
    data = random_model(do_share=1.0, in_degree=3)
    for X, y in parts(data):
        correlation = np.corrcoef(X.T) - np.eye(6)
        assert np.abs(correlation).max() < 0.03
        w = least_squares(X[:, data.support], y)
        np.testing.assert_allclose(w[1:], data.coef[data.support], atol=0.05)
        assert np.abs(np.corrcoef(X[:, ~data.support].T, y)[-1, :-1]).max() < 0.03
    # cut everywhere, no environment differs from another but in level
    assert data.identified is False


def test_measurement_errors_have_the_size_asked_for_and_shrink_slopes() -> None:
    clean = make_random_linear(n_environments=1, n_samples=20_000, n_features=6, rng=1)
    noisy = make_random_linear(
        n_environments=1, n_samples=20_000, n_features=6, measurement_error=0.7, rng=1
    )
    np.testing.assert_array_equal(clean.y, noisy.y)
    np.testing.assert_allclose((noisy.X - clean.X).std(axis=0), 0.7, rtol=0.03)
    assert noisy.invariance == "trivial" and clean.invariance == "columns"
    assert clean.identified is False


def test_a_fixed_confounder_biases_regression_but_not_instruments() -> None:
    """E[(y - X beta) X_k] is the same in all environments; the slopes on the parents are not."""
    data = random_model(noise_spread=1.0, broken="fixed_confounder", n_samples=100_000)
    moments, slopes = [], []
    for X, y in parts(data):
        moments.append((y - X @ data.coef) @ X / len(X))
        slopes.append(least_squares(X[:, data.support], y)[1:])
    assert np.ptp(moments, axis=0).max() < 0.15
    assert np.ptp(slopes, axis=0).max() > 0.2
    assert np.abs(np.mean(slopes, axis=0) - data.coef[data.support]).max() > 0.2


@pytest.mark.parametrize("kwargs", [{}, {"measurement_error": 0.5}, {"broken": "fixed_confounder"}])
def test_without_heterogeneity_all_columns_are_best_everywhere(kwargs) -> None:
    data = random_model(n_samples=50_000, **kwargs)
    assert data.invariance == "everything" and data.identified is False
    unit = np.eye(6)
    for X, y in parts(data):
        np.testing.assert_allclose(least_squares(X, y)[1:], data.oracle(unit), atol=0.05)
        assert np.mean((y - data.oracle(X)) ** 2) == pytest.approx(data.risk, rel=0.05)
    assert data.risk < 1 + bool(kwargs)


# Chain


@pytest.mark.parametrize("heteroskedastic", [True, False])
def test_chain_variances_are_those_of_its_equations(heteroskedastic: bool) -> None:
    data = make_irm_chain(heteroskedastic=heteroskedastic, n_samples=40_000, rng=0)
    for (X, y), e in zip(parts(data), (0.2, 2.0, 5.0), strict=True):
        of_t, of_z = (e**2, 1.0) if heteroskedastic else (1.0, e**2)
        expected = np.repeat([2 * e**2, 2 * e**2 + of_t + of_z], 5)
        np.testing.assert_allclose(X.var(axis=0), expected, rtol=0.04)
        assert y.var() == pytest.approx(5 * (2 * e**2 + of_t), rel=0.04)
        # z_k - x_k is the target's noise and its own
        np.testing.assert_allclose((X[:, 5:] - X[:, :5]).var(axis=0), of_t + of_z, rtol=0.04)


def test_a_hidden_cause_moves_the_oracle_away_from_the_causal_slopes_and_keeps_it_invariant():
    data = make_irm_chain(observed=False, heteroskedastic=False, n_samples=40_000, rng=1)
    slopes = data.oracle(np.eye(10))[:5]
    assert np.abs(slopes - 1).max() > 0.03
    np.testing.assert_array_equal(data.coef, [1] * 5 + [0] * 5)
    for X, y in parts(data)[1:]:
        np.testing.assert_allclose(least_squares(X[:, :5], y)[1:], slopes, atol=0.03)


def test_a_rotated_chain_is_the_same_chain() -> None:
    data = make_irm_chain(rotated=True, rng=0)
    columns = data.X @ data.rotation.T
    np.testing.assert_allclose(data.rotation @ data.coef, [1] * 5 + [0] * 5, atol=1e-12)
    np.testing.assert_allclose(data.oracle(data.X), columns[:, :5].sum(axis=1))
    assert np.unique(make_irm_chain(n_environments=6, rng=0).environments).size == 6


# Sparse models


def test_sparse_model_has_the_degrees_asked_for() -> None:
    model = _draw_model(301, 7, 4, 3, np.random.default_rng(0))
    assert len(model.parents[model.target]) == 7 and model.children.size == 4
    for node, parents in enumerate(model.parents):
        assert (parents < node).all() and len(set(parents)) == len(parents)
        if node != model.target:
            assert len(parents) == min(3, node)
    assert sorted([*model.order, model.target]) == list(range(301))


def test_sparse_variances_stay_moderate() -> None:
    data = make_sparse_linear(n_features=1000, n_environments=3, n_samples=100, rng=0)
    assert np.median(data.X.std(axis=0)) < 5 and data.X.std(axis=0).max() < 100
    assert ((0.5 <= np.abs(data.coef)) == data.support).all()


def test_sparse_model_holds_no_second_copy_of_the_rows() -> None:
    tracemalloc.start()
    data = make_sparse_linear(n_environments=12, n_samples=500, rng=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    one = data.X.nbytes / 12
    assert peak < data.X.nbytes + 4 * one


def test_sparse_model_without_heterogeneity_says_so() -> None:
    data = make_sparse_linear(n_features=20, noise_spread=0, edge_spread=0, n_samples=9, rng=0)
    assert data.invariance == "everything" and not data.identified
    with pytest.raises(DataError, match="no closed form"):
        data.oracle(data.X)


# Gene networks


def test_gene_networks_have_hubs() -> None:
    """Mean largest out-degree over 20 seeds: 17 here, 8 if regulators are drawn uniformly."""
    largest = []
    for seed in range(20):
        model, regulated = _draw_network(107, 150, np.random.default_rng(seed))
        assert sum(len(parents) for parents in model.parents) == regulated.sum() == 150
        assert len(model.parents[model.target]) > 0 and model.children.size > 0
        largest.append(regulated.max())
    assert np.mean(largest) > 13


def test_knocked_down_genes_are_low_and_follow_no_regulator() -> None:
    data = make_gene_network(n_samples=2000, n_environments=4, strength=3.0, rng=0)
    for e, (X, _) in enumerate(parts(data)):
        down = (np.abs(X.mean(axis=0) + 3) < 0.1) & (np.abs(X.std(axis=0) - 0.5) < 0.05)
        assert down.sum() == (9 if e else 0)
        if e:
            correlation = np.corrcoef(X[:, down].T) - np.eye(9)
            assert np.abs(correlation).max() < 0.1


def test_hubs_alone_leave_the_parents_unidentified() -> None:
    share = {
        how: np.mean(
            [make_gene_network(n_samples=2, perturbed=how, rng=s).identified for s in range(20)]
        )
        for how in ("random", "hubs")
    }
    assert share["random"] > 0.8 and share["hubs"] < 0.2
    assert make_gene_network(n_samples=2, n_environments=1, rng=0).identified is False


# Additive models


def test_spline_columns_are_those_of_scikit_learn() -> None:
    from sklearn.preprocessing import SplineTransformer

    values = np.random.default_rng(0).normal(scale=2, size=(200, 2))
    knots = np.repeat(np.linspace(-3, 3, 5)[:, None], 2, axis=1)
    other = SplineTransformer(knots=knots, include_bias=False, extrapolation="constant")
    np.testing.assert_allclose(spline_columns(values, 5), other.fit_transform(values), atol=1e-12)


def test_additive_columns_make_one_feature_a_variable() -> None:
    data = make_additive(n_samples=200, rng=0)
    rows = data.to_environments()
    assert rows.schema.features == ("x1", "x2", "x3", "z1", "z2", "z3", "w1", "w2", "w3")
    assert rows.X.shape == (1000, 9 * 7) and not rows.schema.reference.all()
    np.testing.assert_allclose(rows.X[:, ~rows.schema.reference], data.X)
    np.testing.assert_array_equal(rows.schema.groups[~rows.schema.reference], data.groups)
    for group in range(9):
        np.testing.assert_allclose(rows.X[:, rows.schema.groups == group].sum(axis=1), 1)
    new = data.to_environments(data.new_environments(50, 1, n_environments=2))
    assert new.names == ("new0", "new1") and new.schema == rows.schema


def test_columns_without_groups_stay_as_they_are() -> None:
    data = make_reversed(n_samples=30, rng=0)
    rows = data.to_environments()
    np.testing.assert_array_equal(rows.X, data.X)
    assert rows.schema.features == data.feature_names and rows.names == ("E0", "E1", "E2", "E3")


def test_additive_effects_of_the_target_differ_between_environments() -> None:
    data = make_additive(n_samples=4000, rng=2)
    slopes = [
        least_squares(X[:, ~data.support][:, :18], y - data.oracle(X))[1:] for X, y in parts(data)
    ]
    assert np.ptp(slopes, axis=0).max() > 1


# Coloured digits


def test_colour_errs_as_often_as_its_environment_says() -> None:
    data = make_coloured_digits(n_samples=4000, rng=0)
    for (X, y), rate in zip(parts(data), (0.1, 0.2), strict=True):
        assert np.mean(X[:, -1] != y) == pytest.approx(rate, abs=0.02)
    new = data.new_environments(4000, 1, n_environments=1)
    assert np.mean(new.X[:, -1] != new.y) == pytest.approx(0.9, abs=0.02)
    assert data.X[:, :-1].min() == 0 and data.X[:, :-1].max() == 1
    assert data.y.mean() == pytest.approx(0.5, abs=0.03)


def test_new_digits_are_new_images() -> None:
    data = make_coloured_digits(n_samples=3000, rng=0)
    seen = {row.tobytes() for row in data.X[:, :-1]}
    new = {row.tobytes() for row in data.new_environments(1000, 1).X[:, :-1]}
    assert len(seen) <= 1200 and len(new) <= 597 and not seen & new


def test_shapes_predict_alike_in_all_environments_and_colours_do_not() -> None:
    """A least-squares reader of shapes errs about a third of the time, label noise included."""
    data = make_coloured_digits(rng=0)
    new = data.new_environments(4000, 1)
    wrong = {}
    for what, columns in (("shape", data.support), ("all", np.ones_like(data.support))):
        w = least_squares(data.X[:, columns], data.y)
        for where, sample in (("training", data), ("new", new)):
            answer = w[0] + sample.X[:, columns] @ w[1:]
            wrong[what, where] = np.mean((answer > 0.5) != (sample.y > 0.5))
    assert data.risk - 0.02 < wrong["shape", "training"] < wrong["shape", "new"] < 0.38
    assert wrong["all", "training"] < 0.2 and wrong["all", "new"] > 0.6


def test_channels_add_up_to_the_shape() -> None:
    plain = make_coloured_digits(n_samples=50, rng=3)
    data = make_coloured_digits(n_samples=50, channels=True, rng=3)
    red, green = data.X[:, :61], data.X[:, 61:]
    np.testing.assert_array_equal(red + green, plain.X[:, :61])
    np.testing.assert_allclose(data.invariant_columns(data.X) * np.sqrt(2), plain.X[:, :61])
    assert (red * green == 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_sparse_linear(n_features=8, n_parents=5, rng=0), "can be at most 4"),
        (lambda: make_sparse_linear(in_degree=0, rng=0), "in_degree must be .*got 0"),
        (lambda: make_gene_network(n_genes=2, rng=0), "n_genes must be .*got 2"),
        (lambda: make_gene_network(n_edges=1000, rng=0), "it must be from 2 to 517"),
        (lambda: make_gene_network(perturbed="all", rng=0), "perturbed must be .*got 'all'"),
        (lambda: make_gene_network(share=2, rng=0), "share must be .*got 2"),
        (lambda: make_irm_chain(n_environments=0, rng=0), "n_environments must be .*got 0"),
        (lambda: make_additive(n_parents=0, rng=0), "n_parents must be .*got 0"),
        (lambda: make_additive(n_knots=1, rng=0), "n_knots must be .*got 1"),
        (lambda: make_coloured_digits(flip_rates=(), rng=0), "flip_rates is empty"),
        (lambda: make_coloured_digits(flip_rates=(0.1, 2), rng=0), "flip_rate must be .*got 2"),
        (lambda: make_coloured_digits(n_samples=9, rng=0).oracle(0), "no closed form"),
    ],
)
def test_bad_requests_are_refused(call, message) -> None:
    with pytest.raises(DataError, match=message):
        call()
