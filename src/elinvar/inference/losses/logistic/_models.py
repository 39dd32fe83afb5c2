"""Fits in the data's units, calibrated on environments left out, and held against the truth."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from elinvar.inference.losses._records import (
    Competitor,
    EnvironmentResiduals,
    Judgement,
    LogisticModel,
    Refit,
)
from elinvar.inference.losses._residuals import left_out_fit, residuals_of, taken_freedom
from elinvar.inference.losses.logistic._fits import best_intercept
from elinvar.inference.problem._folds import FEW_FOLDS, folds_of
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._types import Floats, Places
from elinvar.inference.tests._lead import sure_lead

if TYPE_CHECKING:
    from elinvar.environments import Environments


def model_of(
    problem: LogisticProblem,
    coef: Floats,
    *,
    own_intercepts: bool = False,
    left_out: Floats | None = None,
) -> LogisticModel:
    """Put standardised coefficients (m, q) in the data's units, calibrated by ``left_out``.

    An environment's own intercept suits its rows, given the calibrated slopes.
    """
    slopes, intercept = problem.original(coef)
    slope, shift = (1.0, np.zeros(problem.m))
    if left_out is not None:
        slope, shift = calibration(problem, left_out)
    own = None
    if own_intercepts:
        own = {}
        # a_e in the data's units: that of centred columns less slope * centre
        center = slope * (slopes[:, problem.linear.columns] @ problem.linear.center)
        for e, name in enumerate(problem.linear.moments.names):
            rows = slice(problem.bounds[e], problem.bounds[e + 1])
            odds = slope * (coef[:, 1:] @ problem.Z[1:, rows])
            best = best_intercept(odds, problem.y[rows], problem.weight[rows])[0]
            own[name] = best - center
    return LogisticModel(coef=slopes, intercept=intercept, intercepts=own, slope=slope, shift=shift)


def calibration(problem: LogisticProblem, left_out: Floats) -> tuple[float, Floats]:
    r"""Slope and shifts that calibrate log odds on environments left out.

    They minimise the log loss of :math:`s\, \eta_{ic} + a_c`, with :math:`\eta` the log odds that a
    fit to the other environments gives, plus :math:`\tfrac12 (s - 1)^2 + \tfrac12 |a|^2`, the
    pull of about one row; :math:`0 \le s`. Where such a correction, learned on other environments
    yet, does not spare log loss by more than noise, there is none: slope 1, shifts 0.
    """
    eta = np.einsum("icq,qi->ic", left_out[problem.place], problem.Z)
    plain = np.eye(1, problem.n_classes)[0]
    if len(problem.count) < 3:
        return 1.0, plain[1:]
    lead = np.empty(len(problem.count))
    for places in folds_of(problem.count, FEW_FOLDS):
        inside = np.isin(problem.place, places)
        theta = _corrected(problem, eta, problem.weight * ~inside)
        spared = _log_losses(problem, eta, plain) - _log_losses(problem, eta, theta)
        lead[places] = spared[places]
    if sure_lead(lead) <= 0:
        return 1.0, plain[1:]
    found = _corrected(problem, eta, problem.weight)
    return float(found[0]), found[1:]


def _log_losses(problem: LogisticProblem, eta: Floats, theta: Floats) -> Floats:
    """Mean log loss in each environment of log odds (n, m), corrected by slope and shifts."""
    odds = np.concatenate([np.zeros((len(eta), 1)), theta[0] * eta + theta[1:]], axis=1)
    top = odds.max(axis=1)
    total = top + np.log(np.exp(odds - top[:, None]).sum(axis=1))
    own = (total - odds[np.arange(len(odds)), problem.y]) * problem.weight
    losses: Floats = np.bincount(problem.place, own, len(problem.count)) / problem.count
    return losses


def _corrected(problem: LogisticProblem, eta: Floats, weight: Floats) -> Floats:
    """Slope and shifts of least log loss, rows counting by ``weight``."""
    hit = problem.y[:, None] == np.arange(1, problem.n_classes)

    def loss(theta: Floats) -> tuple[float, Floats]:
        odds = theta[0] * eta + theta[1:]
        full = np.concatenate([np.zeros((len(odds), 1)), odds], axis=1)
        # shifted by the largest, no exponential overflows
        top = full.max(axis=1)
        total = top + np.log(np.exp(full - top[:, None]).sum(axis=1))
        own = (hit * odds).sum(axis=1)
        off = (np.exp(odds - total[:, None]) - hit) * weight[:, None]
        pull = theta - start
        slope = np.append(float((off * eta).sum()), off.sum(axis=0)) + pull
        return float(weight @ (total - own) + 0.5 * pull @ pull), slope

    start = np.zeros(problem.n_classes)
    start[0] = 1.0
    bounds = [(0.0, None)] + [(None, None)] * problem.m
    found: Floats = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found


def shown_outcomes(outcomes: tuple[str, ...]) -> list[int]:
    """Classes that have a row: the second of two says all of the first, too."""
    return [1] if len(outcomes) == 2 else list(range(len(outcomes)))


def judge_classes(
    rows: "Environments",
    outcomes: tuple[str, ...],
    name: Competitor,
    model: LogisticModel,
    place: int,
) -> Judgement:
    """Hold probabilities for one environment against its classes."""
    X, y, weight = _rows_of(rows, place)
    weight = weight / weight.sum()
    share = model.probabilities(X)
    mine = np.maximum(share[np.arange(len(y)), y], 1e-300)
    fits = []
    for c in shown_outcomes(outcomes):
        predicted, signal, truth, target, joint = _moments(share[:, c], y == c, weight)
        fits.append(
            left_out_fit(
                name,
                predicted=predicted,
                signal=signal,
                truth=truth,
                target=target,
                joint=joint,
                outcome=outcomes[c],
            )
        )
    return Judgement(
        error=float(weight @ -np.log(mine)),
        wrong=float(weight @ (share.argmax(axis=1) != y)),
        fits=tuple(fits),
    )


def class_residuals(
    rows: "Environments", outcomes: tuple[str, ...], model: LogisticModel, fit: Refit
) -> list[EnvironmentResiduals]:
    r"""Class less probability, by environment and class.

    As for numbers, with the 0/1 of a class as the truth. Its variance p (1 - p) depends on the
    prediction, so the error of the slope is that of White (1980),
    :math:`\sqrt{\sum_i r_i^2 (p_i - \bar p)^2} / \sum_i (p_i - \bar p)^2`.
    """
    constant = fit.columns == 0 if model.intercepts is None else np.zeros(len(fit.columns), bool)
    taken = taken_freedom(fit, constant) / fit.n_outcomes
    found = []
    for e, name in enumerate(rows.names):
        X, y, weight = _rows_of(rows, e)
        own = None if model.intercepts is None else model.intercepts[name]
        share = model.probabilities(X, own)
        n = float(weight.sum())
        for c in shown_outcomes(outcomes):
            p = share[:, c]
            predicted, signal, truth, target, joint = _moments(p, y == c, weight / n)
            off = p - predicted
            line = (y == c) - truth - joint / max(signal, 1e-300) * off
            error = np.sqrt(weight @ (line * off) ** 2) / max(n * signal, 1e-300)
            found.append(
                residuals_of(
                    name,
                    n,
                    mean=truth - predicted,
                    truth=target,
                    signal=signal,
                    joint=joint,
                    freedom=float(n - 1 - taken[e]),
                    floor=1e-18 * target,
                    slope_error=float(error),
                    outcome=outcomes[c],
                )
            )
    return found


def _rows_of(rows: "Environments", place: int) -> tuple[Floats, Places, Floats]:
    here = rows.codes == place
    y = rows.y[here].astype(np.intp)
    return (
        rows.X[here],
        y,
        np.ones(len(y)) if rows.sample_weight is None else rows.sample_weight[here],
    )


def _moments(p: Floats, hit: Floats, weight: Floats) -> tuple[float, float, float, float, float]:
    """Mean and variance of predictions and of the truth, and their covariance."""
    predicted, truth = float(weight @ p), float(weight @ hit)
    signal = float(weight @ (p - predicted) ** 2)
    joint = float(weight @ ((p - predicted) * (hit - truth)))
    return predicted, signal, truth, truth * (1 - truth), joint
