"""Sentences about an answer that a page and a terminal share."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._numbers import count, figure, number, p_value
from elinvar._base._words import listed
from elinvar.answer._found import NEW_PLACE, VERDICTS
from elinvar.answer.headline import own_coefficients, predictor_words
from elinvar.inference import MOST_FOLDS, SelectionRule

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.answer._found import Found

_LEVEL = 0.05


def by_verdict(evidence: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows in the order of verdicts: what holds first, what is not there last."""
    return evidence.sort_values(
        "verdict", key=lambda kinds: kinds.map(VERDICTS.index), kind="stable"
    )


def multiplicity_sentence(answer: "Found") -> str:
    """Say how many statements there are, and how many of them to expect to be false."""
    n = answer.n_statements
    if not n:
        return ""
    if n == 1:
        return f"The statement is made for {NEW_PLACE:.0%} of new environments like these."
    return (
        f"Each of the {n} statements is made for {NEW_PLACE:.0%} of new environments like these: "
        f"in a given one expect about {figure(answer.expected_false, 2)} of them to fail."
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


def left_out_words(n_environments: int) -> str:
    """Say how environments are left out: many of them several at a time."""
    if n_environments <= MOST_FOLDS:
        return "Each environment left out in turn"
    return f"The {n_environments:,} environments left out in {MOST_FOLDS} groups"


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
        f"This comes from leaving out each of the {forecast.n_environments} environments"
        f"{' in turn' if forecast.n_environments <= MOST_FOLDS else f', in {MOST_FOLDS} groups'}; "
        "it assumes that new ones differ as these do"
    )
    if answer.classes:
        return (
            f"In at least {share} of new environments the mean log loss should be at most "
            f"{number(bound, digits=3)}. {assumed}."
        )
    return (
        f"In at least {share} of new environments, at least {share} of the rows should lie within "
        f"{number(bound, digits=3)} of what predict says. {assumed}, and that "
        "errors within an environment are about bell-shaped (normal)."
    )


def break_even_sentence(answer: "Found") -> str:
    """Say from which shift on the invariant model is the better forecast; empty if nobody can."""
    if answer.status in ("rejected", "untested", "pooled_only") or answer.break_even is None:
        return ""
    found = answer.break_even
    rival = predictor_words(found.rival).partition(",")[0]
    if found.shift == 0:
        return f"The invariant model beats {rival} however much new places differ."
    if not np.isfinite(found.shift):
        return f"The invariant model is no better than {rival}, however much new places differ."
    low, high = (figure(end, 2) for end in (found.low, found.high))
    sure = f"{low} to {high}" if np.isfinite(found.high) else f"{low} or more"
    already = "already where new places differ like yours, and even " if found.high < 1 else ""
    return (
        f"The invariant model is a better forecast than {rival} {already}once new places differ "
        f"more than {figure(found.shift, 2)} times as much as yours do (in variance; likely range "
        f"{sure})."
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
        f"A set of effects is accepted unless chance alone would make environments differ as much "
        f"with a probability (p) below {p_value(level)} ({how}). That keeps what is true, and is "
        f"not made to convince{line}. "
        f"{own[0].upper()}{own[1:]} (95% limit)."
    )


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
