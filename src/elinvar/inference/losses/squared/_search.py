"""Candidate supports: every one of them where that is cheap, a homotopy search where it is not."""

import numpy as np

from elinvar.inference.losses._records import Assessment
from elinvar.inference.losses.squared._assess import assess
from elinvar.inference.losses.squared._descent import Descent
from elinvar.inference.losses.squared._path import PathTable, default_strengths, path_coefficients
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._types import Bools, Floats

LADDER = np.geomspace(0.3, 3000.0, 9)
_RANDOM_STARTS = 20
_POOL, _FULL = 60, 24


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


def every_support(problem: LinearProblem) -> Bools:
    """All supports that contain the gates that are never closed, shape (2^free, n_gates)."""
    free = np.flatnonzero(~problem.always)
    masks = np.zeros((1 << len(free), problem.n_gates), dtype=bool)
    masks[:, problem.always] = True
    masks[:, free] = (np.arange(1 << len(free))[:, None] >> np.arange(len(free))[::-1]) & 1
    return masks


def search(problem: LinearProblem, *, seed: int = 0) -> Bools:
    """Supports found by descent on the selection criterion, its heterogeneity price rising.

    From supports on the mean-field path, from the empty support, from a full one (of the gates that
    are largest late on the path, if there are many) and from random ones, single gates are added,
    dropped or swapped while a relative of the criterion of ``select`` falls (the largest error of
    the fit in an environment instead of the left-out one, and a price for every column), with the
    factor kappa climbing a ladder from "lowest risk" to "least disagreement" (and down again from
    the sparsest starts): a homotopy, in which each rung starts where the last one ended. Own
    derivation, see docs/theory.md.
    """
    strengths = default_strengths(40 if problem.n_gates <= _POOL else 20)
    table = PathTable.of(problem)
    debiased, plain = (
        gate_sizes(problem, path_coefficients(problem, strengths, debias=debias, table=table)[0])
        for debias in (None, 0.0)
    )
    on_path = _path_supports(problem, debiased, plain)
    order = np.argsort(on_path.sum(axis=1), kind="stable")
    sparse = on_path[order[:6]]
    movable, full = (_latest(debiased, many) for many in (_POOL, _FULL))
    generator = np.random.default_rng(seed)
    # about four gates a start, however many there are
    density = min(0.5, 4.0 / max((movable & ~problem.always).sum(), 1))
    random = np.zeros((_RANDOM_STARTS, problem.n_gates), dtype=bool)
    random[:, problem.by_strength] = generator.random(random.shape) < density
    empty = np.zeros((1, problem.n_gates), dtype=bool)
    upward = np.concatenate([empty, sparse, full[None], random & movable]) | problem.always
    largest = _largest_support(problem)
    free = np.flatnonzero(movable & ~problem.always)
    # t_min^2 E / N: what a column below the threshold takes off log R, in one of mean size
    price = problem.needed[1] * len(problem.count) / problem.count.sum()
    descent = Descent(problem=problem, price=price, free=free, largest=largest)
    keep = [on_path]
    # up the ladder from sparse, full and random starts, and down again from the sparsest
    for starts, ladder in ((upward, LADDER), (sparse | problem.always, LADDER[::-1])):
        small = starts[starts.sum(axis=1) <= largest]
        if len(small):
            keep.append(descent.along(ladder, small))
    return np.unique(np.concatenate(keep), axis=0)


def _path_supports(problem: LinearProblem, *paths: Floats) -> Bools:
    """Distinct supports along paths of gate sizes (L, n_gates), at three thresholds."""
    found = [sizes > threshold for sizes in paths for threshold in (1e-9, 0.02, 0.1)]
    masks = np.unique(np.concatenate(found), axis=0) | problem.always
    fitting: Bools = masks[masks.sum(axis=1) <= _largest_support(problem)]
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


def _latest(sizes: Floats, many: int) -> Bools:
    """Return the ``many`` gates that are largest late on a path (L, n_gates)."""
    # early on the path is near pooled least squares, with all that is spurious
    late = sizes[len(sizes) // 3 :]
    score = late.max(axis=0) + late.mean(axis=0)
    chosen = np.zeros(len(score), dtype=bool)
    chosen[np.argsort(-score, kind="stable")[:many]] = True
    return chosen
