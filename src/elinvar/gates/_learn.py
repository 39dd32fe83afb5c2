"""One pass from moments to models: pooled, invariant, and the one that should predict."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base import DataError
from elinvar.gates._leave_out import moment_error, solve
from elinvar.gates._path import pooled_solution
from elinvar.gates._problem import Floats, Intercept, LinearProblem
from elinvar.gates._select import Selection, SelectionRule, select

if TYPE_CHECKING:
    from elinvar.environments import Moments

Status = Literal["accepted", "approximate", "rejected", "pooled_only"]
Predictor = Literal["invariant", "pooled", "candidate"]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class LearningTask:
    """What is asked of the data.

    Parameters
    ----------
    intercept : {"shared", "environment"}
    predictor : {"auto", "invariant", "pooled"}
    always : boolean array of shape (n_features,)
        Features that always stay in the model.
    min_t : float >= 0
        Smallest |t| of a gate that is needed.
    rule : SelectionRule
    """

    intercept: Intercept
    predictor: Literal["auto", "invariant", "pooled"]
    always: Bools
    min_t: float
    rule: SelectionRule


@dataclass(frozen=True, kw_only=True)
class LinearModel:
    """A linear model in the data's units.

    Attributes
    ----------
    coef : array of shape (n_columns,)
    intercept : float
        The shared intercept, or the average of the environments' own.
    intercepts : dict of str to float, or None
        Each environment's own intercept.
    """

    coef: Floats
    intercept: float
    intercepts: dict[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What one pass over moments finds.

    Attributes
    ----------
    problem : LinearProblem
    selection : Selection or None
        None with a single environment.
    gates : boolean array of shape (n_gates,)
        The selected support.
    pooled, invariant, used : LinearModel
    predictor : {"invariant", "pooled", "candidate"}
        Which model ``used`` is.
    status : {"accepted", "approximate", "rejected", "pooled_only"}
    """

    problem: LinearProblem
    selection: Selection | None
    gates: Bools
    pooled: LinearModel
    invariant: LinearModel
    used: LinearModel
    predictor: Predictor
    status: Status


def learn(
    moments: "Moments", share: Floats, task: LearningTask, *, pool: Bools | None = None
) -> Learned:
    """Learn the models from moments.

    Parameters
    ----------
    moments : Moments
    share : array of shape (E,)
        Weight of each environment, summing to one.
    task : LearningTask
    pool : boolean array of shape (M, n_features), optional
        Supports to choose among, instead of those that a search turns up.
    """
    options: dict[str, Any] = {"share": share, "always": task.always, "min_t": task.min_t}
    shared = LinearProblem.from_moments(moments, **options)
    problem = shared
    if task.intercept == "environment":
        problem = LinearProblem.from_moments(moments, intercept="environment", **options)
    pooled = _model(shared, pooled_solution(shared))
    if len(moments.names) < 2:
        return Learned(
            problem=problem,
            selection=None,
            gates=np.zeros(problem.n_gates, dtype=bool),
            pooled=pooled,
            invariant=mean_model(moments, share),
            used=pooled,
            predictor="pooled",
            status="pooled_only",
        )
    supports = None if pool is None else np.unique(pool[:, problem.features], axis=0)
    selection = select(problem, shared, task.rule, supports=supports)
    invariant = _model(problem, selection.coef)
    predictor: Predictor = "pooled" if task.predictor == "auto" else task.predictor
    if task.predictor == "auto" and selection.advice in ("invariant", "candidate"):
        predictor = "invariant" if selection.advice == "invariant" else "candidate"
    used = invariant if predictor == "invariant" else pooled
    if predictor == "candidate" and selection.candidate_coef is not None:
        used = _model(problem, selection.candidate_coef)
    return Learned(
        problem=problem,
        selection=selection,
        gates=selection.gates,
        pooled=pooled,
        invariant=invariant,
        used=used,
        predictor=predictor,
        status=selection.status,
    )


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Mean squared errors on one environment of models learned on the others.

    Attributes
    ----------
    environment : str
    rows : float
        Rows in it (sum of frequency weights).
    invariant, pooled, mean, used : float
        In squared units of the target; ``used``: of what should have predicted.
    """

    environment: str
    rows: float
    invariant: float
    pooled: float
    mean: float
    used: float


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
    rows = []
    for place, name in enumerate(moments.names):
        rest = moments.exclude([name])
        weights = np.delete(share, place)
        # the others count equally if all the weight was on the one left out
        weights = weights / weights.sum() if weights.sum() > 0 else weights + 1 / len(weights)
        try:
            found = learn(rest, weights, task, pool=pool)
        except DataError:  # features that always stay cannot be told apart on the others alone
            found = learn(rest, weights, replace(task, always=np.zeros_like(task.always)))
        if len(rest.names) == 1:
            found = _keep_support(found, learned)
        models = (found.invariant, found.pooled, mean_model(rest, weights), found.used)
        invariant, pooled, mean, used = (
            moment_error(moments, place, model.coef, model.intercept) for model in models
        )
        rows.append(
            LeftOut(
                environment=name,
                rows=float(moments.count[place]),
                invariant=invariant,
                pooled=pooled,
                mean=mean,
                used=used,
            )
        )
    return rows


def mean_model(moments: "Moments", share: Floats) -> LinearModel:
    """Predict the mean whatever the features."""
    return LinearModel(
        coef=np.zeros(moments.schema.n_columns), intercept=float(share @ moments.mean_y)
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
    coef[columns], _ = solve(gram, problem.cross[0][columns])
    invariant = _model(problem, coef)
    return Learned(
        problem=problem,
        selection=None,
        gates=gates,
        pooled=found.pooled,
        invariant=invariant,
        used=invariant if learned.predictor == "invariant" else found.pooled,
        predictor=learned.predictor,
        status=found.status,
    )


def _model(problem: LinearProblem, coef: Floats) -> LinearModel:
    slopes, intercept, intercepts = problem.original(coef)
    own = None
    if problem.absorbed:
        names = problem.moments.names
        own = {name: float(b) for name, b in zip(names, intercepts, strict=True)}
    return LinearModel(coef=slopes, intercept=intercept, intercepts=own)
