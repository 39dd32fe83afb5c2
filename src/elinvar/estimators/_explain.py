"""One plain paragraph on a fitted InvariantRegressor, for a reader who is no statistician."""

from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar._base._words import listed
from elinvar.estimators._words import HOLDS, Rows, holding, selected_features

if TYPE_CHECKING:
    from elinvar.estimators._invariant_regressor import InvariantRegressor

_UNMOVED = 0.05


def explain(model: "InvariantRegressor") -> str:
    """Say what was found, how sure it is, who disagrees, and what to do."""
    table = model.evidence_.to_dict("records")
    holds = _strongest(holding(model))
    sentences = {
        "pooled_only": _single,
        "untested": _copies,
        "borderline": _borderline,
        "rejected": _rejected,
    }.get(model.standing_, _agreeing)(model, table, holds)
    return " ".join(sentence for sentence in sentences if sentence)


def _single(model: "InvariantRegressor", table: Rows, holds: Rows) -> list[str]:
    return [
        f"There is one environment only, so nothing can be said about what stays true elsewhere. "
        f"The effects on {model.schema_.target} are those of ordinary least squares.",
        "What to do: use them for this environment, and gather data in at least two more.",
    ]


def _copies(model: "InvariantRegressor", table: Rows, holds: Rows) -> list[str]:
    return [
        f"{_places(model, 'The')} do not differ from one another beyond noise, so nothing was put "
        f"to the test: every effect on {model.schema_.target} looks invariant here, whether it "
        "would hold elsewhere or not.",
        *_predicting(model),
        "What to do: predict places like these, draw no conclusion about others, and gather data "
        "where something is different.",
    ]


def _borderline(model: "InvariantRegressor", table: Rows, holds: Rows) -> list[str]:
    chosen = selected_features(model)
    what = f"a model with {listed(chosen)}" if chosen else "a model without features"
    sure = [row for row in table if row["feature"] in chosen and row["low"] * row["high"] > 0]
    return [
        f"No effect on {model.schema_.target} is sure to be the same in {_places(model)}: {what} "
        f"is only just compatible with all of them (p = {model.p_value_:.2g}), and it was chosen "
        "for agreeing.",
        *_turned(sure, model.schema_.target)[:1],
        *_steady(model, holds),
        *_varying(table, model),
        *_predicting(model),
        _do_not_carry(model, holds),
    ]


def _agreeing(model: "InvariantRegressor", table: Rows, holds: Rows) -> list[str]:
    return [
        _agreement(model, holds),
        *_turned(holds, model.schema_.target),
        *_new(holds),
        *_changing(model, table),
        _unmoved(holds),
        *_predicting(model),
        _what_to_do(model, table, holds),
    ]


def _agreement(model: "InvariantRegressor", holds: Rows) -> str:
    target, names = model.schema_.target, [row["feature"] for row in holds]
    if not names:
        return f"No effect on {target} could be shown to be the same in {_places(model)}."
    subject = "effect" if len(names) == 1 else "effects"
    verb = "is" if len(names) == 1 else "are"
    if model.status_ == "approximate":
        return (
            f"The {subject} of {listed(names)} on {target} {verb} nearly the same in "
            f"{_places(model)}: they differ by more than chance, but coefficients of their own "
            f"would explain at most {100 * model.disagreement_:.2g}% of what is left."
        )
    return (
        f"The {subject} of {listed(names)} on {target} {verb} the same in {_places(model)}, as far "
        f"as {_rows(model)} rows can tell."
    )


def _turned(holds: Rows, target: str) -> list[str]:
    """Where the invariant and the pooled answers disagree: in sign, or beyond the interval."""
    opposite = [row for row in holds if row["effect"] * row["pooled_effect"] < 0]
    sentences = [
        f"All rows together, {target} {_goes(row['pooled_effect'])} with {row['feature']} "
        f"({_by(row['pooled_effect'])}); compared environment by environment it "
        f"{_goes(row['effect'])} with it ({_by(row['effect'])}, 95% interval "
        f"{_number(row['low'])} to {_number(row['high'])})."
        for row in opposite[:2]
    ]
    if opposite:
        return sentences
    off = [row for row in holds if not row["low"] <= row["pooled_effect"] <= row["high"]]
    if not off:
        return []
    row = max(off, key=lambda row: _distance(row, "pooled_effect"))
    return [
        f"All rows together put the effect of {row['feature']} at {_number(row['pooled_effect'])}, "
        f"outside its 95% interval {_number(row['low'])} to {_number(row['high'])}."
    ]


def _new(holds: Rows) -> list[str]:
    if not holds:
        return []
    row = holds[0]
    low, high = row["new_low"], row["new_high"]
    tail = ", so that not even its sign is sure there" if low * high <= 0 else ""
    return [
        f"In a new environment of this kind the effect of {row['feature']} should lie between "
        f"{_number(low)} and {_number(high)} (90% interval){tail}."
    ]


def _changing(model: "InvariantRegressor", table: Rows) -> list[str]:
    """Say what comes and goes, from where to where, and which environment is responsible."""
    spurious = _strongest([row for row in table if row["verdict"] == "spurious"])
    if not spurious:
        return []
    first, others = spurious[0], spurious[1:]
    sentence = f"The effect of {first['feature']} changes from one environment to the next"
    sentence += f" ({_range(model, first['feature'])})"
    if first["odd_environment"]:
        sentence += f"; {first['odd_environment']} stands out"
    sentences = [f"{sentence}."]
    if others:
        names = [row["feature"] for row in others]
        what, verb = ("effect", "changes") if len(others) == 1 else ("effects", "change")
        sentences.append(f"The {what} of {listed(names)} {verb}, too.")
    return sentences


def _unmoved(holds: Rows) -> str:
    names = [row["feature"] for row in holds if row["moved_p"] > _UNMOVED]
    if not names:
        return ""
    own = "its own values behave" if len(names) == 1 else "their own values behave"
    return (
        f"For {listed(names)} this is weak evidence: {own} alike in all environments, so "
        "the effect was hardly put to the test."
    )


def _carried(rows: Rows) -> str:
    """Name the effects that hold; with reserve, those that were hardly put to the test."""
    weak = [row["feature"] for row in rows if row["moved_p"] > _UNMOVED]
    names = [row["feature"] for row in rows if row["feature"] not in weak]
    parts = []
    if names:
        parts.append(f"the {'effect' if len(names) == 1 else 'effects'} of {listed(names)}")
    if weak:
        what = "that" if names else "the effect"
        what = what if len(weak) == 1 else "those" if names else "the effects"
        parts.append(f"with reserve {what} of {listed(weak)}")
    return ", and ".join(parts)


def _rejected(model: "InvariantRegressor", table: Rows, holds: Rows) -> list[str]:
    odd = model.odd_environment_
    return [
        f"No set of effects on {model.schema_.target} is the same in {_places(model)}: "
        "the differences are larger than chance allows.",
        "" if odd is None else f"Without {odd.name} the others agree (p = {odd.p_value:.2g}).",
        *_varying(table, model),
        *_steady(model, holds),
        *_turned(holds, model.schema_.target),
        *_predicting(model),
        _do_not_carry(model, holds),
    ]


def _varying(table: Rows, model: "InvariantRegressor") -> list[str]:
    """How much the clearest effect that varies does so, and what to expect in a new place."""
    told = [
        row
        for row in _strongest(table)
        if row["heterogeneity_p"] < _UNMOVED and row["verdict"] not in HOLDS
    ]
    if not told:
        return []
    row = told[0]
    return [
        f"The effect of {row['feature']}, for one, varies between environments "
        f"({_range(model, row['feature'])}); in a new one it should lie between "
        f"{_number(row['new_low'])} and {_number(row['new_high'])} (90% interval)."
    ]


def _steady(model: "InvariantRegressor", holds: Rows) -> list[str]:
    if not holds:
        return []
    names, share = [row["feature"] for row in holds], f"{model.effect_tolerance:.0%}"
    what, verb = ("effect", "is") if len(names) == 1 else ("effects", "are")
    return [
        f"The {what} of {listed(names)} {verb} steady: in a new environment within {share} of the "
        "average (90% interval)."
    ]


def _predicting(model: "InvariantRegressor") -> list[str]:
    """How well environments were predicted when they were left out."""
    errors = model.errors_
    if not len(errors):
        return []
    weight = errors["rows"] / errors["rows"].sum()
    root = {
        name: float(np.sqrt((weight * errors[name]).sum()))
        for name in ("invariant", "pooled", "mean", "used")
    }
    if not np.isfinite(list(root.values())).all():
        return []
    worst = errors["environment"].tolist()[int(errors["used"].argmax())]
    sentence = (
        "Each environment left out in turn and predicted from the others, the root mean squared "
        f"error is {_number(root['pooled'])} for the pooled model, {_number(root['invariant'])} "
        f"for the invariant one and {_number(root['mean'])} for the mean alone (worst in {worst})"
    )
    who = {
        "invariant": "the invariant model predicts",
        "pooled": "the pooled model predicts",
        "candidate": "a third model, which is not invariant, predicts; choosing it without the "
        f"environment gave {_number(root['used'])}",
        "subspace": "combinations of columns that hold everywhere predict; choosing them without "
        f"the environment gave {_number(root['used'])}",
    }[model.predictor_]
    if model.predictor != "auto":
        who += ", as asked"
    useless = min(root["used"], root["invariant"], root["pooled"]) >= root["mean"]
    warning = "In places not seen, no model did better than the mean." if useless else ""
    return [f"{sentence}; {who}.", warning]


def _what_to_do(model: "InvariantRegressor", table: Rows, holds: Rows) -> str:
    if not holds:
        return (
            "What to do: carry no effect from these environments to a new one; gather more, or "
            "measure what is missing."
        )
    advice = f"What to do: carry to new environments {_carried(holds)}"
    if any(row["verdict"] == "spurious" for row in table):
        advice += ", none of those that change"
    unknown = [row["feature"] for row in table if row["verdict"] == "undecided"]
    if unknown:
        advice += f"; of {listed(unknown)} it is not known"
    if model.predictor_ == "pooled":
        advice += "; for plain forecasts in places like these keep to the pooled model"
    if len(model.environments_) == 2:
        advice += "; and confirm it in a third environment, since two can agree by accident"
    return f"{advice}."


def _do_not_carry(model: "InvariantRegressor", holds: Rows) -> str:
    odd = model.odd_environment_ if model.standing_ == "rejected" else None
    look = f"find out what is different in {odd.name}" if odd else "find out what differs"
    if model.standing_ == "borderline":
        look = "confirm in further environments what you want to rely on"
    carry = "take no effect to a new place as it is"
    if holds:
        carry = f"take to a new place at most {_carried(holds)}, and the interval along"
    return f"What to do: use the predictions in places like these only, {carry}, and {look}."


def _strongest(rows: Rows) -> Rows:
    """Rows with an effect, the clearest (against its interval) first."""
    known = [row for row in rows if np.isfinite(row["effect"])]
    return sorted(
        known, key=lambda row: -abs(row["effect"]) / max(row["high"] - row["low"], 1e-300)
    )


def _distance(row: dict[str, Any], key: str) -> float:
    return float(abs(row[key] - row["effect"]) / max(row["high"] - row["low"], 1e-300))


def _range(model: "InvariantRegressor", feature: str) -> str:
    effects = model.effects_
    own = effects[effects["feature"] == feature].sort_values("effect")
    least, most = own.iloc[0], own.iloc[-1]
    return (
        f"{_number(least['effect'])} in {least['environment']}, {_number(most['effect'])} in "
        f"{most['environment']}"
    )


def _places(model: "InvariantRegressor", article: str = "all") -> str:
    names = model.environments_
    two = len(names) == 2 and article == "all"
    what = "both environments" if two else f"{article} {len(names)} environments"
    return f"{what} ({listed(list(names))})" if len(names) <= 4 else what


def _rows(model: "InvariantRegressor") -> str:
    from elinvar.estimators._facts import DataFacts

    return f"{sum(DataFacts.of(model).rows.values()):,.0f}"


def _goes(effect: float) -> str:
    return "rises" if effect > 0 else "falls"


def _by(effect: float) -> str:
    return f"{_number(effect)} per unit"


def _number(value: float) -> str:
    """Three digits, thousands apart, without an exponent for numbers of everyday size."""
    if not np.isfinite(value):
        return "unknown"
    size = abs(value)
    if size >= 1e7 or 0 < size < 1e-4:
        return f"{value:.2e}"
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
