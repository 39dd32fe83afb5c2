"""Methods that try subsets: published figures, brute force, the two ICPs against each other."""

from itertools import combinations

import numpy as np
import pytest
from peer_rows import rows
from scipy import stats

from elinvar.baselines import (
    CausalICPRegressor,
    EILLSRegressor,
    ICPRegressor,
    NonlinearICPRegressor,
    PooledRegressor,
)
from elinvar.baselines._causalicp import common
from elinvar.baselines._screen import screen
from elinvar.datasets import make_eills, make_random_linear
from elinvar.environments import Environments
from elinvar.errors import DataError

PAPER = {"intercept": False, "standardize": False, "penalty": 36.0}


@pytest.mark.parametrize(
    ("n", "repetitions", "mean", "median"), [(300, 50, 0.068, 0.009), (1000, 30, 0.006, 0.002)]
)
def test_eills_has_its_published_errors(n, repetitions, mean, median):
    errors = []
    for seed in range(repetitions):
        data = make_eills(n_samples=n, rng=seed)
        model = EILLSRegressor(**PAPER).fit(data.X, data.y, environments=data.environments)
        errors.append(np.sum((model.coef_ - data.coef) ** 2))
    assert mean / 4 < np.mean(errors) < 2 * mean
    assert median / 1.6 < np.median(errors) < 1.6 * median


@pytest.mark.parametrize("options", [PAPER, {}, {"standardize": True, "penalty": 5.0}])
def test_eills_is_the_best_of_all_supports(options):
    X, y, place = rows()
    model = EILLSRegressor(**options).fit(X, y, environments=place)
    own = model.get_params()
    if own["standardize"]:
        X, y = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    best = None
    for size in range(6):
        for support in combinations(range(5), size):
            value, w = objective(X, y, place, support, own["penalty"], own["intercept"])
            if best is None or value < best[0]:
                best = value, support, w
    assert tuple(np.flatnonzero(model.selected_)) == best[1]
    slopes = best[2][1:] if own["intercept"] else best[2]
    again = model.coef_[model.selected_]
    if own["standardize"]:
        X, y, _ = rows()
        again = again * X.std(0)[model.selected_] / y.std()
    np.testing.assert_allclose(again, slopes, rtol=1e-6)


def objective(X, y, place, support, penalty, intercept):
    """Minimise the focused objective by least squares on stacked equations."""
    A, b = [], []
    columns = X[:, support]
    if intercept:
        columns = np.column_stack([np.ones(len(y)), columns])
    for one in np.unique(place):
        x, t = columns[place == one], y[place == one]
        n = len(t)
        A += [x / np.sqrt(n), np.sqrt(penalty) * x.T @ x / n]
        b += [t / np.sqrt(n), np.sqrt(penalty) * x.T @ t / n]
    A, b = np.vstack(A), np.concatenate(b)
    w = np.linalg.lstsq(A, b, rcond=None)[0] if A.shape[1] else np.zeros(0)
    return np.sum((A @ w - b) ** 2), w


def test_eills_without_penalty_is_least_squares():
    X, y, place = rows(n=(200, 200, 200))
    model = EILLSRegressor(penalty=0.0).fit(X, y, environments=place)
    assert model.selected_.all()
    np.testing.assert_allclose(model.coef_, PooledRegressor().fit(X, y).coef_, atol=1e-8)


def test_eills_finds_the_causes_and_drops_the_effects():
    X, y, place = rows(n=(2000, 2000, 2000), levels=False)
    model = EILLSRegressor(penalty=36.0).fit(X, y, environments=place)
    np.testing.assert_array_equal(model.selected_, [True, True, True, False, False])


def test_eills_survives_a_column_given_twice():
    X, y, place = rows()
    model = EILLSRegressor().fit(X[:, [0, 1, 2, 3, 3]], y, environments=place)
    assert np.isfinite(model.coef_).all()


def test_eills_refuses_more_columns_than_it_can_try():
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="at most 16 columns; got 17"):
        EILLSRegressor().fit(
            rng.normal(size=(80, 17)), rng.normal(size=80), environments=[0, 1] * 40
        )


def chain(seed, n=500):
    """Two causes, shifted in turn, and an effect of the target."""
    rng = np.random.default_rng(seed)
    place = np.repeat([0, 1, 2], n)
    cause = rng.normal(size=(3 * n, 2)) * np.array([[1, 1], [3, 1], [1, 3]])[place]
    y = cause @ [1.0, -1.0] + rng.normal(size=3 * n)
    effect = y * np.array([1.0, 0.3, -0.5])[place] + rng.normal(size=3 * n)
    return np.column_stack([cause, effect]), y, place


@pytest.mark.needs("causalicp", "invariant_causal_prediction")
@pytest.mark.parametrize("method", [CausalICPRegressor, ICPRegressor])
def test_icp_finds_parents_that_were_intervened_on(method):
    X, y, place = chain(0)
    model = method(level=0.01).fit(X, y, environments=place)
    np.testing.assert_array_equal(model.selected_, [True, True, False])
    assert (0, 1) in model.accepted_sets_ and (0,) not in model.accepted_sets_
    np.testing.assert_allclose(model.coef_, [1.0, -1.0, 0.0], atol=0.1)


@pytest.mark.needs("causalicp", "invariant_causal_prediction")
def test_both_icps_agree_on_most_data_and_never_name_an_effect():
    same = 0
    for seed in range(10):
        X, y, place = chain(seed, n=200)
        found = [
            method(level=0.01).fit(X, y, environments=place).selected_
            for method in (CausalICPRegressor, ICPRegressor)
        ]
        same += np.array_equal(*found)
        assert not found[0][2] and not found[1][2]
    assert same >= 8


@pytest.mark.needs("causalicp", "invariant_causal_prediction")
@pytest.mark.parametrize("method", [CausalICPRegressor, ICPRegressor])
def test_icp_without_interventions_selects_nothing(method):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(600, 3))
    y = X[:, 0] + rng.normal(size=600)
    model = method().fit(X, y, environments=np.repeat([0, 1], 300))
    assert not model.selected_.any()
    assert () in model.accepted_sets_
    np.testing.assert_allclose(model.predict(X), y.mean())


@pytest.mark.needs("causalicp", "invariant_causal_prediction")
@pytest.mark.parametrize("method", [CausalICPRegressor, ICPRegressor])
def test_icp_with_the_target_intervened_rejects_every_set(method):
    X, y, place = chain(0)
    model = method().fit(X, y + 2.0 * place, environments=place)
    assert model.accepted_sets_ == []
    assert not model.selected_.any()


def p_values(residual):
    """Return the p-values that each package combines, from residuals (repetitions, E, n)."""
    E = residual.shape[1]
    n = residual.shape[2]
    against_rest, pairs = [], []
    for e in range(E):
        own, rest = residual[:, e], np.delete(residual, e, axis=1).reshape(len(residual), -1)
        against_rest.append(stats.ttest_ind(own, rest, axis=1, equal_var=False).pvalue)
        lower = stats.f.cdf(own.var(1, ddof=1) / rest.var(1, ddof=1), n - 1, (E - 1) * n - 1)
        against_rest.append(2 * np.minimum(lower, 1 - lower))
    apart = np.abs(residual - np.median(residual, axis=2, keepdims=True))
    for e, f in combinations(range(E), 2):
        pairs.append(stats.ttest_ind(residual[:, e], residual[:, f], axis=1, equal_var=False)[1])
        pairs.append(stats.f_oneway(apart[:, e], apart[:, f], axis=1).pvalue)
    bonferroni = np.minimum(1, 2 * (E - 1) * np.min(against_rest, axis=0))
    fisher = stats.chi2.sf(-2 * np.log(pairs).sum(axis=0), 2 * len(pairs))
    return bonferroni, fisher


def test_each_package_applies_the_correction_that_its_docstring_states():
    rng = np.random.default_rng(0)
    E, n = 4, 50
    X, y = rng.normal(size=(E * n, 1)), rng.normal(size=E * n) * np.repeat([1.0, 1.1, 0.9, 1.0], n)
    place = np.repeat(np.arange(E), n)
    bonferroni, fisher = p_values((y - y.mean()).reshape(1, E, n))
    table = np.column_stack([X, y])
    # the p-value of a variable is the largest of the sets without it: of the empty set alone
    causalicp = pytest.importorskip("causalicp")
    found = causalicp.fit([table[place == e] for e in range(E)], 1)
    assert found.pvalues[0] == pytest.approx(bonferroni[0], rel=1e-8)
    icp = pytest.importorskip("invariant_causal_prediction").icp
    found = icp(X, y, place, max_set_size=0)
    assert found["best_model_pvalue"] == pytest.approx(fisher[0], rel=1e-8)


@pytest.mark.parametrize(
    ("E", "stated"), [(2, (0.05, 0.05)), (3, (0.06, 0.07)), (5, (0.07, 0.14)), (10, (0.05, 0.20))]
)
def test_true_sets_are_rejected_as_often_as_stated(E, stated):
    rng = np.random.default_rng(E)
    n, repetitions = 100, 2000
    x = rng.normal(size=(repetitions, E, n)) * np.exp(0.5 * rng.normal(size=(repetitions, E, 1)))
    y = x + rng.normal(size=x.shape)
    x = x - x.mean(axis=(1, 2), keepdims=True)
    y = y - y.mean(axis=(1, 2), keepdims=True)
    slope = (x * y).sum(axis=(1, 2), keepdims=True) / (x * x).sum(axis=(1, 2), keepdims=True)
    size = [np.mean(p < 0.05) for p in p_values(y - slope * x)]
    # three standard errors of a share of .1 among 2,000: .02, more than rounding to a percent
    assert size == pytest.approx(stated, abs=3 * np.sqrt(0.1 / repetitions))


@pytest.mark.needs("invariant_causal_prediction")
def test_icp_of_two_classes_runs_on_logistic_residuals():
    X, y, place = chain(0, n=100)
    model = ICPRegressor(level=0.01).fit(X, (y > 0).astype(float), environments=place)
    assert model.predict(X).shape == y.shape


def test_common_columns():
    np.testing.assert_array_equal(common([(0, 2), (2, 3)], 4), [False, False, True, False])
    assert not common([], 3).any()
    assert not common([(), (1,)], 3).any()


def test_screening_keeps_what_the_target_depends_on():
    data = make_random_linear(n_features=30, n_environments=3, n_samples=500, rng=0)
    table = Environments.from_arrays(data.X, data.y, data.environments)
    kept = screen(table, 12)
    assert kept.size == 12 and np.all(np.diff(kept) > 0)
    strong = data.support & (np.abs(data.coef) > 0.7)
    assert np.isin(np.flatnonzero(strong), kept).mean() >= 0.5
    np.testing.assert_array_equal(screen(table, 30), np.arange(30))


@pytest.mark.needs("causalicp", "invariant_causal_prediction")
@pytest.mark.parametrize("method", [CausalICPRegressor, ICPRegressor])
def test_icp_of_many_columns_screens_them(method):
    data = make_random_linear(n_features=30, n_environments=3, n_samples=200, rng=0)
    model = method(max_features=4).fit(data.X, data.y, environments=data.environments)
    assert model.selected_.shape == (30,)


@pytest.mark.needs("causalicp")
def test_dependent_columns_are_refused_or_left_out():
    X, y, place = chain(0, n=100)
    with pytest.raises(DataError, match="depend linearly"):
        CausalICPRegressor().fit(X[:, [0, 0, 1]], y, environments=place)
    X[:, 2] = 1.0
    model = CausalICPRegressor().fit(X, y, environments=place)
    assert not model.selected_[2]


def curved(seed, n=300):
    """A curved cause, an effect of the target that turns round, and noise."""
    rng = np.random.default_rng(seed)
    place = np.repeat([0, 1, 2], n)
    cause = 4 * rng.beta(np.array([1, 2, 1])[place], np.array([1, 1, 3])[place]) - 2
    y = 2 * np.abs(cause - 1) + 0.5 * rng.normal(size=3 * n)
    effect = np.array([1.0, 0.2, -0.8])[place] * y + 0.5 * rng.normal(size=3 * n)
    return np.column_stack([cause, effect, rng.normal(size=3 * n)]), y, place


def test_nonlinear_icp_finds_a_curved_cause_and_no_effect():
    # the claim of its paper: nearly always no false cause (at most the level), and power
    found = []
    for seed in range(5):
        X, y, place = curved(seed)
        found.append(NonlinearICPRegressor().fit(X, y, environments=place).selected_)
    assert np.sum(found, axis=0)[0] >= 4 and not np.any(found, axis=0)[1:].any()


def test_nonlinear_icp_predicts_from_what_it_selects():
    X, y, place = curved(0)
    model = NonlinearICPRegressor().fit(X, y, environments=place)
    np.testing.assert_array_equal(model.predict(X + np.array([0, 5, 5])), model.predict(X))
    truth = 2 * np.abs(X[:, 0] - 1)
    assert np.mean((model.predict(X) - truth) ** 2) < 0.2
