"""Random linear causal models, in which the target's parents are what holds everywhere."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base import DataError
from elinvar.datasets._known import (
    KnownAnswer,
    Rng,
    Sample,
    check_counts,
    check_positive,
    stack,
)

Broken = Literal["target", "confounder"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Graph:
    """A linear model on nodes in causal order, and how environments change it."""

    edges: NDArray[np.float64]  # (p + 1, p + 1); edges[i, k] is the effect of node k < i on node i
    target: int
    order: NDArray[np.intp]  # (p,) the node behind each column
    noise_spread: float
    edge_spread: float
    broken: Broken | None

    def sample(
        self, n: int, rng: np.random.Generator, *, reverse: bool = False
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Draw ``n`` rows of one new environment; ``reverse`` turns the target's effects round."""
        n_nodes = len(self.edges)
        scale = np.exp(self.noise_spread * rng.standard_normal(n_nodes))
        edges = self.edges * (1 + self.edge_spread * rng.standard_normal(self.edges.shape))
        if self.broken != "target":
            scale[self.target] = 1.0
            edges[self.target] = self.edges[self.target]
        if reverse:
            edges[:, self.target] *= -1
        values = scale[:, None] * rng.standard_normal((n_nodes, n))
        if self.broken == "target":
            values[self.target] += rng.standard_normal()
        elif self.broken == "confounder":
            values += self._hidden(n, rng)
        for node in range(n_nodes):
            values[node] += edges[node, :node] @ values[:node]
        return values[self.order].T.copy(), values[self.target].copy()

    def _hidden(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw what a hidden cause adds to every other node, the target too; its law changes."""
        shift, scale = rng.standard_normal(), np.exp(self.noise_spread * rng.standard_normal())
        touched = np.arange(len(self.edges)) % 2 == self.target % 2
        hidden: NDArray[np.float64] = touched[:, None] * (shift + scale * rng.standard_normal(n))
        return hidden


def make_random_linear(
    *,
    n_features: int = 20,
    n_environments: int = 5,
    n_samples: int = 2000,
    in_degree: float = 3.0,
    noise_spread: float = 0.6,
    edge_spread: float = 1.0,
    reverse_spurious: bool = False,
    broken: Broken | None = None,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw a random linear causal model, seen in environments that change all but the target.

    A random acyclic graph on ``n_features + 1`` nodes: every pair is joined with the probability
    that gives ``in_degree`` parents on average, by a coefficient :math:`\pm U(.5, 1.5)`. The target
    stands in the middle of the causal order and has at least one parent and one child. In each
    environment every node but the target is intervened on: its noise gets the scale
    :math:`\exp(` ``noise_spread`` :math:`\cdot\, N(0, 1))`, and each of its incoming coefficients
    is multiplied by :math:`1 +` ``edge_spread`` :math:`\cdot\, N(0, 1)`. The target is the sum of
    its parents with fixed coefficients and :math:`N(0, 1)` noise. Columns come in random order.

    Parameters
    ----------
    n_features : int, at least 2
        Columns of ``X``.
    n_environments : int, at least 1
        Environments in the training data.
    n_samples : int, at least 2
        Rows an environment.
    in_degree : float, above 0
        Expected parents a node; at most ``n_features / 2``, which joins every pair.
    noise_spread : float, at least 0
        Standard deviation of the logarithm of a node's noise scale.
    edge_spread : float, at least 0
        Standard deviation of the factor on each incoming coefficient.
    reverse_spurious : bool
        In new environments the target's effects on its children also change sign.
    broken : {"target", "confounder"}, optional
        Break invariance, so that no set of features has the same effects everywhere. "target": the
        target is intervened on like the others, and its level shifts by :math:`N(0, 1)`.
        "confounder": a hidden cause, :math:`N(0, 1)` in level and with a scale like the noises', is
        added to the target and every other node. ``coef`` and ``support`` then are those of the
        mechanism before the intervention, or given the hidden cause.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        ``support`` marks the target's parents; ``new_environments`` draws new interventions in the
        same graph.

    Raises
    ------
    DataError
        If a parameter is outside its range.

    References
    ----------
    This library's own yardstick; the invariance of a target given its parents is that of J. Peters,
    P. Bühlmann, N. Meinshausen, "Causal inference by using invariant prediction", JRSS B 78 (2016).

    Examples
    --------
    >>> make_random_linear(n_features=6, n_samples=100, in_degree=2, rng=0)
    KnownAnswer(random linear model: 500 rows, 6 features, 5 environments, 2 invariant)
    """
    check_counts(n_features=n_features, n_samples=n_samples)
    check_counts(minimum=1, n_environments=n_environments)
    check_positive(noise_spread=noise_spread, edge_spread=edge_spread)
    if not 0 < in_degree <= n_features / 2:
        raise DataError(
            f"in_degree is {in_degree!r}; with {n_features} features it must be above 0 and "
            f"at most {n_features / 2:g}."
        )
    if broken not in (None, "target", "confounder"):
        raise DataError(f"broken is {broken!r}; it must be 'target', 'confounder' or None.")
    rng = np.random.default_rng(rng)
    graph = _draw_graph(n_features, in_degree, noise_spread, edge_spread, broken, rng)
    sample = stack([graph.sample(n_samples, rng) for _ in range(n_environments)], "E")

    def new(n: int, rng: np.random.Generator, k: int | None) -> Sample:
        parts = [graph.sample(n, rng, reverse=reverse_spurious) for _ in range(k or n_environments)]
        return stack(parts, "new")

    coef = graph.edges[graph.target, graph.order]
    return KnownAnswer(
        name="random linear model"
        + (", reversed" if reverse_spurious else "")
        + (f", broken by the {broken}" if broken else ""),
        X=sample.X,
        y=sample.y,
        environments=sample.environments,
        feature_names=tuple(f"x{j}" for j in range(1, n_features + 1)),
        coef=coef,
        support=coef != 0,
        _draw=new,
    )


def _draw_graph(
    n_features: int,
    in_degree: float,
    noise_spread: float,
    edge_spread: float,
    broken: Broken | None,
    rng: np.random.Generator,
) -> _Graph:
    """Draw graphs until the target has a parent and a child."""
    n_nodes = n_features + 1
    target = n_nodes // 2
    below = np.tri(n_nodes, k=-1, dtype=bool)
    while True:
        joined = below & (rng.random((n_nodes, n_nodes)) < 2 * in_degree / n_features)
        if joined[target].any() and joined[:, target].any():
            break
    size = rng.uniform(0.5, 1.5, joined.shape) * rng.choice([-1.0, 1.0], joined.shape)
    return _Graph(
        edges=np.where(joined, size, 0.0),
        target=target,
        order=rng.permutation(np.delete(np.arange(n_nodes), target)),
        noise_spread=noise_spread,
        edge_spread=edge_spread,
        broken=broken,
    )
