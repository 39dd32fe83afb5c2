"""The answer that estimators of effects make of what the engine found."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from elinvar.answer import Answer, FittedModel
from elinvar.answer.notes import notes_on
from elinvar.environments import Schema
from elinvar.estimators._facts import DataFacts
from elinvar.inference import Findings, LinearModel, LogisticModel


def answer_of(
    found: Findings[LinearModel] | Findings[LogisticModel],
    *,
    estimator: str,
    parameters: Mapping[str, object],
    schema: Schema,
    excluded: tuple[str, ...],
    hints: tuple[str, ...] = (),
) -> Answer:
    """Return what was found as an answer, with its notes; ``hints`` are more of them, on rows."""
    problem = found.problem
    own = problem.intercept == "environment"
    facts = DataFacts.of(problem.moments, own_intercepts=own)
    selected = np.zeros(len(schema.features), dtype=bool)
    selected[problem.features[found.gates]] = True
    answer = Answer(
        estimator=estimator,
        parameters=parameters,
        schema=schema,
        classes=found.task.outcomes,
        rows=facts.rows,
        excluded=excluded,
        n_dropped=facts.n_dropped,
        scales=facts.scales,
        status=found.status,
        predictor=found.predictor,
        p_value=found.p_value,
        disagreement=found.disagreement,
        selected=selected,
        used=fitted_model(found.used),
        invariant=fitted_model(found.invariant),
        pooled=fitted_model(found.pooled),
        found=found,
    )
    return replace(answer, notes=(*notes_on(answer, found), *hints))


def fitted_model(model: LinearModel | LogisticModel) -> FittedModel:
    """Return a model as an answer holds it."""
    own = model.intercepts
    shared = FittedModel(
        coef=np.atleast_2d(model.coef),
        intercept=np.atleast_1d(model.intercept),
        intercepts=None if own is None else {key: np.atleast_1d(b) for key, b in own.items()},
    )
    if isinstance(model, LinearModel):
        return shared
    return replace(shared, slope=model.slope, shift=model.shift)
