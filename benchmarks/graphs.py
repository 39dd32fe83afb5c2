"""Causal graphs from environments that act on unknown variables: InvariantGraph and its peers.

    python benchmarks/graphs.py [--only p8 p15 p30 kinds environments peers sachs] [--quick]

Random linear graphs (`make_random_graph`), seeds 0, 1, ...; thresholds and suites were written
before these seeds were drawn. The distance (SHD) counts the pairs that are joined otherwise than in
truth; an edge without a direction counts as one. UT-IGSP is told which environment nothing acts in.
A peer that is not installed (extra ``graphs``) is left out, with a word.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from io import StringIO
from itertools import product
from typing import Any

import numpy as np

from _table import Row, Suite, at_least, at_most, parser, run
from elinvar import InvariantGraph
from elinvar.datasets import KnownGraph, load_sachs, make_random_graph
from elinvar.errors import MissingExtraError

Bools = np.ndarray
Found = tuple[Bools, Bools, Bools | None]
"""Directed edges, undirected ones (symmetric), and on what environments act, if that is told."""

ACTIONS, NOISES = ("hard", "soft", "noise"), ("gaussian", "laplace", "uniform", "exponential")


@dataclass
class Score:
    """Sums over graphs."""

    distance: list[int] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    claimed: int = 0
    wrong: int = 0
    acts: np.ndarray = field(default_factory=lambda: np.zeros(3))

    def add(self, found: Found, data: KnownGraph, seconds: float) -> None:
        directed, loose, acts_on = found
        true = data.adjacency
        self.distance.append(distance(directed | loose, true))
        self.empty.append(int(true.sum()))
        self.seconds.append(seconds)
        self.claimed += int(directed.sum() + np.triu(loose).sum())
        self.wrong += int((directed & ~true).sum() + np.triu(loose & ~(true | true.T)).sum())
        if acts_on is not None:
            hit = (acts_on & data.acts_on).sum()
            self.acts += [hit, acts_on.sum(), data.acts_on.sum()]

    @property
    def shd(self) -> float:
        return float(np.mean(self.distance))

    @property
    def share_wrong(self) -> float:
        return self.wrong / max(self.claimed, 1)

    def __str__(self) -> str:
        words = f"wrong {100 * self.share_wrong:.1f}% of {self.claimed}"
        if self.acts[2]:
            precision, recall = self.acts[0] / max(self.acts[1], 1), self.acts[0] / self.acts[2]
            words += f"; acts {precision:.2f} / {recall:.2f}"
        return f"{words}; {np.mean(self.seconds):.2f} s, at most {max(self.seconds):.2f}"


def distance(found: Bools, true: Bools) -> int:
    """Count the pairs that are joined otherwise."""
    return int(np.triu((found != true) | (found.T != true.T)).sum())


def ours(data: KnownGraph, **options: Any) -> Found:
    model = InvariantGraph(**options).fit(data.X, environments=data.environments)
    labels = dict.fromkeys(data.environments)
    return model.adjacency_, model.undirected_, model.acts_on_.loc[list(labels)].to_numpy()


def told(data: KnownGraph) -> Found:
    """InvariantGraph that is given the targets."""
    acts_on = {f"E{e}": np.flatnonzero(row).tolist() for e, row in enumerate(data.acts_on)}
    return (*ours(data, acts_on=acts_on)[:2], None)


def split(both: np.ndarray) -> Found:
    """Take apart an adjacency that has undirected edges in both directions."""
    edges = both != 0
    return edges & ~edges.T, edges & edges.T, None


def parts(data: KnownGraph) -> list[np.ndarray]:
    return [data.X[data.environments == e] for e in dict.fromkeys(data.environments)]


def gies(data: KnownGraph) -> Found:
    import gies

    targets = [np.flatnonzero(row).tolist() for row in data.acts_on]
    return split(gies.fit_bic(parts(data), targets)[0])


def ges(data: KnownGraph) -> Found:
    import ges

    return split(ges.fit_bic(data.X)[0])


def cd_nod(data: KnownGraph) -> Found:
    from causallearn.search.ConstraintBased.CDNOD import cdnod

    number = np.unique(data.environments, return_inverse=True)[1].astype(float)
    with redirect_stderr(StringIO()):  # it draws bars, asked or not
        graph = cdnod(data.X, number[:, None], alpha=0.01, show_progress=False).G.graph
    ends = graph[:-1, :-1]  # the last node is the environment
    arrow = (ends == -1) & (ends.T == 1)
    return arrow, (ends == -1) & (ends.T == -1), None


def lingam(data: KnownGraph) -> Found:
    import lingam

    model = lingam.DirectLiNGAM()
    model.fit(data.X)
    return split(model.adjacency_matrix_.T)


def ut_igsp(data: KnownGraph) -> Found:
    from causaldag import (
        MemoizedCI_Tester,
        MemoizedInvarianceTester,
        gauss_invariance_suffstat,
        gauss_invariance_test,
        partial_correlation_suffstat,
        partial_correlation_test,
        unknown_target_igsp,
    )

    first, *others = parts(data)
    nodes = set(range(data.X.shape[1]))
    independent = MemoizedCI_Tester(
        partial_correlation_test, partial_correlation_suffstat(first), alpha=1e-3
    )
    invariant = MemoizedInvarianceTester(
        gauss_invariance_test, gauss_invariance_suffstat(first, others), alpha=1e-3
    )
    settings = [{"known_interventions": []} for _ in others]
    dag, targets = unknown_target_igsp(settings, nodes, independent, invariant)
    adjacency = dag.to_amat(node_list=sorted(nodes))[0] != 0
    acts_on = np.zeros_like(data.acts_on)
    for e, those in enumerate(targets, 1):
        acts_on[e, list(those)] = True
    return adjacency, np.zeros_like(adjacency), acts_on


Method = Callable[[KnownGraph], Found]

PEERS: dict[str, Method] = {
    "GIES, targets known": gies,
    "UT-IGSP": ut_igsp,
    "CD-NOD": cd_nod,
    "GES, pooled": ges,
    "DirectLiNGAM, pooled": lingam,
}


def score(method: Method, seeds: int, **settings: Any) -> Score:
    found = Score()
    for seed in range(seeds):
        data = make_random_graph(**settings, rng=seed)
        start = time.process_time()
        answer = method(data)
        found.add(answer, data, time.process_time() - start)
    return found


def judged(name: str, found: Score, shd: float, wrong: float = 0.05) -> Iterator[Row]:
    reference = f"empty graph {np.mean(found.empty):.1f}; {found}"
    yield at_most(f"{name}: SHD", found.shd, shd, digits=2, reference=reference)
    yield at_most(f"{name}: share of claimed edges that are wrong", found.share_wrong, wrong)


def p8(options: Namespace) -> Iterator[Row]:
    """8 variables, 9 environments of 500 rows, one variable each: the targets of the project."""
    seeds, total = 5 if options.quick else 50, np.zeros(3)
    for action in ACTIONS:
        found = score(ours, seeds, action=action)
        yield from judged(f"p = 8, {action}", found, 1.0)
        yield at_most(
            f"p = 8, {action}, targets known: SHD", score(told, seeds, action=action).shd, 0.2
        )
        if action != "noise":
            total += found.acts
        yield at_most(f"p = 8, {action}: seconds", max(found.seconds), 2.0)
    yield at_least("p = 8, hard and soft: precision of acts_on_", total[0] / total[1], 0.95)
    yield at_least("p = 8, hard and soft: recall of acts_on_", total[0] / total[2], 0.85)


def p15(options: Namespace) -> Iterator[Row]:
    """15 variables, two targets an environment, sparse and dense."""
    seeds = 2 if options.quick else 15
    for action, degree in product(ACTIONS, (1.0, 2.0)):
        settings = {"n_variables": 15, "n_targets": 2, "action": action, "in_degree": degree}
        found = score(ours, seeds, **settings)
        yield from judged(f"p = 15, {action}, {degree:g} parents", found, 2.0)


def p30(options: Namespace) -> Iterator[Row]:
    """30 variables, 20 environments, three targets each."""
    for action in ACTIONS:
        found = score(
            ours,
            1 if options.quick else 8,
            n_variables=30,
            n_environments=20,
            n_targets=3,
            action=action,
        )
        yield from judged(f"p = 30, {action}", found, 3.0)
        yield at_most(f"p = 30, {action}: seconds", max(found.seconds), 60.0, digits=1)


def kinds(options: Namespace) -> Iterator[Row]:
    """Laws of the noise, and fewer rows."""
    seeds = 3 if options.quick else 20
    for action, noise in product(ACTIONS, NOISES[1:]):
        found = score(ours, seeds, action=action, noise=noise)
        yield from judged(f"p = 8, {action}, {noise}", found, 1.0)
    for action in ACTIONS:
        found = score(ours, seeds, action=action, n_samples=100)
        yield from judged(f"p = 8, {action}, 100 rows an environment", found, 1.5)


def environments(options: Namespace) -> Iterator[Row]:
    """From 2 to 20 environments, one or two targets each."""
    for count, targets in product((2, 3, 5, 9, 20), (1, 2)):
        found = score(
            ours,
            3 if options.quick else 30,
            n_environments=count,
            n_targets=targets,
            action="soft",
        )
        name = f"p = 8, soft, {count} environments, {targets} target{'s' * (targets > 1)}"
        yield Row(what=f"{name}: SHD", figure=f"{found.shd:.2f}", reference=str(found))
        yield at_most(f"{name}: share of claimed edges that are wrong", found.share_wrong, 0.05)


def peers(options: Namespace) -> Iterator[Row]:
    """All methods on the same graphs: 8 variables, 9 environments of 500 rows."""
    seeds = 2 if options.quick else 20
    for action, noise in (("hard", "gaussian"), ("soft", "gaussian"), ("hard", "laplace")):
        mine = {"InvariantGraph": ours, "InvariantGraph, targets known": told}
        for name, method in (mine | PEERS).items():
            try:
                found = score(method, seeds, action=action, noise=noise)
            except ImportError as error:
                reference = f"not installed: {error.name}; pip install 'elinvar[graphs]'"
                yield Row(what=f"{action}, {noise}: {name}", figure="-", reference=reference)
                continue
            reference = f"empty graph {np.mean(found.empty):.1f}; {found}"
            yield Row(
                what=f"{action}, {noise}: {name}: SHD",
                figure=f"{found.shd:.2f}",
                reference=reference,
            )


def sachs(options: Namespace) -> Iterator[Row]:
    """Protein signalling: how far from the consensus network, of 18 edges."""
    try:
        table = load_sachs()
    except MissingExtraError as error:
        yield Row(what="Sachs", figure="-", reference=str(error))
        return
    names = [table.target, *table.features]
    true = np.zeros((11, 11), dtype=bool)
    for cause, effect in table.edges:
        true[names.index(cause), names.index(effect)] = True
    for invariance, intercept in product(
        ("coefficients and noise", "coefficients"), ("shared", "environment")
    ):
        model = InvariantGraph(invariance=invariance, intercept=intercept)
        model.fit(table.frame[names], environments=table.frame[table.environment])
        shd = distance(model.adjacency_ | model.undirected_, true)
        yield Row(
            what=f"Sachs, invariant {invariance}, intercept {intercept}: SHD (empty graph 18)",
            figure=str(shd),
            reference=f"{model._said()} {int((model.adjacency_ & true).sum())} of them right; "
            f"refused {len(model.refused_)} of 11",
        )


SUITES: dict[str, Suite] = {
    "p8": p8,
    "p15": p15,
    "p30": p30,
    "kinds": kinds,
    "environments": environments,
    "peers": peers,
    "sachs": sachs,
}

if __name__ == "__main__":
    run("Causal graphs", SUITES, parser(__doc__, SUITES).parse_args())
