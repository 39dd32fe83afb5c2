"""Tables that the tests of the selection side share."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from elinvar.environments import Moments
from elinvar.inference import LinearProblem

Table = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def random_table() -> Callable[..., Table]:
    """Rows of unequal environments: correlated columns, other means, effects and noise in each."""

    def draw(rows=(40, 70, 100), p=4, *, seed=0, spread=0.3, level=1.0) -> Table:
        rng = np.random.default_rng(seed)
        place = np.repeat(np.arange(len(rows)), rows)
        mix = np.eye(p) + 0.3 * rng.normal(size=(p, p))
        X = rng.normal(size=(len(place), p)) @ mix + level * rng.normal(size=(len(rows), p))[place]
        X = X * np.geomspace(0.1, 10, p) + np.arange(p)
        coef = rng.normal(size=p) + spread * rng.normal(size=(len(rows), p))
        noise = rng.uniform(0.5, 2, size=len(rows))[place]
        y = np.einsum("np,np->n", X / np.geomspace(0.1, 10, p), coef[place])
        return X, y + noise * rng.normal(size=len(place)) + 3.0, place

    return draw


@pytest.fixture
def cause_and_effect() -> Callable[..., Table]:
    """Column 0 causes the target; the others are its effects, of other strength in each place."""

    def draw(rows=(300, 300, 300, 300), p=3, *, seed=0) -> Table:
        rng = np.random.default_rng(seed)
        place = np.repeat(np.arange(len(rows)), rows)
        cause = rng.normal(size=len(place))
        y = 2.0 * cause + rng.normal(size=len(place))
        strength = np.linspace(0.3, 2.0, len(rows))[place]
        effects = strength[:, None] * y[:, None] + rng.normal(size=(len(place), p - 1))
        return np.column_stack([cause, effects]), y, place

    return draw


@pytest.fixture
def problem_of() -> Callable[..., LinearProblem]:
    def make(X, y, place, *, sample_weight=None, **options) -> LinearProblem:
        moments = Moments.from_arrays(X, y, place, sample_weight=sample_weight)
        return LinearProblem.from_moments(moments, **options)

    return make


@pytest.fixture
def with_colour(random_table) -> Callable[..., tuple[pd.DataFrame, np.ndarray, np.ndarray]]:
    """A frame with a categorical column of three levels between two numeric ones."""

    def draw(rows=(60, 90, 80), *, seed=0, effect=2.0):
        X, y, place = random_table(rows, 2, seed=seed, spread=0.0)
        rng = np.random.default_rng(seed + 1000)
        colour = rng.choice(["blue", "green", "red"], size=len(y))
        frame = pd.DataFrame({"a": X[:, 0], "colour": colour, "b": X[:, 1]})
        y = y + effect * (colour == "red") - effect * (colour == "green")
        return frame, y, place

    return draw
