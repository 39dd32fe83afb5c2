"""Random linear causal models, in which the target's parents are what holds everywhere."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base._check import check_choice, generator
from elinvar.datasets._known import (
    Floats,
    Invariance,
    KnownAnswer,
    Labelled,
    Rng,
    check_counts,
    check_positive,
    check_share,
    drawn_anew,
    numbered,
    stack,
)
from elinvar.errors import DataError

Broken = Literal["target", "confounder", "fixed_confounder"]
BROKEN: Final = ("target", "confounder", "fixed_confounder")


@dataclass(frozen=True, kw_only=True)
class _Interventions:
    """What may change between environments, and how much; 0 switches a kind off."""

    noise_spread: float
    edge_spread: float
    shift_spread: float
    do_share: float
    broken: Broken | None
    measurement_error: float
    reverse: bool

    @property
    def invariance(self) -> Invariance:
        levels = self.shift_spread or self.do_share
        if self.broken in ("target", "confounder"):
            return "none"
        if not (self.noise_spread or self.edge_spread or levels or self.reverse):
            return "everything"
        if self.broken or self.measurement_error:
            return "none" if levels else "trivial"
        return "columns"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Change:
    """One environment: every node's noise scale, shift and incoming coefficients."""

    scale: Floats
    edges: Floats
    shift: Floats
    cut: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Graph:
    """A linear model on nodes in causal order."""

    edges: Floats  # (p + 1, p + 1); edges[i, k] is the effect of node k < i on node i
    target: int
    order: NDArray[np.intp]  # (p,) the node behind each column

    @property
    def coef(self) -> Floats:
        """Effects of the columns on the target."""
        return np.asarray(self.edges[self.target, self.order])

    def change(self, law: _Interventions, rng: np.random.Generator) -> _Change:
        """Draw a new environment."""
        n_nodes = len(self.edges)
        scale = np.exp(law.noise_spread * rng.standard_normal(n_nodes))
        edges = self.edges * (1 + law.edge_spread * rng.standard_normal(self.edges.shape))
        # what was added later draws nothing while it is off, so that seeds keep their data
        shift, cut = np.zeros(n_nodes), np.zeros(n_nodes, dtype=bool)
        if law.shift_spread:
            shift = law.shift_spread * rng.standard_normal(n_nodes)
        if law.do_share:
            cut = rng.random(n_nodes) < law.do_share
            shift = np.where(cut, rng.standard_normal(n_nodes), shift)
        # invariance: the target's own mechanism stays, in every environment and intervention
        if law.broken != "target":
            scale[self.target], shift[self.target], cut[self.target] = 1.0, 0.0, False
            edges[self.target] = self.edges[self.target]
        edges[cut] = 0.0
        return _Change(scale=scale, edges=edges, shift=shift, cut=cut)

    def sample(
        self,
        n: int,
        change: _Change,
        law: _Interventions,
        rng: np.random.Generator,
        *,
        reverse: bool = False,
    ) -> Labelled:
        """Draw ``n`` rows of an environment; ``reverse`` turns the target's effects round."""
        edges = change.edges.copy()
        if reverse:
            edges[:, self.target] *= -1
        # noise first, then each node adds its parents, in causal order
        values = change.scale[:, None] * rng.standard_normal((len(edges), n))
        values += change.shift[:, None]
        if law.broken == "target":
            values[self.target] += rng.standard_normal()
        elif law.broken == "confounder":
            shift, scale = rng.standard_normal(), np.exp(law.noise_spread * rng.standard_normal())
            touched = np.arange(len(edges)) % 2 == self.target % 2
            values += touched[:, None] * (shift + scale * rng.standard_normal(n))
        elif law.broken == "fixed_confounder":
            values += self._family[:, None] * rng.standard_normal(n)
        for node in range(len(edges)):
            values[node] += edges[node, :node] @ values[:node]
        X, y = values[self.order].T.copy(), values[self.target].copy()
        if law.measurement_error:
            X += law.measurement_error * rng.standard_normal(X.shape)
        return X, y

    @property
    def _family(self) -> Floats:
        """1 for the target and its parents."""
        family: Floats = (self.edges[self.target] != 0).astype(float)
        family[self.target] = 1.0
        return family

    def tells(self, changes: list[_Change], law: _Interventions) -> bool:
        """Whether the mechanism of each child of the target differs between the environments."""
        if law.noise_spread or law.edge_spread or law.shift_spread:
            return len(changes) > 1
        # only cuts differ: a child cut everywhere or nowhere has one mechanism in all environments
        cut = np.array([change.cut for change in changes])[:, self.edges[:, self.target] != 0]
        return bool((cut.any(axis=0) & ~cut.all(axis=0)).all())

    def best_everywhere(self, law: _Interventions) -> tuple[Floats, float]:
        """Coefficients and mean squared error of the best prediction from all columns.

        With B the edges and N the covariance of the noises, that of the nodes is
        (I - B)^-1 N (I - B)^-T.
        """
        noise = np.eye(len(self.edges))
        if law.broken == "fixed_confounder":
            noise += np.outer(self._family, self._family)
        mixing = np.linalg.inv(np.eye(len(self.edges)) - self.edges)
        cov = mixing @ noise @ mixing.T
        cross = cov[self.order, self.target]
        gram = cov[np.ix_(self.order, self.order)]
        gram = gram + law.measurement_error**2 * np.eye(len(gram))
        coef = np.linalg.solve(gram, cross)
        return coef, float(cov[self.target, self.target] - cross @ coef)


def make_random_linear(
    *,
    n_features: int = 20,
    n_environments: int = 5,
    n_samples: int = 2000,
    in_degree: float = 3.0,
    noise_spread: float = 0.6,
    edge_spread: float = 1.0,
    shift_spread: float = 0.0,
    do_share: float = 0.0,
    reverse_spurious: bool = False,
    broken: Broken | None = None,
    measurement_error: float = 0.0,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw a random linear causal model, seen in environments that change all but the target.

    A random acyclic graph on ``n_features + 1`` nodes: every pair is joined with the probability
    that gives ``in_degree`` parents on average, by a coefficient :math:`b_{ik} = \pm U(.5, 1.5)`.
    The target stands in the middle of the causal order and has at least one parent and one child.
    In environment :math:`e`

    .. math::
        x_i = \sum_k b_{ik} (1 + \omega_{eik}) x_k + \mu_{ei} + s_{ei} N(0, 1),

    with :math:`\omega \sim` ``edge_spread`` :math:`N(0, 1)`, :math:`\log s \sim`
    ``noise_spread`` :math:`N(0, 1)` and :math:`\mu \sim` ``shift_spread`` :math:`N(0, 1)`; but the
    target has :math:`\omega = \mu = 0` and :math:`s = 1`. Columns come in random order. With all
    four kinds of intervention off there is no heterogeneity.

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
    shift_spread : float, at least 0
        Standard deviation of a node's shift.
    do_share : float, 0 to 1
        Probability that an environment cuts a node off from its causes, and sets its level by
        N(0, 1).
    reverse_spurious : bool
        In new environments the target's effects on its children also change sign.
    broken : {"target", "confounder", "fixed_confounder"}, optional
        Break invariance, so that no set of features has the same effects everywhere. "target": the
        target is intervened on like the others, and shifts by :math:`N(0, 1)`.
        "confounder": a hidden cause, :math:`N(0, 1)` in level and with a scale like the noises', is
        added to the target and every other node. "fixed_confounder": a hidden :math:`N(0, 1)`, the
        same in law everywhere, is added to the target and its parents; methods that use
        environments as instruments can cope with it. ``coef`` and ``support`` then are those of the
        mechanism before the intervention, or given the hidden cause.
    measurement_error : float, at least 0
        Standard deviation of independent errors added to all columns of ``X``; above 0 it breaks
        invariance, since slopes shrink by more where a feature varies less. Where no level changes,
        this and a fixed confounder leave trivial sets invariant: see `KnownAnswer`.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        ``support`` marks the target's parents; ``new_environments`` draws new interventions in the
        same graph. Without heterogeneity the oracle uses all columns, and so beats the parents.

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
    check_positive(noise_spread=noise_spread, edge_spread=edge_spread, shift_spread=shift_spread)
    check_positive(measurement_error=measurement_error)
    check_share(do_share=do_share)
    if not 0 < in_degree <= n_features / 2:
        raise DataError(
            f"in_degree is {in_degree!r}; with {n_features} features it must be above 0 and "
            f"at most {n_features / 2:g}."
        )
    if broken is not None:
        check_choice("broken", broken, BROKEN)
    law = _Interventions(
        noise_spread=noise_spread,
        edge_spread=edge_spread,
        shift_spread=shift_spread,
        do_share=do_share,
        broken=broken,
        measurement_error=measurement_error,
        reverse=reverse_spurious,
    )
    rng = generator(rng)
    graph = _draw_graph(n_features, in_degree, rng)
    changes, parts = [], []
    for _ in range(n_environments):
        changes.append(graph.change(law, rng))
        parts.append(graph.sample(n_samples, changes[-1], law, rng))

    def unseen(n: int, rng: np.random.Generator) -> Labelled:
        return graph.sample(n, graph.change(law, rng), law, rng, reverse=reverse_spurious)

    sample = stack(parts, "E")
    invariance = law.invariance
    best, risk = graph.best_everywhere(law) if invariance == "everything" else (graph.coef, 1.0)
    known = invariance in ("columns", "everything")
    return KnownAnswer(
        name=_name(law),
        **sample._asdict(),
        feature_names=numbered("x", n_features),
        coef=graph.coef,
        support=graph.coef != 0,
        invariance=invariance,
        identified=invariance == "columns" and graph.tells(changes, law),
        risk=risk if known else None,
        _draw=drawn_anew(unseen, n_environments),
        _oracle=(lambda X: X @ best) if known else None,
    )


def _name(law: _Interventions) -> str:
    parts = [
        "random linear model",
        "reversed" if law.reverse else "",
        f"broken by the {law.broken.replace('_', ' ')}" if law.broken else "",
        "measured with error" if law.measurement_error else "",
    ]
    return ", ".join(part for part in parts if part)


def _draw_graph(n_features: int, in_degree: float, rng: np.random.Generator) -> _Graph:
    """Draw graphs until the target has a parent and a child."""
    n_nodes = n_features + 1
    target = n_nodes // 2
    below = np.tri(n_nodes, k=-1, dtype=bool)
    while True:
        # p / 2 nodes come before a node on average: so joined, in_degree of them are its parents
        joined = below & (rng.random((n_nodes, n_nodes)) < 2 * in_degree / n_features)
        if joined[target].any() and joined[:, target].any():
            break
    size = rng.uniform(0.5, 1.5, joined.shape) * rng.choice([-1.0, 1.0], joined.shape)
    return _Graph(
        edges=np.where(joined, size, 0.0),
        target=target,
        order=rng.permutation(np.delete(np.arange(n_nodes), target)),
    )
