"""Curved causes, and consequences that turn round: what is drawn is what the docstring says."""

import numpy as np
import pytest
from numpy.typing import NDArray

from elinvar.datasets import KnownAnswer, Sample, make_curved, make_problem
from elinvar.errors import DataError

Array = NDArray[np.float64]

CHANGES = ("direction", "size", "noise", "inputs", "nothing", "target")
CAUSES, CONSEQUENCES = np.arange(4), np.arange(4, 7)


def effects(data: KnownAnswer | Sample) -> Array:
    """Slope of each consequence on the target given the causes, a row an environment."""
    slopes = []
    for name in np.unique(data.environments):
        rows = data.environments == name
        x = data.X[rows][:, CAUSES]
        A = np.column_stack([data.y[rows], np.ones(rows.sum()), x, x**2, np.tanh(x)])
        slopes.append(np.linalg.lstsq(A, data.X[rows][:, CONSEQUENCES], rcond=None)[0][0])
    return np.array(slopes)


def test_training_rows_do_not_depend_on_what_new_environments_are() -> None:
    like, turned = (make_curved(rng=3, n_samples=50, turned=on) for on in (False, True))
    np.testing.assert_array_equal(like.X, turned.X)
    np.testing.assert_array_equal(like.y, turned.y)
    twin = make_problem("curved-flips-turned", 3, n_samples=50)
    np.testing.assert_array_equal(twin.X, like.X)


def test_what_keeps_its_sign_in_training_is_opposite_where_turned() -> None:
    data = make_curved(changes="size", turned=True, n_samples=3000, rng=0)
    seen = effects(data)
    new = effects(data.new_environments(3000, 1, n_environments=6))
    assert (np.sign(seen) == np.sign(seen[0])).all()
    assert (np.sign(new) == -np.sign(seen[0])).all()


def test_some_environments_turn_where_the_direction_changes() -> None:
    data = make_curved(n_environments=30, n_samples=2000, rng=0)
    seen = effects(data)
    usual = np.sign(seen.mean(axis=0))
    turned = (np.sign(seen) != usual).mean()
    assert 0.1 < turned < 0.4  # U(-.3, 1) is negative in 23%


def test_only_the_noise_of_consequences_changes() -> None:
    data = make_curved(changes="noise", n_samples=6000, rng=1)
    spread = np.ptp(effects(data), axis=0) / np.abs(effects(data)).mean(axis=0)
    by_size = make_curved(changes="size", n_samples=6000, rng=1)
    assert spread.max() < 0.4
    assert (np.ptp(effects(by_size), axis=0) / np.abs(effects(by_size)).mean(axis=0)).max() > 0.7


@pytest.mark.parametrize("changes", ["inputs", "nothing"])
def test_controls_have_no_consequences(changes: str) -> None:
    data = make_curved(changes=changes, turned=True, n_samples=4000, rng=2)
    assert np.abs(effects(data)).max() < 0.08
    assert np.abs(effects(data.new_environments(4000, 1))).max() < 0.08


def test_inputs_do_not_differ_where_nothing_does() -> None:
    same = make_curved(changes="nothing", n_samples=4000, rng=0)
    other = make_curved(changes="inputs", n_samples=4000, rng=0)

    def spread(data: KnownAnswer) -> float:
        means = [data.X[data.environments == e][:, CAUSES].mean(axis=0) for e in ("E0", "E1", "E2")]
        return float(np.ptp(means, axis=0).max())

    assert spread(same) < 0.1 < 0.4 < spread(other)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("interacting", [False, True])
def test_classes_have_the_probability_that_the_oracle_says(interacting, turned) -> None:
    data = make_curved(classes=True, interacting=interacting, turned=turned, n_samples=3000, rng=1)
    assert data.task == "classification" and set(np.unique(data.y)) == {0.0, 1.0}
    for rows in (data, data.new_environments(6000, 3)):
        probability = data.oracle(rows.X)
        for low in np.arange(0, 1, 0.2):
            inside = (probability >= low) & (probability < low + 0.2)
            error = 4 * np.sqrt(0.25 / inside.sum())
            assert rows.y[inside].mean() == pytest.approx(probability[inside].mean(), abs=error)


def test_where_the_targets_own_effects_vary_there_is_no_oracle() -> None:
    data = make_curved(changes="target", n_samples=50, rng=0)
    assert data.invariance == "none"
    with pytest.raises(DataError, match="no oracle for the curved effects, target:"):
        data.oracle(data.X)
    held = make_curved(n_samples=4000, rng=0)
    varying = make_curved(changes="target", n_samples=4000, rng=0)

    def left(data: KnownAnswer) -> float:
        """Share of the target's variance that curves fitted to one environment miss in another."""
        one, two = (data.environments == name for name in ("E0", "E1"))
        x = data.X[:, CAUSES]
        A = np.column_stack([np.ones(len(x)), x, x**2, np.sin(2 * x), np.tanh(2 * x), np.abs(x)])
        w = np.linalg.lstsq(A[one], data.y[one], rcond=None)[0]
        return float(np.mean((data.y[two] - A[two] @ w) ** 2))

    assert left(varying) > 1.3 * left(held)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"changes": "all"}, "changes must be .*got 'all'"),
        ({"n_samples": 1}, "n_samples must be .*got 1"),
        ({"n_environments": 0}, "n_environments must be .*got 0"),
        ({"noise": -1.0}, "noise must be .*got -1.0"),
    ],
)
def test_bad_settings_are_refused(settings, message) -> None:
    with pytest.raises(DataError, match=message):
        make_curved(**settings, rng=0)
