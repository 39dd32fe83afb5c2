"""Every environment left out in turn: the whole procedure repeated, and its forecast judged."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from elinvar.errors import DataError
from elinvar.inference.problem._linear import Floats
from elinvar.inference.problem._linear_algebra import solve
from elinvar.inference.selection._lasso import lasso_without_each
from elinvar.inference.selection._learn import (
    Bools,
    Learned,
    LearningTask,
    LinearModel,
    learn,
    linear_model,
    mean_model,
)
from elinvar.inference.selection._leave_out import moment_error
from elinvar.inference.selection._select import SelectionRule

if TYPE_CHECKING:
    from elinvar.environments import Moments

Competitor = Literal["invariant", "pooled", "lasso", "used"]

_FLAT = 1e-9


@dataclass(frozen=True, kw_only=True)
class LeftOutFit:
    """Predictions for a left-out environment against its truth.

    Attributes
    ----------
    model : {"invariant", "pooled", "lasso", "used"}
    predicted_mean, predicted_sd, truth_mean, truth_sd : float
        In units of the target, divisor the number of rows.
    slope : float
        Of the truth on the prediction: 1 is calibrated; NaN if predictions do not vary.
    residual_sd : float
        Standard deviation of truth less prediction, about its mean.
    bias : float
        Mean of truth less prediction.
    """

    model: Competitor
    predicted_mean: float
    predicted_sd: float
    truth_mean: float
    truth_sd: float
    slope: float
    residual_sd: float
    bias: float


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """One environment, predicted by models learned on the others.

    Attributes
    ----------
    environment : str
    rows : float
        Rows in it (sum of frequency weights).
    invariant, pooled, lasso, mean, used : float
        Mean squared errors, in squared units of the target; ``used``: of what should have
        predicted.
    fits : tuple of LeftOutFit
        Predictions against truth, for "invariant", "pooled", "lasso" and "used".
    """

    environment: str
    rows: float
    invariant: float
    pooled: float
    lasso: float
    mean: float
    used: float
    fits: tuple[LeftOutFit, ...]


def left_out_errors(
    moments: "Moments", share: Floats, task: LearningTask, learned: Learned
) -> list[LeftOut]:
    """Repeat the whole procedure without each environment, and predict it.

    A search for supports is not repeated: what the full data turned up is assessed anew. With two
    environments the support that both chose is refitted on one.

    Parameters
    ----------
    moments : Moments
    share : array of shape (E,)
    task : LearningTask
    learned : Learned
        From all environments.
    """
    pool = _pool(learned, task.rule)
    weights = np.array([_others(share, place) for place in range(len(share))])
    lassos = lasso_without_each(moments, weights)
    rows = []
    for place, name in enumerate(moments.names):
        rest, others = moments.exclude([name]), np.delete(weights[place], place)
        found = _relearn(rest, others, task, pool, learned)
        models: dict[Competitor, LinearModel] = {
            "invariant": found.invariant,
            "pooled": found.pooled,
            "lasso": lassos[place],
            "used": found.used,
        }
        errors = {
            key: moment_error(moments, place, model.coef, model.intercept)
            for key, model in models.items()
        }
        level = mean_model(rest, others)
        rows.append(
            LeftOut(
                environment=name,
                rows=float(moments.count[place]),
                mean=moment_error(moments, place, level.coef, level.intercept),
                fits=tuple(_judge(moments, place, key, model) for key, model in models.items()),
                **errors,
            )
        )
    return rows


def _others(share: Floats, place: int) -> Floats:
    """Weights without one environment: equal if all the weight was on it."""
    weights = share.copy()
    weights[place] = 0.0
    if not weights.sum() > 0:
        weights = np.ones(len(share))
        weights[place] = 0.0
    others: Floats = weights / weights.sum()
    return others


def _relearn(
    rest: "Moments", share: Floats, task: LearningTask, pool: Bools | None, learned: Learned
) -> Learned:
    """Learn from the environments that are left."""
    try:
        found = learn(rest, share, task, pool=pool)
    except DataError:  # features that always stay cannot be told apart on the others alone
        found = learn(rest, share, replace(task, always=np.zeros_like(task.always)))
    return _keep_support(found, learned) if len(rest.names) == 1 else found


def _judge(moments: "Moments", place: int, name: Competitor, model: LinearModel) -> LeftOutFit:
    """Hold a model's predictions for one environment against its truth, from moments."""
    coef, truth = model.coef, float(moments.mean_y[place])
    predicted = float(moments.mean_x[place] @ coef) + model.intercept
    joint = float(moments.cov_xy[place] @ coef)
    variance = max(float(coef @ moments.cov_xx[place] @ coef), 0.0)
    target = float(moments.var_y[place])
    return LeftOutFit(
        model=name,
        predicted_mean=predicted,
        predicted_sd=variance**0.5,
        truth_mean=truth,
        truth_sd=target**0.5,
        slope=joint / variance if variance > _FLAT**2 * target else float("nan"),
        residual_sd=max(target - 2 * joint + variance, 0.0) ** 0.5,
        bias=truth - predicted,
    )


def _pool(learned: Learned, rule: SelectionRule) -> Bools | None:
    """Supports over features that a search found; None where all are tried anyway."""
    problem = learned.problem
    if learned.selection is None or (~problem.always).sum() <= rule.exact_up_to:
        return None
    gates = learned.selection.supports
    pool = np.zeros((len(gates), len(problem.moments.schema.features)), dtype=bool)
    pool[:, problem.features] = gates
    return pool


def _keep_support(found: Learned, learned: Learned) -> Learned:
    """Refit the support of ``learned`` on the single environment of ``found``."""
    problem = found.problem
    chosen = learned.problem.features[learned.gates]
    gates = np.isin(problem.features, chosen)
    columns = np.flatnonzero(problem.column_masks(gates[None])[0])
    coef = np.zeros(len(problem.gate_of))
    gram = problem.gram[0][columns[:, None], columns]
    coef[columns] = solve(gram, problem.cross[0][columns])
    invariant = linear_model(problem, coef)
    return replace(
        found,
        gates=gates,
        invariant=invariant,
        used=invariant if learned.predictor == "invariant" else found.pooled,
        predictor=learned.predictor,
    )
