"""Logistic loss against explicit designs: dummies for intercepts, refits, likelihood ratios."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from elinvar.environments import Environments
from elinvar.inference import (
    LearningTask,
    LogisticLoss,
    SelectionRule,
    forecast,
    learn,
    odd_environment,
)


def draw(seed, *, rows=(250, 400, 300), n_classes=2, levels=0.0, odd=None, p=4):
    """Effects of the first two columns that hold; intercepts that differ by ``levels``."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(len(rows)), rows)
    spread, shift = rng.uniform(0.6, 1.8, (len(rows), p)), rng.normal(size=(len(rows), p))
    X = rng.normal(size=(len(place), p)) * spread[place] + shift[place]
    beta = rng.uniform(0.6, 1.2, (n_classes - 1, 2)) * rng.choice([-1, 1], 2)
    slopes = np.repeat(beta[None], len(rows), axis=0)
    if odd is not None:
        slopes[odd] *= -1
    own = levels * rng.normal(size=(len(rows), n_classes - 1))
    odds = np.einsum("ij,icj->ic", X[:, :2], slopes[place]) + own[place]
    odds = np.column_stack([np.zeros(len(place)), odds])
    return X, (odds + rng.gumbel(size=odds.shape)).argmax(axis=1), place


def loss_of(X, y, place, *, weight=None, **options):
    rows = Environments.from_arrays(X, y.astype(float), place.astype(str), sample_weight=weight)
    return LogisticLoss.from_rows(rows, tuple("abcd"[: y.max() + 1]), **options)


def findings(X, y, place, *, intercept="shared", weights=None, **options):
    rows = Environments.from_arrays(X, y.astype(float), place.astype(str))
    task = LearningTask(
        intercept=intercept,
        predictor="auto",
        always=np.zeros(X.shape[1], dtype=bool),
        t_threshold=4.5,
        rule=SelectionRule(),
        outcomes=tuple("abcd"[: y.max() + 1]),
        **options,
    )
    share = np.bincount(place) / len(place) if weights is None else weights
    return learn(rows, share, task)


def fitted(design, y):
    """Maximum likelihood without a penalty: its classes' log odds (up to a term) as a function."""
    model = LogisticRegression(C=np.inf, tol=1e-11, max_iter=5000, fit_intercept=False)
    model.fit(design, y)
    coef = model.coef_
    if len(coef) == 1:
        coef = np.concatenate([np.zeros_like(coef), coef])
    return coef - coef[:1]


def log_likelihoods(odds, y):
    return log_softmax(odds, axis=1)[np.arange(len(y)), y]


def dummies(place):
    return (place[:, None] == np.unique(place)).astype(float)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_own_intercepts_are_those_of_dummies(n_classes):
    X, y, place = draw(0, n_classes=n_classes, levels=1.0)
    gates = np.array([True, True, False, True])
    loss = loss_of(X, y, place, intercept="environment", calibrate=False)
    model = loss.support_model(gates)
    coef = fitted(np.column_stack([dummies(place), X[:, gates]]), y)
    np.testing.assert_allclose(model.coef[:, gates], coef[1:, 3:], atol=2e-4)
    for e in range(3):
        np.testing.assert_allclose(model.intercepts[str(e)], coef[1:, e], atol=5e-4)
    share = np.bincount(place) / len(place)
    np.testing.assert_allclose(model.intercept, share @ coef[1:, :3].T, atol=5e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_statistics_are_likelihood_ratios_and_add_up(n_classes):
    X, y, place = draw(1, n_classes=n_classes, levels=0.3)
    gates, m = np.array([True, True, True, False]), n_classes - 1
    one, own, each = np.ones((len(y), 1)), dummies(place), np.zeros(len(y))
    for e in range(3):
        design = np.column_stack([one, X[:, gates]])[place == e]
        each[place == e] = log_likelihoods(design @ fitted(design, y[place == e]).T, y[place == e])
    total = {}
    for name, levels in (("shared", one), ("environment", own)):
        design = np.column_stack([levels, X[:, gates]])
        common = log_likelihoods(design @ fitted(design, y).T, y)
        total[name] = 2 * (each - common).sum()
        table = loss_of(X, y, place, intercept=name).assess(gates[None])
        assert table.statistic[0] == pytest.approx(total[name], abs=2e-3)
        assert table.freedom[0] == 2 * m * (4 if name == "shared" else 3)
    tests = {test.test: test for test in loss_of(X, y, place).tests(gates)}
    found = {name: test.statistic * test.df1 for name, test in tests.items()}
    assert found["coefficients"] == pytest.approx(total["shared"], abs=2e-3)
    assert found["slopes"] == pytest.approx(total["environment"], abs=2e-3)
    assert found["coefficients"] == pytest.approx(
        found["slopes"] + found["residual mean"], abs=4e-3
    )
    assert tests["residual mean"].df1 == 2 * m and np.isinf(tests["slopes"].df2)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_tests_keep_their_size(intercept):
    """Invariant slopes; with own intercepts the shares of classes shift by themselves."""
    levels, seeds, names = 0.8 * (intercept == "environment"), 200, set()
    p_values = {"coefficients": [], "residual mean": [], "slopes": []}
    for seed in range(seeds):
        X, y, place = draw(seed, rows=(200, 150, 250, 200), levels=levels)
        for test in loss_of(X, y, place, intercept=intercept).tests(np.array([1, 1, 0, 0], bool)):
            p_values[test.test].append(test.p_value)
            names.add(test.test)
    assert names == ({"coefficients"} if levels else set(p_values))
    for name in names:
        # three standard errors of a share of 0.05, and of the mean of uniform numbers
        assert np.mean(np.array(p_values[name]) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / seeds)
        assert np.mean(p_values[name]) == pytest.approx(0.5, abs=3 / np.sqrt(12 * seeds))


def test_shifting_shares_are_seen_by_their_own_part():
    X, y, place = draw(3, rows=(600, 600, 600), levels=0.7)
    gates = np.array([True, True, False, False])
    tests = {test.test: test.p_value for test in loss_of(X, y, place).tests(gates)}
    assert tests["residual mean"] < 1e-4 < 0.01 < tests["slopes"]
    shared, own = findings(X, y, place), findings(X, y, place, intercept="environment")
    assert shared.status != "accepted" and own.status == "accepted"
    assert own.gates.tolist() == gates.tolist()


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_left_out_losses_are_those_of_refits(intercept):
    X, y, place = draw(4, levels=0.5 * (intercept == "environment"))
    gates = np.array([True, True, False, False])
    loss = loss_of(X, y, place, intercept=intercept)
    own, worst = loss.left_out(gates[None])[0], []
    for e in range(3):
        rest, here = place != e, place == e
        levels = dummies(place[rest]) if intercept == "environment" else np.ones((rest.sum(), 1))
        coef = fitted(np.column_stack([levels, X[rest][:, gates]]), y[rest])[1]
        k = levels.shape[1]
        sizes = np.bincount(place)[np.arange(3) != e]
        level = coef[:k] @ (sizes / sizes.sum() if k > 1 else np.ones(1))
        slopes = X[here][:, gates] @ coef[k:]

        def mean_loss(a, slopes=slopes, here=here):
            odds = np.column_stack([np.zeros(here.sum()), slopes + a])
            return -log_likelihoods(odds, y[here]).mean()

        assert own[e] == pytest.approx(mean_loss(level), abs=1e-5)
        best = minimize(lambda a, f=mean_loss: f(a[0]), [level], tol=1e-10).fun
        worst.append(best if intercept == "environment" else mean_loss(level))
    table = loss.assess(gates[None])
    score = loss.criterion(table, 10.0, price=np.zeros(1), margin=1.0)[0]
    assert score == pytest.approx(max(worst) + 10 * table.excess[0] / (2 * len(y)), abs=1e-5)


def test_giving_up_on_a_support_changes_no_choice():
    X, y, place = draw(5, rows=(200, 200, 200, 200))
    loss, fresh = loss_of(X, y, place), loss_of(X, y, place)
    masks = np.array([[a, b, c, d] for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1)])
    table = loss.assess(masks.astype(bool))
    price, margin = np.linspace(0, 0.1, 16), 0.05
    score = loss.criterion(table, 10.0, price=price, margin=margin)
    whole = fresh.criterion(table, 10.0, price=price, margin=np.inf)
    close = whole <= whole.min() + margin
    np.testing.assert_allclose(score[close], whole[close])
    assert (score[~close] > score.min() + margin).all()


def test_environments_count_for_their_weights_in_the_pooled_model():
    X, y, place = draw(6)
    weights = np.array([0.6, 0.1, 0.3])
    model = loss_of(X, y, place, weights=weights, calibrate=False, shrink=False).pooled_model()
    other = LogisticRegression(C=np.inf, tol=1e-10)
    other.fit(X, y, sample_weight=(weights * len(y) / np.bincount(place))[place])
    np.testing.assert_allclose(model.coef, other.coef_, atol=2e-4)
    mean = loss_of(X, y, place, weights=weights).mean_model()
    share = 1 / (1 + np.exp(-mean.intercept[0]))
    expected = weights @ [y[place == e].mean() for e in range(3)]
    assert share == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_all_features_are_shrunk_as_much_as_environments_left_out_ask_for(n_classes):
    """scikit-learn's penalty of two classes is half of |w|^2, of three half of every class's."""
    errors = {}
    for spread in (0.0, 1.0):
        rng = np.random.default_rng([3, n_classes])
        place = np.repeat(np.arange(5), 150)
        X = rng.normal(size=(len(place), 4))
        slopes = 1.5 - spread + spread * rng.normal(size=(5, n_classes - 1, 4))
        odds = np.einsum("ij,icj->ic", X, slopes[place])
        odds = np.column_stack([np.zeros(len(place)), odds])
        y = (odds + rng.gumbel(size=odds.shape)).argmax(axis=1)
        loss = loss_of(X, y, place, calibrate=False)
        Z, share = loss.data.Z[1:].T, loss.pooled_model().probabilities(X)
        fits = {}
        for strength in (0, 1, 3, 10):
            free = np.inf if strength == 0 else 1 / (strength * (n_classes - 1))
            other = LogisticRegression(C=free, tol=1e-10)
            fits[strength] = other.fit(Z, y).predict_proba(Z)
            errors[spread, strength] = np.mean(
                [log_loss(y[here], clone(other).fit(Z[~here], y[~here]).predict_proba(Z[here]))
                 for here in (place == e for e in range(5))]
            )  # fmt: skip
        best = min(fits, key=lambda one: errors[spread, one])
        assert best == (0 if spread == 0 else 10)
        np.testing.assert_allclose(share, fits[best], atol=2e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_residuals_and_left_out_fits_are_those_of_the_rows(n_classes, intercept):
    X, y, place = draw(7, n_classes=n_classes, rows=(150, 250, 200, 180))
    found = findings(X, y, place, intercept=intercept)
    outcomes = "b" if n_classes == 2 else "abc"
    rows = found.residuals()
    assert [row.outcome for row in rows] == list(outcomes) * 4
    for row in rows:
        here, own = place == int(row.environment), found.invariant.intercepts
        share = found.invariant.probabilities(
            X[here], None if own is None else own[row.environment]
        )
        p, hit = share[:, "abc".index(row.outcome)], y[here] == "abc".index(row.outcome)
        assert row.mean == pytest.approx((hit - p).mean(), abs=1e-9)
        assert row.slope == pytest.approx(np.polyfit(p, hit, 1)[0])
        assert row.slope_low < row.slope < row.slope_high
        assert row.sd == pytest.approx((hit - p).std(), rel=0.03)
        if own is not None:
            assert abs(row.mean) < 1e-4
    for e, row in enumerate(found.left_out()):
        others = place != e
        codes = np.unique(place[others], return_inverse=True)[1]
        rest = findings(X[others], y[others], codes, intercept=intercept)
        assert list(row.errors) == ["invariant", "pooled", "mean", "used"]
        share = rest.pooled.probabilities(X[place == e])
        hit = y[place == e]
        assert row.errors["pooled"] == pytest.approx(
            -np.log(share[np.arange(len(hit)), hit]).mean()
        )
        assert row.wrong["pooled"] == pytest.approx(np.mean(share.argmax(axis=1) != hit))
        fit = next(fit for fit in row.fits if fit.model == "pooled")
        truth = hit == "abc".index(fit.outcome)
        p = share[:, "abc".index(fit.outcome)]
        assert fit.slope == pytest.approx(np.polyfit(p, truth, 1)[0])
        assert (fit.truth_mean, fit.bias) == pytest.approx((truth.mean(), (truth - p).mean()))


@pytest.mark.parametrize("weight", [None, np.tile([0.0, 1.0, 3.0], 50)])
def test_fits_in_a_wide_table_are_those_in_a_narrow_one(weight):
    # what is compiled for many columns against numpy; the last place has its classes apart
    X, y, place = draw(3, rows=(60, 50, 40))
    X[place == 2, 0] = 2.0 * y[place == 2] - 1
    noise = np.random.default_rng(4).normal(size=(len(X), 8))
    narrow = loss_of(X, y, place, weight=weight)
    wide = loss_of(np.column_stack([X, noise]), y, place, weight=weight)
    masks = np.array([[True, False, True, False], [True] * 4, [False] * 4])
    expected, found = narrow.assess(masks), wide.assess(np.pad(masks, ((0, 0), (0, 8))))
    for name in ("statistic", "p_value", "risk", "worst"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-8)
    np.testing.assert_allclose(found.coef[..., :5], expected.coef, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_where_the_procedure_is_repeated_losses_left_out_are_those_of_refits_to_first_order(
    n_classes,
):
    X, y, place = draw(2, rows=(90,) * 8, n_classes=n_classes)
    whole = loss_of(X, y, place)
    masks = np.array([[True, True, False, False], [True, True, True, True]])
    rest = whole.without(["3"])
    table, nothing = rest.assess(masks), np.zeros(2)
    worst = rest.criterion(table, 0.0, price=nothing, margin=np.inf)
    exact = rest.left_out(masks).max(axis=1)
    assert (worst != exact).all()
    np.testing.assert_allclose(worst, exact, rtol=0.01)
    # of all environments they are refits
    table = whole.assess(masks)
    worst = whole.criterion(table, 0.0, price=nothing, margin=np.inf)
    np.testing.assert_allclose(worst, whole.left_out(masks).max(axis=1), rtol=1e-12)


def test_nothing_is_shrunk_where_columns_that_are_mixed_separate_the_classes():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(4), 100)
    y = rng.integers(2, size=400)
    small = 0.01 * (2 * y - 1) + 0.001 * rng.normal(size=400)
    loud = rng.normal(size=400)
    loss = loss_of(np.column_stack([loud + small, loud - small]), y, place, calibrate=False)
    # with the weakest penalty it would be above .1
    assert loss.pooled_left_out().max() < 0.01


def test_slope_intervals_cover():
    """Calibration slopes of the right model are 1; errors allow for p (1 - p)."""
    inside = []
    for seed in range(60):
        X, y, place = draw(seed, rows=(400, 400))
        loss = loss_of(X, y, place, calibrate=False)
        gates = np.array([True, True, False, False])
        rows = loss.residuals(loss.support_model(gates), gates)
        inside += [row.slope_low <= 1 <= row.slope_high for row in rows]
    assert 0.88 <= np.mean(inside) <= 1.0


def test_the_path_starts_at_the_pooled_fit():
    X, y, place = draw(8, rows=(500, 400, 600))
    for weights in (None, np.array([0.2, 0.5, 0.3])):
        found = findings(X, y, place, weights=weights, calibrate=False)
        path = found.path()
        np.testing.assert_allclose(path.coef[0], found.pooled.coef[0], rtol=2e-3, atol=2e-3)
        assert path.strength[0] == 0 and np.isfinite(path.standardized).all()
    three = findings(*draw(8, n_classes=3)).path()
    assert three.coef.shape == path.coef.shape and (three.coef >= 0).all()


def test_an_odd_environment_is_named():
    X, y, place = draw(9, rows=(400,) * 5, odd=3)
    gates = np.array([True, True, False, False])
    found = odd_environment(loss_of(X, y, place), gates)
    assert found.name == "3" and found.share > 0.8
    rest = place != 3
    alone = loss_of(X[rest], y[rest], place[rest]).assess(gates[None])
    assert found.p_value == pytest.approx(alone.p_value[0], rel=1e-3)
    assert odd_environment(loss_of(*draw(9, rows=(400,) * 5)), gates) is None


def test_the_forecast_limits_the_log_loss():
    X, y, place = draw(10, rows=(150,) * 10)
    rows = findings(X, y, place).left_out()
    found = forecast(rows, coverage=0.8)
    assert np.isnan(found.margin) and found.reason == ""
    assert found.limit == sorted(row.errors["used"] for row in rows)[8]
    assert np.isnan(forecast(rows[:3]).limit)


def test_the_preflight_sees_a_class_as_a_number():
    X, y, place = draw(11, n_classes=3)
    found = findings(X, y, place).diagnosis()
    commonest = "abc"[np.bincount(y).argmax()]
    assert found.notes[0] == (
        f"The target is looked at as a number, 1 for {commonest} and 0 for the rest."
    )


def test_the_nearly_invariant_model_predicts_where_it_beats_the_pooled_one():
    """Shares shift by themselves, so nothing holds, and an effect of the class misleads."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(6), 500)
    cause = 1.5 * rng.normal(size=3000)
    level = np.array([0.7, -0.7, 0.6, -0.6, 0.5, -0.5])[place]
    y = (rng.random(3000) < 1 / (1 + np.exp(-2 * cause - level))).astype(int)
    effect = np.array([2.0, -1.0, 1.5, -1.5, 1.0, -2.0])[place] * (2 * y - 1) + rng.normal(
        size=3000
    )
    found = findings(np.column_stack([cause, effect]), y, place)
    assert (found.status, found.predictor) == ("rejected", "nearly_invariant")
    assert found.used.coef[0, 1] == 0 and found.used.coef[0, 0] == pytest.approx(2, abs=0.3)


def test_a_rival_leaves_the_word_to_all_features():
    """Two copies of one cause, each with a little noise of its own: either will do."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 600)
    cause = (1 + place) * rng.normal(size=1800)
    X = cause[:, None] + 0.02 * rng.normal(size=(1800, 2))
    y = (rng.random(1800) < 1 / (1 + np.exp(-cause))).astype(int)
    found = findings(X, y, place)
    assert found.selection.rivals.tolist() == [(~found.gates).tolist()]
    row = found.evidence().features[int(np.argmax(found.gates))]
    assert row.verdict == "undecided" and row.model == "all features"


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_columns_that_lie_far_away_in_some_environments_are_met(intercept, n_classes):
    for seed in range(8):
        X, y, place = draw(seed, rows=(15, 30, 15), n_classes=n_classes, p=3)
        far = X.copy()
        # of the ridge on the curvature in such an environment, rounding leaves nothing
        far[place != 0] += 10.0 ** np.array([11, 13, 12])
        found = findings(far, y, place, intercept=intercept)
        assert all(np.isfinite(model.coef).all() for model in found.models.values())
