"""The parts of invariance against the tests of single models, and what they can see."""

import numpy as np
import pytest

from elinvar.datasets import make_random_linear
from elinvar.environments import Moments
from elinvar.inference import LinearProblem
from elinvar.inference.losses.squared import every_support, model_tests, parts

MODELS = (
    {},
    {"noise_spread": 0.0, "edge_spread": 0.0, "shift_spread": 1.0},
    {"noise_spread": 0.0, "edge_spread": 0.0, "do_share": 0.4},
)


def problem(known, intercept="shared"):
    moments = Moments.from_arrays(known.X, known.y, known.environments)
    return LinearProblem.from_moments(moments, intercept=intercept)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_parts_are_the_tests_of_the_model(model, intercept):
    known = make_random_linear(n_features=6, n_environments=4, n_samples=200, rng=3, **model)
    table = problem(known, intercept)
    masks = every_support(table)[1::7]
    found = parts(table, masks)
    slopes = "slopes" if intercept == "shared" else "coefficients"
    for row, mask in enumerate(masks):
        alone = {test.test: test.p_value for test in model_tests(table, mask)}
        assert found.slopes[row] == pytest.approx(alone[slopes], rel=1e-6, abs=1e-30)
        if intercept == "shared" and alone["residual mean"] > 1e-5:
            assert found.intercepts[row] == pytest.approx(alone["residual mean"], rel=0.05)
        assert np.log(found.scale[row] + 1e-300) == pytest.approx(
            np.log(alone["scale"] + 1e-300), rel=0.02, abs=0.02
        )


def test_parts_reject_no_more_than_they_should():
    """Five percent of fixed, invariant supports, within four standard errors."""
    rejected = np.zeros(3)
    for seed in range(200):
        known = make_random_linear(
            n_features=4, in_degree=2, n_environments=4, n_samples=60, rng=seed
        )
        found = parts(problem(known), known.support[None])
        rejected += np.array([found.slopes[0], found.intercepts[0], found.scale[0]]) < 0.05
    assert (rejected / 200 < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)).all()
    assert (rejected > 0).all()


def test_levels_alone_are_seen_by_their_own_part():
    """One intercept differs, and the slopes do not."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 5))
    place = np.repeat(np.arange(3), 300)
    y = X.sum(axis=1) + 0.5 * (place == 2) + rng.normal(size=900)
    table = LinearProblem.from_moments(Moments.from_arrays(X, y, place.astype(str)))
    found = parts(table, np.ones((1, 5), dtype=bool))
    assert found.intercepts[0] < 1e-3 < found.slopes[0]


def test_without_noise_there_is_none_to_compare():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 2)) * np.repeat([1.0, 2.0, 5.0], 100)[:, None]
    place = np.repeat(["a", "b", "c"], 100)
    table = LinearProblem.from_moments(Moments.from_arrays(X, X.sum(axis=1), place))
    assert parts(table, np.ones((1, 2), dtype=bool)).scale[0] == 1.0
