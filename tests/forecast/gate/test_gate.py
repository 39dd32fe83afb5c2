"""The gate: shift shares, the sets that a screen names, and when the forecast leaves features."""

from functools import cache

import numpy as np
import pytest

from elinvar.datasets import KnownAnswer, make_curved
from elinvar.forecast import Columns, Sample
from elinvar.forecast.gate import (
    STEADY,
    Shift,
    at_premium,
    choose,
    disagreement,
    screen,
    shift_share,
)
from elinvar.forecast.learners import Additive, Boosting
from elinvar.forecast.mixture import environment_errors, read_blend

LEARNERS = (Additive(name="curves", n_knots=4, ridge=0.003), Boosting(n_leaves=8, n_trees=60))


def sample_of(data: KnownAnswer, n_classes: int = 0) -> Sample:
    p = data.X.shape[1]
    return Sample(
        X=data.X,
        y=data.y,
        codes=np.unique(data.environments, return_inverse=True)[1].astype(np.intp),
        weight=np.ones(len(data.y)),
        columns=Columns(
            features=data.feature_names,
            groups=np.arange(p),
            categorical=np.zeros(p, dtype=bool),
        ),
        n_classes=n_classes,
    )


@cache
def drawn(changes: str, rng: int = 0, classes: bool = False) -> tuple[KnownAnswer, Sample]:
    n = 500 if changes == "size" else 300
    data = make_curved(changes=changes, n_samples=n, classes=classes, rng=rng)
    return data, sample_of(data, 2 * classes)


@cache
def chosen(changes: str):
    return choose(drawn(changes)[1], LEARNERS, premium=1.15, seed=0, n_jobs=1)


def level(sample: Sample, predicted) -> float:
    return float(np.log(environment_errors(sample, predicted[:, None])).mean())


def test_the_share_of_a_known_shift():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(4), 500)
    X = rng.standard_normal((2000, 2))
    away = np.array([0.0, 0.0, 2.0, -2.0])[codes]
    sample = Sample(
        X=X,
        y=X[:, 0] + away + rng.standard_normal(2000),
        codes=codes,
        weight=np.ones(2000),
        columns=Columns(
            features=("a", "b"), groups=np.arange(2), categorical=np.zeros(2, dtype=bool)
        ),
    )
    found = shift_share(sample, X[:, :1])
    # the level is 2 away: 4 of an error of 5
    np.testing.assert_allclose(found.errors, [1, 1, 5, 5], rtol=0.15)
    np.testing.assert_allclose(found.shifts, [0, 0, 4, 4], atol=0.5)
    assert found.share == pytest.approx(0.4, abs=0.03)
    right = shift_share(sample, X[:, :1] + away[:, None])
    assert right.share < 0.01


def test_costs_count_what_differs_kappa_times():
    shift = Shift(errors=np.array([1.0, 2.0]), shifts=np.array([0.0, 1.0]))
    assert shift.share == 0.25
    assert shift.cost(1) == pytest.approx(np.log([1, 2]).mean())
    assert shift.cost(10) == pytest.approx(np.log([1, 11]).mean())


@pytest.mark.parametrize("classes", [False, True])
def test_relations_differ_where_consequences_turn_and_not_in_controls(classes):
    full = disagreement(drawn("direction", 0, classes)[1])
    data, sample = drawn("direction", 0, classes)
    causes = disagreement(sample.features(data.support))
    control = disagreement(drawn("inputs", 0, classes)[1])
    assert full.t > 4 > 3 > control.t
    assert max(causes.share, control.share) < full.share / 2


@pytest.mark.parametrize(("changes", "interacting"), [("noise", False), ("direction", True)])
def test_the_screen_names_the_causes(changes, interacting):
    data = make_curved(changes=changes, interacting=interacting, n_samples=300, rng=0)
    found = screen(sample_of(data))
    assert 1 < len(found) <= 16
    assert all(0 < mask.sum() < mask.size for mask in found)
    # siblings of the target do no harm: what counts is that no consequence is in
    told = [mask for mask in found if mask[:4].all() and not mask[4:7].any()]
    assert told


def test_the_screen_takes_categories_missing_values_and_many_features():
    rng = np.random.default_rng(0)
    sample = drawn("direction")[1]
    X = np.column_stack([sample.X, np.eye(3)[rng.integers(3, size=len(sample.y))]])
    X = np.column_stack([X, rng.standard_normal((len(X), 12))])
    X[rng.random(len(X)) < 0.1, 0] = np.nan
    p = 9 + 1 + 12
    columns = Columns(
        features=tuple(f"f{j}" for j in range(p)),
        groups=np.array([*range(9), 9, 9, 9, *range(10, p)]),
        categorical=np.arange(p) == 9,
    )
    wide = Sample(X=X, y=sample.y, codes=sample.codes, weight=sample.weight, columns=columns)
    found = screen(wide)
    assert any(mask[:4].all() and not mask[4:7].any() for mask in found)


def test_the_screen_keeps_causes_that_act_through_each_other_alone():
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(6), 500)
    X = rng.standard_normal((3000, 20))
    y = X[:, 0] * X[:, 1] + X[:, 2] + np.abs(X[:, 3]) + rng.standard_normal(3000)
    answers = rng.uniform(-0.3, 1, (6, 4))[codes]
    X[:, 16:] = answers * y[:, None] + rng.standard_normal((3000, 4))
    columns = Columns(
        features=tuple(f"f{j}" for j in range(20)),
        groups=np.arange(20),
        categorical=np.zeros(20, dtype=bool),
    )
    sample = Sample(X=X, y=y, codes=codes, weight=np.ones(3000), columns=columns)
    # too many features for products: an additive model sees nothing in the first two
    assert any(mask[:4].all() and not mask[16:].any() for mask in screen(sample))


def test_it_opens_where_consequences_turn_and_protects_there():
    choice = chosen("direction")
    assert choice.reason == "chosen" and choice.share > 0.9
    assert choice.selected[:4].all() and not choice.selected[4:7].any()
    assert choice.shift_share[1] < choice.shift_share[0]
    turned = make_curved(n_samples=300, turned=True, rng=0).new_environments(500, 1)
    full, gated = (
        np.mean((one.predict(turned.X)[:, 0] - turned.y) ** 2)
        for one in (choice.full, choice.mixture)
    )
    assert gated < 0.5 * full


def test_the_premium_is_spent_and_not_exceeded():
    usual, sample = chosen("size"), drawn("size")[1]
    free = at_premium(usual, sample, 1.0)
    assert at_premium(usual, sample, 1.15).share == usual.share
    assert 0 < free.share < usual.share
    for one, premium in ((free, 1.0), (usual, 1.15)):
        cost = level(sample, one.mixture.left_out_mixture) - level(
            sample, one.full.left_out_mixture
        )
        assert cost <= np.log(premium) + 1e-9
        np.testing.assert_allclose(
            one.errors[[0, 2]],
            np.exp([level(sample, part.left_out_mixture) for part in (one.full, one.mixture)]),
        )


@pytest.mark.parametrize("changes", ["inputs", "nothing"])
def test_it_stays_shut_where_nothing_differs(changes):
    choice = chosen(changes)
    assert choice.reason == "nothing differs" and choice.share == 0
    assert choice.selected.all() and choice.mixture is choice.full


def test_two_environments_are_too_few():
    sample = drawn("direction")[1]
    choice = choose(sample.rows(sample.codes < 2), LEARNERS, seed=0, n_jobs=1)
    assert choice.reason == "few environments" and choice.share == 0
    assert np.isnan(choice.shift_share).all()


def test_the_mixture_of_both_is_one_and_survives_a_file(from_file):
    choice = chosen("size")
    sample = drawn("size")[1]
    mixture = choice.mixture
    assert mixture.weights.sum() == pytest.approx(1)
    part = [k for k, name in enumerate(mixture.names) if name.endswith(STEADY)]
    assert mixture.weights[part].sum() == pytest.approx(choice.share)
    read = read_blend(from_file(mixture.entries()), n_columns=9, n_classes=0)
    np.testing.assert_allclose(read.predict(sample.X[:50]), mixture.predict(sample.X[:50]))
    # a part looks at its own columns alone
    moved = sample.X[:50].copy()
    moved[:, ~choice.selected] = 0
    for k in part:
        one = mixture.learnt[k]
        np.testing.assert_array_equal(one.predict(moved), one.predict(sample.X[:50]))


def test_small_environments_are_too_few():
    data = make_curved(n_environments=4, n_samples=15, rng=0)
    choice = choose(sample_of(data), LEARNERS[:1], seed=0, n_jobs=1)
    assert choice.reason == "few environments" and choice.mixture is choice.full


def test_one_seed_one_choice():
    sample = drawn("direction")[1]
    again = choose(sample, LEARNERS, premium=1.15, seed=0, n_jobs=2)
    first = chosen("direction")
    np.testing.assert_array_equal(again.selected, first.selected)
    np.testing.assert_array_equal(again.mixture.predict(sample.X), first.mixture.predict(sample.X))
