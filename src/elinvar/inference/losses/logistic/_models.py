"""Fits in the data's units, calibrated on environments left out, and held against the truth."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import stdtrit

from elinvar.inference.losses._records import (
    Competitor,
    EnvironmentResiduals,
    Judgement,
    LogisticModel,
    Refit,
    softmax,
)
from elinvar.inference.losses._residuals import left_out_fit, residuals_of, taken_freedom
from elinvar.inference.losses.logistic._newton import best_intercept
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._types import Floats, Places

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
    slope = 1.0 if left_out is None else calibration(problem, left_out)
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
    # the log odds at the centre stay
    shift = (1.0 - slope) * coef[:, 0]
    return LogisticModel(coef=slopes, intercept=intercept, intercepts=own, slope=slope, shift=shift)


def calibration(problem: LogisticProblem, left_out: Floats) -> float:
    r"""Slope that calibrates log odds on environments left out.

    With :math:`a_c + \eta_{ic}` the log odds that a fit to the other environments gives,
    :math:`a_c` at the centre of the columns, :math:`\hat s \ge 0` minimises the log loss of
    :math:`a_c + s\, \eta_{ic}` plus the pull of about one row, :math:`\tfrac12 (s - 1)^2`. Of
    :math:`\hat s - 1` the share :math:`(1 - t^2 v / (\hat s - 1)^2)_+` counts, as of James and
    Stein (1961), with v the variance of :math:`\hat s` by leaving out each environment in turn, by
    one Newton step, and t the 90% point of Student's law: what environments do not agree on is no
    correction for another one. 1 with fewer than four, where fits to the others see two.
    """
    n_environments = len(problem.count)
    if n_environments < 4:
        return 1.0
    fits = left_out[problem.place]
    level = np.column_stack([np.zeros(len(fits)), fits[:, :, 0]])
    eta = np.column_stack([np.zeros(len(fits)), np.einsum("icq,qi->ic", fits, problem.Z)]) - level
    rows = np.arange(len(eta))

    def by_environment(values: Floats) -> Floats:
        weighted: Floats = problem.weight * values
        return np.bincount(problem.place, weighted, n_environments).astype(np.float64)

    def loss(slope: Floats) -> tuple[float, Floats]:
        odds = level + slope[0] * eta
        share = softmax(odds[:, 1:])
        own = np.log(np.maximum(share[rows, problem.y], 1e-300))
        rise = (share * eta).sum(axis=1) - eta[rows, problem.y]
        pull = float(slope[0] - 1.0)
        value = 0.5 * pull**2 - float(problem.weight @ own)
        return value, np.array([pull + problem.weight @ rise])

    slope = float(minimize(loss, [1.0], jac=True, method="L-BFGS-B", bounds=[(0.0, None)]).x[0])
    share = softmax((level + slope * eta)[:, 1:])
    mean = (share * eta).sum(axis=1)
    rise = by_environment(mean - eta[rows, problem.y])
    bend = by_environment((share * eta**2).sum(axis=1) - mean**2)
    moved = rise / (1.0 + bend.sum() - bend)
    variance = (1.0 - 1.0 / n_environments) * float(moved @ moved)
    noise = float(stdtrit(n_environments - 1, 0.9)) ** 2 * variance
    return 1.0 + (slope - 1.0) * max(1.0 - noise / max((slope - 1.0) ** 2, 1e-300), 0.0)


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
