"""One pass from data to models: pooled, invariant, and the one that should predict."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, Literal, TypeAlias, overload

import numpy as np

from elinvar.environments import Environments, Moments
from elinvar.errors import DataError
from elinvar.inference.diagnosis._diagnose import diagnose
from elinvar.inference.diagnosis._diagnosis import Diagnosis
from elinvar.inference.effects._evidence import Evidence, Status, gather_evidence, status_of
from elinvar.inference.findings._left_out import LeftOut, left_out_errors
from elinvar.inference.findings._odd_environment import OddEnvironment, odd_environment
from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.losses._records import (
    Competitor,
    EnvironmentResiduals,
    LinearModel,
    LogisticModel,
    ModelTest,
)
from elinvar.inference.losses.logistic._loss import LogisticLoss
from elinvar.inference.losses.squared._loss import SquaredLoss
from elinvar.inference.losses.squared._path import InvariancePath
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._types import Bools, Floats, Intercept, ProblemOptions
from elinvar.inference.selection._select import Selection, SelectionRule, select
from elinvar.inference.tests._laws import nothing_moved

Predictor: TypeAlias = Literal["invariant", "pooled", "candidate", "subspace"]


@dataclass(frozen=True, kw_only=True)
class LearningTask:
    """What is asked of the data.

    Parameters
    ----------
    intercept : {"shared", "environment"}
    predictor : {"auto", "invariant", "pooled"}
    always : boolean array of shape (n_features,)
        Features that always stay in the model.
    t_threshold : float >= 0
        Smallest |t| of a gate that is needed.
    rule : SelectionRule
    outcomes : tuple of str
        Names of the classes, the target being the number of one; empty if it is a number.
    calibrate : bool
        Correct log odds by what left-out environments say.
    """

    intercept: Intercept
    predictor: Literal["auto", "invariant", "pooled"]
    always: Bools
    t_threshold: float
    rule: SelectionRule
    outcomes: tuple[str, ...] = ()
    calibrate: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings(Generic[M]):
    """What one pass finds; what it takes time to say is worked out when asked.

    Attributes
    ----------
    loss : Loss
        The data, as the loss sees them.
    task : LearningTask
    selection : Selection or None
        None with a single environment.
    gates : boolean array of shape (n_gates,)
        The selected support.
    pooled, invariant, used : LinearModel or LogisticModel
        In the data's units.
    predictor : {"invariant", "pooled", "candidate", "subspace"}
        Which model ``used`` is.
    """

    loss: Loss[M]
    task: LearningTask
    selection: Selection | None
    gates: Bools
    pooled: M
    invariant: M
    used: M
    predictor: Predictor

    @property
    def problem(self) -> LinearProblem:
        """Columns, gates and environments."""
        return self.loss.problem

    @cached_property
    def status(self) -> Status:
        """What the findings are worth: see `status_of`."""
        if self.selection is None:
            return "pooled_only"
        differ = not nothing_moved(self.problem)
        return status_of(self.selection.outcome, self.p_value, differ=differ)

    @property
    def portable(self) -> bool:
        """Whether it holds moments only, and no rows."""
        return self.loss.portable

    @property
    def p_value(self) -> float:
        """Of the overidentification test of the selected support; 1 with one environment."""
        return 1.0 if self.selection is None else self.selection.p_value

    @property
    def disagreement(self) -> float:
        """Upper 95% limit of the test's noncentrality, a row; 0 with one environment."""
        return 0.0 if self.selection is None else self.selection.disagreement

    def evidence(self, tolerance: float = 0.25) -> Evidence:
        """Say of every feature what its effect is, how sure, and whether environments agree.

        ``tolerance`` is how far an effect may reach in a new environment, as a share of it, and
        still be approximately invariant.
        """
        return gather_evidence(
            self.loss,
            self.gates,
            self.status,
            self.task.rule.level_at(float(self.problem.count.sum())),
            rivals=None if self.selection is None else self.selection.rivals,
            tolerance=tolerance,
        )

    def tests(self) -> list[ModelTest]:
        """Test the invariant model as a whole and part by part."""
        return self.loss.tests(self.gates)

    def residuals(self) -> list[EnvironmentResiduals]:
        """Residuals of the invariant model in each environment."""
        return self.loss.residuals(self.invariant, self.gates)

    def left_out(self) -> list[LeftOut]:
        """Repeat the whole procedure without each environment, and predict it.

        A search for supports is not repeated: what the full data turned up is assessed anew. With
        two environments the support that both chose is refitted on one.
        """
        return [] if self.selection is None else left_out_errors(self.loss, self._models_without)

    def odd_environment(self) -> OddEnvironment | None:
        """Find the environment that alone is responsible where environments do not agree."""
        return odd_environment(self.loss, self.gates)

    def path(self, strengths: Floats | None = None) -> InvariancePath:
        """Follow the mean-field path over penalty strengths."""
        return self.loss.path(strengths)

    def diagnosis(self) -> Diagnosis:
        """Say what the data could answer, whatever the model."""
        moments, sentence = self.loss.preflight()
        found: Diagnosis = diagnose(moments, intercept=self.task.intercept)
        return replace(found, notes=(sentence, *found.notes)) if sentence else found

    def _models_without(self, place: int) -> Mapping[Competitor, M]:
        """Learn from the other environments."""
        found = self._findings_without(self.problem.moments.names[place])
        invariant, used = found.invariant, found.used
        # one environment is left: nothing is chosen there, the support of all is refitted
        if found.selection is None:
            gates = np.isin(found.problem.features, self.problem.features[self.gates])
            invariant = found.loss.support_model(gates)
            used = invariant if self.predictor == "invariant" else found.pooled
        mean = found.loss.mean_model()
        return {"invariant": invariant, "pooled": found.pooled, "mean": mean, "used": used}

    def _findings_without(self, name: str) -> "Findings[M]":
        try:
            return _learn(self.loss.without(name, self.task.always), self.task, self._pool)
        except DataError:  # features that always stay cannot be told apart on the others alone
            return _learn(self.loss.without(name), self.task, None)

    @property
    def _pool(self) -> Bools | None:
        """Supports over features that were compared; None where all are tried anyway."""
        if self.selection is None or self.loss.tries_all(self.task.rule.exact_up_to):
            return None
        gates = self.selection.supports
        pool = np.zeros((len(gates), len(self.problem.moments.schema.features)), dtype=bool)
        pool[:, self.problem.features] = gates
        return pool


@overload
def learn(
    data: Moments, weights: Floats, task: LearningTask, *, pool: Bools | None = None
) -> Findings[LinearModel]: ...


@overload
def learn(
    data: Environments, weights: Floats, task: LearningTask, *, pool: Bools | None = None
) -> Findings[LogisticModel]: ...


def learn(
    data: Moments | Environments, weights: Floats, task: LearningTask, *, pool: Bools | None = None
) -> Findings[LinearModel] | Findings[LogisticModel]:
    """Learn the models.

    Parameters
    ----------
    data : Moments or Environments
        Moments for a number; rows whose target is the number of the class, for classes.
    weights : array of shape (E,)
        Weight of each environment, summing to one.
    task : LearningTask
    pool : boolean array of shape (M, n_features), optional
        Supports to choose among, instead of those that a search turns up.
    """
    options: ProblemOptions = {
        "intercept": task.intercept,
        "weights": weights,
        "always": task.always,
        "t_threshold": task.t_threshold,
    }
    if isinstance(data, Moments):
        return _learn(SquaredLoss.from_moments(data, **options), task, pool)
    logistic = LogisticLoss.from_rows(data, task.outcomes, calibrate=task.calibrate, **options)
    return _learn(logistic, task, pool)


def _learn(loss: Loss[M], task: LearningTask, pool: Bools | None) -> Findings[M]:
    pooled = loss.pooled_model()
    if len(loss.problem.count) < 2:
        return Findings(
            loss=loss,
            task=task,
            selection=None,
            gates=np.zeros(loss.problem.n_gates, dtype=bool),
            pooled=pooled,
            invariant=loss.mean_model(),
            used=pooled,
            predictor="pooled",
        )
    # supports that differ in columns which are lost here are the same
    supports = None if pool is None else np.unique(pool[:, loss.problem.features], axis=0)
    selection = select(loss, task.rule, supports=supports)
    invariant = loss.support_model(selection.gates, selection.coef)
    predictor: Predictor = "pooled" if task.predictor == "auto" else task.predictor
    if task.predictor == "auto" and selection.advice in ("invariant", "candidate", "subspace"):
        predictor = selection.advice
    used = invariant if predictor == "invariant" else pooled
    if predictor == "candidate" and selection.candidate is not None:
        used = loss.support_model(selection.candidate, selection.candidate_coef)
    if predictor == "subspace" and selection.subspace is not None:
        used = loss.subspace_model(selection.subspace)
    return Findings(
        loss=loss,
        task=task,
        selection=selection,
        gates=selection.gates,
        pooled=pooled,
        invariant=invariant,
        used=used,
        predictor=predictor,
    )
