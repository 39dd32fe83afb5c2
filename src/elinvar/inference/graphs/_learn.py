"""From moments to a graph: the search, what it leaves open, and the effects along its edges."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from scipy.stats import norm

from elinvar._base._threads import one_blas_thread
from elinvar.inference.graphs._costs import (
    Bools,
    Costs,
    Floats,
    GraphMoments,
    Ints,
    prices,
)
from elinvar.inference.graphs._exact import ExactSearch
from elinvar.inference.graphs._orders import OrderSearch
from elinvar.inference.kernels._mechanisms import ACTED, CUT, FREE, OWN, SHARED, STAYS
from elinvar.inference.problem._linear_algebra import pseudo_inverses

Invariance = Literal["coefficients", "coefficients and noise"]

MOST_VARIABLES: Final = 60
_ROUNDS = 2
# share of the variance within environments below which a variable is held at a value
_HELD = 1e-12


@dataclass(frozen=True, kw_only=True)
class GraphTask:
    """What is asked of a graph.

    Attributes
    ----------
    invariance : {"coefficients", "coefficients and noise"}
        What a mechanism has in common where nothing acts on it.
    level : float
        At which an edge, or an action, is significant.
    odds : float
        What the data must bet on a direction before it is told.
    exact_up_to : int
        Variables up to which all graphs are tried.
    restarts, seed : int
        Of the search beyond that.
    """

    invariance: Invariance
    level: float
    odds: float
    exact_up_to: int
    restarts: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Two variables that are joined, and what speaks for it.

    Attributes
    ----------
    cause, effect : int
        Which is which in the best graph.
    directed : bool
        Whether the data tell.
    coef, low, high : float
        Effect in the best graph where nothing acts on ``effect``, with its 95% interval, in the
        units of the variables.
    log_odds_edge, log_odds_direction : float
        By how much the best graph without the edge, and the best with the edge turned round, fit
        worse, in units of log-likelihood.
    """

    cause: int
    effect: int
    directed: bool
    coef: float
    low: float
    high: float
    log_odds_edge: float
    log_odds_direction: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """What was learnt of a graph.

    Attributes
    ----------
    adjacency, undirected : (p, p) array of bool
        Edges [i, j] from i to j whose direction is told; pairs that are joined, either way.
    edges : tuple of Edge
    acts_on : (E, p) array of bool
        Environments whose mechanism is not the one that most share.
    refused : (p,) array of bool
        Variables whose mechanism fewer than half of the environments share: nothing is told of
        what causes them.
    kurtosis : (p,) array
        Of the noises, 3 where it was not looked at.
    """

    adjacency: Bools
    undirected: Bools
    edges: tuple[Edge, ...]
    acts_on: Bools
    refused: Bools
    kurtosis: Floats


Kurtosis = Callable[[Floats], Floats]
"""From coefficients (E, p, p), [e, i, j] of i on j in e, the kurtosis (p,) of what they leave."""


@one_blas_thread()
def learn_graph(
    moments: GraphMoments,
    task: GraphTask,
    *,
    acts_on: Bools | None = None,
    kurtosis: Kurtosis | None = None,
) -> Graph:
    """Learn a graph from moments.

    Parameters
    ----------
    moments : GraphMoments
    task : GraphTask
    acts_on : (E, p) array of bool, optional
        On which variables each environment acts, where that is known.
    kurtosis : callable, optional
        What tells the noises' kurtosis from rows; noises are normal if not given.

    Notes
    -----
    A variance estimated from n rows has variance (kurtosis - 1) / n times its square, against 2 / n
    of a normal variable: so the likelihood of equal noises counts 2 / (kurtosis - 1) as much, and
    never more than once. The kurtosis is that of a first graph's residuals.
    """
    p = moments.n_variables
    known = _known(moments, acts_on)
    noise = task.invariance == "coefficients and noise"
    price, found = prices(task.level, p + 3), np.full(p, 3.0)
    temper = np.ones(p) if noise else np.zeros(p)
    costs = Costs(moments=moments, price=price, temper=temper, known=known)
    search, adjacency, best = _search(costs, task)
    if noise and kurtosis is not None:
        for _ in range(_ROUNDS):
            found = kurtosis(_coefficients(moments, adjacency, costs.kinds(adjacency)))
            costs = replace(costs, temper=np.minimum(1.0, 2.0 / np.maximum(found - 1.0, 1e-6)))
            search, adjacency, best = _search(costs, task, search)
    kinds = costs.kinds(adjacency)
    # what only a few environments share is a coincidence of theirs, and no mechanism
    refused = 2 * (kinds == SHARED).sum(axis=0) < len(kinds)
    edges = tuple(
        _edge(int(i), int(j), search, best, costs, adjacency, kinds, task)
        for j, i in np.argwhere(adjacency.T & ~refused[:, None])
    )
    told, left_open = np.zeros((p, p), dtype=bool), np.zeros((p, p), dtype=bool)
    for edge in edges:
        i, j = edge.cause, edge.effect
        told[i, j] = edge.directed
        left_open[i, j] = left_open[j, i] = not edge.directed
    return Graph(
        adjacency=told,
        undirected=left_open,
        edges=edges,
        acts_on=kinds != SHARED,
        refused=refused,
        kurtosis=found,
    )


def _known(moments: GraphMoments, acts_on: Bools | None) -> Ints:
    """Return what is known of each environment and variable, (E, p)."""
    p, E = moments.n_variables, len(moments.count)
    known = np.full((E, p), FREE, dtype=np.intp)
    if acts_on is not None:
        known = np.where(acts_on, ACTED, STAYS).astype(np.intp)
    # a variable that is held at one value has lost its mechanism
    level = moments.products[:, :p, p] if moments.products.shape[1] > p else np.zeros((E, p))
    spread = np.einsum("ejj->ej", moments.products[:, :p, :p]) - level**2
    known[spread <= _HELD] = ACTED
    return known


def _search(
    costs: Costs, task: GraphTask, before: ExactSearch | OrderSearch | None = None
) -> tuple[ExactSearch | OrderSearch, Bools, float]:
    """Search for the best graph, where many are tried from what was found before."""
    search: ExactSearch | OrderSearch
    if costs.n_variables <= task.exact_up_to:
        search = ExactSearch(costs)
    else:
        start = before.order if isinstance(before, OrderSearch) else None
        search = OrderSearch(costs, restarts=task.restarts, seed=task.seed, start=start)
    adjacency, cost = search.best()
    return search, adjacency, cost


def _edge(
    i: int,
    j: int,
    search: ExactSearch | OrderSearch,
    best: float,
    costs: Costs,
    adjacency: Bools,
    kinds: Ints,
    task: GraphTask,
) -> Edge:
    """Describe the edge from i to j of the best graph."""
    direction = search.turned(i, j) - best
    parents = np.flatnonzero(adjacency[:, j])
    coef, cov = shared_fit(costs.moments, j, parents, kinds[:, j])
    at = parents.searchsorted(i)
    unit = costs.moments.scale[j] / costs.moments.scale[i]
    half = norm.isf(0.025) * np.sqrt(cov[at, at])
    return Edge(
        cause=i,
        effect=j,
        directed=bool(direction >= np.log(task.odds)),
        coef=float(coef[at] * unit),
        low=float((coef[at] - half) * unit),
        high=float((coef[at] + half) * unit),
        log_odds_edge=max(0.0, search.parted(i, j) - best),
        log_odds_direction=max(0.0, direction),
    )


def shared_fit(moments: GraphMoments, j: int, parents: Ints, kinds: Ints) -> tuple[Floats, Floats]:
    """Return the shared effects of parents on variable j, and their covariance.

    Weighted least squares over the environments of kind SHARED, each with its own noise variance.
    """
    columns, inside = moments.columns(parents.tolist()), np.flatnonzero(kinds == SHARED)
    if not columns.size:
        return np.empty(0), np.empty((0, 0))
    gram = moments.products[np.ix_(inside, columns, columns)]
    cross = moments.products[np.ix_(inside, columns)][:, :, j]
    power, weights = moments.products[inside, j, j], moments.count[inside]
    # the first round weighs environments by their rows alone
    for _ in range(3):
        inverse, _ = pseudo_inverses(np.tensordot(weights, gram, 1))
        coef = inverse @ np.tensordot(weights, cross, 1)
        left = power - 2 * cross @ coef + np.einsum("a,eab,b->e", coef, gram, coef)
        weights = moments.count[inside] / np.maximum(left, 1e-300)
    return coef, pseudo_inverses(np.tensordot(weights, gram, 1))[0]


def _coefficients(moments: GraphMoments, adjacency: Bools, kinds: Ints) -> Floats:
    """Return what each environment's variables owe to one another, in their own units."""
    E, p = kinds.shape
    found = np.zeros((E, p, p))
    for j in range(p):
        parents = np.flatnonzero(adjacency[:, j])
        shared = shared_fit(moments, j, parents, kinds[:, j])[0][: parents.size]
        unit = moments.scale[j] / moments.scale[parents]
        for e in range(E):
            own = shared
            if kinds[e, j] == CUT:
                own = np.zeros(parents.size)
            elif kinds[e, j] == OWN:
                columns = moments.columns(parents.tolist())
                gram = moments.products[e][np.ix_(columns, columns)]
                own = pseudo_inverses(gram)[0] @ moments.products[e, columns, j]
            found[e, parents, j] = own[: parents.size] * unit
    return found
