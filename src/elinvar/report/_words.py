"""What a fitted model found, in plain sentences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.estimators._words import listed
from elinvar.report._numbers import count, number, p_value

if TYPE_CHECKING:
    from elinvar.estimators import InvariantRegressor

HOLDS = ("invariant", "approximately invariant")


def verdict_sentence(model: "InvariantRegressor") -> str:
    """Say in one sentence what holds everywhere, what comes and goes, and what predicts.

    Parameters
    ----------
    model : InvariantRegressor
        Fitted.

    Returns
    -------
    str
        The sentence.
    """
    return f"{found(model)}; {prediction(model)}."


def found(model: "InvariantRegressor") -> str:
    """Say what holds everywhere, and what comes and goes."""
    target = model.schema_.target
    n = len(model.environments_)
    if model.status_ == "pooled_only":
        return (
            "There is only one environment, so nothing can be compared"
            if n == 1
            else "The environments could not be compared"
        )
    places = f"all {n} environments" if n > 2 else "both environments"
    unstable = of_verdict(model, "spurious")
    if model.status_ == "rejected":
        text = f"Invariance is rejected: no set of effects explains {target} alike in {places}"
        return f"{text} ({listed(unstable)} {_verb(unstable)})" if unstable else text
    stable = of_verdict(model, *HOLDS)
    if not stable:
        text = f"No effect on {target} was found to hold in {places}"
    else:
        nearly = " approximately" if model.status_ == "approximate" else ""
        effects = "the effect" if len(stable) == 1 else "the effects"
        hold = "holds" if len(stable) == 1 else "hold"
        text = f"{effects} of {listed(stable)} on {target}{nearly} {hold} in {places}"
    text = text[0].upper() + text[1:]
    return f"{text}, while {listed(unstable)} {_verb(unstable)}" if unstable else text


def prediction(model: "InvariantRegressor") -> str:
    """Say which model predicts, and why."""
    if model.status_ == "pooled_only":
        return "the pooled model (least squares) answers"
    if model.predictor != "auto":
        return f"predictions use the {model.predictor_} model, as asked"
    left_out = "on left-out environments"
    return {
        "invariant": "predictions use the invariant model",
        "candidate": "predictions use another model, not invariant, that is clearly better than "
        f"the pooled one {left_out}",
        "pooled": f"predictions use the pooled model, since none is clearly better {left_out}",
    }[model.predictor_]


def of_verdict(model: "InvariantRegressor", *verdicts: str) -> list[str]:
    """Return the features that got one of these verdicts."""
    table = model.evidence_
    pairs = zip(table["feature"], table["verdict"], strict=True)
    return [str(feature) for feature, verdict in pairs if verdict in verdicts]


def error_sentence(model: "InvariantRegressor") -> str | None:
    """Compare the models on left-out environments, or None where none could be left out."""
    errors = model.errors_.dropna(subset=["invariant", "pooled"])
    if not len(errors):
        return None
    better = int((errors["invariant"] < errors["pooled"]).sum())
    of = f"{better} of {len(errors)} left-out environments"
    if better == len(errors):
        of = "every left-out environment"
    elif not better:
        of = "no left-out environment"
    return f"The invariant model has the smaller error on {of}."


def data_facts(model: Any) -> list[tuple[str, str]]:
    """Describe the data in pairs of a name and its value."""
    from elinvar.estimators._facts import DataFacts

    schema, facts = model.schema_, DataFacts.of(model)
    pairs = [
        ("Target", schema.target),
        ("Features", f"{len(schema.features)}"),
        ("Environments", f"{len(facts.rows)} by {', '.join(schema.environment)}"),
        ("Rows", count(sum(facts.rows.values()))),
        ("Intercept", "shared" if model.intercept == "shared" else "one for each environment"),
    ]
    if model.excluded_environments_:
        pairs.append(("Environments left out", listed(list(model.excluded_environments_))))
    if facts.n_dropped:
        pairs.append(("Rows left out: a value is missing", count(facts.n_dropped)))
    return pairs


def margin_sentence(model: Any) -> str:
    """Say how far predictions for a new environment may be off, or why nobody can say."""
    forecast = model.forecast_
    if np.isnan(forecast.margin):
        return f"There is no margin for predictions in a new environment. {forecast.reason}"
    share, margin = f"{forecast.coverage:.0%}", number(forecast.margin, digits=3)
    return (
        f"In at least {share} of new environments, at least {share} of the rows should lie within "
        f"{margin} of what predict says. This comes from leaving out each of the "
        f"{forecast.n_environments} environments in turn; it assumes that new ones are drawn like "
        "them (exchangeable), and errors within an environment that are about normal."
    )


def acceptance_sentence(model: Any) -> str:
    """Say when a set of effects is accepted, and how large the disagreement may still be."""
    from elinvar.estimators._facts import DataFacts
    from elinvar.gates import SelectionRule

    level = SelectionRule(level=model.level).level_at(sum(DataFacts.of(model).rows.values()))
    asked = "one over the number of rows" if model.level is None else "as asked"
    return (
        f"A set of effects is accepted if the p of its coefficients is at least {p_value(level)} "
        f"({asked}): this level keeps what is true, and is not made to convince. "
        "Coefficients of their own in each environment would explain at most "
        f"{model.disagreement_:.2%} of the residual variance (95% limit)."
    )


def overview(model: Any, scale: Any) -> str | None:
    """Say which effect is the largest, or nothing where signs that turn matter more."""
    evidence = model.evidence_
    if model.status_ == "pooled_only":
        return "Effects of the pooled model"
    size = (evidence["effect"] * scale).abs()
    if not size.notna().any():
        return None
    holds = evidence["verdict"].isin(HOLDS)
    if not holds.any():
        return f"{evidence['feature'][size.idxmax()]} has the largest effect; none surely holds"
    if (evidence["effect"] * evidence["pooled_effect"])[holds].min() < 0:
        return None
    name = evidence["feature"][size[holds].idxmax()]
    if holds.sum() == 1:
        return f"The effect of {name} holds"
    return f"Of the effects that hold, that of {name} is the largest"


def missed_levels(left_out: Any) -> str:
    """Say how far each model's mean prediction is from the truth, at worst."""
    gap = (left_out["predicted_mean"] - left_out["truth_mean"]).abs()
    worst = gap.groupby(left_out["model"]).max()
    parts = [
        f"{number(worst[name], digits=3)} ({name})"
        for name in ("invariant", "pooled")
        if name in worst
    ]
    return f"Levels of left-out environments are missed by up to {' and '.join(parts)}"


def _verb(names: Sequence[str]) -> str:
    return "comes and goes" if len(names) == 1 else "come and go"
