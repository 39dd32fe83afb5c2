"""Covariances from rows: against dense formulas, in whatever form the rows come, and their size."""

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import t as student

from elinvar import InvariantClassifier, InvariantRegressor
from elinvar.environments import Environments
from elinvar.inference import LogisticLoss, SquaredLoss


def clusters_within(place, size):
    """Clusters of so many consecutive rows within each place."""
    return np.arange(len(place)) // size + 10_000 * place


def dense(X, y, place, cluster):
    """Own fits, their joint sandwich covariance by CR2, and the rows' influence on them."""
    blocks = [np.column_stack([np.ones((place == e).sum()), X[place == e]]) for e in range(3)]
    # rows by place, as the blocks stand
    order = np.argsort(place, kind="stable")
    design, y, cluster = block_diag(*blocks), y[order], cluster[order]
    bread = np.linalg.inv(design.T @ design)
    hat = design @ bread @ design.T
    residual = y - hat @ y
    meat, adjusted = np.zeros_like(bread), []
    for name in np.unique(cluster):
        rows = np.flatnonzero(cluster == name)
        values, vectors = np.linalg.eigh(np.eye(len(rows)) - hat[np.ix_(rows, rows)])
        root = (vectors / np.sqrt(values)) @ vectors.T
        score = design[rows].T @ root @ residual[rows]
        meat += np.outer(score, score)
        adjusted.append((np.eye(len(y)) - hat)[:, rows] @ root @ design[rows])
    return bread @ design.T @ y, bread @ meat @ bread, [one @ bread for one in adjusted]


def bell_mccaffrey(adjusted, direction):
    """Degrees of freedom of the variance of a contrast, rows being independent."""
    pull = np.array([one @ direction for one in adjusted])
    gram = pull @ pull.T
    return np.trace(gram) ** 2 / np.square(gram).sum()


@pytest.mark.parametrize("kind", ["rows", "within", "across"])
def test_effects_and_intervals_of_each_environment_are_those_of_dense_formulas(random_table, kind):
    X, y, place = random_table(p=2)
    cluster = {
        "rows": np.arange(len(y)),
        "within": clusters_within(place, 4),
        "across": np.arange(len(y)) % 23,
    }[kind]
    model = InvariantRegressor(robust=True, features_always=[0, 1])
    model.fit(X, y, environments=place, cluster=None if kind == "rows" else cluster)
    coef, covariance, adjusted = dense(X, y, place, cluster)
    table = model.effects_.set_index(["feature", "environment"])
    for e in range(3):
        for j in range(2):
            at = 3 * e + 1 + j
            row = table.loc[(f"x{j}", str(e))]
            # other environments have no part in this one's variance
            own = np.zeros(9)
            own[at] = 1.0
            spare = bell_mccaffrey(adjusted, own)
            margin = student.ppf(0.975, spare) * np.sqrt(covariance[at, at])
            assert row.effect == pytest.approx(coef[at], rel=1e-6)
            assert row.high - row.effect == pytest.approx(margin, rel=1e-6)


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("kind", ["rows", "within", "across"])
def test_the_common_effect_has_the_sandwich_variance_of_a_weighted_mean(
    random_table, kind, intercept
):
    X, y, place = random_table(p=2)
    cluster = {
        "rows": np.arange(len(y)),
        "within": clusters_within(place, 4),
        "across": np.arange(len(y)) % 23,
    }[kind]
    rows = Environments.from_arrays(
        X, y, place, cluster=None if kind == "rows" else cluster.tolist()
    )
    loss = SquaredLoss.from_moments(rows.moments(), rows, intercept=intercept)
    classical = SquaredLoss.from_moments(rows.moments(), intercept=intercept)
    (fit,), (plain,) = loss.refits(np.ones((1, 2), bool)), classical.refits(np.ones((1, 2), bool))
    np.testing.assert_allclose(fit.coef, plain.coef)
    _, covariance, adjusted = dense(X, y, place, cluster)
    if intercept == "environment":
        # the slopes alone, each environment's level being its own
        keep = np.array([1, 2, 4, 5, 7, 8])
    else:
        keep = np.arange(9)
    problem = loss.problem
    k = len(fit.columns)
    # from the data's units to standardised ones: x = center + scale z
    change = np.eye(3)
    change[0, 1:] = problem.center
    change[1:, 1:] = np.diag(problem.scale)
    change = (change / problem.target_scale)[3 - k :, 3 - k :]
    share = plain.covariance @ plain.precision
    joint = covariance[np.ix_(keep, keep)]
    pull = np.concatenate([one @ change for one in share], axis=1)
    expected = pull @ joint @ pull.T
    np.testing.assert_allclose(fit.covariance, expected, rtol=1e-6, atol=1e-9)
    direction = np.eye(k)[-1]
    effect, error, freedom = fit.contrast(direction)
    # estimated weights add as much as they do to the classical variance
    added = plain.contrast(direction)[1] ** 2 / plain.covariance[-1, -1]
    expected_error = np.sqrt(added * expected[-1, -1])
    assert (effect, error) == pytest.approx((plain.coef[-1], expected_error), rel=1e-6)
    wide = np.zeros(9)
    wide[keep] = direction @ pull
    noise = np.repeat(np.sqrt(residual_variances(X, y, place)), [40, 70, 100])
    scaled = [one * noise[:, None] for one in adjusted]
    assert freedom == pytest.approx(bell_mccaffrey(scaled, wide), rel=1e-6)


def residual_variances(X, y, place):
    found = []
    for e in range(3):
        here = place == e
        one = np.column_stack([np.ones(here.sum()), X[here]])
        left = y[here] - one @ np.linalg.lstsq(one, y[here], rcond=None)[0]
        found.append(left @ left / (len(left) - one.shape[1]))
    return np.array(found)


def p_values(X, y, place, **options):
    weight = options.pop("sample_weight", None)
    cluster = options.pop("cluster", None)
    model = InvariantRegressor(**options)
    model.fit(X, y, environments=place, cluster=cluster, sample_weight=weight)
    return model.tests_.p_value.to_numpy(), model.evidence_


@pytest.mark.parametrize("rows", [(20, 20, 22), (40, 70, 100)])
@pytest.mark.parametrize("clusters", [False, True])
def test_weights_count_rows(random_table, clusters, rows):
    X, y, place = random_table(rows)
    weight = np.random.default_rng(0).integers(1, 4, size=len(y))
    cluster = clusters_within(place, 3) if clusters else None
    options = {"robust": True, "features_always": [0, 1, 2, 3]}
    p, table = p_values(X, y, place, sample_weight=weight, cluster=cluster, **options)
    often = np.repeat(np.arange(len(y)), weight)
    cluster = None if cluster is None else cluster[often]
    p_often, table_often = p_values(X[often], y[often], place[often], cluster=cluster, **options)
    np.testing.assert_allclose(p, p_often, rtol=1e-6)
    for name in ("low", "high", "between_sd", "heterogeneity_p"):
        np.testing.assert_allclose(table[name], table_often[name], rtol=1e-4, atol=1e-6)


def test_neither_the_order_of_rows_nor_the_names_of_clusters_matter(random_table):
    X, y, place = random_table()
    cluster = np.arange(len(y)) % 31
    p, _ = p_values(X, y, place, cluster=cluster)
    order = np.random.default_rng(1).permutation(len(y))
    names = np.array([f"person {c}" for c in cluster])[order]
    again, _ = p_values(X[order], y[order], place[order], cluster=names)
    np.testing.assert_allclose(p, again, rtol=1e-6)


def test_with_independent_rows_the_robust_test_is_nearly_the_classical_one(random_table):
    X, y, place = random_table((400, 500, 600), spread=0.1)
    options = {"features_always": [0, 1, 2, 3]}
    robust, _ = p_values(X, y, place, robust=True, **options)
    classical, _ = p_values(X, y, place, **options)
    np.testing.assert_allclose(robust, classical[: len(robust)], atol=0.05)


def panel(rng, units=60, years=5, slope=0.0):
    """Units that are seen in every year, with levels of their own; slopes differ by year."""
    x = rng.normal(size=(units, 1)) + 0.5 * rng.normal(size=(units, years))
    noise = rng.normal(size=(units, 1)) + 0.7 * rng.normal(size=(units, years))
    y = x * (1 + slope * np.linspace(-1, 1, years)) + noise
    place = np.tile(np.arange(years), units)
    return x.reshape(-1, 1), y.ravel(), place, np.repeat(np.arange(units), years)


def firms(rng, slope=0.0):
    """Firms within regions, their rows alike."""
    cluster = np.repeat(np.arange(100), 6)
    place = cluster // 20
    x = rng.normal(size=100)[cluster] + rng.normal(size=600)
    y = x * (1 + slope * (place - 2) / 2) + rng.normal(size=100)[cluster] + rng.normal(size=600)
    return x[:, None], y, place, cluster


@pytest.mark.parametrize("draw", [panel, firms])
def test_the_size_of_the_test_holds_where_that_of_the_classical_one_does_not(draw):
    hits, classical, power = [], [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X, y, place, cluster = draw(rng)
        options = {"features_always": [0]}
        hits.append(p_values(X, y, place, cluster=cluster, **options)[0][0] < 0.05)
        classical.append(p_values(X, y, place, **options)[0][0] < 0.05)
        X, y, place, cluster = draw(rng, slope=0.4)
        power.append(p_values(X, y, place, cluster=cluster, **options)[0][0] < 0.05)
    # 5% of 60 is 3: 8 or more have a probability of 1%
    assert np.sum(hits) < 8
    assert np.mean(classical) > 0.5 if draw is firms else not any(classical)
    assert np.mean(power) > 0.6


@pytest.mark.parametrize("kind", ["rows", "within", "across"])
def test_with_few_clusters_the_trace_of_the_test_is_corrected_by_the_common_fit(random_table, kind):
    X, y, place = random_table()
    cluster = {
        "rows": np.arange(len(y)),
        "within": clusters_within(place, 5),
        "across": np.arange(len(y)) % 23,
    }[kind]
    rows = Environments.from_arrays(
        X, y, place, cluster=None if kind == "rows" else cluster.tolist()
    )
    loss = SquaredLoss.from_moments(rows.moments(), rows)
    table = loss.assess(np.ones((1, 4), bool))
    expected = corrected_trace(X, y, place, cluster)
    assert table.scale[0] * table.freedom[0] == pytest.approx(expected, rel=1e-6)


def corrected_trace(X, y, place, cluster):
    """sum s'Rs over what the own fits leave of the variance that common residuals show."""
    sd = np.sqrt(residual_variances(X, y, place))
    blocks = [np.column_stack([np.ones((place == e).sum()), X[place == e]]) for e in range(3)]
    design, target = np.concatenate(blocks), np.concatenate([y[place == e] for e in range(3)])
    roots = [np.linalg.cholesky(one.T @ one).T for one in blocks]
    white = block_diag(*[one @ np.linalg.inv(r) for one, r in zip(blocks, roots, strict=True)])
    stacked = np.concatenate([r / s for r, s in zip(roots, sd, strict=True)])
    form = np.eye(15) - stacked @ np.linalg.solve(stacked.T @ stacked, stacked.T)
    noise = sd[np.sort(place)]
    own = white.T @ (target / noise)
    common = np.linalg.lstsq(stacked, own, rcond=None)[0]
    left = (target - design @ common) / noise, target / noise - white @ own
    names = np.concatenate([cluster[place == e] for e in range(3)])
    plain = seen = kept = 0.0
    parts = []
    for name in np.unique(names):
        inside = names == name
        parts.append([white[inside].T @ one[inside] for one in left])
        lever = white[inside].T @ white[inside]
        parts[-1].append(lever)
    joint = sum(np.outer(z, z) for z, _, _ in parts)
    for z, s, lever in parts:
        plain, seen = plain + s @ form @ s, seen + z @ form @ z
        kept += z @ form @ z - 2 * z @ form @ lever @ z + np.trace(form @ lever @ joint @ lever)
    return plain * seen / kept


def test_the_size_holds_with_ten_firms_an_environment():
    hits, power = [], []
    for seed in range(80):
        rng = np.random.default_rng([2, seed])
        cluster = np.repeat(np.arange(60), 12)
        place = cluster // 10
        X = rng.normal(size=(60, 3))[cluster] + rng.normal(size=(720, 3))
        noise = rng.normal(size=60)[cluster] + rng.normal(size=720)
        for slope, found in ((0.0, hits), (0.5, power)):
            slopes = np.ones((6, 3))
            slopes[:, 0] += slope * rng.normal(size=6)
            target = (X * slopes[place]).sum(axis=1) + noise
            rows = Environments.from_arrays(X, target, place, cluster=cluster.tolist())
            loss = SquaredLoss.from_moments(rows.moments(), rows)
            found.append(loss.assess(np.ones((1, 3), bool)).p_value[0] < 0.05)
    # 5% of 80 is 4: 10 or more have a probability of 1%; without the correction 14 were
    assert np.sum(hits) < 10
    assert np.mean(power) > 0.6


def test_what_the_same_units_have_in_common_hides_no_difference_between_years():
    rng = np.random.default_rng(3)
    X, y, place, cluster = panel(rng, units=150, slope=0.15)
    _, robust = p_values(X, y, place, cluster=cluster, features_always=[0])
    _, classical = p_values(X, y, place, features_always=[0])
    assert robust.heterogeneity_p[0] < 0.01 < 0.05 < classical.heterogeneity_p[0]
    assert robust.between_sd[0] > 0.05
    # and no number of years takes it off the average
    X, y, place, cluster = panel(rng, units=150)
    _, robust = p_values(X, y, place, cluster=cluster, features_always=[0])
    _, classical = p_values(X, y, place, features_always=[0])
    assert np.ptp(robust.loc[0, ["low", "high"]]) > 1.5 * np.ptp(classical.loc[0, ["low", "high"]])


def test_selection_keeps_the_cause_that_the_classical_test_loses():
    found = {True: 0, False: 0}
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, y, place, cluster = firms(rng)
        noise = y - X[:, 0]
        X = X * np.array([0.5, 1, 1, 1.5, 2])[place][:, None]
        y = 2 * X[:, 0] + noise
        effect = np.linspace(-1, 2, 5)[place] * y + rng.normal(size=len(y))
        X = np.column_stack([X, effect])
        for known in found:
            model = InvariantRegressor().fit(
                X, y, environments=place, cluster=cluster if known else None
            )
            right = model.selected_.tolist() == [True, False] and model.status_ == "accepted"
            found[known] += right
    assert found[True] == 5
    assert found[False] < 5


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_classes_have_the_covariances_of_their_scores(n_classes, intercept):
    rng = np.random.default_rng(0)
    place = np.repeat([0, 1, 2], 200)
    X = rng.normal(size=(600, 2))
    odds = X @ [1.0, -0.5] + rng.logistic(size=600)
    y = (odds > 0).astype(int) + (odds > 1.5) * (n_classes == 3)
    rows = Environments.from_arrays(X, y.astype(float), place)
    names = tuple("abc"[:n_classes])
    gates = np.ones((1, 2), bool)
    plain = LogisticLoss.from_rows(rows, names, intercept=intercept).refits(gates)[0]
    robust = LogisticLoss.from_rows(rows, names, robust=True, intercept=intercept).refits(gates)[0]
    # the model is right and rows are independent: both covariances estimate the same
    np.testing.assert_allclose(
        np.sqrt(robust.covariance.diagonal()), np.sqrt(plain.covariance.diagonal()), rtol=0.1
    )
    variances = np.einsum("ejj->ej", robust.own_covariance)
    np.testing.assert_allclose(
        np.sqrt(variances), np.sqrt(np.einsum("ejj->ej", plain.own_covariance)), rtol=0.25
    )
    # each row twice, in one cluster: as much is known as from half of the rows
    twice = Environments.from_arrays(
        np.tile(X, (2, 1)),
        np.tile(y, 2).astype(float),
        np.tile(place, 2),
        cluster=np.tile(np.arange(600), 2),
    )
    doubled = LogisticLoss.from_rows(twice, names, robust=True, intercept=intercept)
    np.testing.assert_allclose(
        doubled.refits(gates)[0].covariance, robust.covariance, rtol=0.02, atol=1e-5
    )


def test_the_size_of_the_test_of_classes_holds_in_clusters():
    hits, classical = 0, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X, y, place, cluster = firms(rng)
        y = 2 * y + rng.logistic(size=len(y)) > 0
        for known in (True, False):
            model = InvariantClassifier(features_always=[0])
            model.fit(X, y, environments=place, cluster=cluster if known else None)
            p = model.tests_.p_value[0]
            hits, classical = hits + (known and p < 0.05), classical + (not known and p < 0.05)
    assert hits <= 6
    assert classical >= 14
