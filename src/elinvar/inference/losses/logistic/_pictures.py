"""Quadratic pictures of the loss: where supports are sought, and paths followed."""

from dataclasses import replace

import numpy as np

from elinvar.inference.losses._records import Assessment
from elinvar.inference.losses.logistic._fits import own_fit
from elinvar.inference.losses.logistic._supports import Ledger, Support, flipped
from elinvar.inference.losses.squared._search import candidates
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._types import Floats

_SEEDS = 40
_STEPS = 30
_LADDER = (10.0, 1000.0)
_BOUND = 30.0
_FLATTEST = 1e-6


def explore(ledger: Ledger, *, exact_up_to: int, seed: int) -> None:
    """Fit candidates from two quadratic pictures of the loss, and descend from the best of them.

    The loss of each environment is expanded about 0 (least squares on the class: scores) and about
    its own fit of all features (Lawless and Singhal, 1978). Either is a linear problem, in which
    all supports, or those of a search, are compared; the best of them are fitted in earnest.
    """
    problem, linear = ledger.problem, ledger.problem.linear
    ends = np.array([linear.always, np.ones(linear.n_gates, dtype=bool)])
    # with many columns for the rows the full model would be separated
    seeds = [ends[:1] if linear.n_gates > len(problem.y) // 20 else ends]
    for picture in _pictures(ledger):
        table = candidates(picture, exact_up_to=exact_up_to, seed=seed, thorough=True)
        seeds += [table.masks[_promising(picture, table, kappa)] for kappa in _LADDER]
    ledger.supports(np.unique(np.concatenate(seeds), axis=0))
    for kappa in _LADDER:
        here = min(ledger.known.values(), key=lambda s: rough_criterion(ledger, s, kappa))
        for _ in range(_STEPS):
            free = np.flatnonzero(~linear.always)
            others = np.array([flipped(here.gates, gate) for gate in free])
            near = ledger.supports(others, near=here.common.coef)
            best = min([here, *near], key=lambda s: rough_criterion(ledger, s, kappa))
            if best is here:
                break
            here = best


def rough_criterion(ledger: Ledger, support: Support, kappa: float) -> float:
    """Return what stands for the criterion before environments are left out.

    The last term is for gates that are not needed: see the search of the linear problem.
    """
    problem = ledger.problem
    E, n_rows = len(problem.count), float(problem.count.sum())
    worst = float((support.common.loss / problem.count).max())
    excess = support.excess
    columns = len(problem.columns(support.gates)) * problem.m
    # half of t_min^2 E / N a column: a log loss is half a log variance
    price = columns * problem.linear.t_threshold**2 * E / (2 * n_rows)
    return worst + kappa * excess / (2 * n_rows) + price


def pooled_picture(problem: LogisticProblem, coef: Floats, outcome: int) -> LinearProblem:
    r"""Expand the loss of one class against the reference about a common fit ``coef`` (m, q).

    With the log odds :math:`\eta`, the probability p and :math:`h = p (1 - p)`, the loss is to
    second order that of weighted least squares (Fisher's scoring),

    .. math:: \tfrac12 \sum_i h_i (t_i - x_i^\top w)^2, \qquad t = \eta + (y - p) / h.
    """
    own = np.repeat(coef[None, outcome - 1], len(problem.count), 0)
    return _curved(problem, own, outcome, problem.balanced, as_one=True)


def _pictures(ledger: Ledger) -> list[LinearProblem]:
    """Linear problems that stand for the loss, for each class but the reference."""
    problem, pictures = ledger.problem, []
    everything = np.ones(problem.linear.n_gates, dtype=bool)
    own = own_fit(problem, everything, ledger.common(everything).coef)
    # where classes are separated there is no fit to expand about
    curved = bool((own.mistakes > 0).all()) and bool(
        (problem.present.min(axis=1) > 2 * len(problem.Z)).all()
    )
    for c in range(1, problem.n_classes):
        pair = (problem.y == 0) | (problem.y == c)
        pictures.append(_linear(problem, (problem.y == c).astype(float), problem.weight * pair))
        if curved:
            pictures.append(_curved(problem, own.coef[:, c - 1], c, problem.weight))
    return pictures


def _curved(
    problem: LogisticProblem, coef: Floats, outcome: int, weight: Floats, *, as_one: bool = False
) -> LinearProblem:
    """Expand about a fit (E, q) in each environment.

    Conditional on being one of the two classes, the log odds have the same coefficients.
    """
    pair = (problem.y == 0) | (problem.y == outcome)
    # beyond these log odds h is 0 to rounding, and t = eta + (y - p) / h without bound
    eta = np.clip(np.einsum("iq,qi->i", coef[problem.place], problem.Z), -_BOUND, _BOUND)
    p = 1.0 / (1.0 + np.exp(-eta))
    bend = np.maximum(p * (1 - p), _FLATTEST)
    response = eta + ((problem.y == outcome) - p) / bend
    return _linear(problem, response, weight * pair * bend, as_one=as_one)


def _linear(
    problem: LogisticProblem, target: Floats, weight: Floats, *, as_one: bool = False
) -> LinearProblem:
    """Weighted least squares of ``target`` (n,), environments of the same size as ever.

    ``as_one`` keeps what each weighs in the whole, so that the pooled solution is that of all rows.
    """
    linear, bounds = problem.linear, problem.bounds
    total = max(float(weight.sum()), 1e-300)
    target = target - float(weight @ target) / total
    scale = max(float(np.sqrt(weight @ target**2 / total)), 1e-150)
    E, q = len(problem.count), linear.gram.shape[1]
    gram, cross, power = np.zeros((E, q, q)), np.zeros((E, q)), np.zeros(E)
    for e in range(E):
        rows = slice(bounds[e], bounds[e + 1])
        mass = max(float(weight[rows].sum()), 1e-300)
        share = weight[rows] / mass
        Z, t = problem.Z[linear.absorbed :, rows], target[rows] / scale
        if linear.absorbed:  # an intercept of its own takes the weighted means out
            Z, t = Z - (Z @ share)[:, None], t - share @ t
        if as_one:
            share = share * (mass / total / max(float(linear.weights[e]), 1e-300))
        half = Z * np.sqrt(share)
        gram[e], cross[e], power[e] = half @ half.T, Z @ (share * t), share @ t**2
    return replace(linear, gram=gram, cross=cross, target_power=power, target_scale=scale)


def _promising(picture: LinearProblem, table: Assessment, kappa: float) -> list[int]:
    """Rows of the lowest criterion in a picture, those with a gate to spare last."""
    score = np.log(np.maximum(table.worst, 1e-300))
    score = score + np.log1p(kappa * table.excess / picture.count.sum())
    score = np.where(np.isfinite(score), score, np.inf) + 100.0 * (table.weakest < 1)
    return list(np.argsort(score, kind="stable")[:_SEEDS])
