"""Environments left out in turn: the whole procedure repeated, and its forecasts judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np

from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.losses._records import Competitor, LeftOutFit, Predictor
from elinvar.inference.problem._types import Floats, Places
from elinvar.inference.selection._select import Selection


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """One environment, predicted by models learned on the others.

    Attributes
    ----------
    environment : str
    rows : float
        Rows in it (sum of frequency weights).
    errors : dict of str to float
        Mean losses of the models "invariant", "pooled", "lasso" (of numbers), "mean" and "used",
        which is what should have predicted: squared errors in squared units of the target, or log
        losses.
    wrong : dict of str to float, or None
        Shares of rows whose class is not the likeliest; None for numbers.
    fits : tuple of LeftOutFit
        Predictions against truth, for all of them but the mean.
    """

    environment: str
    rows: float
    errors: Mapping[Competitor, float]
    wrong: Mapping[Competitor, float] | None
    fits: tuple[LeftOutFit, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold(Generic[M]):
    """Some environments, and the models that were learned without them.

    Attributes
    ----------
    places : integer array
        The environments left out.
    models : dict of str to LinearModel or LogisticModel
        What may predict; what is not to be had without them is missing.
    mean : LinearModel or LogisticModel
        What predicts whatever the features.
    selection : Selection or None
        What was selected without them; None where one or two environments are left.
    """

    places: Places
    models: Mapping[Predictor, M]
    mean: M
    selection: Selection | None = None


def left_out_losses(loss: Loss[M], folds: Sequence[Fold[M]]) -> dict[Predictor, Floats]:
    """Return forecast errors (E,) of every model on environments it was learned without.

    Where a fold lacks a model, the pooled one stands in for it.
    """
    names = dict.fromkeys(name for fold in folds for name in fold.models)
    table = {name: np.empty(len(loss.problem.count)) for name in names}
    for fold in folds:
        pooled = loss.errors(fold.models["pooled"], fold.places)
        for name, errors in table.items():
            model = fold.models.get(name)
            known = pooled if model is None or name == "pooled" else loss.errors(model, fold.places)
            errors[fold.places] = known
    return {name: loss.forecast_error(errors) for name, errors in table.items()}


def judged(loss: Loss[M], folds: Sequence[Fold[M]], used: Sequence[M]) -> list[LeftOut]:
    """Hold the models of every fold against its environments.

    Parameters
    ----------
    loss : Loss
        Of all environments.
    folds : sequence of Fold
    used : sequence of LinearModel or LogisticModel
        What should have predicted each fold.
    """
    others = loss.others_without([fold.places for fold in folds])
    found: dict[int, LeftOut] = {}
    for k, fold in enumerate(folds):
        models: dict[Competitor, M] = {
            "invariant": fold.models["invariant"],
            "pooled": fold.models["pooled"],
            **{name: fits[k] for name, fits in others.items()},
            "mean": fold.mean,
            "used": used[k],
        }
        for place in fold.places.tolist():
            found[place] = _against_truth(loss, models, place)
    return [found[place] for place in sorted(found)]


def _against_truth(loss: Loss[M], models: Mapping[Competitor, M], place: int) -> LeftOut:
    answers = {name: loss.judge(name, model, place) for name, model in models.items()}
    wrong = {name: one.wrong for name, one in answers.items() if one.wrong is not None}
    return LeftOut(
        environment=loss.problem.moments.names[place],
        rows=float(loss.problem.count[place]),
        errors={name: one.error for name, one in answers.items()},
        wrong=wrong or None,
        fits=tuple(fit for name, one in answers.items() if name != "mean" for fit in one.fits),
    )
