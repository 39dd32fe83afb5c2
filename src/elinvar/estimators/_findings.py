"""What the engine says of a fit on moments, when it is asked; and the answer that is made of it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from elinvar.answer import FittedModel
from elinvar.answer.notes import Choice
from elinvar.environments import Moments
from elinvar.inference import (
    FEWEST,
    Diagnosis,
    EnvironmentResiduals,
    Evidence,
    InvariancePath,
    Learned,
    LearningTask,
    LeftOut,
    LinearModel,
    ModelTest,
    OddEnvironment,
    Status,
    diagnose,
    environment_residuals,
    gather_evidence,
    invariance_path,
    left_out_errors,
    model_tests,
    odd_environment,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class MomentFindings:
    """See `Findings`: everything is computed from the moments of the environments."""

    moments: Moments
    weights: Floats
    task: LearningTask
    learned: Learned
    status: Status
    portable: bool = True

    def evidence(self, tolerance: float) -> Evidence:
        """Evidence on every feature."""
        found = self.learned
        return gather_evidence(
            found.problem,
            found.gates,
            self.status,
            self.task.rule.level_at(float(self.moments.count.sum())),
            rivals=None if found.selection is None else found.selection.rivals,
            tolerance=tolerance,
        )

    def tests(self) -> list[ModelTest]:
        """Tests of the invariant model."""
        return model_tests(self.learned.problem, self.learned.gates)

    def residuals(self) -> list[EnvironmentResiduals]:
        """Its residuals in each environment."""
        found = self.learned
        return environment_residuals(found.problem, found.invariant, found.gates)

    def left_out(self) -> list[LeftOut]:
        """Each environment predicted from the others."""
        return left_out_errors(self.moments, self.weights, self.task, self.learned)

    def odd_environment(self) -> OddEnvironment | None:
        """Name the environment that is responsible where they do not agree."""
        return odd_environment(self.learned.problem, self.learned.gates)

    def path(self, strengths: Floats | None) -> InvariancePath:
        """Coefficients along the mean-field path."""
        return invariance_path(self.learned.problem, strengths=strengths)

    def diagnosis(self) -> Diagnosis:
        """Say what the data could answer."""
        return diagnose(self.moments, intercept=self.learned.problem.intercept)

    def choice(self) -> Choice:
        """Return what notes are made of."""
        problem, selection = self.learned.problem, self.learned.selection
        names, count = self.moments.names, self.moments.count
        spare = count - len(problem.gate_of) - problem.absorbed
        few = [name for name, rows in zip(names, spare, strict=True) if rows < FEWEST]
        whole = Choice(constant=problem.constant, duplicates=problem.duplicates)
        if selection is None:
            return whole
        subspace = selection.subspace
        return replace(
            whole,
            outcome=selection.status,
            advice=selection.advice,
            directions=0 if subspace is None else subspace.removed,
            directions_p=1.0 if subspace is None else subspace.p_value,
            behind=selection.behind,
            few_rows=tuple(few),
        )


def fitted_model(model: LinearModel) -> FittedModel:
    """Return a linear model as an answer holds it."""
    own = model.intercepts
    return FittedModel(
        coef=model.coef[None],
        intercept=np.array([model.intercept]),
        intercepts=None if own is None else {key: np.array([b]) for key, b in own.items()},
    )
