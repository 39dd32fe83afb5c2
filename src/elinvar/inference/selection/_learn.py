"""One pass from moments to models: pooled, invariant, and the one that should predict."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.inference.problem._linear import Floats, Intercept, LinearProblem
from elinvar.inference.selection._path import pooled_solution
from elinvar.inference.selection._select import Selection, SelectionRule, select

if TYPE_CHECKING:
    from elinvar.environments import Moments

Status = Literal["accepted", "approximate", "rejected", "pooled_only"]
Predictor = Literal["invariant", "pooled", "candidate", "subspace"]
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
    predictor : {"invariant", "pooled", "candidate", "subspace"}
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
    pooled = linear_model(shared, pooled_solution(shared))
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
    invariant = linear_model(problem, selection.coef)
    predictor: Predictor = "pooled" if task.predictor == "auto" else task.predictor
    if task.predictor == "auto" and selection.advice in ("invariant", "candidate", "subspace"):
        predictor = selection.advice
    used = invariant if predictor == "invariant" else pooled
    if predictor == "candidate" and selection.candidate_coef is not None:
        used = linear_model(problem, selection.candidate_coef)
    if predictor == "subspace" and selection.subspace is not None:
        used = linear_model(problem, selection.subspace.coef)
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


def mean_model(moments: "Moments", share: Floats) -> LinearModel:
    """Predict the mean whatever the features."""
    return LinearModel(
        coef=np.zeros(moments.schema.n_columns), intercept=float(share @ moments.mean_y)
    )


def linear_model(problem: LinearProblem, coef: Floats) -> LinearModel:
    slopes, intercept, intercepts = problem.original(coef)
    own = None
    if problem.absorbed:
        names = problem.moments.names
        own = {name: float(b) for name, b in zip(names, intercepts, strict=True)}
    return LinearModel(coef=slopes, intercept=intercept, intercepts=own)
