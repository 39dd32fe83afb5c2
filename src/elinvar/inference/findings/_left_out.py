"""Every environment left out in turn: the whole procedure repeated, and its forecast judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.losses._records import Competitor, LeftOutFit


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


def left_out_errors(
    loss: Loss[M], models_without: Callable[[int], Mapping[Competitor, M]]
) -> list[LeftOut]:
    """Hold models that were learned without each environment against it.

    Parameters
    ----------
    loss : Loss
        Of all environments.
    models_without : callable
        The models without the environment of this number.
    """
    others = loss.others_without_each()
    found = []
    for place, name in enumerate(loss.problem.moments.names):
        models: dict[Competitor, M] = {}
        for key, model in models_without(place).items():
            models[key] = model
            if key == "pooled":  # the rivals stand beside it in tables
                models |= {other: fits[place] for other, fits in others.items()}
        judged = {key: loss.judge(key, model, place) for key, model in models.items()}
        wrong = {key: one.wrong for key, one in judged.items() if one.wrong is not None}
        found.append(
            LeftOut(
                environment=name,
                rows=float(loss.problem.count[place]),
                errors={key: one.error for key, one in judged.items()},
                wrong=wrong or None,
                fits=tuple(fit for key, one in judged.items() if key != "mean" for fit in one.fits),
            )
        )
    return found
