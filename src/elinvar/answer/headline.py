"""The answer in a sentence, and why its status is what it is."""

from typing import TYPE_CHECKING

from elinvar._base._numbers import figure, p_words, percent
from elinvar._base._verdicts import KEEP_SIZE, kept
from elinvar._base._words import listed

if TYPE_CHECKING:
    from elinvar.answer._found import Found


def headline(answer: "Found") -> str:
    """Say in a sentence or two what can be carried to a new place, and what holds exactly."""
    outcome, places = answer.outcome, places_of(answer)
    if answer.status == "pooled_only":
        return (
            "There is one environment only, so nothing can be said about what stays true "
            f"elsewhere: this is the pooled model of {answer.schema.target}."
        )
    if answer.status == "untested":
        return f"The environments do not differ: no effect on {outcome} was put to the test."
    said = f"{kept(answer.evidence['verdict'].tolist(), on=outcome, rest=True)}."
    names = invariant_features(answer)
    if names:
        kind = "Invariant" if answer.status == "accepted" else "Nearly invariant"
        return f"{kind} in {places}: {listed(names)}. {said}"
    return f"{said} {_none_exact(answer)}"


def _none_exact(answer: "Found") -> str:
    """Say why no effect is called invariant."""
    places, chosen = places_of(answer), answer.selected_features
    if answer.status == "rejected":
        same = f"the same effects{and_noise(answer)} in {places}"
        return f"Exact invariance is rejected: no set of features has {same}."
    if answer.status == "borderline":
        what = listed(chosen) if chosen else "no feature"
        return (
            f"None is sure to be invariant: a model with {what} only just fits {places} "
            f"({p_words(answer.p_value)})."
        )
    if chosen or answer.own_intercepts:
        return f"None could be shown to be the same in {places}."
    level = "shares of classes are" if answer.classes else "its mean is"
    return f"None is invariant: only {level} the same in {places}."


def invariant_features(answer: "Found") -> list[str]:
    """Names of the features whose effects hold together, in an accepted or approximate set."""
    rows = answer.of_set
    return rows.loc[rows["verdict"].isin(KEEP_SIZE), "feature"].tolist()


def reason(answer: "Found") -> str:
    """Say why the status is what it is."""
    places = places_of(answer)
    test = f"the test of equal coefficients{and_noise(answer)} has {p_words(answer.p_value)}"
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


def and_noise(answer: "Found") -> str:
    """Return " and noise" where that must be the same, too."""
    return " and noise" * (answer.parameters.get("invariance") == "coefficients and noise")


def own_coefficients(answer: "Found") -> str:
    """Say how much environments' own coefficients would explain, at most."""
    if answer.classes:
        # the noncentrality of the test is twice the log likelihood that they would gain
        spared = figure(answer.disagreement / 2, 2)
        return f"fitting each environment by itself would spare at most {spared} of log loss a row"
    if answer.disagreement > 1:
        times = figure(answer.disagreement, 2)
        return f"fitting each environment by itself would explain at most {times} times the noise"
    share = percent(answer.disagreement)
    return f"fitting each environment by itself would explain at most {share} of what is left"


def places_of(answer: "Found") -> str:
    """Name the environments by their number."""
    count = len(answer.rows)
    return "both environments" if count == 2 else f"all {count} environments"


def predictor_words(predictor: str) -> str:
    """Name what predicts."""
    return {
        "invariant": "the invariant model",
        "pooled": "the pooled model",
        "random_intercept": "all features, with a random level for each environment",
        "nearly_invariant": "the nearly invariant model, whose features change little",
        "subspace": "combinations of columns that hold in all environments",
    }[predictor]
