"""Linear causal models whose nodes have few parents: many columns in little memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elinvar._base._check import generator
from elinvar.datasets._known import (
    Floats,
    KnownAnswer,
    Rng,
    Sample,
    check_counts,
    check_positive,
    numbered,
)
from elinvar.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """One environment: scale and mean of every node's noise, factors on its edges, who is cut."""

    scale: Floats
    shift: Floats
    factors: Sequence[Floats] | None = None
    cut: NDArray[np.bool_] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class SparseModel:
    """Nodes in causal order, each the weighted sum of its parents and noise."""

    parents: Sequence[NDArray[np.intp]]
    weights: Sequence[Floats]
    target: int
    order: NDArray[np.intp]  # (p,) the node behind each column

    @property
    def coef(self) -> Floats:
        """Effects of the columns on the target."""
        effects = np.zeros(len(self.parents))
        effects[self.parents[self.target]] = self.weights[self.target]
        coef: Floats = effects[self.order]
        return coef

    @property
    def children(self) -> NDArray[np.intp]:
        """Nodes that the target acts on."""
        return np.flatnonzero([self.target in parents for parents in self.parents])

    def nodes(self, n: int, change: Change, rng: np.random.Generator) -> Floats:
        """Draw ``n`` rows of all nodes, one node a row of the result."""
        values = rng.standard_normal((len(self.parents), n))
        values *= change.scale[:, None]
        values += change.shift[:, None]
        for node, parents in enumerate(self.parents):
            if parents.size and not (change.cut is not None and change.cut[node]):
                factors = 1.0 if change.factors is None else change.factors[node]
                values[node] += (self.weights[node] * factors) @ values[parents]
        return values

    def sample(
        self, n: int, changes: Sequence[Change], prefix: str, rng: np.random.Generator
    ) -> Sample:
        """Draw ``n`` rows of each environment into one array, without a second copy of it."""
        # rows of each environment go straight into their place: with 2,000 columns a second copy
        # of X would not fit everywhere
        X = np.empty((n * len(changes), self.order.size))
        y = np.empty(len(X))
        for e, change in enumerate(changes):
            values, rows = self.nodes(n, change, rng), slice(e * n, (e + 1) * n)
            y[rows] = values[self.target]
            X[rows] = values[self.order].T
        names = np.array([f"{prefix}{e}" for e in range(len(changes))])
        return Sample(X, y, np.repeat(names, n))


def signed(n: int, rng: np.random.Generator) -> Floats:
    """Draw ``n`` coefficients from ±U(.5, 1.5)."""
    drawn: Floats = rng.uniform(0.5, 1.5, n) * rng.choice([-1.0, 1.0], n)
    return drawn


def make_sparse_linear(
    *,
    n_features: int = 500,
    n_environments: int = 10,
    n_samples: int = 1000,
    n_parents: int = 5,
    n_children: int = 5,
    in_degree: int = 2,
    noise_spread: float = 0.6,
    edge_spread: float = 1.0,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw a linear causal model with very many columns, of which few are the target's parents.

    The target stands in the middle of the causal order and has ``n_parents`` parents, with
    coefficients :math:`\pm U(.5, 1.5)`, and ``n_children`` children; every other node has
    ``in_degree`` parents (fewer only where fewer nodes come before it) among all nodes before it.
    Their coefficients are :math:`\pm U(.5, 1.5)/\sqrt{2k}`, with k the number of the node's
    parents, which keeps variances moderate under interventions. These are as in
    `make_random_linear`: in environment :math:`e` every node but the target has its coefficients
    multiplied by :math:`1 +` ``edge_spread`` :math:`\cdot\,N(0, 1)` and its noise by
    :math:`\exp(` ``noise_spread`` :math:`\cdot\,N(0, 1))`.

    Parameters
    ----------
    n_features : int, at least 2
        Columns of ``X``.
    n_environments : int, at least 1
        Environments in the training data.
    n_samples : int, at least 2
        Rows an environment.
    n_parents, n_children : int, at least 1
        Parents and children of the target; each at most half the features.
    in_degree : int, at least 1
        Parents of every other node.
    noise_spread : float, at least 0
        Standard deviation of the logarithm of a node's noise scale.
    edge_spread : float, at least 0
        Standard deviation of the factor on each incoming coefficient.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        ``new_environments`` draws new interventions. Beyond ``X`` itself (8 bytes a number) memory
        is held for the rows of one environment only.

    Raises
    ------
    DataError
        If a parameter is outside its range.

    References
    ----------
    This library's own yardstick.

    Examples
    --------
    >>> make_sparse_linear(n_samples=50, rng=0)
    KnownAnswer(sparse linear model: 500 rows, 500 features, 10 environments, 5 invariant)
    """
    check_counts(n_features=n_features, n_samples=n_samples)
    check_counts(
        minimum=1,
        n_environments=n_environments,
        n_parents=n_parents,
        n_children=n_children,
        in_degree=in_degree,
    )
    check_positive(noise_spread=noise_spread, edge_spread=edge_spread)
    if max(n_parents, n_children) > n_features // 2:
        raise DataError(
            f"n_parents is {n_parents} and n_children is {n_children}; with {n_features} features "
            f"each can be at most {n_features // 2}."
        )
    rng = generator(rng)
    model = _draw_model(n_features + 1, n_parents, n_children, in_degree, rng)

    def changes(k: int, rng: np.random.Generator) -> list[Change]:
        return [_change(model, noise_spread, edge_spread, rng) for _ in range(k)]

    def new(n: int, rng: np.random.Generator, k: int | None) -> Sample:
        return model.sample(n, changes(k or n_environments, rng), "new", rng)

    sample = model.sample(n_samples, changes(n_environments, rng), "E", rng)
    changing = noise_spread > 0 or edge_spread > 0
    return KnownAnswer(
        name="sparse linear model",
        **sample._asdict(),
        feature_names=numbered("x", n_features),
        coef=model.coef,
        support=model.coef != 0,
        invariance="columns" if changing else "everything",
        identified=changing and n_environments > 1,
        risk=1.0 if changing else None,
        _draw=new,
        _oracle=(lambda X: X @ model.coef) if changing else None,
    )


def _change(
    model: SparseModel, noise_spread: float, edge_spread: float, rng: np.random.Generator
) -> Change:
    scale = np.exp(noise_spread * rng.standard_normal(len(model.parents)))
    factors = [1 + edge_spread * rng.standard_normal(parents.size) for parents in model.parents]
    scale[model.target] = 1.0
    factors[model.target] = np.ones(model.parents[model.target].size)
    return Change(scale=scale, shift=np.zeros(scale.size), factors=factors)


def _draw_model(
    n_nodes: int, n_parents: int, n_children: int, in_degree: int, rng: np.random.Generator
) -> SparseModel:
    target = n_nodes // 2
    children = set(target + 1 + rng.choice(n_nodes - target - 1, n_children, replace=False))
    parents, weights = [], []
    for node in range(n_nodes):
        if node == target:
            parents.append(rng.choice(target, n_parents, replace=False))
            weights.append(signed(n_parents, rng))
            continue
        before = np.delete(np.arange(node), target) if node > target else np.arange(node)
        own = rng.choice(before, min(in_degree, before.size), replace=False)
        if node in children:
            own = np.append(own[: in_degree - 1], target)
        parents.append(own)
        # over sqrt(2k), k parents: variances stay moderate down a long causal order
        weights.append(signed(own.size, rng) / np.sqrt(2 * max(own.size, 1)))
    return SparseModel(
        parents=parents,
        weights=weights,
        target=target,
        order=rng.permutation(np.delete(np.arange(n_nodes), target)),
    )
