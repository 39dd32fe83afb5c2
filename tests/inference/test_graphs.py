"""Costs of mechanisms against brute force, and the two searches against each other."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from elinvar.datasets import make_random_graph
from elinvar.inference import GraphMoments, GraphTask, learn_graph
from elinvar.inference.graphs._costs import Costs, from_bits, prices
from elinvar.inference.graphs._exact import ExactSearch
from elinvar.inference.graphs._orders import OrderSearch
from elinvar.inference.kernels._mechanisms import (
    CUT,
    FREE,
    LEVEL,
    LEVEL_NOISE,
    NOISE,
    OWN,
    SHARED,
    STAYS,
)

TASK = GraphTask(
    invariance="coefficients and noise", level=5e-4, odds=20, exact_up_to=10, restarts=3, seed=0
)


def draw(rng=0, **options):
    return make_random_graph(**{"n_variables": 5, "n_environments": 5, **options}, rng=rng)


def moments_of(data, *, own_levels=False):
    parts = [data.X[data.environments == e] for e in np.unique(data.environments)]
    return GraphMoments.of(
        np.array([len(x) for x in parts], dtype=float),
        np.array([x.mean(axis=0) for x in parts]),
        np.array([np.cov(x.T, bias=True) for x in parts]),
        own_levels=own_levels,
    )


def costs_of(moments, *, temper=1.0, kind=FREE):
    E, p = len(moments.count), moments.n_variables
    known = np.full((E, p), kind, dtype=np.intp)
    return Costs(moments=moments, price=prices(5e-4, p + 3), temper=np.full(p, temper), known=known)


def own_likelihood(rows, j, parents):
    design = np.column_stack([rows[:, parents], np.ones(len(rows))])
    left = rows[:, j] - design @ np.linalg.lstsq(design, rows[:, j], rcond=None)[0]
    return 0.5 * len(rows) * np.log(left.var())


def test_a_mechanism_that_all_share_costs_its_gaussian_likelihood():
    data = draw(n_samples=200)
    moments = moments_of(data)
    found = costs_of(moments, kind=STAYS).of(2, [0b01011])[0]
    scaled = data.X / moments.scale
    wanted = own_likelihood(scaled, 2, [0, 1, 3]) + 3 * prices(5e-4, 1)[1]
    assert found == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_who_shares_is_found_as_by_trying_all_sets(seed):
    data = draw(seed, n_environments=6, n_samples=150, action="soft", n_targets=2)
    moments = moments_of(data)
    free = costs_of(moments)
    for j in range(5):
        mask = sum(1 << int(i) for i in np.flatnonzero(data.adjacency[:, j]))
        found = free.of(j, [mask])[0]
        # those that are forced to share, and those that are forced not to
        best = min(
            replace(free, known=np.array(kinds, dtype=np.intp)[:, None].repeat(5, 1)).of(j, [mask])[
                0
            ]
            for kinds in product((1, 2), repeat=6)
            if 1 in kinds
        )
        assert found == pytest.approx(best, abs=0.5)


def test_noises_of_their_own_tell_nothing_with_temper_0():
    data = draw(n_samples=400)
    moments = moments_of(data)
    other = replace(moments, products=moments.products.copy())
    # a variable without causes, whose spread alone differs
    other.products[:, 2, :] = other.products[:, :, 2] = 0
    other.products[:, 2, 2] = [1.0, 2, 4, 8, 16]
    kinds = costs_of(other, temper=0.0).kinds(np.zeros((5, 5), dtype=bool))
    assert (kinds[:, 2] == 0).all()
    kinds = costs_of(other, temper=1.0).kinds(np.zeros((5, 5), dtype=bool))
    assert (kinds[:, 2] != 0).sum() == 4


@pytest.mark.parametrize("action", ["hard", "soft", "noise"])
def test_orders_find_the_best_of_all_graphs(action):
    data = draw(3, n_variables=7, n_environments=8, in_degree=2, action=action)
    costs = costs_of(moments_of(data))
    exact, orders = ExactSearch(costs), OrderSearch(costs, restarts=3, seed=0)
    adjacency, cost = exact.best()
    np.testing.assert_array_equal(orders.best()[0], adjacency)
    assert orders.best()[1] == pytest.approx(cost)
    for i, j in np.argwhere(adjacency):
        # what moving single variables finds can only be worse
        for name in ("turned", "parted"):
            wanted = getattr(exact, name)(i, j)
            assert cost <= wanted <= getattr(orders, name)(i, j) + 1e-6


def test_the_exact_search_is_that_of_all_graphs_of_three_variables():
    costs = costs_of(moments_of(draw(1, n_variables=3, n_environments=3)))
    table = costs.all()
    found = []
    for parents in product(range(8), repeat=3):
        adjacency = from_bits(parents)
        if not np.trace(sum(np.linalg.matrix_power(adjacency.astype(int), k) for k in (1, 2, 3))):
            found.append(sum(table[j, parents[j]] for j in range(3)))
    assert ExactSearch(costs).best()[1] == pytest.approx(min(found))


def test_columns_in_another_order_are_the_same_graph():
    data = draw(5, action="soft")
    order = np.array([3, 0, 4, 1, 2])
    turned = replace(data, X=data.X[:, order])
    first, second = (learn_graph(moments_of(d), TASK) for d in (data, turned))
    np.testing.assert_array_equal(second.adjacency, first.adjacency[np.ix_(order, order)])
    np.testing.assert_array_equal(second.acts_on, first.acts_on[:, order])


def test_a_mechanism_of_heavy_tails_is_fitted_at_the_least_cost():
    data = draw(n_samples=200)
    moments = moments_of(data)
    # spreads that differ, so that the temper decides what environments weigh
    spread = np.array([1.0, 3, 0.3, 1, 5])
    moments = replace(moments, products=moments.products * spread[:, None, None])
    found = costs_of(moments, temper=0.3, kind=STAYS).of(2, [0b01011])[0]
    columns = moments.columns([0, 1, 3])
    gram, cross = moments.products[:, columns[:, None], columns], moments.products[:, columns, 2]

    def cost(coef):
        power = moments.products[:, 2, 2] - 2 * cross @ coef + ((gram @ coef) @ coef)
        ratio = power / (moments.count @ power / moments.count.sum())
        return 0.5 * moments.count @ (np.log(power) + 0.3 * (ratio - 1 - np.log(ratio)))

    start = np.linalg.solve(gram.sum(axis=0), cross.sum(axis=0))
    least = minimize(cost, start, tol=1e-10).fun + 3 * prices(5e-4, 1)[1]
    assert least - 1e-6 <= found <= least + 0.5
    assert cost(start) + 3 * prices(5e-4, 1)[1] > least + 50


def test_what_an_environment_changes_is_told_by_its_kind():
    x, noise = np.random.default_rng(0).normal(size=(2, 7, 1000))
    # no chance in levels, slopes and spreads
    x -= x.mean(axis=1, keepdims=True)
    noise -= noise.mean(axis=1, keepdims=True)
    noise -= x * ((x * noise).sum(axis=1) / (x * x).sum(axis=1))[:, None]
    noise /= noise.std(axis=1, keepdims=True)
    y = x + noise
    y[1] = x[1] + 2 * noise[1]
    y[2] = x[2] + noise[2] + 1
    y[3] = x[3] + 2 * noise[3] + 1
    y[4] = noise[4] + 1
    y[5] = 3 * x[5] + noise[5]
    rows = np.stack([x, y], axis=2)
    cov = np.array([np.cov(part.T, bias=True) for part in rows])
    moments = GraphMoments.of(np.full(7, 1000.0), rows.mean(axis=1), cov, own_levels=False)
    kinds = costs_of(moments).kinds(np.array([[False, True], [False, False]]))
    assert kinds[:, 1].tolist() == [SHARED, NOISE, LEVEL, LEVEL_NOISE, CUT, OWN, SHARED]


@pytest.mark.parametrize("action", ["hard", "soft"])
def test_kurtosis_is_looked_at_beside_each_environments_own_effects(action):
    data, seen = draw(4, n_samples=2000, action=action), []

    def normal(coef):
        seen.append(coef)
        return np.full(5, 3.0)

    learn_graph(moments_of(data), TASK, kurtosis=normal)
    for e, acts in enumerate(data.acts_on):
        np.testing.assert_allclose(seen[-1][e][:, ~acts], data.coef[:, ~acts], atol=0.1)
        for j in np.flatnonzero(acts):
            parents, rows = (
                np.flatnonzero(data.adjacency[:, j]),
                data.X[data.environments == f"E{e}"],
            )
            own = np.atleast_2d(np.cov(rows[:, [*parents, j]].T))
            wanted = np.linalg.solve(own[:-1, :-1], own[:-1, -1])
            np.testing.assert_allclose(seen[-1][e][parents, j], wanted, atol=0.1)
