"""The stochastic gates against their theory: limits of the step, growth exponents, twins."""

import numpy as np
import pytest

from elinvar.environments import Environments
from elinvar.inference.problem import GateScaling, ScaledMoments, scale_moments, scaling_of
from elinvar.inference.stochastic import GateSteps, draw_schedule, run_gates, step_limit


def scalar_environments(*effects: float) -> ScaledMoments:
    """One feature of variance 1 whose effect differs between environments."""
    effect = np.array(effects, dtype=float)
    return ScaledMoments(
        gram=np.ones((len(effect), 1, 1)), cross=effect[:, None], power=effect**2 + 1
    )


def random_moments(n_environments: int, p: int, seed: int) -> ScaledMoments:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_environments, 50 * p, p)) @ (np.eye(p) + 0.2 * rng.normal(size=(p, p)))
    coef = rng.normal(size=p) + 0.3 * rng.normal(size=(n_environments, p))
    y = np.einsum("enp,ep->en", X, coef) + rng.normal(size=X.shape[:2])
    n = X.shape[1]
    return ScaledMoments(
        gram=np.einsum("enp,enq->epq", X, X) / n,
        cross=np.einsum("enp,en->ep", X, y) / n,
        power=np.mean(y**2, axis=1),
    )


def equal(moments: ScaledMoments) -> np.ndarray:
    n = len(moments.gram)
    return np.full(n, 1 / n)


def numpy_twin(gradient, schedule, steps: GateSteps, p: int) -> np.ndarray:
    """Every iterate (T, p), written from the definition."""
    u, v = np.full(p, steps.init_scale), np.full(p, steps.init_scale)
    path = []
    for e in schedule:
        g = gradient(e, u**2 - v**2)
        u, v = u * (1 - 2 * steps.step_size * g), v * (1 + 2 * steps.step_size * g)
        path.append(u**2 - v**2)
    return np.array(path)


@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize("order", ["random", "cyclic"])
def test_kernel_equals_numpy_on_moments(gain, order):
    moments, share = random_moments(3, 4, 0), np.array([0.5, 0.3, 0.2])
    steps = GateSteps(step_size=0.03, n_steps=400, gain=gain, order=order, record_every=7)
    result = run_gates(moments, share, steps, np.random.default_rng(5))
    schedule = draw_schedule(400, share, order, np.random.default_rng(5))
    gram, cross = np.tensordot(share, moments.gram, 1), share @ moments.cross

    def gradient(e, w):
        pooled = gram @ w - cross
        return pooled + gain * (moments.gram[e] @ w - moments.cross[e] - pooled)

    path = numpy_twin(gradient, schedule, steps, 4)
    np.testing.assert_array_equal(result.steps, [*range(7, 400, 7), 400])
    np.testing.assert_array_equal(result.environment, schedule[result.steps - 1])
    np.testing.assert_allclose(result.coef, path[result.steps - 1], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(result.mean_coef, path[300:].mean(axis=0), rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
def test_kernel_equals_numpy_on_batches(weighted, pooled):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(90, 3)), rng.normal(size=90)
    labels = rng.integers(3, size=90)
    weight = rng.uniform(size=90) if weighted else None
    rows = Environments.from_arrays(X, y, labels, sample_weight=weight)
    share = np.array([0.2, 0.5, 0.3])
    scaling = scaling_of(rows.moments(), share)
    moments = scale_moments(rows.moments(), scaling)
    gain = 1.0 if pooled else 1.5
    steps = GateSteps(step_size=0.02, n_steps=60, batch_size=4, gain=gain, pooled=pooled)
    result = run_gates(moments, share, steps, np.random.default_rng(2), rows=rows, scaling=scaling)

    twin = np.random.default_rng(2)
    schedule = np.full(60, -1) if pooled else draw_schedule(60, share, "random", twin)
    z = (X - scaling.x_centre[0]) * scaling.x_inverse
    t = (y - scaling.y_centre[0]) / scaling.y_scale
    mean = moments.pooled(share)

    def gradient(e, w):
        total = np.zeros(3)
        for _ in range(4):
            place = np.searchsorted(np.cumsum(share), twin.random(), "right") if e < 0 else e
            members = np.flatnonzero(labels == place)
            draw = twin.random()
            if weighted:
                cumulative = np.cumsum(weight[members])
                row = members[np.searchsorted(cumulative, draw * cumulative[-1], "right")]
            else:
                row = members[int(draw * len(members))]
            total += z[row] * (z[row] @ w - t[row]) / 4
        return gain * total + (1 - gain) * (mean.gram[0] @ w - mean.cross[0])

    path = numpy_twin(gradient, schedule, steps, 3)
    np.testing.assert_allclose(result.coef, path[result.steps - 1], rtol=1e-9, atol=1e-15)


def test_one_environment_is_pooled_step_for_step():
    moments = random_moments(1, 5, 3)
    for gain in (1.0, 3.0):
        steps = GateSteps(step_size=0.02, n_steps=500, record_every=1, gain=gain)
        hetero = run_gates(moments, np.ones(1), steps, np.random.default_rng(0))
        steps = GateSteps(step_size=0.02, n_steps=500, record_every=1, pooled=True)
        pooled = run_gates(moments, np.ones(1), steps, np.random.default_rng(9))
        np.testing.assert_array_equal(hetero.coef, pooled.coef)


def test_small_pooled_steps_reach_least_squares():
    moments = random_moments(4, 6, 1)
    share = equal(moments)
    steps = GateSteps(step_size=0.02, n_steps=20_000, pooled=True, average=0.0)
    coef = run_gates(moments, share, steps, np.random.default_rng(0)).mean_coef
    residual = np.tensordot(share, moments.gram, 1) @ coef - share @ moments.cross
    assert np.abs(residual).max() < 1e-10


@pytest.mark.parametrize(("fraction", "settles"), [(0.95, True), (1.05, False)])
def test_limit_is_where_the_step_stops_settling(fraction, settles):
    moments = scalar_environments(2.0)
    limit = step_limit(moments, np.ones(1))
    assert limit == pytest.approx(1 / (2 * 2.0))
    steps = GateSteps(step_size=fraction * limit, n_steps=3000, record_every=1)
    path = run_gates(moments, np.ones(1), steps, np.random.default_rng(0)).coef[-100:, 0]
    assert (np.ptp(path) < 1e-6) == settles


@pytest.mark.parametrize(("fraction", "settles"), [(0.97, True), (1.03, False)])
def test_limit_with_correlated_features(fraction, settles):
    gram = np.array([[1.0, -0.3], [-0.3, 1.0]])
    coef = np.array([1.0, 2.0])
    moments = ScaledMoments(gram=gram[None], cross=(gram @ coef)[None], power=np.array([6.0]))
    largest = np.linalg.eigvalsh(gram * np.sqrt(coef[:, None] * coef)).max()
    assert step_limit(moments, np.ones(1)) == pytest.approx(0.5 / largest, rel=0.03)
    steps = GateSteps(step_size=fraction * 0.5 / largest, n_steps=5000, record_every=1)
    path = run_gates(moments, np.ones(1), steps, np.random.default_rng(0)).coef[-100:, 0]
    assert (np.ptp(path) < 1e-6) == settles


@pytest.mark.parametrize("mean", [0.5, 1.0])
@pytest.mark.parametrize(("side", "dies"), [(0.9, False), (1.2, True)])
def test_critical_heterogeneity(mean, side, dies):
    """A feature with effects mean ± spread dies exactly beyond M^2 = mean^2 + mean / eta."""
    eta = 0.05
    spread = side * np.sqrt(mean**2 + mean / eta)
    effects = np.array([mean + spread, mean - spread])
    exponent = np.mean(np.log(np.abs(1 + 2 * eta * effects)))
    assert (exponent < 0) == dies
    moments = scalar_environments(*effects)
    steps = GateSteps(step_size=eta, n_steps=40_000, init_scale=1e-3, order="random")
    hetero = run_gates(moments, equal(moments), steps, np.random.default_rng(0))
    pooled = run_gates(
        moments,
        equal(moments),
        GateSteps(step_size=eta, n_steps=40_000, pooled=True),
        np.random.default_rng(0),
    )
    assert pooled.mean_coef[0] == pytest.approx(mean, rel=1e-6)
    assert (abs(hetero.mean_coef[0]) < 1e-12) == dies


def test_growth_exponent_is_the_slope_of_the_logarithm():
    eta, effects = 0.05, (6.0, -5.0)
    moments = scalar_environments(*effects)
    steps = GateSteps(step_size=eta, n_steps=2000, order="cyclic")
    gate = run_gates(moments, equal(moments), steps, np.random.default_rng(0)).gates[0, 0]
    exponent = np.mean(np.log(np.abs(1 + 2 * eta * np.array(effects))))
    assert np.log(abs(gate) / 1e-3) / 2000 == pytest.approx(exponent, rel=1e-4)


def test_upper_line_of_the_window():
    """Beyond M^2 = (mean + 1/(2 eta))^2 + 1/(4 eta^2) the closed gate is unstable again."""
    eta, mean = 0.05, 1.0
    line = np.sqrt((mean + 0.5 / eta) ** 2 + 0.25 / eta**2)
    for side, grows in ((0.99, False), (1.01, True)):
        effects = mean + side * line * np.array([1, -1])
        exponent = np.mean(np.log(np.abs(1 + 2 * eta * effects)))
        assert (exponent > 0) == grows


def orthogonal_problem() -> ScaledMoments:
    """Three features: invariant (effect 1), sign-flipping (mean .3), same sign (1.5 and .1)."""
    effects = np.array([[1.0, 5.3, 1.5], [1.0, -4.7, 0.1]])
    return ScaledMoments(
        gram=np.tile(np.eye(3), (2, 1, 1)), cross=effects, power=1 + (effects**2).sum(axis=1)
    )


def test_gain_suppresses_a_spurious_effect_of_one_sign():
    moments = orthogonal_problem()
    share, eta = equal(moments), 0.05
    rng = np.random.default_rng(0)
    options = {"step_size": eta, "n_steps": 20_000, "record_every": 100}
    pooled = run_gates(moments, share, GateSteps(pooled=True, **options), rng).mean_coef
    np.testing.assert_allclose(pooled, [1.0, 0.3, 0.8], rtol=1e-6)
    plain = run_gates(moments, share, GateSteps(**options), rng).mean_coef
    np.testing.assert_allclose(plain, [1.0, 0.0, 0.8], atol=0.05)
    same_sign = ScaledMoments(
        gram=moments.gram[:, ::2, ::2], cross=moments.cross[:, ::2], power=moments.power
    )
    gained = run_gates(same_sign, share, GateSteps(gain=8.0, **options), rng).mean_coef
    np.testing.assert_allclose(gained, [1.0, 0.0], atol=1e-6)


def test_divergence_is_a_status():
    moments = scalar_environments(3.0, -1.0)
    steps = GateSteps(step_size=5.0, n_steps=1000)
    result = run_gates(moments, equal(moments), steps, np.random.default_rng(0))
    assert result.status == "diverged"
    assert result.n_steps < 1000
    assert np.all(np.isfinite(result.coef)) and np.all(result.steps <= result.n_steps)
    np.testing.assert_array_equal(result.mean_coef, 0.0)
    assert "diverged" in repr(result)


def test_overflow_in_one_column_is_divergence():
    moments = ScaledMoments(
        gram=np.array([[[1e300, 0.0], [0.0, 1.0]]]), cross=np.array([[1.0, 0.0]]), power=np.ones(1)
    )
    steps = GateSteps(step_size=0.1, n_steps=50, record_every=1)
    result = run_gates(moments, np.ones(1), steps, np.random.default_rng(0))
    assert result.status == "diverged"
    assert np.all(np.isfinite(result.coef)) and np.all(np.isfinite(result.mean_coef))


def test_same_seed_same_result():
    moments = random_moments(4, 3, 5)
    steps = GateSteps(step_size=0.03, n_steps=300)
    first, second, other = (
        run_gates(moments, equal(moments), steps, np.random.default_rng(seed)).coef
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_inactive_columns_stay_exactly_zero():
    moments = random_moments(2, 3, 0)
    dead = ScaledMoments(
        gram=moments.gram * np.outer([1, 0, 1], [1, 0, 1]),
        cross=moments.cross * [1, 0, 1],
        power=moments.power,
    )
    result = run_gates(dead, equal(dead), GateSteps(step_size=0.02), np.random.default_rng(0))
    assert np.all(result.coef[:, 1] == 0.0)
    assert step_limit(dead, equal(dead)) > 0


def test_schedules():
    share = np.array([0.5, 0.0, 0.25, 0.25])
    rng = np.random.default_rng(0)
    drawn = np.bincount(draw_schedule(40_000, share, "random", rng), minlength=4) / 40_000
    np.testing.assert_allclose(drawn, share, atol=0.01)
    cyclic = draw_schedule(4001, share, "cyclic", rng)
    counts = np.bincount(cyclic, minlength=4)
    np.testing.assert_allclose(counts / 4001, share, atol=1e-3)
    even = draw_schedule(9, np.full(3, 1 / 3), "cyclic", rng)
    np.testing.assert_array_equal(even, np.tile([0, 1, 2], 3))


def test_limit_knows_batches_gain_and_pooling():
    moments = random_moments(3, 4, 2)
    share = equal(moments)
    plain = step_limit(moments, share)
    assert step_limit(moments, share, steps=GateSteps(step_size=1, pooled=True)) >= plain
    assert step_limit(moments, share, steps=GateSteps(step_size=1, gain=3)) < plain
    small, large = (
        step_limit(moments, share, steps=GateSteps(step_size=1, batch_size=size))
        for size in (1, 10_000)
    )
    assert small < large <= plain


def test_rows_are_needed_for_batches():
    moments = scalar_environments(1.0)
    with pytest.raises(ValueError, match="rows"):
        run_gates(
            moments, np.ones(1), GateSteps(step_size=0.1, batch_size=3), np.random.default_rng(0)
        )


def test_units():
    scaling = GateScaling(
        names=("a",),
        weights=np.ones(1),
        x_centre=np.zeros((1, 2)),
        y_centre=np.zeros(1),
        x_inverse=np.array([0.5, 0.0]),
        y_scale=4.0,
    )
    np.testing.assert_array_equal(scaling.to_units(np.array([3.0, 7.0])), [6.0, 0.0])
