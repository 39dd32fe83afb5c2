"""Candidate supports: every one of them where that is cheap, a homotopy search where it is not."""

import numpy as np

from elinvar.gates._overidentification import Assessment, Masks, assess
from elinvar.gates._path import default_strengths, path_coefficients
from elinvar.gates._problem import Floats, LinearProblem

LADDER = np.geomspace(0.3, 3000.0, 9)
_RANDOM_STARTS = 10
_POOL = 60


def candidates(
    problem: LinearProblem, *, exact_up_to: int = 14, seed: int = 0, thorough: bool = True
) -> Assessment:
    """Candidate supports with their test and refit.

    All 2^n of them if at most ``exact_up_to`` gates can be opened or closed; otherwise those that
    the mean-field path and a local search over it turn up.

    Parameters
    ----------
    problem : LinearProblem
    exact_up_to : int
        Largest number of free gates for which every support is tried.
    seed : int
        Seed of the random starts of the search.
    thorough : bool
        As in ``assess``.
    """
    free = np.flatnonzero(~problem.always)
    if len(free) <= exact_up_to:
        return assess(problem, every_support(problem), thorough=thorough)
    return assess(problem, search(problem, seed=seed), thorough=thorough)


def every_support(problem: LinearProblem) -> Masks:
    """All supports that contain the gates that are never closed, shape (2^free, n_gates)."""
    free = np.flatnonzero(~problem.always)
    masks = np.zeros((1 << len(free), problem.n_gates), dtype=bool)
    masks[:, problem.always] = True
    # the last gate changes fastest, so that kernels can go on from the columns before it
    masks[:, free] = (np.arange(1 << len(free))[:, None] >> np.arange(len(free))[::-1]) & 1
    return masks


def search(problem: LinearProblem, *, seed: int = 0) -> Masks:
    """Supports found by descent on the selection criterion, its heterogeneity price rising.

    From supports on the mean-field path, from the empty and the full support and from random ones,
    single gates are added, dropped or swapped while a relative of the criterion of ``select`` falls
    (the largest error of the fit in an environment instead of the left-out one, and a price for
    every column), with the factor kappa climbing a ladder from "lowest risk" to "least
    disagreement" (and down again from the sparsest starts): a homotopy, in which each rung starts
    where the last one ended. Own derivation, see docs/theory.md.
    """
    from elinvar.gates._kernel_search import descend

    debiased, plain = (
        gate_sizes(problem, path_coefficients(problem, default_strengths(), debias=debias)[0])
        for debias in (None, 0.0)
    )
    on_path = _path_supports(problem, debiased, plain)
    order = np.argsort(on_path.sum(axis=1), kind="stable")
    sparse = on_path[order[:6]]
    movable = _movable(problem, debiased)
    free = np.flatnonzero(movable & ~problem.always)
    generator = np.random.default_rng(seed)
    density = min(0.5, 4.0 / max(len(free), 1))
    random = generator.random((_RANDOM_STARTS, problem.n_gates)) < density
    empty = np.zeros((1, problem.n_gates), dtype=bool)
    upward = np.concatenate([empty, sparse, movable[None], random & movable]) | problem.always
    largest = _largest_support(problem)
    gates = (problem.gate_of, problem.tested, problem.needed)
    keep = [on_path]
    for starts, ladder in ((upward, LADDER), (sparse | problem.always, LADDER[::-1].copy())):
        small = starts[starts.sum(axis=1) <= largest]
        if len(small):
            keep.append(descend(problem.data, gates, small, ladder, free, largest, 200))
    return np.unique(np.concatenate(keep), axis=0)


def _path_supports(problem: LinearProblem, *paths: Floats) -> Masks:
    """Distinct supports along paths of gate sizes (L, n_gates), at three thresholds."""
    found = [sizes > threshold for sizes in paths for threshold in (1e-9, 0.02, 0.1)]
    masks = np.unique(np.concatenate(found), axis=0) | problem.always
    fitting: Masks = masks[masks.sum(axis=1) <= _largest_support(problem)]
    return fitting


def gate_sizes(problem: LinearProblem, coef: Floats) -> Floats:
    """Largest absolute standardised coefficient of every gate, (L, q) to (L, n_gates)."""
    sizes = np.zeros((len(coef), problem.n_gates))
    for column in range(problem.offset, coef.shape[1]):
        gate = problem.gate_of[column]
        sizes[:, gate] = np.maximum(sizes[:, gate], np.abs(coef[:, column]))
    return sizes


def _largest_support(problem: LinearProblem) -> int:
    """Most gates a support may have: what the smallest environment can fit, and the search hold."""
    fitting = min(problem.count.min() - 3, max(_POOL, problem.always.sum() + _POOL // 2))
    return int(max(0, min(problem.n_gates, fitting)))


def _movable(problem: LinearProblem, sizes: Floats) -> Masks:
    """Gates that the search may touch: all, or the largest late on a path (L, n_gates)."""
    if problem.n_gates <= _POOL:
        return np.ones(problem.n_gates, dtype=bool)
    late = sizes[len(sizes) // 3 :]
    score = late.max(axis=0) + late.mean(axis=0)
    movable = np.zeros(problem.n_gates, dtype=bool)
    movable[np.argsort(-score, kind="stable")[:_POOL]] = True
    return movable
