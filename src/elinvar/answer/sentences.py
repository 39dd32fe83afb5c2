"""Sentences about an answer that a page and a terminal share."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import count, figure, number, p_value, percent
from elinvar._base._words import listed
from elinvar.answer._found import HOLDS, NEW_PLACE, VERDICTS
from elinvar.answer.headline import own_coefficients
from elinvar.inference import SelectionRule

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.answer._found import Found

_LEVEL = 0.05


def by_verdict(evidence: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows in the order of verdicts: what holds first, what is not there last."""
    return evidence.sort_values(
        "verdict", key=lambda kinds: kinds.map(VERDICTS.index), kind="stable"
    )


def all_features_title(answer: "Found") -> str:
    """Name the model of the main table."""
    left = answer.all_features["effect"].isna().sum()
    what = "All features" if not left else "All features but those without an effect here"
    return f"{what} in one model: each environment's own fit, averaged over environments."


def set_title(answer: "Found") -> str:
    """Name the models of the second table."""
    nearly = "" if answer.status == "accepted" else "nearly "
    members = listed(answer.selected_features) or "no feature"
    return f"The {nearly}invariant set ({members}), and other features added to it one by one."


def multiplicity_sentence(answer: "Found") -> str:
    """Say how many statements there are, and how many of them to expect to be false."""
    n = answer.n_statements
    if not n:
        return ""
    many = f"{n} statements are each made" if n > 1 else "One statement is made"
    return (
        f"{many} for {NEW_PLACE:.0%} of new environments like these: in a given one expect "
        f"about {figure(answer.expected_false, 2)} of {'them' if n > 1 else 'it'} to fail."
    )


def unit_words(answer: "Found") -> str:
    """Say what a unit of an effect is."""
    unit = (
        f"Effects on {answer.outcome}, per unit of the feature"
        if answer.classes
        else f"Effects in units of {answer.schema.target} per unit of the feature"
    )
    between = ["two levels"] * bool(answer.schema.levels)
    if len(answer.classes) > 2:
        return f"{unit}: the largest difference between {' and '.join(['two classes', *between])}"
    return unit + "; of a category, the largest difference between two levels" * bool(between)


def error_words(answer: "Found") -> str:
    """Name the error on environments left out."""
    error = "mean log loss" if answer.classes else "root mean squared error"
    return error + f" of {answer.schema.target}" * (not answer.classes)


def predicted_words(answer: "Found") -> str:
    """Name what predictions for environments left out are held against."""
    if not answer.classes:
        return answer.schema.target
    return f"share of {answer.classes[1] if len(answer.classes) == 2 else 'each class'}"


def data_facts(answer: "Found") -> list[tuple[str, str]]:
    """Describe the data in pairs of a name and its value."""
    schema = answer.schema
    pairs = [
        ("Target", schema.target),
        *[("Classes", listed(answer.classes))] * bool(answer.classes),
        ("Features", f"{len(schema.features)}"),
        ("Environments", f"{len(answer.rows)} by {', '.join(schema.environment)}"),
        ("Rows", count(sum(answer.rows.values()))),
        ("Intercept", "one for each environment" if answer.own_intercepts else "shared"),
    ]
    if answer.excluded:
        pairs.append(("Environments left out", listed(answer.excluded)))
    if answer.n_dropped:
        pairs.append(("Rows left out: a value is missing", count(answer.n_dropped)))
    return pairs


def forecast_sentence(answer: "Found") -> str:
    """Say how far predictions for a new environment may be off, or why nobody can say."""
    forecast = answer.forecast
    what = "limit for the loss" if answer.classes else "margin for predictions"
    bound = forecast.limit if answer.classes else forecast.margin
    if np.isnan(bound):
        return f"There is no {what} in a new environment. {forecast.reason}"
    share = f"{forecast.coverage:.0%}"
    assumed = (
        f"This comes from leaving out each of the {forecast.n_environments} environments in turn; "
        "it assumes that new ones are drawn like them (exchangeable)"
    )
    if answer.classes:
        return (
            f"In at least {share} of new environments the mean log loss should be at most "
            f"{number(bound, digits=3)}. {assumed}."
        )
    return (
        f"In at least {share} of new environments, at least {share} of the rows should lie within "
        f"{number(bound, digits=3)} of what predict says. {assumed}, and errors within an "
        "environment that are about normal."
    )


def acceptance_sentence(answer: "Found") -> str:
    """Say when a set of effects is accepted, and how large the disagreement may still be."""
    asked = answer.parameters["level"]
    level = SelectionRule(level=asked).level_at(  # type: ignore[arg-type]
        sum(answer.rows.values())
    )
    how = "one over the number of rows" if asked is None else "as asked"
    line = f"; below {_LEVEL} it counts as borderline" if level < _LEVEL else ""
    own = own_coefficients(answer)
    return (
        f"A set of effects is accepted if the p of its coefficients is at least {p_value(level)} "
        f"({how}): this level keeps what is true, and is not made to convince{line}. "
        f"{own[0].upper()}{own[1:]} (95% limit)."
    )


def overview(answer: "Found", scale: NDArray[np.float64]) -> str | None:
    """Say which effect is the largest, or nothing where signs that turn matter more."""
    evidence = answer.evidence
    names = evidence["feature"].tolist()
    size = np.abs(evidence["effect"].to_numpy() * scale)
    if np.isnan(size).all():
        return None
    holds = evidence["verdict"].isin(HOLDS).to_numpy()
    if not holds.any():
        tail = "" if answer.status == "pooled_only" else "; none surely holds"
        return f"{names[int(np.nanargmax(size))]} has the largest effect{tail}"
    # an effect that turns its sign says more than the largest: the figure's own title names it
    if (evidence["effect"] * evidence["pooled_effect"])[holds].min() < 0:
        return None
    name = names[int(np.nanargmax(np.where(holds, size, np.nan)))]
    nearly = "" if (evidence["verdict"] == "invariant").any() else " nearly"
    if holds.sum() == 1:
        return f"The effect of {name}{nearly} holds"
    return f"Of the effects that{nearly} hold, that of {name} is the largest"


def missed_levels(answer: "Found") -> str:
    """Say how far each model's mean prediction is from the truth, at worst."""
    left_out = answer.left_out
    gap = (left_out["predicted_mean"] - left_out["truth_mean"]).abs()
    worst = gap.groupby(left_out["model"]).max()
    parts = [
        f"{number(worst[name], digits=3)} ({name})"
        for name in ("invariant", "pooled")
        if name in worst
    ]
    what = "Shares of classes in" if answer.classes else "Levels of"
    return f"{what} left-out environments are missed by up to {' and '.join(parts)}"


def verdict_meaning(verdict: str, answer: "Found") -> str:
    """Say by which rule an effect has its verdict in this answer."""
    share = percent(answer.effect_tolerance, 3)
    smallest = f"{figure(answer.smallest_effect)} sd of {answer.schema.target}"
    if answer.classes:
        ratio = np.exp(answer.smallest_effect * np.pi / np.sqrt(3.0))
        smallest = f"an odds ratio of {figure(ratio, 2)}"
    return {
        "invariant": "the same size everywhere, as far as the data can tell: it belongs to the "
        "accepted set of effects, and the environments agree on it",
        "nearly invariant": f"in a new environment it should lie within {share} of its average "
        "(90% interval)",
        "same direction": "in a new environment it should have this sign (the 90% interval leaves "
        "out 0); its size is another matter, from one end of the interval to the other",
        "varies": "environments surely differ on it, and in a new one it may have either sign (90% "
        "interval)",
        "spurious": _changes(answer),
        "no effect": f"in a new environment it should be smaller than {smallest} per sd of the "
        "feature, twice that between two levels (90% interval)",
        "undecided": _open(answer),
    }[verdict]


def _changes(answer: "Found") -> str:
    if answer.status == "approximate":
        return (
            "added to the nearly invariant set, it differs between environments by more than "
            "chance, and in a new one it may have either sign"
        )
    return (
        "added to the invariant set, it differs between environments by more than chance, or the "
        "model with it no longer agrees with all of them; in a new one it may have either sign"
    )


def _open(answer: "Found") -> str:
    if answer.status == "pooled_only":
        return "one environment cannot tell whether it holds in others"
    return (
        "none of the other words can be said of it: in a new environment it may have either sign, "
        "it may be large, and environments are not sure to differ; or too few of them tell it"
    )
