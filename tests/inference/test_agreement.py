"""Tests of a model part by part against explicit projections, their size, and residuals."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from elinvar.environments import Moments
from elinvar.inference import LinearModel, LinearProblem, SquaredLoss, assess
from elinvar.inference.losses.squared import refit
from elinvar.inference.tests import agreement_p_value

PARTS = ("coefficients", "residual mean", "slopes", "scale")


def loss_of(problem):
    return SquaredLoss(problem=problem, shared=problem)


def parts_of(problem, gates=None):
    gates = np.ones(problem.n_gates, dtype=bool) if gates is None else np.asarray(gates, dtype=bool)
    found = loss_of(problem).tests(gates)
    assert all(np.isfinite([t.statistic, t.df1, t.df2, t.p_value]).all() for t in found)
    assert all(t.statistic >= 0 and t.df1 >= 1 and 0 <= t.p_value <= 1 for t in found)
    return {t.test: t for t in found}


def projector(design):
    left, size, _ = np.linalg.svd(design, full_matrices=False)
    left = left[:, size > 1e-9 * size[0]]
    return left @ left.T


def nested(y, place, own, wide, narrow):
    """F test of ``narrow`` within ``wide``, each environment's noise taken from ``own``.

    With the orthogonal projections N (from narrow to wide) and R (from wide to own) of whitened
    rows and J_e that on the rows of environment e.
    """
    rest = y - projector(own) @ y
    count = np.bincount(place)
    nu = np.array(
        [n - np.linalg.matrix_rank(own[place == e], tol=1e-8) for e, n in enumerate(count)]
    )
    noise = np.sqrt(np.bincount(place, rest**2) / nu)[place]
    full, larger, smaller = (projector(D / noise[:, None]) for D in (own, wide, narrow))
    N, R, z = larger - smaller, full - larger, y / noise
    q, f = z @ N @ z, np.trace(N)
    excess = half = 0.0
    for e, freedom in enumerate(nu):
        J = (place == e)[:, None] * np.eye(len(y))[:, place == e]
        block, outer = J.T @ N @ J, J.T @ R @ J
        eta = np.trace(block @ block)
        excess += 2 * (eta + 2 * np.trace(block @ outer)) / freedom
        half += (np.trace(block) ** 2 + 2 * eta) / freedom
    c = f + excess - 2 * half / (f + 2)
    df2 = f * (f + 2) / half
    return q / c, f, df2, stats.f.sf(q / c, f, df2)


def designs(X, place):
    """All own, own intercepts with common slopes, all common."""
    dummies = np.eye(place.max() + 1)[place]
    each = (dummies[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    return (
        np.hstack([dummies, each]),
        np.hstack([dummies, X]),
        np.hstack([np.ones((len(X), 1)), X]),
    )


def spoiled(X, place, defect):
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    if defect == "constant":
        X[place == 1, 2] = 0.4
    elif defect == "collinear":
        X[place == 0, 1] = X[place == 0, 0] - 2 * X[place == 0, 2] + 1
    elif defect == "of the environment":
        X[:, 1] = np.array([0.3, -1.0, 0.5, 0.2, 1.0])[place]
    return X


@pytest.mark.parametrize("defect", ["none", "constant", "collinear", "of the environment"])
@pytest.mark.parametrize("rows", [(49, 50, 42), (40, 70, 60), (65, 90, 48, 60, 50)])
def test_parts_follow_their_formula(random_table, problem_of, rows, defect):
    X, y, place = random_table(rows, 3, spread=0.2, level=0.5)
    X = spoiled(X, place, defect)
    found = parts_of(problem_of(1000 + 30 * X, 5 * y, place))
    own, wide, narrow = designs(X, place)
    expected = {
        "coefficients": nested(y, place, own, own, narrow),
        "residual mean": nested(y, place, own, wide, narrow),
        "slopes": nested(y, place, own, own, wide),
    }
    # with a slope for the environments' means, three environments may have none left to compare
    for name, numbers in expected.items():
        if numbers[1] < 0.5:
            assert name not in found
            continue
        test = found[name]
        got = (test.statistic, test.df1, test.df2, test.p_value)
        np.testing.assert_allclose(got, numbers, rtol=1e-6)
    assert found["coefficients"].df1 == sum(found[t].df1 for t in PARTS[1:3] if t in found)


def settled(y, place, wide, narrow, common):
    """F test of ``narrow`` within ``wide``, noise taken from the residuals about ``common``.

    Each environment's residuals are uniform on a sphere of m dimensions, whatever its noise: with
    the projection N from narrow to wide and n blocks N_ee the statistic has the mean tr N and the
    variance 2 tr N - sum (4 tr N_ee^2 + 2 (tr N_ee)^2) / (m + 2).
    """
    inside = [place == e for e in range(place.max() + 1)]
    noise = np.ones(len(y))
    for _ in range(5):
        H = projector(common / noise[:, None])
        left = y - noise * (H @ (y / noise))
        m = np.array([rows.sum() - np.trace(H[rows][:, rows]) for rows in inside])
        whole = sum(np.sum((left / noise)[rows] ** 2) for rows in inside)
        weights = noise
        noise = np.array([np.sum(left[rows] ** 2) for rows in inside] / m)[place] ** 0.5
    N = projector(wide / weights[:, None]) - projector(narrow / weights[:, None])
    z, f = y / weights, np.trace(N)
    blocks = [N[rows][:, rows] for rows in inside]
    variance = 2 * f - sum(
        (4 * np.trace(block @ block) + 2 * np.trace(block) ** 2) / (size + 2)
        for block, size in zip(blocks, m, strict=True)
    )
    mean = f / whole
    both = mean * (1 - mean) * whole**2 / variance - 1
    df1, df2 = 2 * mean * both, 2 * (1 - mean) * both
    part = (z @ N @ z) / whole
    return part / (1 - part) * df2 / df1, df1, df2


@pytest.mark.parametrize("defect", ["none", "constant", "collinear"])
@pytest.mark.parametrize("rows", [(9, 7, 12), (6,) * 12])
def test_parts_follow_their_formula_where_rows_are_few(random_table, problem_of, rows, defect):
    X, y, place = random_table(rows, 3, spread=0.2, level=0.5)
    X = spoiled(X, place, defect)
    found = parts_of(problem_of(1000 + 30 * X, 5 * y, place))
    own, wide, narrow = designs(X, place)
    for name, expected in {
        "coefficients": settled(y, place, own, narrow, narrow),
        "slopes": settled(y, place, own, wide, wide),
        # intercepts take one dimension of an environment, nearly
        "residual mean": settled(y, place, wide, narrow, narrow),
    }.items():
        test = found[name]
        rough = 0.1 if name == "residual mean" else 5e-3
        np.testing.assert_allclose((test.statistic, test.df1, test.df2), expected, rtol=rough)
        assert test.p_value == pytest.approx(stats.f.sf(*expected), abs=rough)


def test_moments_of_the_statistic_with_estimated_weights():
    """Second-order terms in one environment's weight, by finite differences."""
    rng = np.random.default_rng(9)
    place = np.repeat([0, 1, 2], [8, 12, 10])
    X = rng.normal(size=(30, 2)) + rng.normal(size=(3, 2))[place]
    own, wide, narrow = designs(X, place)

    def moments(e, step):
        """Mean and half the variance of Q, its weight in e being wrong by the factor 1 + step."""
        root = np.sqrt(1 + step * (place == e))[:, None]
        form = root * (projector(root * wide) - projector(root * narrow)) * root.T
        return np.array([np.trace(form), np.trace(form @ form)])

    N, R = projector(wide) - projector(narrow), projector(own) - projector(wide)
    for e in range(3):
        rows = place == e
        block, outer = N[rows][:, rows], R[rows][:, rows]
        d, eta, chi = np.trace(block), np.trace(block @ block), np.trace(block @ outer)
        up, middle, down = (moments(e, step) for step in (1e-3, 0.0, -1e-3))
        first, second = (up - down) / 2e-3, (up - 2 * middle + down) / 1e-6
        assert first[0] == pytest.approx(d, rel=1e-4)
        expected = eta + 2 * chi, 3 * eta + 4 * chi
        np.testing.assert_allclose(first + second / 2, expected, rtol=1e-3)


def test_slopes_are_the_test_with_own_intercepts(random_table, problem_of):
    X, y, place = random_table((40, 70, 60), 4, spread=0.2, level=0.5)
    gates = np.array([True, False, True, True])
    shared = parts_of(problem_of(X, y, place), gates)
    problem = problem_of(X, y, place, intercept="environment")
    apart = parts_of(problem, gates)
    reference = assess(problem, gates[None])
    assert set(apart) == {"coefficients", "scale"}
    for test in (shared["slopes"], apart["coefficients"]):
        assert test.p_value == pytest.approx(reference.p_value[0], rel=1e-9)
        assert test.df1 == reference.freedom[0]
        assert test.df2 == pytest.approx(reference.residual_freedom[0], rel=1e-9)
    assert apart["scale"].p_value == pytest.approx(shared["scale"].p_value, rel=1e-9)
    assert apart["coefficients"].question == shared["slopes"].question
    assert shared["coefficients"].question != shared["slopes"].question


def test_without_features_the_mean_is_welchs_test(random_table, problem_of):
    X, y, place = random_table((15, 20, 12), 2, level=0.5)
    found = parts_of(problem_of(X, y, place), [False, False])
    groups = [y[place == e] for e in range(3)]
    assert set(found) == {"coefficients", "residual mean", "scale"}
    mean, whole = found["residual mean"], found["coefficients"]
    assert (mean.statistic, mean.df2) == pytest.approx((whole.statistic, whole.df2), rel=1e-9)
    bartlett = stats.bartlett(*groups)
    assert found["scale"].p_value == pytest.approx(bartlett.pvalue, rel=1e-3)
    assert found["scale"].statistic * 2 == pytest.approx(bartlett.statistic, rel=1e-3)


def test_without_features_and_own_intercepts_only_the_scale_is_left(random_table, problem_of):
    X, y, place = random_table((15, 20, 12), 2)
    problem = problem_of(X, y, place, intercept="environment")
    assert set(parts_of(problem, [False, False])) == {"scale"}


def test_levels_that_do_not_occur(with_colour):
    frame, y, place = with_colour(effect=0.3)
    frame.loc[(place == 0) & (frame["colour"] == "red"), "colour"] = "blue"
    frame.loc[place == 2, "colour"] = "green"
    found = parts_of(LinearProblem.from_moments(Moments.from_arrays(frame, y, place)))
    X = np.column_stack([*(frame["colour"] == c for c in ("green", "red")), frame[["a", "b"]]])
    own, wide, narrow = designs(X.astype(float), place)
    for name, pair in {"residual mean": (wide, narrow), "slopes": (own, wide)}.items():
        got = found[name].df1, found[name].p_value
        expected = nested(y, place, own, *pair)
        np.testing.assert_allclose(got, (expected[1], expected[3]), rtol=1e-6)


def test_nothing_to_compare():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    single = LinearProblem.from_moments(Moments.from_arrays(X, y, np.zeros(40)))
    assert loss_of(single).tests(np.ones(2, bool)) == []
    few = LinearProblem.from_moments(Moments.from_arrays(X, y, np.repeat([0, 1], [37, 3])))
    assert loss_of(few).tests(np.ones(2, bool)) == []
    assert set(parts_of(few, [True, False])) == set(PARTS)


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_perfect_fits_are_finite(problem_of, noise):
    rng = np.random.default_rng(1)
    X, place = rng.normal(size=(60, 2)), np.repeat([0, 1, 2], 20)
    y = X @ [1.0, 2.0] + noise * rng.normal(size=60)
    same = parts_of(problem_of(X, y, place))
    assert "scale" not in same and same["slopes"].p_value > 1e-3
    other = parts_of(problem_of(X, y + X[:, 0] * place, place))
    assert other["slopes"].p_value < 1e-12
    silent = parts_of(problem_of(X, y + (place == 1) * rng.normal(size=60), place))
    assert "scale" not in silent or silent["scale"].p_value < 1e-12


def test_order_units_and_weights(random_table, problem_of):
    X, y, place = random_table((20, 30, 25), 3, spread=0.2, level=0.3)
    reference = parts_of(problem_of(X, y, place))
    twice = problem_of(X[:, ::-1] * [1e-4, 1, 30], 7 - 2 * y, 2 - place)
    for name, test in parts_of(twice).items():
        assert test.p_value == pytest.approx(reference[name].p_value, rel=1e-6)
    weight = np.random.default_rng(0).integers(1, 4, size=len(y))
    repeated = (np.repeat(v, weight, axis=0) for v in (X, y, place))
    weighted = parts_of(problem_of(X, y, place, sample_weight=weight))
    for name, test in parts_of(problem_of(*repeated)).items():
        assert test.p_value == pytest.approx(weighted[name].p_value, rel=1e-6)


def noise_of(n_environments, spread=4.0):
    """Standard deviations, neither rising nor falling with the rows."""
    return 0.5 * np.roll(np.geomspace(1, spread, n_environments), 1)


def simulated(rows, k, repetitions, seed, *, level=0.0, effect=0.0, spread=4.0):
    """Yield problems of one design: noise unequal by ``spread``; others by environment."""
    rng = np.random.default_rng(seed)
    E = len(rows)
    X = [rng.normal(size=(n, k)) + rng.normal(size=k) for n in rows]
    noise = noise_of(E, spread)
    pull = np.linspace(-1, 1, E)
    template = Moments.from_arrays(
        np.concatenate(X), rng.normal(size=sum(rows)), np.repeat(np.arange(E), rows)
    )
    mean_y, var_y = np.empty((2, repetitions, E))
    cov_xy = np.empty((repetitions, E, k))
    for e, n in enumerate(rows):
        y = X[e].sum(axis=1) + pull[e] * (level + effect * X[e][:, 0])
        y = y + noise[e] * rng.normal(size=(repetitions, n))
        mean_y[:, e], var_y[:, e] = y.mean(axis=1), y.var(axis=1)
        cov_xy[:, e] = (y - mean_y[:, [e]]) @ (X[e] - X[e].mean(axis=0)) / n
    for r in range(repetitions):
        moments = replace(template, mean_y=mean_y[r], cov_xy=cov_xy[r], var_y=var_y[r])
        yield LinearProblem.from_moments(moments)


def p_values(*args, **options):
    found = [parts_of(problem) for problem in simulated(*args, **options)]
    return {part: np.array([tests[part].p_value for tests in found]) for part in PARTS}


@pytest.mark.parametrize(
    ("rows", "k"), [((50, 50), 3), ((50, 130, 350, 1000), 1), ((50,) * 10, 6), ((30, 30, 1000), 3)]
)
def test_size(rows, k):
    unequal = p_values(rows, k, 1200, seed=k)
    for part in PARTS[:3]:
        assert 0.03 <= np.mean(unequal[part] < 0.05) <= 0.07
        assert stats.kstest(unequal[part], "uniform").pvalue > 1e-3
    assert (
        0.03 <= np.mean(p_values(rows, k, 1200, seed=100 + k, spread=1.0)["scale"] < 0.05) <= 0.07
    )


@pytest.mark.parametrize(("rows", "k"), [((50,) * 10, 6), ((30, 30, 1000), 3)])
def test_size_for_one_feature(rows, k):
    found = []
    for problem in simulated(rows, k, 1200, seed=20 + k):
        fit = refit(problem, np.ones(k, dtype=bool))
        own, covariance = fit.own[:, -1:], fit.own_covariance[:, -1:, -1:]
        found.append(agreement_p_value(own, covariance, fit.freedom))
    assert 0.03 <= np.mean(np.array(found) < 0.05) <= 0.07


def test_each_part_sees_its_difference():
    rows = (100, 100, 100, 100)
    differences = {
        "residual mean": {"level": 0.5, "spread": 1.0},
        "slopes": {"effect": 0.5, "spread": 1.0},
        "scale": {},
    }
    for part, options in differences.items():
        found = p_values(rows, 2, 100, seed=5, **options)
        assert np.mean(found[part] < 0.05) > 0.9
        if part == "scale":
            continue
        assert np.mean(found["coefficients"] < 0.05) > 0.9
        assert np.mean(found["scale"] < 0.05) < 0.15
    level = p_values(rows, 2, 100, seed=6, level=0.5)
    assert np.mean(level["slopes"] < 0.05) < 0.15
    assert np.mean(level["residual mean"] < 0.05) > 0.9


def fitted(problem, gates=None):
    gates = np.ones(problem.n_gates, dtype=bool) if gates is None else gates
    loss = loss_of(problem)
    model = loss.support_model(gates, assess(problem, gates[None]).coef[0])
    return model, loss.residuals(model, gates)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_residuals_are_those_of_the_rows(random_table, problem_of, intercept):
    X, y, place = random_table((20, 300, 50), 3, spread=0.2, level=0.3)
    problem = problem_of(X, y, place, intercept=intercept)
    model, table = fitted(problem)
    assert [row.environment for row in table] == ["0", "1", "2"]
    taken = 0.0
    for e, row in enumerate(table):
        inside = place == e
        b = model.intercept if model.intercepts is None else model.intercepts[str(e)]
        prediction = X[inside] @ model.coef + b
        residual = y[inside] - prediction
        assert row.rows == inside.sum()
        assert row.mean == pytest.approx(residual.mean(), abs=1e-9)
        line = stats.linregress(prediction, y[inside])
        assert row.slope == pytest.approx(line.slope, rel=1e-9)
        # the same interval, but for the part that the common slopes take up
        freedom = len(residual) * residual.var() / row.sd**2
        taken += len(residual) - 1 - freedom
        error = line.stderr * np.sqrt((len(residual) - 2) / (freedom - 1))
        assert row.slope_high - row.slope == pytest.approx(
            stats.t.ppf(0.975, freedom - 1) * error, rel=1e-6
        )
        assert row.mean_high - row.mean == pytest.approx(
            stats.t.ppf(0.975, freedom) * row.sd / np.sqrt(row.rows), rel=1e-6
        )
        assert row.mean - row.mean_low == pytest.approx(row.mean_high - row.mean)
    assert taken == pytest.approx(3) if intercept == "environment" else 2 < taken <= 3
    if intercept == "environment":
        assert all(row.mean == 0 for row in table)


def test_predictions_that_do_not_vary_have_no_slope(random_table, problem_of):
    X, y, place = random_table((20, 30, 25), 2)
    X[place == 1, 0] = 0.7
    _, table = fitted(problem_of(X, y, place), np.array([True, False]))
    assert [np.isnan(row.slope) for row in table] == [False, True, False]
    _, table = fitted(problem_of(X, y, place), np.array([False, False]))
    for e, row in enumerate(table):
        assert np.isnan([row.slope, row.slope_low, row.slope_high]).all()
        assert row.sd == pytest.approx(y[place == e].std(ddof=1))


def test_residuals_of_single_environments_and_rows(problem_of):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 1)), rng.normal(size=30)
    alone = problem_of(X, y, np.zeros(30, int))
    mean = LinearModel(coef=np.zeros(1), intercept=float(y.mean()))
    (row,) = loss_of(alone).residuals(mean, np.zeros(1, bool))
    margin = stats.t.ppf(0.975, 29) * y.std(ddof=1) / np.sqrt(30)
    assert (row.mean_low, row.mean_high) == pytest.approx((-margin, margin))
    odd = problem_of(X, y, np.append(np.zeros(29, int), 1))
    _, first = loss_of(odd).residuals(mean, np.zeros(1, bool))
    assert first.mean == pytest.approx(y[-1] - y.mean())
    assert np.isnan([first.sd, first.mean_low, first.mean_high]).all()


def test_residual_intervals_cover():
    rows, k = (12, 30, 200), 3
    truth = np.ones((3, k))
    truth[:, 0] += 0.2 * np.linspace(-1, 1, 3)
    means, slopes = [], []
    for problem in simulated(rows, k, 1500, seed=3, effect=0.2):
        model, table = fitted(problem)
        moments = problem.moments
        mean = np.einsum("ej,ej->e", moments.mean_x, truth - model.coef) - model.intercept
        scatter = moments.cov_xx @ model.coef
        slope = np.einsum("ej,ej->e", scatter, truth) / (scatter @ model.coef)
        for e, row in enumerate(table):
            means.append(row.mean_low <= mean[e] <= row.mean_high)
            slopes.append(row.slope_low <= slope[e] <= row.slope_high)
    for inside in (means, slopes):
        share = np.mean(np.reshape(inside, (-1, 3)), axis=0)
        assert (share >= 0.93).all() and (share <= 0.975).all()


def test_residual_variance_is_unbiased():
    problems = simulated((8, 12, 100), 3, 1500, seed=4)
    variance = [[row.sd**2 for row in fitted(problem)[1]] for problem in problems]
    np.testing.assert_allclose(np.mean(variance, axis=0), noise_of(3) ** 2, rtol=0.08)


def test_residuals_agree_with_least_squares_where_noise_is_equal(problem_of):
    rng = np.random.default_rng(8)
    X, place = rng.normal(size=(6000, 2)), np.repeat([0, 1, 2], 2000)
    y = X @ [1.0, -1.0] + 0.3 * (place == 2) + rng.normal(size=6000)
    _, table = fitted(problem_of(X, y, place))
    residual = y - LinearRegression().fit(X, y).predict(X)
    for e, row in enumerate(table):
        assert row.mean == pytest.approx(residual[place == e].mean(), abs=0.01)
    assert table[2].mean_low > 0 > table[0].mean_high
