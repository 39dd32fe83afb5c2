"""What a problem and an algorithm are reduced to, and the exponents of its directions, by hand."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from elinvar.sensing import HeteroSGD, PooledSGD, SensingProblem, solve
from elinvar.theory import check_conditions, matrix_growth_exponent, predict_outcome
from elinvar.theory._predict import _hidden
from elinvar.theory._reduction import Reduced
from elinvar.theory._rehearsal import _noisy, rehearse
from elinvar.theory._setup import Setup
from elinvar.theory._spurious import Spurious


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Two environments with shared directions."""

    values: tuple = ((7.0, 3.0), (-5.0, -2.0))
    invariant_eigenvalues: np.ndarray = field(default_factory=lambda: np.array([1.0, 0.3]))
    environment_weights: np.ndarray = field(default_factory=lambda: np.array([0.75, 0.25]))
    dim: int = 20
    noise: float = 3.0
    curvature: float = 2.0

    @property
    def spurious_matrices(self):
        return np.array([np.diag(row) for row in self.values])

    @property
    def overlap(self):
        return np.zeros((2, 2))


def one(**keywords):
    return HeteroSGD(**({"step_size": 0.05, "batch_size": 1000} | keywords))


def test_power_is_the_residual_and_the_label_noise():
    problem, noise = Problem(), 9 / 2
    power = 0.75 * (49 + 9) + 0.25 * (25 + 4)
    assert Reduced.of(problem, one()).power == pytest.approx(power + noise)
    gained = Reduced.of(problem, one(gain=3.0))
    assert gained.power == pytest.approx((power + noise) * (9 + 4))
    pooled = Reduced.of(problem, PooledSGD(step_size=0.05, batch_size=1000))
    variance = 0.75 * 0.25 * (12**2 + 5**2)
    assert pooled.power == pytest.approx(variance + noise)
    assert pooled.unseen_power == pytest.approx(variance + noise)
    assert Reduced.of(problem, one()).unseen_power == pytest.approx(noise)
    assert Reduced.of(problem, one()).step == pytest.approx(0.1)


def test_environments_in_turn_with_a_gain():
    reduced = Reduced.of(Problem(), one(order="cyclic", gain=2.0))
    # extrapolated from the mixed mean, 4 and 1.75, and then equally often
    np.testing.assert_allclose(np.diagonal(reduced.spurious, axis1=1, axis2=2)[0], [10.0, 4.25])
    np.testing.assert_allclose(np.diag(reduced.mean), [-2.0, -0.75])
    np.testing.assert_allclose(reduced.weights, 0.5)


def test_blocks_spread_the_logarithm_and_turns_do_not():
    def spreads(**order):
        algorithm = one(**order)
        return Spurious.of(Reduced.of(Problem(), algorithm), algorithm).spreads

    apart = np.log(1.7 / 0.5) * np.sqrt(0.75 * 0.25)
    assert spreads()[np.argmax(spreads())] == pytest.approx(apart)
    np.testing.assert_allclose(spreads(order="blocks", block=9), 3 * spreads())
    assert not spreads(order="cyclic").any()


def test_blocks_reach_directions_that_are_not_shared():
    rng = np.random.default_rng(0)
    values = rng.normal(0.5, 6.0, size=(3, 2, 2))
    problem = SensingProblem.finite(
        dim=8, invariant_rank=1, values=(values + values.transpose(0, 2, 1)) / 2, rng=0
    )
    algorithm = HeteroSGD(step_size=0.1, batch_size=None, order="blocks", block=3)
    reduced = Reduced.of(problem, algorithm)
    found = Spurious.of(reduced, algorithm).exponents
    stack = problem.spurious_matrices
    known, plain = (matrix_growth_exponent(stack, 0.1, block=block) for block in (3, 1))
    assert abs(found[0] - known.exponent) < 5 * known.standard_error
    assert abs(plain.exponent - known.exponent) > 10 * known.standard_error


def test_learned_columns_count_by_the_worst_pair():
    spurious = Spurious.of(Reduced.of(Problem(), one()), one())
    pairs = [
        0.75 * np.log(abs(1 + 0.1 * (a - s))) + 0.25 * np.log(abs(1 + 0.1 * (b - s)))
        for a, b in ((7.0, -5.0), (3.0, -2.0))
        for s in (1.0, 0.3)
    ]
    assert spurious.aligned == pytest.approx(max(pairs))
    assert spurious.burst == 0.0
    # dying for both: the tail is that of the smaller invariant eigenvalue
    mild = Problem(values=((5.0, -1.0), (-5.0, -1.0)), environment_weights=np.full(2, 0.5))
    burst = Spurious.of(Reduced.of(mild, one()), one()).burst
    assert 0.5 * (1.47**burst + 0.47**burst) == pytest.approx(1.0)


def test_conditions_look_at_the_size_of_invariant_eigenvalues():
    problem = replace(Problem(), invariant_eigenvalues=np.array([0.3, -2.0]))
    found = {c.name: c for c in check_conditions(problem, one(parameterization="symmetric"))}
    assert found["smallest invariant eigenvalue"].value == 0.3
    assert found["step for which invariant directions settle"].threshold == 0.5
    angled = SensingProblem.two_point(
        dim=12, invariant_rank=2, spurious_rank=2, heterogeneity=6.0, angle=0.2, rng=0
    )
    cosine = check_conditions(angled, one())[2]
    assert cosine.value == pytest.approx(np.sin(0.2))


def test_the_batch_that_is_asked_for_leaves_a_tenth():
    values, weights = ((7.0, 6.5), (-5.0, -5.0)), np.full(2, 0.5)
    problem = Problem(noise=0.0, values=values, environment_weights=weights)
    needed = check_conditions(problem, one())[-1].threshold
    said = predict_outcome(problem, one(batch_size=round(needed)))
    assert said.relative_error == pytest.approx(0.1, rel=0.02)


def test_a_large_start_is_forgotten_slowly():
    problem = SensingProblem.two_point(
        dim=20, invariant_rank=1, spurious_rank=1, heterogeneity=0.0, mean=0.0, rng=0
    )
    algorithm = PooledSGD(step_size=0.1, batch_size=None, init_scale=0.7)
    said = predict_outcome(problem, algorithm, 100)
    seen = solve(problem, algorithm, steps=100, rng=0).relative_error[-1]
    assert said.relative_error == pytest.approx(seen, rel=0.1)


def test_the_matrix_itself_with_few_measurements():
    problem = SensingProblem.finite(dim=4, invariant_rank=1, values=[[2.0], [-2.0]], rng=0)
    algorithm = HeteroSGD(step_size=0.5, batch_size=12, parameterization="direct")
    said = predict_outcome(problem, algorithm, 20_000)
    seen = solve(problem, algorithm, steps=20_000, rng=0).relative_error[1000:]
    assert said.relative_error == pytest.approx(np.sqrt(np.mean(np.square(seen))), rel=0.06)


def test_blocks_are_rehearsed_as_blocks():
    # one direction, two steps of each draw: the last two steps of a run see the same matrix
    problem = replace(Problem(), values=((0.5, 0.5), (2.0, 2.0)))
    keywords = {"steps": 400, "init_scale": 1e-2, "level": 1.2, "runs": 64}
    reduced = Reduced.of(problem, HeteroSGD(step_size=0.05, batch_size=None))
    quick = rehearse(reduced, **keywords, block=1)
    slow = rehearse(reduced, **keywords, block=40)
    # after 40 steps of the same environment it is where that one is, 3/4 of the time at .5
    assert abs(slow.spurious - 0.5) < 0.1 < abs(quick.spurious - 0.5)


def test_a_rehearsal_has_the_noise_of_labels():
    reduced = Reduced.of(replace(Problem(), noise=100.0), one())
    R = np.zeros((4000, 4, 4))
    spread = _noisy(R, reduced, np.random.default_rng(0))[:, 0, 0].std()
    assert spread == pytest.approx(np.sqrt(100.0**2 / 2 / 1000), rel=0.05)


def test_both_sides_of_a_factor_have_their_bounded_line():
    problem = Problem(values=((7.5, 0.0), (-11.5, 0.0)))
    room = {}
    for name in ("psd", "symmetric"):
        algorithm = one(parameterization=name)
        reduced = Reduced.of(problem, algorithm)
        setup = Setup(problem=problem, algorithm=algorithm, reduced=reduced, asked=None)
        room[name] = setup.slack()
    assert room["psd"] == pytest.approx(2 - 1.15 - 4 / 27 * 1.75**3)
    assert room["symmetric"] == pytest.approx(2 - 0.75 - 4 / 27 * 2.15**3)
    assert room["symmetric"] < 0 < room["psd"]
    assert setup.slack(1.0) == pytest.approx(2 - 0.85 - 4 / 27 * 2.25**3)


def test_a_spurious_direction_is_half_learned_when_half_its_eigenvalue_is():
    problem = Problem(values=((0.5, 0.5),), environment_weights=np.ones(1))
    said = predict_outcome(problem, PooledSGD(step_size=0.05, batch_size=None))
    assert said.spurious_steps == pytest.approx(np.log(0.5 / 1e-3) / np.log(1.05))
    assert said.spurious_level == pytest.approx(0.5)


def test_a_direction_is_hidden_until_its_square_is_a_tenth():
    problem = Problem(
        values=((0.5, 0.5),), environment_weights=np.ones(1), invariant_eigenvalues=np.ones(2)
    )
    reduced = Reduced.of(problem, one(batch_size=None))
    seen = np.log(0.1**0.5 / 1e-3) / np.log(1.05)
    for steps, chance in ((seen - 2, 1.0), (seen + 2, 0.0)):
        setup = Setup(
            problem=problem, algorithm=one(batch_size=None), reduced=reduced, asked=round(steps)
        )
        assert _hidden(setup) == pytest.approx(chance)
