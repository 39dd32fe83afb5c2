"""One pass from data to models: pooled, invariant, and the one that should predict."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, overload

import numpy as np

from elinvar._base._threads import one_blas_thread
from elinvar._base._watch import parts
from elinvar.environments import Environments, Moments
from elinvar.inference.diagnosis._diagnose import diagnose
from elinvar.inference.diagnosis._diagnosis import Diagnosis
from elinvar.inference.effects._evidence import gather_evidence
from elinvar.inference.effects._statements import Evidence, Status, status_of
from elinvar.inference.findings._break_even import BreakEven, break_even
from elinvar.inference.findings._left_out import Fold, LeftOut, judged, left_out_losses
from elinvar.inference.findings._models import folds_without, models_of, selected_without, without
from elinvar.inference.findings._odd_environment import OddEnvironment, odd_environment
from elinvar.inference.findings._task import LearningTask
from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.losses._records import (
    EnvironmentResiduals,
    LinearModel,
    LogisticModel,
    ModelTest,
    Predictor,
)
from elinvar.inference.losses.logistic._loss import LogisticLoss
from elinvar.inference.losses.squared._loss import SquaredLoss
from elinvar.inference.losses.squared._path import InvariancePath
from elinvar.inference.problem._folds import FEW_FOLDS, FEWEST_FOLDS, MOST_FOLDS, what_is_left_out
from elinvar.inference.problem._linear import WIDE, LinearProblem
from elinvar.inference.problem._types import Bools, Floats, ProblemOptions
from elinvar.inference.selection._predictor import Choice, choose, choose_of_two, pooled_fails
from elinvar.inference.selection._select import Selection, select
from elinvar.inference.tests._laws import nothing_moved


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
    models : mapping of str to LinearModel or LogisticModel
        What may predict, by its name.
    choice : Choice
        Which of them ``used`` is, and why.
    folds : tuple of Fold, or None
        The same without each fold of environments, if that was asked to choose.
    """

    loss: Loss[M]
    task: LearningTask
    selection: Selection | None
    gates: Bools
    models: Mapping[Predictor, M]
    choice: Choice
    folds: tuple[Fold[M], ...] | None = None

    @property
    def pooled(self) -> M:
        """All features with one intercept."""
        return self.models["pooled"]

    @property
    def invariant(self) -> M:
        """The selected support; the mean with a single environment."""
        return self.models["invariant"]

    @property
    def used(self) -> M:
        """What predicts."""
        return self.models[self.predictor]

    @property
    def predictor(self) -> Predictor:
        """Its name."""
        return self.choice.predictor

    @property
    def problem(self) -> LinearProblem:
        """Columns, gates and environments."""
        return self.loss.problem

    @cached_property
    @one_blas_thread()
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

    @one_blas_thread()
    def evidence(self, tolerance: float = 0.25, smallest_effect: float = 0.1) -> Evidence:
        """Say of every feature what its effect is, how sure, and whether environments agree.

        ``tolerance`` is how far an effect may reach in a new environment, as a share of it, and
        still be nearly invariant; ``smallest_effect`` the smallest one of interest, in standard
        deviations.
        """
        return gather_evidence(
            self.loss,
            self.gates,
            self.status,
            self.task.rule.level_at(float(self.problem.count.sum())),
            rivals=None if self.selection is None else self.selection.rivals,
            tolerance=tolerance,
            smallest_effect=smallest_effect,
        )

    @one_blas_thread()
    def tests(self) -> list[ModelTest]:
        """Test the invariant model as a whole and part by part."""
        return self.loss.tests(self.gates)

    @one_blas_thread()
    def residuals(self) -> list[EnvironmentResiduals]:
        """Residuals of the invariant model in each environment."""
        return self.loss.residuals(self.invariant, self.gates)

    @one_blas_thread()
    def left_out(self) -> list[LeftOut]:
        """Repeat the whole procedure without each fold of environments, and predict them.

        A search for supports is not repeated: what the full data turned up is assessed anew. With
        two or three environments the support that all chose is refitted on the others. What should
        have predicted a fold is chosen anew, too, by leaving out at most five folds of the others,
        unless there are more than 200 columns.
        """
        folds = [fold for fold, _ in self._used_without_each]
        return judged(self.loss, folds, [used for _, used in self._used_without_each])

    @one_blas_thread()
    def forecasters(self) -> list[M]:
        """Return what would have predicted each environment, learned without it."""
        found = {e: used for fold, used in self._used_without_each for e in fold.places.tolist()}
        return [found[e] for e in sorted(found)]

    @cached_property
    def _used_without_each(self) -> list[tuple[Fold[M], M]]:
        """Folds, and what would have predicted them; none with a single environment."""
        if self.selection is None:
            return []
        folds = self.folds or folds_without(self.loss, self.task, self.selection)
        what = what_is_left_out(self.problem.count, len(folds))
        return [(fold, self._used_without(fold)) for fold in parts(what, folds)]

    def _used_without(self, fold: Fold[M]) -> M:
        """Return what would have predicted, had the fold not been there."""
        count, width = len(self.problem.count), len(self.problem.columns)
        # with many columns choosing anew within each fold would take too long
        if self.task.predictor != "auto" or count == 2 or width > WIDE:
            return fold.models.get(self.predictor, fold.models["pooled"])
        rest, own = without(self.loss, self.task, fold.places), fold.selection
        if own is None:
            # two environments are left, and no set of their own is asked for unless it is needed
            assert self.selection is not None
            if not pooled_fails(rest):
                return fold.models["pooled"]
            own = selected_without(self.loss, self.task, self.selection, fold.places)
            return fold.models[choose_of_two(rest, own.gates, own.standing).predictor]
        # the more environments there are, the less it matters how many are left out at once
        most = FEW_FOLDS if count <= MOST_FOLDS else FEWEST_FOLDS
        inner = folds_without(rest, self.task, own, most)
        errors = left_out_losses(rest, inner)
        return fold.models[choose(errors, own.standing, rest.level_untested).predictor]

    @one_blas_thread()
    def break_even(self) -> BreakEven | None:
        """Find from which shift on the invariant model is the better forecast.

        None with fewer than three environments, or with too few rows in one for all features.
        """
        if self.selection is None or len(self.problem.count) < 3:
            return None
        sets: dict[Predictor, Bools | None] = {"pooled": None, "invariant": self.gates}
        if self.predictor == "nearly_invariant":
            kappa, near = self.task.rule.kappa, self.selection.shortlist
            sets["nearly_invariant"] = self.loss.nearly_invariant(near, kappa)
        parts = {name: self.loss.risk_parts(gates) for name, gates in sets.items()}
        known = {name: part for name, part in parts.items() if part is not None}
        if len(known) < len(sets):
            return None
        return break_even(known, self.problem.weights, self.predictor)

    @one_blas_thread()
    def odd_environment(self) -> OddEnvironment | None:
        """Find the environment that alone is responsible where environments do not agree."""
        return odd_environment(self.loss, self.gates)

    @one_blas_thread()
    def path(self, strengths: Floats | None = None) -> InvariancePath:
        """Follow the mean-field path over penalty strengths."""
        return self.loss.path(strengths)

    @one_blas_thread()
    def diagnosis(self) -> Diagnosis:
        """Say what the data could answer, whatever the model."""
        moments, sentence = self.loss.preflight()
        found: Diagnosis = diagnose(moments, intercept=self.task.intercept)
        return replace(found, notes=(sentence, *found.notes)) if sentence else found


@overload
def learn(
    data: Moments, weights: Floats, task: LearningTask, *, rows: Environments | None = None
) -> Findings[LinearModel]: ...


@overload
def learn(
    data: Environments, weights: Floats, task: LearningTask, *, rows: Environments | None = None
) -> Findings[LogisticModel]: ...


@one_blas_thread()
def learn(
    data: Moments | Environments,
    weights: Floats,
    task: LearningTask,
    *,
    rows: Environments | None = None,
) -> Findings[LinearModel] | Findings[LogisticModel]:
    """Learn the models.

    Parameters
    ----------
    data : Moments or Environments
        Moments for a number; rows whose target is the number of the class, for classes.
    weights : array of shape (E,)
        Weight of each environment, summing to one.
    task : LearningTask
    rows : Environments, optional
        The rows, if covariances are to come from them; in clusters if they have any.
    """
    options: ProblemOptions = {
        "intercept": task.intercept,
        "weights": weights,
        "always": task.always,
        "t_threshold": task.t_threshold,
    }
    if isinstance(data, Moments):
        return _learn(SquaredLoss.from_moments(data, rows, **options), task)
    logistic = LogisticLoss.from_rows(
        data,
        task.outcomes,
        calibrate=task.calibrate,
        shrink=task.calibrate,
        robust=rows is not None,
        **options,
    )
    return _learn(logistic, task)


def _learn(loss: Loss[M], task: LearningTask) -> Findings[M]:
    if len(loss.problem.count) < 2:
        return Findings(
            loss=loss,
            task=task,
            selection=None,
            gates=np.zeros(loss.problem.n_gates, dtype=bool),
            models={"pooled": loss.pooled_model(), "invariant": loss.mean_model()},
            choice=Choice(predictor="pooled", reason="alone"),
        )
    selection = select(loss, task.rule)
    models, folds = models_of(loss, task.rule, selection), None
    if task.predictor != "auto":
        choice = Choice(predictor=task.predictor, reason="asked")
    elif len(loss.problem.count) == 2:
        choice = choose_of_two(loss, selection.gates, selection.standing)
    else:
        folds = tuple(folds_without(loss, task, selection))
        errors = left_out_losses(loss, folds)
        choice = choose(errors, selection.standing, loss.level_untested)
    return Findings(
        loss=loss,
        task=task,
        selection=selection,
        gates=selection.gates,
        models=models,
        choice=choice,
        folds=folds,
    )
