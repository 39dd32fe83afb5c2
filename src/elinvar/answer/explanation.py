"""The answer in a few sentences, for a reader who is no statistician."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from elinvar._base._numbers import count, figure, p_words, percent
from elinvar._base._words import listed
from elinvar.answer._found import HOLDS, VERDICTS
from elinvar.answer.headline import holding, places_of
from elinvar.answer.sentences import multiplicity_sentence

if TYPE_CHECKING:
    from elinvar.answer._found import Found

Row: TypeAlias = dict[Any, Any]

ADVICE = "What to do:"
ALL_FEATURES = "all features"
_UNMOVED = 0.05


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
        advice = [f"{ADVICE} {self.advice}"] if self.advice else []
        return " ".join([self.lead, *self.body, *advice])


def explain(answer: "Found") -> Explanation:
    """Say what was found, how sure it is, who disagrees, and what to do."""
    table = answer.evidence.to_dict("records")
    holds = _clearest(holding(answer).to_dict("records"))
    make = {
        "pooled_only": _single,
        "untested": _copies,
        "borderline": _borderline,
        "rejected": _rejected,
    }.get(answer.status, _agreeing)
    (lead, *body), advice = make(answer, table, holds)
    return Explanation(lead=lead, body=tuple(text for text in body if text), advice=advice)


def _single(answer: "Found", table: list[Row], holds: list[Row]) -> tuple[list[str], str]:
    fit = "logistic regression" if answer.classes else "ordinary least squares"
    found = [
        "There is one environment only, so nothing can be said about what stays true elsewhere.",
        f"The effects on {answer.outcome} are those of {fit}.",
    ]
    return found, "use them for this environment, and gather data in at least two more."


def _copies(answer: "Found", table: list[Row], holds: list[Row]) -> tuple[list[str], str]:
    found = [
        f"{_places(answer, 'The')} do not differ from one another beyond noise, so nothing was put "
        f"to the test: every effect on {answer.outcome} looks invariant here, whether it "
        "would hold elsewhere or not.",
        *_saying(answer, table),
        *_predicting(answer),
    ]
    return found, (
        "predict places like these, draw no conclusion about others, and gather data where "
        "something is different."
    )


def _borderline(answer: "Found", table: list[Row], holds: list[Row]) -> tuple[list[str], str]:
    chosen = answer.selected_features
    what = f"a model with {listed(chosen)}" if chosen else "a model without features"
    found = [
        f"No effect on {answer.outcome} is sure to be the same in {_places(answer)}: {what} "
        f"is only just compatible with all of them ({p_words(answer.p_value)}), and it was chosen "
        "for agreeing.",
        *_saying(answer, table),
        *_turned(answer, _signed(table)),
        *_predicting(answer),
    ]
    return found, _do_not_carry(answer, table, holds)


def _agreeing(answer: "Found", table: list[Row], holds: list[Row]) -> tuple[list[str], str]:
    of_set = [row for row in holds if row["model"] != ALL_FEATURES]
    found = [
        _agreement(answer, of_set),
        *_turned(answer, of_set),
        *_new(of_set),
        *_changing(answer, table),
        _unmoved(of_set),
        *_saying(answer, table),
        *_predicting(answer),
    ]
    return found, _what_to_do(answer, table, holds)


def _rejected(answer: "Found", table: list[Row], holds: list[Row]) -> tuple[list[str], str]:
    odd = answer.odd_environment
    found = [
        f"No set of effects on {answer.outcome} is the same in {_places(answer)}: "
        "the differences are larger than chance allows.",
        "" if odd is None else f"Without {odd.name} the others agree ({p_words(odd.p_value)}).",
        *_saying(answer, table),
        *_turned(answer, _signed(table)),
        *_predicting(answer),
    ]
    return found, _do_not_carry(answer, table, holds)


def _agreement(answer: "Found", holds: list[Row]) -> str:
    outcome, names = answer.outcome, [row["feature"] for row in holds]
    if not names:
        return f"No effect on {outcome} could be shown to be the same in {_places(answer)}."
    verb = "is" if len(names) == 1 else "are"
    if answer.status == "approximate":
        # of classes disagreement is in twice the log loss
        spared = (
            f"spare at most {figure(answer.disagreement / 2, 2)} of log loss a row"
            if answer.classes
            else f"explain at most {percent(answer.disagreement)} of what is left"
        )
        return (
            f"The {_effects_of(names)} on {outcome} {verb} nearly the same in "
            f"{_places(answer)}: they differ by more than chance, but coefficients of their own "
            f"would {spared}."
        )
    return (
        f"The {_effects_of(names)} on {outcome} {verb} the same in {_places(answer)}, as "
        f"far as {count(sum(answer.rows.values()))} rows can tell."
    )


def _signed(table: list[Row]) -> list[Row]:
    """Rows whose sign can be carried to a new environment, the clearest first."""
    return _clearest([row for row in table if row["verdict"] in (*HOLDS, "same direction")])


def _turned(answer: "Found", rows: list[Row]) -> list[str]:
    """Where the invariant and the pooled answers disagree: in sign, or beyond the interval."""
    if len(answer.classes) > 2:  # the largest contrast between classes has no sign
        return []
    opposite = [row for row in rows if row["effect"] * row["pooled_effect"] < 0]
    sentences = [
        f"All rows together, {answer.outcome} {_goes(answer, row['pooled_effect'])} with "
        f"{row['feature']} ({_by(row['pooled_effect'])}); compared environment by environment "
        f"{'they' if answer.classes else 'it'} {_goes(answer, row['effect'])} with it "
        f"({_by(row['effect'])}, 95% interval {figure(row['low'])} to {figure(row['high'])})."
        for row in opposite[:2]
    ]
    if opposite:
        return sentences
    off = [row for row in rows if not row["low"] <= row["pooled_effect"] <= row["high"]]
    if not off:
        return []
    row = max(off, key=lambda row: _distance(row, "pooled_effect"))
    return [
        f"All rows together put the effect of {row['feature']} at {figure(row['pooled_effect'])}, "
        f"outside its 95% interval {figure(row['low'])} to {figure(row['high'])}."
    ]


def _new(holds: list[Row]) -> list[str]:
    known = [row for row in holds if np.isfinite(row["new_low"])]
    if not known:
        return []
    row = known[0]
    low, high = row["new_low"], row["new_high"]
    tail = ", so that not even its sign is sure there" if low * high <= 0 else ""
    return [
        f"In a new environment of this kind the effect of {row['feature']} should lie between "
        f"{figure(low)} and {figure(high)} (90% interval){tail}."
    ]


def _changing(answer: "Found", table: list[Row]) -> list[str]:
    """Say what comes and goes, from where to where, and which environment is responsible."""
    spurious = _clearest([row for row in table if row["verdict"] == "spurious"])
    if not spurious:
        return []
    first, others = spurious[0], spurious[1:]
    sentence = f"The effect of {first['feature']} changes from one environment to the next"
    sentence += _range(answer, first["feature"])
    if first["odd_environment"]:
        sentence += f"; {first['odd_environment']} stands out"
    sentences = [f"{sentence}."]
    if others:
        names = [row["feature"] for row in others]
        sentences.append(f"The {_effects_of(names)} change{'s' * (len(names) == 1)}, too.")
    return sentences


def _unmoved(holds: list[Row]) -> str:
    names = [row["feature"] for row in holds if row["shift_p_value"] > _UNMOVED]
    if not names:
        return ""
    own = "its own values behave" if len(names) == 1 else "their own values behave"
    return (
        f"For {listed(names)} this is weak evidence: {own} alike in all environments, so "
        "the effect was hardly put to the test."
    )


def _carried(rows: list[Row]) -> str:
    """Name the effects that hold; with reserve, those that were hardly put to the test."""
    weak = [row["feature"] for row in rows if row["shift_p_value"] > _UNMOVED]
    names = [row["feature"] for row in rows if row["feature"] not in weak]
    parts = []
    if names:
        parts.append(f"the {_effects_of(names)}")
    if weak and names:
        parts.append(f"with reserve {'that' if len(weak) == 1 else 'those'} of {listed(weak)}")
    elif weak:
        parts.append(f"with reserve the {_effects_of(weak)}")
    return ", and ".join(parts)


def _saying(answer: "Found", table: list[Row]) -> list[str]:
    """Say what holds in the model of all features, a sentence a verdict, and how often it fails."""
    rows = _clearest([row for row in table if row["model"] == ALL_FEATURES])
    kinds = {kind: [row for row in rows if row["verdict"] == kind] for kind in VERDICTS}
    told = [
        *_steady(answer, kinds["nearly invariant"]),
        *_directed(kinds["same direction"]),
        *_varying(answer, kinds["varies"]),
        *_negligible(kinds["no effect"]),
        *_open(kinds["undecided"]),
    ]
    if told:
        told[0] = f"With all features in one model: {told[0][0].lower()}{told[0][1:]}"
    return [*told, multiplicity_sentence(answer)]


def _steady(answer: "Found", rows: list[Row]) -> list[str]:
    if not rows:
        return []
    share = percent(answer.effect_tolerance)
    return [
        f"{_the_effects(rows)} {'is' if len(rows) == 1 else 'are'} steady: in a new environment "
        f"within {share} of the average (90% interval)."
    ]


def _directed(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    first, one = rows[0], len(rows) == 1
    low, high = figure(first["new_low"]), figure(first["new_high"])
    return [
        f"{_the_effects(rows)} {'keeps its sign' if one else 'keep their signs'}, whatever the "
        f"size: in a new environment {'it' if one else 'that of ' + str(first['feature'])} should "
        f"lie between {low} and {high} (90% interval)."
    ]


def _varying(answer: "Found", rows: list[Row]) -> list[str]:
    """How much the clearest effect that varies does so, and what to expect in a new place."""
    if not rows:
        return []
    first, one = rows[0], len(rows) == 1
    low, high = figure(first["new_low"]), figure(first["new_high"])
    odd = f"; {first['odd_environment']} stands out" if first["odd_environment"] else ""
    return [
        f"{_the_effects(rows)} {'varies' if one else 'vary'} between environments: that of "
        f"{first['feature']}{_range(answer, first['feature'])} should lie between {low} and {high} "
        f"in a new one{odd}."
    ]


def _negligible(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    verb = "is" if len(rows) == 1 else "are"
    return [f"{_the_effects(rows)} {verb} too small to matter in any such environment."]


def _open(rows: list[Row]) -> list[str]:
    """Say what is not known, and what would tell."""
    if not rows:
        return []
    routes = [f"{what} {row['feature']}" for row in rows for what in [_needed(row)] if what]
    more = f": {routes[0]}" if routes else ""
    return [f"Nothing can be said of {listed([row['feature'] for row in rows])} yet{more}."]


def _needed(row: Row) -> str:
    ways = []
    if np.isfinite(row["needed_rows"]):
        ways.append(f"{row['needed_rows']:g} times the rows")
    if np.isfinite(row["needed_environments"]):
        ways.append(f"{count(row['needed_environments'])} environments like these")
    return f"about {' or '.join(ways)} would tell of" if ways else ""


def _predicting(answer: "Found") -> list[str]:
    """How well environments were predicted when they were left out."""
    errors = answer.errors
    if not len(errors):
        return []
    # every row counts once; the root of mean squares is taken last, over all of them
    weight, power = (errors["rows"] / errors["rows"].sum()).to_numpy(), 1 if answer.classes else 2
    size = {
        name: float(weight @ errors[name].to_numpy() ** power) ** (1 / power)
        for name in ("invariant", "pooled", "mean", "used")
    }
    if not np.isfinite(list(size.values())).all():
        return []
    worst = errors["environment"].tolist()[int(errors["used"].argmax())]
    error, mean = (
        ("mean log loss", "shares of classes")
        if answer.classes
        else ("root mean squared error", "the mean")
    )
    sentence = (
        f"Each environment left out in turn and predicted from the others, the {error} is "
        f"{figure(size['pooled'])} for the pooled model, {figure(size['invariant'])} "
        f"for the invariant one and {figure(size['mean'])} for {mean} alone (worst in {worst})"
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
    return [f"{sentence}; {who}.", better if useless else ""]


def _what_to_do(answer: "Found", table: list[Row], holds: list[Row]) -> str:
    if not holds:
        return (
            f"carry no effect from these environments to a new one as it is{_signs_only(table)}; "
            "gather more, or measure what is missing."
        )
    advice = f"carry to new environments {_carried(holds)}"
    advice += _signs_only(table)
    if any(row["verdict"] in ("spurious", "varies") for row in table):
        advice += ", none of those that change"
    unknown = [row["feature"] for row in table if row["verdict"] == "undecided"]
    if unknown:
        advice += f"; of {listed(unknown)} it is not known"
    if answer.predictor == "pooled":
        advice += "; for plain forecasts in places like these keep to the pooled model"
    if len(answer.rows) == 2:
        advice += "; and confirm it in a third environment, since two can agree by accident"
    return f"{advice}."


def _signs_only(table: list[Row]) -> str:
    names = [row["feature"] for row in table if row["verdict"] == "same direction"]
    return f", of {listed(names)} the sign only" if names else ""


def _do_not_carry(answer: "Found", table: list[Row], holds: list[Row]) -> str:
    odd = answer.odd_environment if answer.status == "rejected" else None
    look = f"find out what is different in {odd.name}" if odd else "find out what differs"
    if answer.status == "borderline":
        look = "confirm in further environments what you want to rely on"
    carry = "take no effect to a new place as it is"
    if holds:
        carry = f"take to a new place at most {_carried(holds)}, and the interval along"
    carry += _signs_only(table)
    return f"use the predictions in places like these only, {carry}, and {look}."


def _the_effects(rows: list[Row]) -> str:
    return f"The {_effects_of([row['feature'] for row in rows])}"


def _effects_of(names: list[str]) -> str:
    return f"effect{'s' * (len(names) > 1)} of {listed(names)}"


def _clearest(rows: list[Row]) -> list[Row]:
    """Rows with an effect, the clearest (against its interval) first."""
    # effects have units of their own, so that only their ratios to their intervals compare; an
    # exact fit has intervals of no width
    known = [row for row in rows if np.isfinite(row["effect"])]
    return sorted(
        known, key=lambda row: -abs(row["effect"]) / max(row["high"] - row["low"], 1e-300)
    )


def _distance(row: Row, key: str) -> float:
    return float(abs(row[key] - row["effect"]) / max(row["high"] - row["low"], 1e-300))


def _range(answer: "Found", feature: str) -> str:
    """Name the environments of the least and the largest effect, where any can tell."""
    effects = answer.effects
    own = effects[effects["feature"] == feature].sort_values("effect")
    if not len(own):
        return ""
    least, most = own.iloc[0], own.iloc[-1]
    return (
        f" ({figure(least['effect'])} in {least['environment']}, {figure(most['effect'])} in "
        f"{most['environment']})"
    )


def _places(answer: "Found", article: str = "all") -> str:
    names = answer.environments
    what = places_of(answer) if article == "all" else f"{article} {len(names)} environments"
    return f"{what} ({listed(names)})" if len(names) <= 4 else what


def _goes(answer: "Found", effect: float) -> str:
    one, many = ("rises", "rise") if effect > 0 else ("falls", "fall")
    return many if answer.classes else one


def _by(effect: float) -> str:
    return f"{figure(effect)} per unit"
