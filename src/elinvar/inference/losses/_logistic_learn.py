"""One pass from rows to classifiers, their calibration, and their losses where left out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from elinvar.inference.losses._logistic_problem import (
    Bools,
    LogisticProblem,
    fit_gates,
    left_out_fits,
)
from elinvar.inference.losses._logistic_select import LogisticSelection, select_support
from elinvar.inference.problem._linear import Floats
from elinvar.inference.selection._learn import Status
from elinvar.inference.selection._select import SelectionRule

if TYPE_CHECKING:
    from elinvar.environments import Environments

Predictor = Literal["invariant", "pooled", "subspace"]
MODELS = ("invariant", "pooled", "mean", "used")


@dataclass(frozen=True, kw_only=True)
class LogisticTask:
    """What is asked of the rows; see `LearningTask`.

    Parameters
    ----------
    n_classes : int
    predictor : {"auto", "invariant", "pooled"}
    calibrate : bool
        Correct log odds by what left-out environments say.
    always : boolean array of shape (n_features,)
    min_t : float >= 0
    rule : SelectionRule
    """

    n_classes: int
    predictor: Literal["auto", "invariant", "pooled"]
    calibrate: bool
    always: Bools
    min_t: float
    rule: SelectionRule


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticModel:
    """Log odds of every class but the reference, in the data's units.

    Attributes
    ----------
    coef : array of shape (m, n_columns)
    intercept : array of shape (m,)
    slope : float
        What log odds are multiplied by to be calibrated where left out.
    shift : array of shape (m,)
        What is then added.
    """

    coef: Floats
    intercept: Floats
    slope: float
    shift: Floats

    def log_odds(self, X: Floats) -> Floats:
        """Calibrated log odds against the reference, (n, m)."""
        odds: Floats = self.slope * (X @ self.coef.T + self.intercept) + self.shift
        return odds

    def probabilities(self, X: Floats) -> Floats:
        """Probabilities of all classes, (n, m + 1)."""
        return softmax(self.log_odds(X))


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticLearned:
    """What one pass over rows finds; see `Learned`."""

    problem: LogisticProblem
    selection: LogisticSelection | None
    gates: Bools
    pooled: LogisticModel
    invariant: LogisticModel
    used: LogisticModel
    predictor: Predictor
    status: Status


@dataclass(frozen=True, kw_only=True)
class LeftOutLosses:
    """Mean log loss and share of errors of each of ``MODELS`` on one environment left out."""

    environment: str
    rows: float
    losses: dict[str, float]
    errors: dict[str, float]


def softmax(odds: Floats) -> Floats:
    """Probabilities of all classes (n, m + 1) from log odds against the first (n, m)."""
    full = np.concatenate([np.zeros((len(odds), 1)), odds], axis=1)
    full -= full.max(axis=1, keepdims=True)
    np.exp(full, out=full)
    share: Floats = full / full.sum(axis=1, keepdims=True)
    return share


def learn_classes(
    rows: "Environments", task: LogisticTask, *, pool: Bools | None = None
) -> LogisticLearned:
    """Learn the models from rows whose target is the number of the class.

    Parameters
    ----------
    rows : Environments
    task : LogisticTask
    pool : boolean array of shape (M, n_features), optional
        Supports to choose among, instead of those that a search turns up.
    """
    problem = LogisticProblem.from_rows(rows, task.n_classes, always=task.always, min_t=task.min_t)
    everything = np.ones(problem.linear.n_gates, dtype=bool)
    pooled_coef = fit_gates(problem, everything[None], own=False)[0].coef
    if len(rows.names) < 2:
        nothing = np.zeros(problem.linear.n_gates, dtype=bool)
        pooled = _model(problem, pooled_coef, None)
        return LogisticLearned(
            problem=problem,
            selection=None,
            gates=nothing,
            pooled=pooled,
            invariant=_model(problem, fit_gates(problem, nothing[None], own=False)[0].coef, None),
            used=pooled,
            predictor="pooled",
            status="pooled_only",
        )
    supports = None if pool is None else np.unique(pool[:, problem.linear.features], axis=0)
    selection = select_support(problem, task.rule, pool=supports)
    wide = left_out_fits(problem, everything, pooled_coef)[0] if task.calibrate else None
    pooled = _model(problem, pooled_coef, wide)
    own = selection.left_out if task.calibrate else None
    invariant = _model(problem, selection.support.coef, own)
    predictor: Predictor = "pooled"
    if task.predictor != "auto":
        predictor = task.predictor
    elif selection.advice in ("invariant", "subspace"):
        predictor = selection.advice
    used = invariant if predictor == "invariant" else pooled
    if predictor == "subspace" and selection.subspace is not None:
        rest = selection.subspace.left_out if task.calibrate else None
        used = _model(problem, selection.subspace.coef, rest)
    return LogisticLearned(
        problem=problem,
        selection=selection,
        gates=selection.support.gates,
        pooled=pooled,
        invariant=invariant,
        used=used,
        predictor=predictor,
        status=selection.status,
    )


def left_out_losses(
    rows: "Environments", task: LogisticTask, learned: LogisticLearned
) -> list[LeftOutLosses]:
    """Repeat the choice without each environment, among the supports that all turned up.

    With two environments the support that both chose is refitted on one.
    """
    found = []
    selection, linear = learned.selection, learned.problem.linear
    n_features = len(linear.moments.schema.features)
    chosen = learned.gates[None] if selection is None or len(rows.names) == 2 else None
    pool = np.zeros((1, n_features), dtype=bool)
    if selection is not None:
        gates = selection.supports if chosen is None else chosen
        pool = np.zeros((len(gates), n_features), dtype=bool)
        pool[:, linear.features] = gates
    for e, name in enumerate(rows.names):
        rest = rows.exclude([name])
        models = _models(rest, task, pool, learned)
        here = rows.codes == e
        X, y = rows.X[here], rows.y[here].astype(np.intp)
        weight = np.ones(len(y)) if rows.sample_weight is None else rows.sample_weight[here]
        weight = weight / weight.sum()
        losses, errors = {}, {}
        for key in MODELS:
            share = models[key].probabilities(X)
            own = np.maximum(share[np.arange(len(y)), y], 1e-300)
            losses[key] = float(weight @ -np.log(own))
            errors[key] = float(weight @ (share.argmax(axis=1) != y))
        found.append(
            LeftOutLosses(
                environment=name,
                rows=float(learned.problem.count[e]),
                losses=losses,
                errors=errors,
            )
        )
    return found


def _models(
    rest: "Environments", task: LogisticTask, pool: Bools, learned: LogisticLearned
) -> dict[str, LogisticModel]:
    found = learn_classes(rest, task, pool=pool)
    problem = found.problem
    nothing = np.zeros((1, problem.linear.n_gates), dtype=bool)
    mean = _model(problem, fit_gates(problem, nothing, own=False)[0].coef, None)
    invariant, used = found.invariant, found.used
    if len(rest.names) == 1:
        gates = pool[:1, problem.linear.features]
        invariant = _model(problem, fit_gates(problem, gates, own=False)[0].coef, None)
        used = invariant if learned.predictor == "invariant" else found.pooled
    return {"invariant": invariant, "pooled": found.pooled, "mean": mean, "used": used}


def _model(problem: LogisticProblem, coef: Floats, left_out: Floats | None) -> LogisticModel:
    """Put standardised coefficients (m, q) in the data's units, calibrated by ``left_out``."""
    slopes, intercept = problem.slopes(coef)
    slope, shift = (1.0, np.zeros(problem.m))
    if left_out is not None:
        slope, shift = calibration(problem, left_out)
    return LogisticModel(coef=slopes, intercept=intercept, slope=slope, shift=shift)


def calibration(problem: LogisticProblem, left_out: Floats) -> tuple[float, NDArray[np.float64]]:
    r"""Slope and shifts that calibrate log odds on environments left out.

    They minimise the log loss of :math:`s\, \eta_{ic} + a_c`, with :math:`\eta` the log odds that a
    fit to the other environments gives, plus :math:`\tfrac12 (s - 1)^2 + \tfrac12 |a|^2`, the
    pull of about one row; :math:`0 \le s`.
    """
    place = np.repeat(np.arange(len(problem.count)), np.diff(problem.bounds))
    eta = np.einsum("icq,qi->ic", left_out[place], problem.Z)
    hit = problem.y[:, None] == np.arange(1, problem.n_classes)

    def loss(theta: Floats) -> tuple[float, Floats]:
        odds = theta[0] * eta + theta[1:]
        full = np.concatenate([np.zeros((len(odds), 1)), odds], axis=1)
        top = full.max(axis=1)
        total = top + np.log(np.exp(full - top[:, None]).sum(axis=1))
        own = (hit * odds).sum(axis=1)
        off = (np.exp(odds - total[:, None]) - hit) * problem.weight[:, None]
        pull = theta - start
        slope = np.append(float((off * eta).sum()), off.sum(axis=0)) + pull
        return float(problem.weight @ (total - own) + 0.5 * pull @ pull), slope

    start = np.zeros(problem.n_classes)
    start[0] = 1.0
    bounds = [(0.0, None)] + [(None, None)] * problem.m
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(found[0]), found[1:]
