"""The overidentification test against its formula, its classical special cases and its size."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq
from sklearn.linear_model import LinearRegression

from elinvar.environments import Moments
from elinvar.inference import LinearProblem, assess, noncentrality_limit
from elinvar.inference.losses.squared import every_support


def from_rows(X, y, place, columns, intercept="shared"):
    """Test, fit and risks of one support from rows, with explicit matrices."""
    Z = X[:, columns]
    if intercept == "shared":
        Z = np.column_stack([np.ones(len(y)), Z])
    else:
        mean = np.array(
            [np.append(y[place == e].mean(), Z[place == e].mean(0)) for e in set(place)]
        )
        y, Z = y - mean[place, 0], Z - mean[place, 1:]
        Z[np.abs(Z) < 1e-12 * np.abs(Z).max()] = 0.0  # rounding, where a column is constant
    parts = [(Z[place == e], y[place == e]) for e in sorted(set(place))]
    k, absorbed = Z.shape[1], int(intercept != "shared")
    fits, precisions, projectors, freedoms = [], [], [], []
    for A, b in parts:
        inverse = np.linalg.pinv(A, rcond=1e-8)
        fits.append(inverse @ b)
        freedoms.append(len(b) - np.linalg.matrix_rank(A, tol=1e-8 * np.linalg.norm(A)) - absorbed)
        precisions.append(A.T @ A * freedoms[-1] / np.sum((b - A @ fits[-1]) ** 2))
        projectors.append(inverse @ A)
    total = np.linalg.inv(sum(precisions))
    w = total @ sum(P @ v for P, v in zip(precisions, fits, strict=True))
    Q = sum((v - w) @ P @ (v - w) for P, v in zip(precisions, fits, strict=True))
    M = [Pi - total @ P for Pi, P in zip(projectors, precisions, strict=True)]
    f = sum(np.trace(Pi) for Pi in projectors) - k
    B1 = sum(np.trace(m @ m) / nu for m, nu in zip(M, freedoms, strict=True))
    B2 = sum(np.trace(m) ** 2 / nu for m, nu in zip(M, freedoms, strict=True))
    c = f + 2 * B1 - 2 * (B2 + 2 * B1) / (f + 2)
    nu = f * (f + 2) / (B2 + 2 * B1)
    errors = np.array([np.mean((b - A @ w) ** 2) for A, b in parts])
    size = np.array([len(b) for _, b in parts])
    return {
        "p_value": stats.f.sf(Q / c, f, nu),
        "statistic": Q * f / c,
        "freedom": f,
        "residual_freedom": nu,
        "coef": w,
        "t": w / np.sqrt(np.diag(total)),
        "risk": size @ errors / len(y),
        "worst": errors.max(),
    }


def assert_row_equals(problem, table, row, expected):
    slopes, intercept, _ = problem.original(table.coef[row])
    wanted = expected["coef"]
    shared = 1 - problem.absorbed
    mask = table.masks[row][problem.gate_of[problem.offset :]]
    np.testing.assert_allclose(slopes[problem.columns][mask], wanted[shared:], rtol=1e-7)
    np.testing.assert_array_equal(slopes[problem.columns][~mask], 0)
    if shared:
        assert intercept == pytest.approx(wanted[0])
    for name in ("p_value", "statistic", "freedom", "residual_freedom"):
        assert getattr(table, name)[row] == pytest.approx(expected[name], rel=1e-6, abs=1e-12)
    for name in ("risk", "worst"):
        got = getattr(table, name)[row] * problem.target_scale**2
        assert got == pytest.approx(expected[name], rel=1e-7)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("rows", [(40, 60), (40, 70, 100), (45, 400, 42, 60, 53)])
def test_every_support_follows_the_formula(random_table, problem_of, rows, intercept):
    X, y, place = random_table(rows, 4, spread=0.1, level=0.3)
    problem = problem_of(X, y, place, intercept=intercept)
    table = assess(problem, every_support(problem))
    for row, mask in enumerate(table.masks):
        if intercept == "environment" and not mask.any():
            assert table.p_value[row] == 1.0 and table.statistic[row] == 0.0
            assert table.residual_freedom[row] == np.inf
            continue
        expected = from_rows(X, y, place, np.flatnonzero(mask), intercept)
        assert_row_equals(problem, table, row, expected)
        t = expected["t"][1 - problem.absorbed :]
        weakest = np.min(t**2, initial=np.inf) / 4.5**2
        assert table.weakest[row] == pytest.approx(weakest, rel=1e-6)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("defect", ["constant", "collinear", "no rows to tell"])
def test_rank_deficient_environments(random_table, problem_of, defect, intercept):
    X, y, place = random_table((40, 70, 100), 4, spread=0.1, level=0.3)
    if defect == "constant":
        X[place == 1, 2] = 0.4
    elif defect == "collinear":
        X[place == 0, 3] = X[place == 0, 1] - 2 * X[place == 0, 0] + 1
    else:
        X[place == 2, 1:] = [0.3, 0.2, -1.0]
    problem = problem_of(X, y, place, intercept=intercept)
    table = assess(problem, every_support(problem))
    for row, mask in enumerate(table.masks):
        if mask.any():
            expected = from_rows(X, y, place, np.flatnonzero(mask), intercept)
            assert_row_equals(problem, table, row, expected)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_groups(with_colour, intercept):
    frame, y, place = with_colour(effect=0.3)
    problem = LinearProblem.from_moments(Moments.from_arrays(frame, y, place), intercept=intercept)
    dummies = [frame["colour"] == level for level in ("green", "red")]
    X = np.column_stack([frame["a"], *dummies, frame["b"]]).astype(float)
    table = assess(problem, np.array([[False, True, False], [True, True, True]]))
    assert_row_equals(problem, table, 0, from_rows(X, y, place, [1, 2], intercept))
    assert_row_equals(problem, table, 1, from_rows(X, y, place, [0, 1, 2, 3], intercept))


def test_a_group_is_needed_by_its_wald_statistic(with_colour):
    frame, y, place = with_colour(effect=0.3)
    problem = LinearProblem.from_moments(Moments.from_arrays(frame, y, place))
    A = np.column_stack([np.ones(len(y)), *(frame["colour"] == c for c in ("green", "red"))])
    noise = np.empty(3)
    for e in range(3):
        fit = LinearRegression(fit_intercept=False).fit(A[place == e], y[place == e])
        residual = y[place == e] - fit.predict(A[place == e])
        noise[e] = residual @ residual / (len(residual) - 3)
    covariance = np.linalg.inv(A.T @ (A / noise[place][:, None]))
    coef = covariance @ (A.T @ (y / noise[place]))
    wald = coef[1:] @ np.linalg.inv(covariance[1:, 1:]) @ coef[1:]
    # against the chi-squared point whose tail is that of |t| = 4.5
    point = stats.chi2.isf(2 * stats.norm.sf(4.5), 2)
    weakest = assess(problem, np.array([[False, True, False]])).weakest[0]
    assert weakest == pytest.approx(wald / point, rel=1e-6)


def test_needed_gates_count_only_if_they_can_be_closed(random_table, problem_of):
    X, y, place = random_table()
    X[:, 3] = np.random.default_rng(5).normal(size=len(y))
    full = np.ones((1, 4), dtype=bool)
    assert assess(problem_of(X, y, place), full).weakest[0] < 0.9
    always = np.array([False, False, False, True])
    freed = assess(problem_of(X, y, place, always=always), full).weakest[0]
    expected = from_rows(X, y, place, range(4))["t"][1:4]
    assert freed == pytest.approx(np.min(expected**2) / 4.5**2, rel=1e-6)
    assert assess(problem_of(X, y, place, always=np.ones(4, bool)), full).weakest[0] == np.inf


@pytest.mark.parametrize("sizes", [(8, 30), (25, 7)])
def test_empty_support_of_two_is_welchs_t(sizes, problem_of):
    rng = np.random.default_rng(2)
    y = np.concatenate([rng.normal(0, 1, sizes[0]), rng.normal(0.7, 3, sizes[1])])
    place = np.repeat([0, 1], sizes)
    table = assess(problem_of(rng.normal(size=(len(y), 1)), y, place), np.zeros((1, 1), bool))
    reference = stats.ttest_ind(y[place == 0], y[place == 1], equal_var=False)
    assert table.p_value[0] == pytest.approx(reference.pvalue, rel=1e-9)


def test_empty_support_of_many_is_welchs_anova(problem_of):
    rng = np.random.default_rng(3)
    groups = [rng.normal(m, s, n) for m, s, n in [(0, 1, 12), (0.5, 3, 25), (0.3, 0.5, 9)]]
    y, place = np.concatenate(groups), np.repeat([0, 1, 2], [12, 25, 9])
    table = assess(problem_of(rng.normal(size=(46, 1)), y, place), np.zeros((1, 1), bool))
    scale = [len(g) / g.var(ddof=1) for g in groups]
    mean = np.average([g.mean() for g in groups], weights=scale)
    between = sum(w * (g.mean() - mean) ** 2 for w, g in zip(scale, groups, strict=True)) / 2
    lack = sum((1 - w / sum(scale)) ** 2 / (len(g) - 1) for w, g in zip(scale, groups, strict=True))
    F = between / (1 + 2 * (3 - 2) / (3**2 - 1) * lack)  # Welch (1951)
    p_value = stats.f.sf(F, 2, (3**2 - 1) / (3 * lack))
    assert table.p_value[0] == pytest.approx(p_value, rel=1e-9)


def test_two_environments_of_equal_noise_are_close_to_chows_test(problem_of):
    rng = np.random.default_rng(4)
    X, place = rng.normal(size=(4000, 2)), np.repeat([0, 1], 2000)
    y = X @ [1.0, -1.0] + 0.06 * place * X[:, 0] + rng.normal(size=4000)

    def rss(rows):
        fitted = LinearRegression().fit(X[rows], y[rows]).predict(X[rows])
        return np.sum((y[rows] - fitted) ** 2)

    apart = rss(place == 0) + rss(place == 1)
    chow = (rss(place >= 0) - apart) / 3 / (apart / (4000 - 6))
    table = assess(problem_of(X, y, place), np.ones((1, 2), bool))
    assert table.statistic[0] / 3 == pytest.approx(chow, rel=0.01)
    assert table.p_value[0] == pytest.approx(stats.f.sf(chow, 3, 3994), rel=0.05)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_units_and_order_do_not_matter(random_table, problem_of, intercept):
    X, y, place = random_table((40, 70, 100), 4, spread=0.1, level=0.3)
    problem = problem_of(X, y, place, intercept=intercept)
    masks = every_support(problem)
    reference = assess(problem, masks).p_value
    scaled = problem_of(
        X * [1e-6, -50, 1, 3e5] - 4, 1e4 * y - 2, np.array([2, 0, 1])[place], intercept=intercept
    )
    np.testing.assert_allclose(assess(scaled, masks).p_value, reference, rtol=1e-6, atol=1e-14)
    order = [3, 1, 0, 2]
    permuted = problem_of(X[:, order], y, place, intercept=intercept)
    got = assess(permuted, masks[:, order]).p_value
    np.testing.assert_allclose(got, reference, rtol=1e-6, atol=1e-14)


def test_supports_too_wide_for_an_environment_cannot_be_tested(random_table, problem_of):
    X, y, place = random_table((5, 60, 80), 4)
    problem = problem_of(X, y, place)
    table = assess(problem, every_support(problem))
    wide = table.masks.sum(axis=1) + 1 >= 5
    np.testing.assert_array_equal(np.isnan(table.p_value), wide)
    assert np.all(np.isinf(table.statistic[wide]) & np.isinf(table.risk[wide]))
    assert np.isfinite(table.statistic[~wide]).all()


def test_collinear_supports_cannot_be_tested(random_table, problem_of):
    X, y, place = random_table()
    X = np.column_stack([X, X[:, 0] / 0.1 - X[:, 3] / 10])
    problem = problem_of(X, y, place)
    masks = np.array([[1, 0, 0, 1, 1], [1, 1, 1, 1, 0], [1, 0, 0, 0, 1]], dtype=bool)
    np.testing.assert_array_equal(np.isnan(assess(problem, masks).p_value), [True, False, False])


def test_perfect_fits_are_finite(problem_of):
    rng = np.random.default_rng(0)
    X, place = rng.normal(size=(60, 2)), np.repeat([0, 1, 2], 20)
    same = assess(problem_of(X, X @ [1.0, 2.0], place), np.ones((1, 2), bool))
    other = assess(problem_of(X, X[:, 0] * (1.0 + place), place), np.ones((1, 2), bool))
    assert same.p_value[0] > 0.01 and other.p_value[0] < 1e-12
    assert np.isfinite([same.risk, other.risk, same.worst, other.statistic]).all()


def test_take_keeps_rows_together(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X, y, place)
    table = assess(problem, every_support(problem))
    part = table.take(np.array([5, 2]))
    for name in ("masks", "coef", "p_value", "statistic", "freedom", "risk", "worst", "weakest"):
        np.testing.assert_array_equal(getattr(part, name), getattr(table, name)[[5, 2]])


def simulated_p_values(rows, *, replications, seed, shift=0.0):
    """p-values of a fixed support of two columns; noise as unequal as 1 to 5."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(n, 3)) + rng.normal(size=3) for n in rows]
    noise = np.geomspace(1.0, 5.0, len(rows))
    template = Moments.from_arrays(
        np.concatenate(X), rng.normal(size=sum(rows)), np.repeat(np.arange(len(rows)), rows)
    )
    mean_y = np.empty((replications, len(rows)))
    cov_xy, var_y = np.empty((replications, len(rows), 3)), np.empty_like(mean_y)
    for e, n in enumerate(rows):
        effect = 1.0 + shift * (e == 0)
        y = X[e] @ [effect, -1.0, 0.0] + noise[e] * rng.normal(size=(replications, n))
        mean_y[:, e] = y.mean(axis=1)
        cov_xy[:, e] = (y - mean_y[:, [e]]) @ (X[e] - X[e].mean(axis=0)) / n
        var_y[:, e] = y.var(axis=1)
    mask = np.array([[True, True, False]])
    return np.array(
        [
            assess(
                LinearProblem.from_moments(
                    replace(template, mean_y=mean_y[r], cov_xy=cov_xy[r], var_y=var_y[r])
                ),
                mask,
            ).p_value[0]
            for r in range(replications)
        ]
    )


@pytest.mark.parametrize(
    "rows",
    [
        (50, 50),
        (1000, 50),
        (50, 1000),
        (60, 200, 1000),
        (50, 50, 50, 50, 50),
        (50, 100, 150, 200, 250, 300, 350, 400, 450, 500),
    ],
)
def test_size(rows):
    p_values = simulated_p_values(rows, replications=2000, seed=sum(rows))
    assert 0.03 <= np.mean(p_values < 0.05) <= 0.07
    assert 0.004 <= np.mean(p_values < 0.01) <= 0.018
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("rows", [(6,) * 100, (5,) * 60, (12,) * 20, (8, 200)])
def test_size_with_few_rows(rows):
    """Three coefficients an environment, and noise as unequal as 1 to 5."""
    p_values = simulated_p_values(rows, replications=1000, seed=sum(rows))
    assert 0.03 <= np.mean(p_values < 0.05) <= 0.08
    assert np.mean(p_values < 0.01) <= 0.02
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_power():
    weak = simulated_p_values((200, 200, 200), replications=300, seed=1, shift=0.5)
    strong = simulated_p_values((200, 200, 200), replications=50, seed=2, shift=1.0)
    assert np.mean(weak < 0.05) > 0.8
    assert np.all(strong < 1e-3)


def exact_limit(x, f):
    """Largest noncentrality that the 5% test of ``x`` does not reject."""
    return brentq(lambda d: stats.ncx2.cdf(x, f, d) - 0.05, 1e-9, 20 * x + 100)


@pytest.mark.parametrize("f", [1.0, 4.0, 20.0, 100.0])
def test_noncentrality_limit_is_near_the_exact_one(f):
    x = f * np.array([1.0, 1.5, 2.0, 4.0, 20.0]) + 3
    exact = [exact_limit(value, f) for value in x]
    np.testing.assert_allclose(noncentrality_limit(x, np.full(5, f)), exact, atol=2.5)


@pytest.mark.parametrize("f", [1.0, 4.0, 20.0])
def test_noncentrality_limit_is_safe_below_its_freedom(f):
    limits = noncentrality_limit(np.array([0.3, 0.6, 1.0]) * f, np.full(3, f))
    assert limits[0] == limits[1] == limits[2] > exact_limit(f, f) - 2


@pytest.mark.parametrize("rows", [(40, 70, 100), (4, 60, 80)])
def test_the_order_of_candidates_does_not_matter(random_table, problem_of, rows):
    X, y, place = random_table(rows, 6)
    X[place == 1, 2] = 1.0
    problem = problem_of(X, y, place)
    table = assess(problem, every_support(problem))
    order = np.random.default_rng(0).permutation(64)
    shuffled = assess(problem, table.masks[order])
    one = [assess(problem, table.masks[[row]]) for row in order]
    for name in table.__annotations__:
        expected = getattr(table, name)[order]
        np.testing.assert_array_equal(getattr(shuffled, name), expected)
        # one by one sums are made in another order, and with no row to spare digits are lost
        alone = np.concatenate([getattr(x, name) for x in one])
        np.testing.assert_allclose(alone, expected, rtol=1e-6, atol=1e-9)


def test_supports_with_a_gate_that_is_not_needed_may_be_left_untested(random_table, problem_of):
    X, y, place = random_table()
    problem = problem_of(X, y, place)
    masks = every_support(problem)
    full, quick = assess(problem, masks), assess(problem, masks, thorough=False)
    needed = full.weakest >= 1
    assert 3 < needed.sum() < 13
    np.testing.assert_array_equal(np.isnan(quick.p_value), ~needed)
    for name in ("coef", "risk", "worst", "weakest"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(full, name))
    for name in ("p_value", "statistic", "freedom"):
        np.testing.assert_array_equal(getattr(quick, name)[needed], getattr(full, name)[needed])
