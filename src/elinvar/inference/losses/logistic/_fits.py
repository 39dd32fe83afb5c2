r"""Maximum likelihood on supports: for all rows, for each environment, and without each.

With own intercepts slopes are common and :math:`a_e` is each environment's own; the loss is then
minimised over all of them at once (`newton`), so its value is that of the profile likelihood of
the slopes.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._types import Bools, Floats, Places

RIDGE = 1e-4
"""Keeps coefficients finite where classes are separated; elsewhere it is far below the noise."""


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
    from elinvar.inference.kernels._logistic import losses, newton

    columns, (m, q, n, E) = problem.columns(gates), _sizes(problem)
    weight = problem.weight if weight is None else weight
    data, scratch = (problem.Z, problem.y, weight), (np.empty((m, n)), np.empty((2, n)))
    inner = np.zeros((m, len(columns)))
    if start is not None:
        inner[:] = start[:, columns]
    intercepts = np.repeat(inner[None, :, 0], E, axis=0)
    ends = (problem.bounds[:-1], problem.bounds[1:])
    if not own_intercepts:
        ends = (problem.bounds[:1], problem.bounds[-1:])
    newton(*data, *ends, columns, RIDGE, pull, own_intercepts, False, inner, intercepts, *scratch)
    if not own_intercepts:
        intercepts[:] = inner[:, 0]
    loss = losses(*data, problem.bounds, columns, inner, intercepts, scratch[0])
    coef = np.zeros((m, q))
    coef[:, columns] = inner
    coef[:, 0] = problem.linear.weights @ intercepts
    return CommonFit(coef, intercepts, loss)


def own_fit(problem: LogisticProblem, gates: Bools, start: Floats) -> OwnFit:
    """Fit a support to each environment's rows, from ``start`` (m, q)."""
    from elinvar.inference.kernels._logistic import fit_environments

    columns, (m, q, n, E) = problem.columns(gates), _sizes(problem)
    scratch, loss, wrong = (np.empty((m, n)), np.empty((2, n))), np.empty(E), np.empty(E)
    inner = np.repeat(start[None, :, columns], E, axis=0)
    fit_environments(
        problem.Z, problem.y, problem.weight, problem.bounds, columns, RIDGE,
        inner, loss, wrong, *scratch,
    )  # fmt: skip
    coef = np.zeros((E, m, q))
    coef[:, :, columns] = inner
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
    from elinvar.inference.kernels._logistic import newton, objective

    columns, (m, q, n, E) = problem.columns(gates), _sizes(problem)
    weight = problem.weight if weight is None else weight
    scratch = (np.empty((m, n)), np.empty((2, n)))
    coefs, loss, slopes_loss = np.zeros((E, m, q)), np.empty(E), np.empty(E)
    for e in (np.arange(E) if first is None else first).tolist():
        lo, hi = int(problem.bounds[e]), int(problem.bounds[e + 1])
        inner = np.zeros((m, len(columns)))
        if start is not None:
            inner[:] = start[:, columns]
        others = np.flatnonzero(np.arange(E) != e)
        intercepts = np.repeat(inner[None, :, 0], E - 1, axis=0)
        ends = (problem.bounds[others], problem.bounds[others + 1])
        newton(
            problem.Z, problem.y, weight, *ends, columns, RIDGE, pull, own_intercepts,
            False, inner, intercepts, *scratch,
        )  # fmt: skip
        if own_intercepts:
            share = problem.linear.weights[others]
            share = share if share.sum() > 0 else np.ones(E - 1)
            inner[:, 0] = share @ intercepts / share.sum()
        # fitted with the weights asked for, judged by the environment's own rows
        data = (problem.Z, problem.y, problem.weight, lo, hi, columns)
        loss[e] = objective(*data, inner, scratch[0]) / problem.count[e]
        coefs[e][:, columns] = inner
        slopes_loss[e] = loss[e]
        if own_intercepts:
            odds = inner @ problem.Z[columns, lo:hi]
            mine = best_intercept(odds, problem.y[lo:hi], problem.weight[lo:hi])[1]
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
    from elinvar.inference.kernels._logistic import gradient, objective

    columns, (m, _, n, E) = problem.columns(gates), _sizes(problem)
    size, start = m * len(columns), np.ascontiguousarray(fit.coef[:, columns])
    bend = informations(problem, gates, np.repeat(fit.coef[None], E, axis=0))
    total = bend.sum(axis=0) + RIDGE * np.eye(size)
    prob, work, slope = np.empty((m, n)), np.empty((2, n)), np.empty(size)
    loss = np.empty(E)
    for e, (lo, hi) in enumerate(pairwise(problem.bounds.tolist())):
        data = (problem.Z, problem.y, problem.weight, lo, hi, columns)
        objective(*data, start, prob)
        gradient(*data, prob, slope, work)
        step = np.linalg.solve(total - bend[e], slope).reshape(m, -1)
        loss[e] = objective(*data, start + step, prob) / problem.count[e]
    return loss


def best_intercept(odds: Floats, y: Places, weight: Floats) -> tuple[Floats, float]:
    """Return what to add to log odds (m, n) of one environment, (m,), and the log loss then."""
    from elinvar.inference.kernels._logistic import newton

    m, n = odds.shape
    # log odds as columns of their own, with coefficients that stay 1
    table = np.concatenate([np.ones((1, n)), odds])
    coef, moved = np.concatenate([np.zeros((m, 1)), np.eye(m)], axis=1), np.zeros((1, m))
    ends, scratch = (np.array([0]), np.array([n])), (np.empty((m, n)), np.empty((2, n)))
    loss = newton(
        table, y, weight, *ends, np.arange(m + 1), RIDGE, 0.0, True, True, coef, moved, *scratch
    )
    return moved[0], float(loss)


def informations(problem: LogisticProblem, gates: Bools, coefs: Floats) -> Floats:
    """Fisher information of a support at each environment's coefficients, (E, m k, m k).

    ``coefs`` (E, m, q) have the environment's intercept; k counts the constant.
    """
    from elinvar.inference.kernels._logistic import curvature, objective

    columns, (m, _, n, E) = problem.columns(gates), _sizes(problem)
    found = np.empty((E, m * len(columns), m * len(columns)))
    prob, work = np.empty((m, n)), np.empty((2, n))
    for e, (lo, hi) in enumerate(pairwise(problem.bounds.tolist())):
        coef = np.ascontiguousarray(coefs[e][:, columns])
        objective(problem.Z, problem.y, problem.weight, lo, hi, columns, coef, prob)
        curvature(problem.Z, problem.weight, lo, hi, columns, prob, found[e], work)
    return found


def _sizes(problem: LogisticProblem) -> tuple[int, int, int, int]:
    """Outcomes, columns, rows and environments."""
    return problem.m, *problem.Z.shape, len(problem.count)
