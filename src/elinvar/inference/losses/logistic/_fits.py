r"""Maximum likelihood on supports: for all rows, for each environment, and without each.

With own intercepts slopes are common and :math:`a_e` is each environment's own; the loss is then
minimised over all of them at once, so its value is that of the profile likelihood of the slopes.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from elinvar.inference.losses.logistic._newton import (
    RIDGE,
    best_intercept,
    fitted,
    gradient,
    information,
    log_losses,
    newton_with_intercepts,
    solved,
)
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._supports import compiles
from elinvar.inference.problem._types import Bools, Floats, Places


class CommonFit(NamedTuple):
    """Maximum likelihood for one support over all rows.

    Attributes
    ----------
    coef : array of shape (m, q)
        Its intercept is the shared one, or the average of the environments' own.
    intercepts : array of shape (E, m)
        The intercept in each environment.
    loss : array of shape (E,)
        Log loss in each environment, summed.
    """

    coef: Floats
    intercepts: Floats
    loss: Floats


class OwnFit(NamedTuple):
    """Maximum likelihood for one support in each environment.

    Attributes
    ----------
    coef : array of shape (E, m, q)
    loss, mistakes : arrays of shape (E,)
        Log loss, summed, and weight of the rows that the environment's fit gets wrong.
    """

    coef: Floats
    loss: Floats
    mistakes: Floats


class LeftOutFits(NamedTuple):
    """Maximum likelihood for one support without each environment.

    Attributes
    ----------
    coef : array of shape (E, m, q)
    loss : array of shape (E,)
        Mean log loss on the environment without.
    slopes_loss : array of shape (E,)
        The same with the intercept that suits the environment best, where each has its own:
        what slopes are to blame for.
    """

    coef: Floats
    loss: Floats
    slopes_loss: Floats


def common_fit(
    problem: LogisticProblem,
    gates: Bools,
    *,
    own_intercepts: bool,
    weight: Floats | None = None,
    start: Floats | None = None,
    pull: float = 0.0,
) -> CommonFit:
    """Fit a support (n_gates,) to all rows, from ``start`` (m, q); ``pull`` shrinks slopes."""
    columns, (m, q, _) = problem.columns(gates), _sizes(problem)
    weight = problem.weight if weight is None else weight
    Z, y = problem.Z[columns], problem.y
    coef, inner = np.zeros((m, q)), np.zeros((m, len(columns)))
    if start is not None:
        inner[:] = start[:, columns]
    inner, intercepts, loss = _fit(
        problem, Z, y, weight, problem.bounds, inner, own_intercepts, pull
    )
    coef[:, columns] = inner
    coef[:, 0] = problem.linear.weights @ intercepts
    return CommonFit(coef, intercepts, loss)


def _fit(
    problem: LogisticProblem, Z: Floats, y: Places, weight: Floats, bounds: Places, coef: Floats,
    own: bool, pull: float,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Coefficients (m, k), the constant's first, intercepts (E, m), perhaps each its own, losses.

    Of environments between ``bounds`` (E + 1,).
    """
    starts = bounds[:-1]
    if not own:
        coef, loss, _ = fitted(Z, y, weight, bounds, coef, pull, wide=compiles(problem.linear))
        return coef, np.repeat(coef[None, :, 0], len(starts), axis=0), loss
    intercepts = np.repeat(coef[None, :, 0], len(starts), axis=0)
    slopes, intercepts = newton_with_intercepts(
        Z[1:], y, weight, starts, coef[:, 1:], intercepts, pull
    )
    odds = slopes @ Z[1:] + np.repeat(intercepts.T, np.diff(bounds), axis=1)
    loss = np.add.reduceat(weight * log_losses(odds, y)[0], starts)
    return np.concatenate([coef[:, :1], slopes], axis=1), intercepts, loss


def own_fit(problem: LogisticProblem, gates: Bools, start: Floats) -> OwnFit:
    """Fit a support to each environment's rows, from ``start`` (m, q)."""
    columns, (m, q, E) = problem.columns(gates), _sizes(problem)
    coef, loss, wrong = np.zeros((E, m, q)), np.empty(E), np.empty(E)
    wide = compiles(problem.linear)
    for e, (lo, hi) in enumerate(pairwise(problem.bounds.tolist())):
        Z, y, weight = problem.Z[columns, lo:hi], problem.y[lo:hi], problem.weight[lo:hi]
        bounds = np.array([0, hi - lo])
        inner, *found = fitted(Z, y, weight, bounds, start[:, columns], 0.0, wide=wide)
        coef[e][:, columns], (loss[e], wrong[e]) = inner, np.ravel(found)
    return OwnFit(coef, loss, wrong)


def left_out_fits(
    problem: LogisticProblem,
    gates: Bools,
    *,
    own_intercepts: bool,
    weight: Floats | None = None,
    start: Floats | None = None,
    pull: float = 0.0,
    bound: float = np.inf,
    first: Places | None = None,
) -> LeftOutFits | None:
    """Fit a support without each environment in turn; ``pull`` shrinks slopes.

    Stops with None where a mean log loss on slopes exceeds ``bound``: such a support is not the
    one that is sought. Environments come in the order ``first``, those that may exceed it first.
    """
    columns, (m, q, E) = problem.columns(gates), _sizes(problem)
    weight, count = problem.weight if weight is None else weight, np.diff(problem.bounds)
    Z, y = problem.Z[columns], problem.y
    coefs, loss, slopes_loss = np.zeros((E, m, q)), np.empty(E), np.empty(E)
    for e in (np.arange(E) if first is None else first).tolist():
        here = slice(int(problem.bounds[e]), int(problem.bounds[e + 1]))
        inner = np.zeros((m, len(columns)))
        if start is not None:
            inner[:] = start[:, columns]
        others = np.flatnonzero(np.arange(E) != e)
        rest = np.r_[: here.start, here.stop : len(y)]
        bounds = np.append(0, np.cumsum(count[others]))
        inner, intercepts, _ = _fit(
            problem, Z[:, rest], y[rest], weight[rest], bounds, inner, own_intercepts, pull
        )
        if own_intercepts:
            share = problem.linear.weights[others]
            share = share if share.sum() > 0 else np.ones(E - 1)
            inner[:, 0] = share @ intercepts / share.sum()
        # fitted with the weights asked for, judged by the environment's own rows
        odds = inner @ Z[:, here]
        loss[e] = problem.weight[here] @ log_losses(odds, y[here])[0] / problem.count[e]
        coefs[e][:, columns] = inner
        slopes_loss[e] = loss[e]
        if own_intercepts:
            mine = best_intercept(odds, y[here], problem.weight[here])[1]
            slopes_loss[e] = mine / problem.count[e]
        if slopes_loss[e] > bound:
            return None
    return LeftOutFits(coefs, loss, slopes_loss)


def stepped_left_out(problem: LogisticProblem, gates: Bools, fit: CommonFit) -> Floats:
    r"""Mean log loss (E,) on each environment left out, by one Newton step from the common fit.

    .. math:: w_{(-e)} \approx w + \Bigl(\sum_{e' \ne e} H_{e'}\Bigr)^{-1} g_e

    with g and H gradient and curvature of an environment's log loss at w (Pregibon 1981). One
    intercept for all.
    """
    columns, (m, _, E) = problem.columns(gates), _sizes(problem)
    start = fit.coef[:, columns]
    bend = informations(problem, gates, np.repeat(fit.coef[None], E, axis=0))
    total = bend.sum(axis=0) + RIDGE * np.eye(start.size)
    loss = np.empty(E)
    for e, (lo, hi) in enumerate(pairwise(problem.bounds.tolist())):
        Z, y, weight = problem.Z[columns, lo:hi], problem.y[lo:hi], problem.weight[lo:hi]
        slope = gradient(Z, y, weight, log_losses(start @ Z, y)[1])
        step = solved(total - bend[e], slope.reshape(-1, 1)).reshape(m, -1)
        loss[e] = weight @ log_losses((start + step) @ Z, y)[0] / problem.count[e]
    return loss


def informations(problem: LogisticProblem, gates: Bools, coefs: Floats) -> Floats:
    """Fisher information of a support at each environment's coefficients, (E, m k, m k).

    ``coefs`` (E, m, q) have the environment's intercept; k counts the constant.
    """
    columns, (m, _, E) = problem.columns(gates), _sizes(problem)
    found = np.empty((E, m * len(columns), m * len(columns)))
    for e, (lo, hi) in enumerate(pairwise(problem.bounds.tolist())):
        Z = problem.Z[columns, lo:hi]
        prob = log_losses(coefs[e][:, columns] @ Z, problem.y[lo:hi])[1]
        found[e] = information(Z, problem.weight[lo:hi], prob)
    return found


def _sizes(problem: LogisticProblem) -> tuple[int, int, int]:
    """Outcomes, columns and environments."""
    return problem.m, len(problem.Z), len(problem.count)
