"""Mixed batches, windows and drifts against enumeration, integrals and the steps they describe."""

from itertools import product

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.sensing import HeteroSGD, SensingProblem, solve
from elinvar.theory import (
    critical_environments,
    critical_speed,
    drift_peak,
    growth_exponent,
    heterogeneity_window,
    law_growth_exponent,
    predict_outcome,
    width_window,
)

TIMES = (np.arange(20_000) + 0.5) / 20_000


def cosine(M, mean=1.0):
    return lambda t: mean + M * np.cos(2 * np.pi * np.asarray(t))


@pytest.mark.parametrize("environments", [1, 2, 3, 5])
def test_mixed_batches_are_means_of_all_that_can_be_drawn(environments):
    values, weights = np.array([-1.0, 0.3, 0.8]), np.array([0.5, 0.2, 0.3])
    drawn = list(product(range(3), repeat=environments))
    means = [1.0 + 7.0 * values[list(chosen)].mean() for chosen in drawn]
    chances = [weights[list(chosen)].prod() for chosen in drawn]
    found = law_growth_exponent(7.0, 0.1, law=values, weights=weights, environments=environments)
    assert found.exponent == pytest.approx(growth_exponent(means, 0.1, chances), abs=1e-12)


def test_mixed_batches_of_two_values_and_of_a_normal_law():
    two = law_growth_exponent(6.0, 0.1, environments=4)
    listed = law_growth_exponent(6.0, 0.1, law=[-1.0, 1.0], environments=4)
    assert (two.exponent, two.spread) == pytest.approx((listed.exponent, listed.spread))
    four = law_growth_exponent(8.0, 0.1, law="gaussian", environments=4)
    assert four == law_growth_exponent(4.0, 0.1, law="gaussian")


def test_the_most_environments_of_a_batch():
    for M in (5.0, 6.0, 9.0, 10.5):
        most = critical_environments(M, 0.1)
        exponents = [law_growth_exponent(M, 0.1, environments=b).exponent for b in range(1, 12)]
        assert (np.array(exponents[: int(most)]) < 0).all() and exponents[int(most)] >= 0
        # the variance alone says about as many
        assert abs(most - M**2 / 21) < 1.5
    assert critical_environments(4.5, 0.1) == 0
    # a batch of minus signs alone multiplies by 0, however rare it is
    assert critical_environments(11.0, 0.1) == np.inf
    assert critical_environments(4.5, 0.1, mean=0.0) == np.inf
    # all thousand, also where sums have to be listed
    assert critical_environments(6.0, 0.1, law=[1.0, -1.0], mean=1e-6) == np.inf
    for law in ("two_point", [1.0, -1.0]):
        few = {"law": law, "mean": 1e-3}
        # the variance says M^2 / 0.2
        assert critical_environments(12.0, 0.01, **few) == 720
        assert critical_environments(14.2, 0.01, **few) == np.inf
    # without a mean above 0, but steps that change signs: means of more rarely come close to 0
    assert critical_environments(13.0, 0.1, mean=-25.0) == 1
    rare = {"law": [-0.0999999, 10.0, -9.8], "weights": [2.0, 1.0, 1.0], "mean": 0.0}
    most = critical_environments(100.0, 0.1, **rare)
    grown = [
        law_growth_exponent(100.0, 0.1, environments=b, **rare).exponent >= 0 for b in (1, 2, 3, 4)
    ]
    assert grown.index(True) == most == 2
    skewed = {"law": [-2.0, 1.0], "weights": [1.0, 2.0]}
    most = critical_environments(5.0, 0.1, **skewed)
    assert most >= 1
    assert law_growth_exponent(5.0, 0.1, environments=int(most), **skewed).exponent < 0
    assert law_growth_exponent(5.0, 0.1, environments=int(most) + 1, **skewed).exponent >= 0


@pytest.mark.parametrize("M", [0.5, 6.0, 10.999, 11.0, 11.001, 14.0, 40.0])
def test_the_cosine_law_is_its_integral(M):
    logs = np.log(np.abs(1.0 + 0.1 * cosine(M)(TIMES)))
    found = law_growth_exponent(M, 0.1, law="cosine")
    assert found.exponent == pytest.approx(logs.mean(), abs=2e-3)
    assert found.spread == pytest.approx(logs.std(), rel=1e-2)


def test_a_cosine_dies_between_two_closed_lines():
    window = heterogeneity_window(0.1, law="cosine")
    assert (window.low, window.high) == pytest.approx((2 * np.sqrt(10), 20))
    for M, sign in ((6.2, 1), (6.4, -1), (19.8, -1), (20.2, 1)):
        assert np.sign(law_growth_exponent(M, 0.1, law="cosine").exponent) == sign
    # beyond 1 + eta mu = 2 no cosine suppresses
    assert heterogeneity_window(0.99, law="cosine") and not heterogeneity_window(1.01, law="cosine")


@pytest.mark.parametrize(("M", "law"), [(8.0, "cosine"), (25.0, "cosine"), (12.0, "uniform")])
def test_windows_die_up_to_the_critical_width(M, law):
    """Means over windows whose place is uniform, against the exponent of the same list."""
    found = width_window(M, 0.1, law=law)
    assert (found.low > 0) == (M > 20)

    def drift(width):
        fine = (np.arange(100) + 0.5) / 100 - 0.5
        if law == "cosine":
            middles = TIMES
            curve = cosine(M)
        else:
            middles = width / 2 + (1 - width) * TIMES
            curve = lambda t: 1 + M * (2 * t - 1)  # noqa: E731
        means = curve(middles[:, None] + width * fine).mean(axis=1)
        return growth_exponent(means, 0.1)

    assert drift(0.98 * found.high) < 0 < drift(1.02 * found.high)
    if found.low > 0:
        assert drift(0.97 * found.low) > 0 > drift(1.03 * found.low)


def test_no_width_helps_where_not_even_one_environment_does():
    assert not width_window(6.0, 0.1)
    assert not width_window(7.5, 0.1, law="uniform")


@pytest.mark.parametrize("floor", [1e-4, 1e-7])
def test_a_drift_below_the_critical_speed_brings_the_spurious_part_back(floor):
    """The linearised step itself, fed by noise, at speeds on either side."""
    curve, rng = cosine(8.0), np.random.default_rng(0)
    assert law_growth_exponent(8.0, 0.1, law="cosine").exponent < 0
    line = critical_speed(curve, 0.1, floor)
    for factor, back in ((0.75, True), (1.3, False)):
        speed, u, peaks = factor * line, np.zeros(400), np.zeros(400)
        for t in range(int(3 / speed)):
            u = (1 + 0.1 * curve(speed * t)) * u + floor * rng.normal(size=400)
            peaks = np.maximum(peaks, u**2) if speed * t >= 1 else peaks
        assert (np.sqrt(peaks.mean()) > np.sqrt(0.1)) == back
        assert drift_peak(curve, 0.1, speed, floor) == pytest.approx(
            np.sqrt((peaks).mean()), rel=0.35
        )


def test_the_leading_order_is_what_the_peak_tends_to():
    curve = cosine(8.0)

    def line(floor):
        low, high = 1e-3, 0.2
        for _ in range(30):
            middle = np.sqrt(low * high)
            back = drift_peak(curve, 0.1, middle, floor) > np.sqrt(0.1)
            low, high = (middle, high) if back else (low, middle)
        return middle

    ratios = [line(floor) / critical_speed(curve, 0.1, floor) for floor in (1e-3, 1e-6, 1e-12)]
    assert ratios[0] > ratios[1] > ratios[2] > 1 and ratios[2] < 1.05


def test_where_the_exponent_is_positive_no_speed_helps():
    assert critical_speed(cosine(5.0), 0.1, 1e-6) == np.inf
    assert drift_peak(cosine(5.0), 0.1, 0.01, 1e-6) == np.inf


def test_floors_may_change_along_the_circle():
    twice = drift_peak(cosine(8.0), 0.1, 0.02, 2e-6)
    assert drift_peak(cosine(8.0), 0.1, 0.02, lambda t: np.full(len(t), 2e-6)) == twice
    assert twice == pytest.approx(2 * drift_peak(cosine(8.0), 0.1, 0.02, 1e-6))


@pytest.mark.parametrize(
    ("order", "dies"),
    [
        ({"environments": 2}, True),
        ({"environments": 4}, False),
        ({"order": "window", "window": 0.3}, True),
        ({"order": "window", "window": 0.7}, False),
        ({"order": "markov", "stay": 0.3}, True),
    ],
)
def test_predictions_of_other_orders_are_what_runs_do(order, dies):
    place = {"dim": 20, "invariant_rank": 1, "rng": 0}
    if "environments" in order:
        problem = SensingProblem.finite(values=[[8.0], [-6.0]], **place)
    else:
        problem = SensingProblem.continuum(curve=lambda t: cosine(9.0)(t)[:, None], **place)
    algorithm = HeteroSGD(step_size=0.1, batch_size=10**6, **order)
    said = predict_outcome(problem, algorithm, 1500)
    assert said.outcome == ("recovers" if dies else "learns a mixture")
    late = solve(problem, algorithm, steps=1500, rng=0).spurious_signal[-500:]
    assert (np.median(late) < 1e-3) == dies
    if "environments" in order:
        exact = law_growth_exponent(7.0, 0.1, **order).exponent
        assert said.exponents[0] == pytest.approx(exact, abs=1e-9)


def test_predictions_leave_drifts_undecided():
    problem = SensingProblem.continuum(
        dim=10, invariant_rank=1, curve=lambda t: cosine(9.0)(t)[:, None], rng=0
    )
    said = predict_outcome(
        problem, HeteroSGD(step_size=0.1, batch_size=None, order="drift", speed=0.1)
    )
    assert said.outcome == "undecided" and "critical_speed" in said.reason


@pytest.mark.parametrize(
    ("law", "order"),
    [
        ("list", {"order": "drift", "speed": 0.1}),
        ("list", {"order": "window", "window": 0.1}),
        ("data", {"order": "drift", "speed": 0.1}),
        ("data", {"order": "window", "window": 0.1}),
        ("uniform", {"order": "drift", "speed": 0.1}),
        ("uniform", {"order": "cyclic"}),
        ("continuum", {"order": "cyclic"}),
    ],
)
def test_predictions_refuse_the_orders_that_runs_refuse(law, order):
    place = {"dim": 6, "invariant_rank": 1, "rng": 0}
    along = SensingProblem.continuum(curve=lambda t: cosine(9.0)(t)[:, None], **place)
    problem = {
        "list": SensingProblem.finite(values=[[7.0], [-5.0]], **place),
        "data": along.sample(20, 0, n_environments=3),
        "uniform": SensingProblem.uniform(spurious_rank=1, heterogeneity=6.0, **place),
        "continuum": along,
    }[law]
    algorithm = HeteroSGD(step_size=0.1, batch_size=None, **order)
    with pytest.raises(DataError, match=f'order="{algorithm.order}"') as refused:
        solve(problem, algorithm, steps=1)
    with pytest.raises(DataError) as unpredicted:
        predict_outcome(problem, algorithm)
    assert str(unpredicted.value) == str(refused.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: law_growth_exponent(6.0, 0.1, environments=0),
        lambda: law_growth_exponent(6.0, 0.1, weights=[0.5, 0.5]),
        lambda: law_growth_exponent(6.0, 0.1, law=[1.0, -1.0], weights=[1.0]),
        lambda: critical_environments(20.0, 0.1, law="uniform"),
        lambda: width_window(8.0, 0.1, law="gaussian"),
        lambda: width_window(-8.0, 0.1),
        lambda: critical_speed(cosine(8.0), 0.1, 0.5),
        lambda: critical_speed(lambda t: np.zeros((len(t), 2)), 0.1, 1e-3),
        lambda: drift_peak(cosine(8.0), 0.1, 1.5, 1e-3),
        lambda: drift_peak(cosine(8.0), 0.1, 1e-9, 1e-3),
        lambda: drift_peak(cosine(8.0), 0.1, 1e-320, 1e-3),
        lambda: drift_peak(cosine(8.0), 0.1, 0.02, np.nan),
        lambda: drift_peak(cosine(8.0), 0.1, 0.02, -1e-3),
        lambda: critical_speed(1.0, 0.1, 1e-3),
        lambda: critical_speed(lambda t: "fast", 0.1, 1e-3),
    ],
)
def test_what_cannot_be_used_is_refused(call):
    with pytest.raises(DataError):
        call()


def test_without_a_mean_a_window_of_the_whole_circle_is_the_limit():
    window = width_window(8.0, 0.1, mean=0.0)
    assert window.low == 0.0 and window.high == pytest.approx(1.0)


def test_many_draws_of_the_only_environment_are_this_environment():
    problem = SensingProblem.finite(dim=6, invariant_rank=1, values=[[1.0]], rng=0)
    verdicts = {
        predict_outcome(
            problem,
            HeteroSGD(step_size=0.1, batch_size=None, environments=drawn),
            steps=100,
        ).outcome
        for drawn in (1, 100)
    }
    assert len(verdicts) == 1


def test_more_draws_than_can_be_listed_are_drawn():
    problem = SensingProblem.finite(dim=6, invariant_rank=1, values=[[9.0], [-7.0]], rng=0)
    algorithm = HeteroSGD(step_size=0.1, batch_size=None, environments=20)
    exact = law_growth_exponent(8.0, 0.1, environments=20).exponent
    assert predict_outcome(problem, algorithm).exponents[0] == pytest.approx(exact, abs=0.01)


def test_a_chain_that_stays_grows_as_blocks_that_are_as_long():
    values = [[[6.0, 2.0], [2.0, -5.0]], [[-5.0, 1.0], [1.0, 6.0]], [[2.0, -4.0], [-4.0, 0.0]]]
    problem = SensingProblem.finite(dim=6, invariant_rank=1, values=values, rng=0)
    drawn, chain, blocks = (
        predict_outcome(problem, HeteroSGD(step_size=0.1, batch_size=None, **order)).exponents[0]
        for order in ({}, {"order": "markov", "stay": 0.8}, {"order": "blocks", "block": 9})
    )
    assert chain == blocks > drawn + 0.1
