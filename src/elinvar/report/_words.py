"""What a fitted model found, in plain sentences."""

from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar._base._numbers import count, number, p_value
from elinvar._base._words import listed
from elinvar.estimators._words import HOLDS, differs

if TYPE_CHECKING:
    import pandas as pd

_LEVEL = 0.05


def is_average(model: Any) -> "pd.Series[bool]":
    """Say of each effect whether it is an average over environments that do not agree on it."""
    average: pd.Series[bool] = model.evidence_.apply(differs, axis=1)
    return average


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
    from elinvar.inference import SelectionRule

    level = SelectionRule(level=model.level).level_at(sum(DataFacts.of(model).rows.values()))
    asked = "one over the number of rows" if model.level is None else "as asked"
    line = f"; below {_LEVEL} it counts as borderline" if level < _LEVEL else ""
    return (
        f"A set of effects is accepted if the p of its coefficients is at least {p_value(level)} "
        f"({asked}): this level keeps what is true, and is not made to convince{line}. "
        "Coefficients of their own in each environment would explain at most "
        f"{model.disagreement_:.2%} of the residual variance (95% limit)."
    )


def overview(model: Any, scale: Any) -> str | None:
    """Say which effect is the largest, or nothing where signs that turn matter more."""
    evidence = model.evidence_
    size = (evidence["effect"] * scale).abs()
    if not size.notna().any():
        return None
    holds = evidence["verdict"].isin(HOLDS)
    if not holds.any():
        tail = "" if model.status_ == "pooled_only" else "; none surely holds"
        return f"{evidence['feature'][size.idxmax()]} has the largest effect{tail}"
    if (evidence["effect"] * evidence["pooled_effect"])[holds].min() < 0:
        return None
    name = evidence["feature"][size[holds].idxmax()]
    nearly = "" if (evidence["verdict"] == "invariant").any() else " approximately"
    if holds.sum() == 1:
        return f"The effect of {name} holds{nearly}"
    return f"Of the effects that hold{nearly}, that of {name} is the largest"


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
