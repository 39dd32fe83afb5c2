"""Sparse networks with hubs, perturbed gene by gene."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base._check import check_choice, generator
from elinvar.datasets._known import (
    KnownAnswer,
    Rng,
    Sample,
    check_counts,
    check_positive,
    check_share,
    numbered,
)
from elinvar.datasets._sparse import Change, SparseModel, signed
from elinvar.errors import DataError

_HUB_SHARE: Final = 0.2
_KNOCKED_SD: Final = 0.5

Perturbed = Literal["random", "hubs"]


def make_gene_network(
    *,
    n_genes: int = 46,
    n_edges: int = 70,
    n_environments: int = 20,
    n_samples: int = 200,
    perturbed: Perturbed = "random",
    share: float = 0.2,
    strength: float = 2.0,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw a network like those of genes: few edges, a few hubs, genes knocked down in turn.

    Edges are laid one by one from a gene to a later one in the causal order: the later gene is
    drawn uniformly, the regulator with probability proportional to one plus the genes it regulates
    already, which makes the number of genes that one regulates heavy-tailed. With k regulators

    .. math::
        x_i = \sum_k b_{ik} x_k + N(0, 1), \qquad b_{ik} = \pm U(.5, 1.5)/\sqrt{\max(1, k/2)}.

    Environment ``E0`` is left as it is; in every other one random genes are cut off from
    their regulators and knocked down, :math:`x_i \sim N(-` ``strength`` :math:`, .5^2)`. The target
    is a random gene with a regulator and a regulated gene, and is never knocked down.

    Parameters
    ----------
    n_genes : int, at least 3
        Genes, the target among them.
    n_edges : int
        Edges, from 2 to half of all pairs.
    n_environments : int, at least 1
        Environments in the training data.
    n_samples : int, at least 2
        Rows an environment.
    perturbed : {"random", "hubs"}
        Which genes are knocked down: any, or the fifth that regulates most.
    share : float, 0 to 1
        How many of these an environment knocks down; at least one.
    strength : float, at least 0
        How far down they are set.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        ``new_environments`` knocks down other random genes, whatever ``perturbed`` says.
        ``identified`` says whether each gene that the target regulates was knocked down in some
        environment but not in all: otherwise sets with effects of the target may pass for its
        causes, as they may in a real screen.

    Raises
    ------
    DataError
        If a parameter is outside its range.

    Notes
    -----
    The Gaussian networks of genes in the Bayesian network repository have 44 genes and 66 edges
    (magic-niab), 46 and 70 (ecoli70, the default), 64 and 102 (magic-irri), and 107 and 150
    (arth150). Only their sizes are used here.

    References
    ----------
    M. Scutari, "Bayesian network repository", https://www.bnlearn.com/bnrepository. Preferential
    attachment: A.-L. Barabási, R. Albert, Science 286 (1999) 509-512. This combination is the
    library's own.

    Examples
    --------
    >>> make_gene_network(n_samples=50, rng=0)
    KnownAnswer(gene network: 1,000 rows, 45 features, 20 environments, 1 invariant)
    """
    check_counts(minimum=3, n_genes=n_genes)
    check_counts(n_samples=n_samples)
    check_counts(minimum=1, n_environments=n_environments)
    check_choice("perturbed", perturbed, ("random", "hubs"))
    check_positive(strength=strength)
    check_share(share=share)
    most = n_genes * (n_genes - 1) // 4
    if not 2 <= n_edges <= max(most, 2):
        raise DataError(
            f"n_edges is {n_edges!r}; with {n_genes} genes it must be from 2 to {max(most, 2)}."
        )
    rng = generator(rng)
    model, regulated = _draw_network(n_genes, n_edges, rng)
    others = np.delete(np.arange(n_genes), model.target)
    hubs = others[np.argsort(-regulated[others], kind="stable")][
        : max(1, round(_HUB_SHARE * n_genes))
    ]
    pool = others if perturbed == "random" else hubs

    def knock_down(genes: NDArray[np.intp], rng: np.random.Generator) -> Change:
        cut = np.zeros(n_genes, dtype=bool)
        cut[rng.choice(genes, max(1, round(share * genes.size)), replace=False)] = True
        scale = np.where(cut, _KNOCKED_SD, 1.0)
        return Change(scale=scale, shift=np.where(cut, -strength, 0.0), cut=cut)

    def new(n: int, rng: np.random.Generator, k: int | None) -> Sample:
        changes = [knock_down(others, rng) for _ in range(k or n_environments)]
        return model.sample(n, changes, "new", rng)

    untouched = Change(
        scale=np.ones(n_genes), shift=np.zeros(n_genes), cut=np.zeros(n_genes, dtype=bool)
    )
    changes = [untouched, *(knock_down(pool, rng) for _ in range(n_environments - 1))]
    sample = model.sample(n_samples, changes, "E", rng)
    cut = np.array([change.cut for change in changes])[:, model.children]
    return KnownAnswer(
        name="gene network" + (", hubs knocked down" if perturbed == "hubs" else ""),
        **sample._asdict(),
        feature_names=numbered("g", n_genes - 1),
        coef=model.coef,
        support=model.coef != 0,
        identified=bool((cut.any(axis=0) & ~cut.all(axis=0)).all()),
        risk=1.0,
        _draw=new,
        _oracle=lambda X: X @ model.coef,
    )


def _draw_network(
    n_genes: int, n_edges: int, rng: np.random.Generator
) -> tuple[SparseModel, NDArray[np.intp]]:
    """Draw networks until some gene can be the target; return also how many each regulates."""
    while True:
        joined = np.zeros((n_genes, n_genes), dtype=bool)  # joined[i, k]: k regulates i
        while joined.sum() < n_edges:
            gene = rng.integers(1, n_genes)
            # preferential attachment: in proportion to one plus the genes regulated already
            weight = (1.0 + joined[:, :gene].sum(axis=0)) * ~joined[gene, :gene]
            if weight.any():
                joined[gene, rng.choice(gene, p=weight / weight.sum())] = True
        regulated = joined.sum(axis=0)
        # a target needs causes to find, and effects to be told from them
        eligible = np.flatnonzero(joined.any(axis=1) & (regulated > 0))
        if eligible.size:
            break
    parents = [np.flatnonzero(row) for row in joined]
    weights = [signed(k.size, rng) / np.sqrt(max(1.0, k.size / 2)) for k in parents]
    target = int(rng.choice(eligible))
    order = rng.permutation(np.delete(np.arange(n_genes), target))
    model = SparseModel(parents=parents, weights=weights, target=target, order=order)
    return model, np.asarray(regulated)
