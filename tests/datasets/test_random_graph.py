"""Random graphs are what they say: acyclic, and acted on as ``acts_on`` has it."""

import numpy as np
import pytest

from elinvar.datasets import make_random_graph
from elinvar.errors import DataError


def mechanism(data, e, j):
    """Return the effects on a variable in one environment, and the noise's standard deviation."""
    rows = data.X[data.environments == f"E{e}"]
    parents = np.flatnonzero(data.adjacency[:, j])
    design = np.column_stack([rows[:, parents], np.ones(len(rows))])
    coef, *_ = np.linalg.lstsq(design, rows[:, j], rcond=None)
    return coef, (rows[:, j] - design @ coef).std()


@pytest.mark.parametrize("action", ["hard", "soft", "noise"])
def test_environments_change_what_they_act_on_and_nothing_else(action):
    data = make_random_graph(
        n_variables=5, n_environments=6, n_samples=20_000, in_degree=1.5, action=action, rng=2
    )
    for j in range(5):
        coef, sd = mechanism(data, 0, j)
        parents = np.flatnonzero(data.adjacency[:, j])
        np.testing.assert_allclose(coef[:-1], data.coef[parents, j], atol=0.05)
        for e in range(1, 6):
            other, other_sd = mechanism(data, e, j)
            moved = max(np.abs(other - coef).max(), abs(np.log(other_sd / sd)))
            assert (moved > 0.05) == data.acts_on[e, j]
            if data.acts_on[e, j] and action == "hard":
                np.testing.assert_allclose(other[:-1], 0, atol=0.05)
            if action == "noise":
                np.testing.assert_allclose(other[:-1], coef[:-1], atol=0.05)


def test_the_graph_has_no_circle_and_every_variable_has_its_turn():
    data = make_random_graph(n_variables=7, n_environments=15, n_targets=2, in_degree=2, rng=0)
    power = np.linalg.matrix_power(data.adjacency.astype(int), 7)
    assert not power.any()
    assert not data.acts_on[0].any() and (data.acts_on[1:].sum(axis=1) == 2).all()
    assert (data.acts_on.sum(axis=0) == 4).all()


@pytest.mark.parametrize(
    ("noise", "kurtosis"), [("gaussian", 3), ("laplace", 6), ("uniform", 1.8), ("exponential", 9)]
)
def test_noises_have_their_law(noise, kurtosis):
    data = make_random_graph(
        n_variables=2, n_environments=1, n_samples=200_000, noise=noise, in_degree=0.01, rng=0
    )
    z = (data.X[:, 0] - data.X[:, 0].mean()) / data.X[:, 0].std()
    assert (z**4).mean() == pytest.approx(kurtosis, rel=0.08)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_degree": 0}, "above 0"),
        ({"in_degree": "one"}, "above 0"),
        ({"in_degree": 4}, "at most 3.5"),
        ({"n_targets": 9}, "there are 8 variables"),
        ({"action": "none"}, "action must be .*got 'none'"),
        ({"noise": "cauchy"}, "noise must be .*got 'cauchy'"),
        ({"n_variables": 1}, "n_variables must be .*got 1"),
    ],
)
def test_what_cannot_be_drawn(options, message):
    with pytest.raises(DataError, match=message):
        make_random_graph(**options, rng=0)
