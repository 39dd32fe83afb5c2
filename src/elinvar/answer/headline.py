"""The answer in a sentence, and why its status is what it is."""

from typing import TYPE_CHECKING

from elinvar._base._numbers import figure, p_words, percent
from elinvar._base._words import listed, some
from elinvar.answer._found import HOLDS

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.answer._found import Found


def headline(answer: "Found") -> str:
    """Say what became of invariance, and what can be said of which features."""
    return " ".join([_invariance(answer), *_statements(answer)])


def _statements(answer: "Found") -> list[str]:
    """Say what holds in the model of all features, a word each."""
    table = answer.evidence[answer.evidence["model"] == "all features"]
    found = []
    for verdict in ("nearly invariant", "same direction", "varies"):
        names = table.loc[table["verdict"] == verdict, "feature"].tolist()
        if names:
            found.append(f"{verdict.capitalize()}: {some(names)}.")
    return found


def _invariance(answer: "Found") -> str:
    outcome, places, chosen = answer.outcome, places_of(answer), answer.selected_features
    if answer.status == "pooled_only":
        return (
            "There is one environment only, so nothing can be said about what stays true "
            f"elsewhere: this is the pooled model of {answer.schema.target}."
        )
    if answer.status == "untested":
        return f"The environments do not differ: no effect on {outcome} was put to the test."
    if answer.status == "rejected":
        return (
            f"Invariance is rejected: no set of features has the same effects on {outcome} in "
            f"{places}."
        )
    if answer.status == "borderline":
        what = listed(chosen) if chosen else "no feature"
        return (
            f"No effect on {outcome} is sure to be invariant: a model with {what} is only just "
            f"compatible with {places} ({p_words(answer.p_value)})."
        )
    nearly = "" if answer.status == "accepted" else "nearly "
    holds = [name for name in holding(answer)["feature"] if name in set(answer.of_set["feature"])]
    if holds:
        kind = f"{nearly}invariant".capitalize()
        return f"{kind} effects on {outcome} in {places}: {listed(holds)}."
    if chosen:
        return f"No effect on {outcome} could be shown to be {nearly}the same in {places}."
    if answer.own_intercepts:
        return f"No feature has an invariant effect on {outcome}."
    level = "only shares of classes are" if answer.classes else "only its mean is"
    return f"No feature has an invariant effect on {outcome}: {level} {nearly}the same in {places}."


def reason(answer: "Found") -> str:
    """Say why the status is what it is."""
    places = places_of(answer)
    test = f"the test of equal coefficients has {p_words(answer.p_value)}"
    return {
        "accepted": f"A set of features agrees in {places}: {test}.",
        "borderline": f"A set of features only just agrees in {places}: {test}, and it was chosen "
        "for agreeing.",
        "approximate": f"No set agrees exactly in {places}, but {own_coefficients(answer)}.",
        "rejected": f"No set of features agrees in {places}: for the nearest one {test}.",
        "untested": "The features behave alike in all environments, so that no set of them could "
        "have been refuted.",
        "pooled_only": "There is one environment only, and nothing to compare it with.",
    }[answer.status]


def own_coefficients(answer: "Found") -> str:
    """Say how much environments' own coefficients would explain, at most."""
    if answer.classes:
        # the noncentrality of the test is twice the log likelihood that they would gain
        spared = figure(answer.disagreement / 2, 2)
        return f"environments' own coefficients would spare at most {spared} of log loss a row"
    share = percent(answer.disagreement)
    return f"environments' own coefficients would explain at most {share} of the residual variance"


def places_of(answer: "Found") -> str:
    """Name the environments by their number."""
    count = len(answer.rows)
    return "both environments" if count == 2 else f"all {count} environments"


def holding(answer: "Found") -> "pd.DataFrame":
    """Rows of the evidence whose effect holds, exactly or nearly."""
    table = answer.evidence
    return table[table["verdict"].isin(HOLDS)]


def predictor_words(predictor: str) -> str:
    """Name what predicts."""
    return {
        "invariant": "the invariant model",
        "pooled": "the pooled model",
        "random_intercept": "all features, with a random level for each environment",
        "nearly_invariant": "the nearly invariant model, whose features change little",
        "subspace": "combinations of columns that hold in all environments",
    }[predictor]
