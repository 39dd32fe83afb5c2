"""What a forecast is worth in a new environment, in sentences."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._numbers import count, counted, figure, number, percent
from elinvar._base._words import listed
from elinvar.answer.explanation import Explanation
from elinvar.answer.few_rows import rows_sentence
from elinvar.answer.transfer_found import ALL_FEATURES, CONSTANT, MIXTURE
from elinvar.answer.transfer_tables import RIVALS
from elinvar.forecast.gate import STEADY

if TYPE_CHECKING:
    from elinvar.answer.transfer_found import TransferFound

# weights below this say nothing of what carries the forecast
_CARRIES = 0.02
# learners and features beyond these are counted
_NAMED = 4
# errors that differ by less are called as good
_ALIKE = 0.01
# weights beyond this are all there is
_WHOLE = 0.995
# and beyond this nobody counts
_FAR = 20.0
# a curve whose environments differ by less than this share of its size is said to agree
_AGREES = 0.1
# from this part of the error on, a few rows of the new place are worth more than anything else
_WORTH = 0.1


def forecast_headline(answer: "TransferFound") -> str:
    """Say how far off the forecast is in a new environment."""
    if MIXTURE not in answer.losses:
        return (
            f"This forecasts {answer.schema.target} in places like the one it learnt from; how it "
            "fares elsewhere, one environment cannot tell."
        )
    error, flat = answer.error(MIXTURE), answer.error(CONSTANT)
    base = "shares of classes alone" if answer.classes else "the mean alone"
    better = 1 - error / flat if flat > 0 else 0.0
    if better < _ALIKE:
        than = f"{'no' if better <= 0 else 'hardly'} better than {base} ({number(flat, digits=3)})"
    else:
        than = f"{percent(better)} less than {base}"
    if answer.classes:
        right = percent(1 - float(answer.wrong.mean()))
        return (
            f"In an environment that it has not seen, the forecast of {answer.schema.target} has "
            f"a mean log loss of {number(error, digits=3)}, {than}, and names the right class in "
            f"{right} of rows."
        )
    return (
        f"In an environment that it has not seen, the forecast of {answer.schema.target} is off "
        f"by {number(error, digits=3)} (root mean squared error), {than}."
    )


def explain_forecast(answer: "TransferFound") -> Explanation:
    """Say how good the forecast is, what carries it, and what to do."""
    said = [
        carried_sentence(answer),
        rivals_sentence(answer),
        cost_sentence(answer),
        premium_sentence(answer),
        curves_sentence(answer),
        margin_sentence(answer),
    ]
    return Explanation(
        lead=forecast_headline(answer),
        body=tuple(text for text in said if text),
        advice=_advice(answer),
    )


def carried_sentence(answer: "TransferFound") -> str:
    """Name the learners that carry the forecast."""
    total: dict[str, float] = {}
    for name, weight in zip(answer.learners, answer.weights.tolist(), strict=True):
        base = name.removesuffix(STEADY)
        total[base] = total.get(base, 0.0) + weight
    order = sorted(total, key=lambda name: -total[name])
    parts = [f"{name} ({percent(total[name])})" for name in order if total[name] >= _CARRIES]
    names = listed(parts, most=_NAMED)
    if MIXTURE not in answer.losses:
        return f"It mixes {names}."
    return f"It mixes {names}, weighted by their errors in environments left out."


def rivals_sentence(answer: "TransferFound") -> str:
    """Say what straight lines, and boosting, would have given by themselves."""
    if MIXTURE not in answer.losses:
        return ""
    own = answer.error(MIXTURE)
    said: dict[str, list[str]] = {}
    for words, names in RIVALS.items():
        known = [answer.error(name) for name in names if name in answer.losses]
        if known:
            said.setdefault(_against(min(known), own), []).append(f"{words} alone")
    parts = [f"{listed(names)} {verb}" for verb, names in said.items()]
    return f"In environments left out, {listed(parts)}." if parts else ""


def _against(error: float, own: float) -> str:
    """Say how an error compares with that of the forecast."""
    more = error / own - 1 if own > 0 else 0.0
    if abs(more) <= _ALIKE:
        return "would be as good"
    if more > _FAR:
        return "would be far worse"
    if more > 1:
        return f"would have {figure(1 + more, 2)} times its error"
    return f"would have {percent(abs(more))} {'more' if more > 0 else 'less'} error"


def cost_sentence(answer: "TransferFound") -> str:
    """Say what a new environment costs, and how much of it the columns could explain there."""
    if MIXTURE not in answer.losses:
        return ""
    inside, outside = answer.in_sample_error(), answer.error(MIXTURE)
    cost = (
        f"On the rows that it learnt from it is {'' if answer.classes else 'off by '}"
        f"{number(inside, digits=3)}; a new environment costs the rest."
    )
    share = answer.shift_share[1]
    # of a forecast between all features and those that hold neither share speaks
    between = 0 < answer.steady_share < _WHOLE
    if np.isnan(share) or between or not outside > inside:
        return cost
    if share < _ALIKE:
        return f"{cost} Next to nothing of its error there comes from relations that change."
    return (
        f"{cost} About {percent(share)} of its squared error there comes from relations that "
        "change between environments: the same columns would explain it, if rows from there "
        "were known."
        if not answer.classes
        else f"{cost} About {percent(share)} of its loss there comes from relations that change "
        "between environments: the same columns would explain it, if rows from there were known."
    )


def premium_sentence(answer: "TransferFound") -> str:
    """Say which features are left out for safety, and what that costs: both errors."""
    if answer.selected.all() or ALL_FEATURES not in answer.losses:
        return ""
    left = [
        name for name, used in zip(answer.schema.features, answer.selected, strict=True) if not used
    ]
    own, full = answer.error(MIXTURE), answer.error(ALL_FEATURES)
    one = len(left) == 1
    if answer.steady_share > _WHOLE:
        what = f"{listed(left)} {'is' if one else 'are'} left out"
    else:
        what = f"A forecast without {listed(left)} has {percent(answer.steady_share)} of the weight"
    change = own / full - 1 if full > 0 else 0.0
    if change > 0:
        price = f"costs {percent(change)} more error in environments like these"
    else:
        price = "costs nothing in environments like these"
    before, after = (percent(share) for share in answer.shift_share)
    return (
        f"{what}, as what {'it says' if one else 'they say'} of {answer.schema.target} changes "
        f"between environments: that {price} ({number(own, digits=3)}, with all features "
        f"{number(full, digits=3)}), and the part of the error that comes from change is {after} "
        f"for the features that are left, {before} for all. It pays where new environments differ "
        "more than these do."
    )


def curves_sentence(answer: "TransferFound") -> str:
    """Say whose curves agree between environments, and whose differ most."""
    if len(answer.rows) < 2 or not answer.curves:
        return ""
    shapes = answer.shapes.groupby("feature", sort=False)[["size", "spread", "share"]].max()
    agree = [str(name) for name, row in shapes.iterrows() if row["spread"] <= _AGREES * row["size"]]
    if len(agree) == len(shapes):
        return "Each feature does the same in all environments, as far as these rows tell."
    rest = shapes.drop(index=agree)["share"].fillna(0.0)
    worst, share = str(rest.idxmax()), float(rest.max())
    part = f", which makes {percent(share)} of the error elsewhere" if share >= _ALIKE else ""
    odd = f"what {worst} does differs most{part}"
    if not agree:
        return f"{odd[0].upper()}{odd[1:]}."
    verb = "does" if len(agree) == 1 else "do"
    return f"{listed(agree, most=_NAMED)} {verb} the same in all environments; {odd}."


def margin_sentence(answer: "TransferFound") -> str:
    """Say how far a row in a new environment may be from its prediction, or why nobody can say."""
    if answer.classes or MIXTURE not in answer.losses:
        return ""
    margin = answer.spread.margin()
    if np.isnan(margin):
        why = answer.spread.why_unknown()
        return f"There is no margin for predictions in a new environment. {why}"
    return (
        "In at least 90% of new environments, at least 90% of the rows should lie within "
        f"{number(margin, digits=3)} of their predictions, if new environments are drawn like "
        f"these {len(answer.rows)}."
    )


def _advice(answer: "TransferFound") -> str:
    if MIXTURE not in answer.losses:
        return "gather data in at least two more environments, and say which row is from where."
    if len(answer.rows) < 4:
        return (
            "gather more environments: so few say little about how the next one differs, and every "
            "error above is a guess from them."
        )
    if answer.steady_share > 0:
        return (
            "use it where new places may differ more than these do; where they will not, premium=1 "
            "has the smaller error."
        )
    if answer.shift_share[1] >= _WORTH:
        return (
            "label some rows in the new place before you rely on it: adapt(X, y) learns from a few "
            "what differs there."
        )
    return (
        "use it in places that differ as these do, and hold the first results against the margin."
    )


def forecast_notes(answer: "TransferFound") -> tuple[str, ...]:
    """Say what the user should know."""
    notes = []
    places = len(answer.rows)
    if places == 1:
        notes.append(
            "One environment: the weights of learners come from parts of its rows, and neither "
            "errors elsewhere nor features that change can be told."
        )
    elif places == 2:
        notes.append(
            "Two environments: each is forecast from the other alone. Errors are two numbers, and "
            "what both share by accident is not found out."
        )
    elif places == 3:
        notes.append(
            "Three environments: what two of them share by accident looks steady, so features are "
            "left out only where the evidence is overwhelming."
        )
    if adapting := rows_sentence(answer.adaptation):
        notes.append(adapting)
    if answer.parameters.get("premium") == 1:
        notes.append("premium=1: no error is paid for safety.")
    if answer.n_dropped:
        what = counted(answer.n_dropped, "row")
        notes.append(
            f"{what} without a target {'was' if answer.n_dropped == 1 else 'were'} dropped."
        )
    many = count(sum(answer.rows.values()))
    notes.append(
        f"Errors come from {counted(places, 'environment')} and {many} rows, environments weighing "
        "equally. A curve is the mean forecast if all rows had that value (partial dependence); "
        "what differs in an environment is told by its own rows."
    )
    return tuple(notes)
