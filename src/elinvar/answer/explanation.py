"""The answer in a few sentences, for a reader who is no statistician."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from elinvar._base._display import wrapped
from elinvar._base._numbers import count, figure, p_words, percent
from elinvar._base._verdicts import KEEP_SIGN, KEEP_SIZE, kept
from elinvar._base._words import listed
from elinvar.answer.headline import and_noise, invariant_features, places_of
from elinvar.answer.sentences import break_even_sentence, left_out_words, multiplicity_sentence
from elinvar.answer.statements import (
    clearness,
    deciding,
    new_range,
    smallest_words,
    statement,
)
from elinvar.answer.tables import overall_errors
from elinvar.errors import printable

if TYPE_CHECKING:
    from elinvar.answer._found import Found

Row: TypeAlias = dict[Any, Any]

ADVICE = "What to do:"
_UNMOVED = 0.05
_CHANGE = {"varies": "varies", "spurious": "comes and goes"}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What was found, in parts that a page may lay out; as text, one paragraph.

    Attributes
    ----------
    lead : str
        What was found, in one sentence.
    body : tuple of str
        How sure it is, who disagrees and what predicts, a sentence each.
    advice : str
        What to do, without a heading; empty if there is nothing to say.
    """

    lead: str
    body: tuple[str, ...]
    advice: str

    def __str__(self) -> str:
        return printable(" ".join([self.lead, *self.body, *self._advised()]))

    def printed(self) -> str:
        """Return the text in paragraphs, as lines of at most 80 columns."""
        return wrapped(self.lead, " ".join(self.body), *self._advised())

    def _advised(self) -> list[str]:
        return [f"{ADVICE} {self.advice}"] if self.advice else []


def explain(answer: "Found") -> Explanation:
    """Say what was found, how sure it is, who disagrees, and what to do."""
    if answer.status == "pooled_only":
        return _single(answer)
    rows = sorted(answer.evidence.to_dict("records"), key=clearness, reverse=True)
    said = [
        *_lead(answer, rows),
        *_kinds(answer, rows),
        _unmoved(rows),
        *_exactly(answer),
        *_turned(answer, rows),
        multiplicity_sentence(answer),
        *_predicting(answer),
    ]
    lead, body = said[0], tuple(text for text in said[1:] if text)
    return Explanation(lead=lead, body=body, advice=_advice(answer, rows))


def _single(answer: "Found") -> Explanation:
    fit = "logistic regression" if answer.classes else "ordinary least squares"
    return Explanation(
        lead="There is one environment only, so nothing can be said about what stays true "
        "elsewhere.",
        body=(f"The effects on {answer.outcome} are those of {fit}.",),
        advice="use them for this environment, and gather data in at least two more.",
    )


def _lead(answer: "Found", rows: list[Row]) -> list[str]:
    """Say what can be said; what cannot comes later."""
    verdicts = [row["verdict"] for row in rows]
    if answer.status == "untested":
        differ, effects = "from one another", f"every effect on {answer.outcome} looks"
        if "varies" in verdicts:
            differ, effects = "in their features", f"an effect on {answer.outcome} may look"
        return [
            f"{_places(answer, 'The')} do not differ {differ} by more than chance, so nothing was "
            f"put to the test: {effects} the same here, whether it would hold elsewhere or not.",
            f"Should new ones be like these: {kept(verdicts, rest=True)}."
            * any(kind in KEEP_SIGN for kind in verdicts),
        ]
    said = f"{kept(verdicts, on=answer.outcome, rest=True)}."
    names = invariant_features(answer)
    if not names:
        return [said]
    return [_same(answer, names), said if len(names) < len(rows) else ""]


def _same(answer: "Found", names: list[str]) -> str:
    what = f"The {_effects_of(names)} on {answer.outcome} {_is(names)}"
    if answer.status != "approximate":
        return (
            f"{what} the same in {_places(answer)}, as far as "
            f"{count(sum(answer.rows.values()))} rows can tell."
        )
    # of classes disagreement is in twice the log loss
    spared = (
        f"spare at most {figure(answer.disagreement / 2, 2)} of log loss a row"
        if answer.classes
        else f"explain at most {percent(answer.disagreement)} of what is left"
    )
    return (
        f"{what} nearly the same in {_places(answer)}: they differ by more than chance, but "
        f"fitting each by itself would {spared}."
    )


def _kinds(answer: "Found", rows: list[Row]) -> list[str]:
    """Say what is known of effects that are not invariant, verdict by verdict."""
    of: dict[str, list[Row]] = {}
    for row in rows:
        of.setdefault(row["verdict"], []).append(row)
    changing = [*of.get("varies", []), *of.get("spurious", [])]
    return [
        *_steady(answer, _names(of.get("nearly invariant", []))),
        *_directed(of.get("same direction", [])),
        *(f"{row['feature']} {_CHANGE[row['verdict']]}: {statement(row)}." for row in changing[:2]),
        *_too(_names(changing[2:])),
        *_negligible(answer, _names(of.get("no effect", []))),
        *_open(of.get("undecided", [])),
    ]


def _steady(answer: "Found", names: list[str]) -> list[str]:
    share = percent(answer.effect_tolerance)
    return [
        f"The {_effects_of(names)} {_is(names)} steady: in a new place within {share} of the "
        "average."
    ] * bool(names)


def _directed(rows: list[Row]) -> list[str]:
    """Say from where to where effects go that keep their sign."""
    levels = [f"{row['contrast']}, " * bool(row["contrast"]) for row in rows]
    parts = [
        f"{row['feature']} ({of}from {new_range(row)})"
        for row, of in zip(rows[:3], levels, strict=False)
    ]
    parts += [f"{len(rows) - 3} more"] * (len(rows) > 3)
    keep = "keeps its sign; its" if len(rows) == 1 else "keep their signs; their"
    return [f"In a new place {listed(parts)} {keep} size is another matter."] * bool(rows)


def _too(names: list[str]) -> list[str]:
    return [f"{listed(names)} change{'s' * (len(names) == 1)}, too."] * bool(names)


def _negligible(answer: "Found", names: list[str]) -> list[str]:
    small = f"too small to matter in a new place, too: below {smallest_words(answer)}"
    return [f"The {_effects_of(names)} {_is(names)} {small}."] * bool(names)


def _open(rows: list[Row]) -> list[str]:
    """Say what is not known, and what would tell."""
    near = sorted(rows, key=lambda row: np.nan_to_num(row["needed_environments"], nan=np.inf))
    parts = [f"{row['feature']} ({deciding(row)})" for row in near[:2]]
    parts += [f"{len(rows) - 2} more"] * (len(rows) > 2)
    return [f"Undecided {_is(_names(rows))} {listed(parts)}."] * bool(rows)


def _exactly(answer: "Found") -> list[str]:
    """Say whether a set of effects holds exactly, and who is responsible if none does."""
    places, chosen = _places(answer), answer.selected_features
    if answer.status == "rejected":
        odd = answer.odd_environment
        return [
            f"No set of effects{and_noise(answer)} is exactly the same in {places}: the "
            "differences are larger than chance allows.",
            "" if odd is None else f"Without {odd.name} the others agree ({p_words(odd.p_value)}).",
        ]
    if answer.status == "borderline":
        what = f"a model with {listed(chosen)}" if chosen else "a model without features"
        return [
            f"None is sure to be exactly the same: {what} only just fits {places} "
            f"({p_words(answer.p_value)}), and it was chosen because it fits."
        ]
    if answer.status in ("accepted", "approximate") and not invariant_features(answer):
        return [f"No effect could be shown to be exactly the same in {places}."]
    return []


def _turned(answer: "Found", rows: list[Row]) -> list[str]:
    """Where one fit to all rows disagrees with what keeps its sign: in sign, or by far."""
    if len(answer.classes) > 2:  # the largest contrast between classes has no sign
        return []
    rows = [row for row in rows if row["verdict"] in KEEP_SIGN]
    opposite = [row for row in rows if row["effect"] * row["pooled_effect"] < 0]
    if opposite:
        return [
            f"All rows together, {answer.outcome} {_goes(answer, row['pooled_effect'])} with "
            f"{row['feature']} ({_by(row['pooled_effect'])}); compared environment by environment "
            f"{'they' if answer.classes else 'it'} {_goes(answer, row['effect'])} with it "
            f"({_by(row['effect'])}, 95% interval {figure(row['low'])} to {figure(row['high'])})."
            for row in opposite[:2]
        ]
    off = [row for row in rows if _off(row)]
    if not off:
        return []
    row = max(off, key=_distance)
    return [
        f"All rows together put the effect of {row['feature']} at {figure(row['pooled_effect'])}, "
        f"outside its 95% interval {figure(row['low'])} to {figure(row['high'])}."
    ]


def _off(row: Row) -> bool:
    """Whether the pooled effect lies outside the interval, and is seen to when it is printed."""
    if row["low"] <= row["pooled_effect"] <= row["high"]:
        return False
    return figure(row["pooled_effect"]) not in (figure(row["low"]), figure(row["high"]))


def _unmoved(rows: list[Row]) -> str:
    names = _weak(rows)
    own = "its own values behave" if len(names) == 1 else "their own values behave"
    return (
        f"Whether the size of {listed(names)} holds was hardly put to the test: {own} alike in all "
        "environments."
    ) * bool(names)


def _weak(rows: list[Row]) -> list[str]:
    """Effects that keep their size, though nothing has put that to the test."""
    keep = [row for row in rows if row["verdict"] in KEEP_SIZE]
    return _names([row for row in keep if row["shift_p_value"] > _UNMOVED])


def _predicting(answer: "Found") -> list[str]:
    """How well environments were predicted when they were left out."""
    errors = answer.errors
    if not len(errors):
        return []
    size = overall_errors(errors, classes=bool(answer.classes))
    if not np.isfinite(list(size.values())).all():
        return []
    worst = errors["environment"].tolist()[int(errors["used"].argmax())]
    error, mean = (
        ("mean log loss", "shares of classes")
        if answer.classes
        else ("root mean squared error", "the mean")
    )
    sentence = (
        f"{left_out_words(len(errors))} and predicted from the others, the error ({error}) is "
        f"{figure(size['pooled'])} for one fit to all rows (the pooled model), "
        f"{figure(size['invariant'])} for the invariant model and {figure(size['mean'])} for "
        f"{mean} alone (worst in {worst})"
    )
    who = {
        "invariant": "the invariant model predicts",
        "pooled": "the pooled model predicts",
        "random_intercept": "all features with a random level for each environment predict",
        "nearly_invariant": "the nearly invariant model, whose features change little, predicts",
        "subspace": "combinations of columns that hold everywhere predict",
    }[answer.predictor]
    if answer.predictor not in ("invariant", "pooled"):
        who += f"; choosing without the environment gave {figure(size['used'])}"
    if answer.parameters["predictor"] != "auto":
        who += ", as asked"
    useless = min(size["used"], size["invariant"], size["pooled"]) >= size["mean"]
    better = f"In places not seen, no model did better than {mean}."
    return [f"{sentence}; {who}.", better if useless else "", break_even_sentence(answer)]


def _advice(answer: "Found", rows: list[Row]) -> str:
    """Say what to carry to a new place, and what to do about the rest."""
    if answer.status == "untested":
        return (
            "predict places like these, draw no conclusion about others, and gather data where "
            "something is different."
        )
    weak = _weak(rows)
    size = [name for name in _names(rows, *KEEP_SIZE) if name not in weak]
    sign, changing = _names(rows, "same direction"), _names(rows, "varies", "spurious")
    small = _names(rows, "no effect")
    parts = [f"the size of {listed(size)}"] * bool(size)
    parts += [f"with reserve the size of {listed(weak)}"] * bool(weak)
    parts += [f"the sign of {listed(sign)}"] * bool(sign)
    parts += [f"that {listed(small)} matter{'s' * (len(small) == 1)} little"] * bool(small)
    if not parts:
        return (
            "carry no effect from these environments to a new one as it is; gather more, or "
            "measure what is missing."
        )
    parts += [f"nothing of {listed(changing)}"] * bool(changing)
    advice = f"carry to a new place {'; '.join(parts)}"
    odd = answer.odd_environment if answer.status == "rejected" else None
    if odd:
        advice += f"; find out what is different in {odd.name}"
    if answer.predictor == "pooled":
        advice += "; for plain forecasts in places like these keep to the pooled model"
    if len(answer.rows) == 2:
        advice += "; and confirm it in a third environment, since two can agree by accident"
    return f"{advice}."


def _names(rows: list[Row], *verdicts: str) -> list[str]:
    """Names of the features, of those with one of these verdicts if any are named."""
    return [row["feature"] for row in rows if not verdicts or row["verdict"] in verdicts]


def _effects_of(names: list[str]) -> str:
    return f"effect{'s' * (len(names) > 1)} of {listed(names)}"


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _distance(row: Row) -> float:
    return float(abs(row["pooled_effect"] - row["effect"]) / max(row["high"] - row["low"], 1e-300))


def _places(answer: "Found", article: str = "all") -> str:
    names = answer.environments
    what = places_of(answer) if article == "all" else f"{article} {len(names)} environments"
    return f"{what} ({listed(names)})" if len(names) <= 4 else what


def _goes(answer: "Found", effect: float) -> str:
    one, many = ("rises", "rise") if effect > 0 else ("falls", "fall")
    return many if answer.classes else one


def _by(effect: float) -> str:
    return f"{figure(effect)} per unit"
