"""One word and one sentence for what is said of an effect: the one place for both."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar._base._numbers import count, figure, interval, percent

if TYPE_CHECKING:
    from elinvar.answer._found import Found

Row = Mapping[Any, Any]

MEANINGS = {
    "invariant": "the same size everywhere, as far as the data can tell, and they could have told",
    "nearly invariant": "in a new place within 25% of the average",
    "same direction": "in a new place it has this sign; its size is another matter",
    "varies": "environments surely differ, and a new place may have either sign",
    "spurious": "beside the invariant set it changes between environments: it comes and goes",
    "no effect": "in a new place, too, smaller than the smallest effect of interest",
    "undecided": "none of these can be said",
}
"""What a verdict says of an effect, for 90% of new places; the share is `effect_tolerance`."""


def meaning(verdict: str, answer: "Found") -> str:
    """Say what a verdict says of an effect, with the limits that this answer was asked for."""
    if verdict == "nearly invariant":
        return MEANINGS[verdict].replace("25%", percent(answer.effect_tolerance, 3))
    if verdict == "no effect":
        return f"{MEANINGS[verdict]}, {smallest_words(answer)}"
    if verdict == "undecided" and answer.status == "pooled_only":
        return "one environment cannot tell whether it holds in others"
    return MEANINGS[verdict]


def clearness(row: Row) -> float:
    """Return the size of an effect against its interval; -1 if it is not known."""
    # effects have units of their own, so that only their ratios to their intervals compare; an
    # exact fit has intervals of no width
    width = row["high"] - row["low"]
    return -1.0 if np.isnan(width) else float(abs(row["effect"]) / max(width, 1e-300))


def smallest_words(answer: "Found") -> str:
    """Name the smallest effect of interest."""
    if answer.classes:
        ratio = np.exp(answer.smallest_effect * np.pi / np.sqrt(3))
        return f"an odds ratio of {figure(float(ratio))} for one standard deviation of the feature"
    size = figure(answer.smallest_effect, 2)
    target = answer.schema.target
    return f"{size} standard deviations of {target} for one standard deviation of the feature"


def statement(row: Row) -> str:
    """Say in a sentence, without its subject, what is known of an effect in a new place."""
    say = {
        "invariant": _invariant,
        "nearly invariant": _nearly,
        "same direction": _same_direction,
        "varies": _varies,
        "spurious": _spurious,
        "no effect": _none,
        "undecided": _undecided,
    }[row["verdict"]]
    return say(row)


def _invariant(row: Row) -> str:
    known = interval(row["low"], row["high"])
    common = figure(row["effect"]) + f" ({known})" * (known != "-")
    return f"the same in all environments, {common}"


def _nearly(row: Row) -> str:
    return f"{_new(row)}, about the average of {figure(row['effect'])}"


def _same_direction(row: Row) -> str:
    return f"{_new(row)}, {'above' if row['effect'] > 0 else 'below'} 0"


def _varies(row: Row) -> str:
    return f"{_new(row)}, so either sign{_odd(row)}"


def _spurious(row: Row) -> str:
    return f"beside the invariant set {_new(row)}{_odd(row)}"


def _none(row: Row) -> str:
    return f"{_new(row)}, smaller than {figure(row['smallest_effect'], 2)}"


def _undecided(row: Row) -> str:
    return f"{_new(row)}; {deciding(row)}"


def deciding(row: Row) -> str:
    """Say what would decide an effect, if it stays as it is estimated."""
    if row["n_environments"] < 2:
        return "it varies too little within environments for these to tell"
    ways = []
    if not np.isnan(row["needed_environments"]):
        ways.append(f"{count(row['needed_environments'])} environments like these")
    if not np.isnan(row["needed_rows"]):
        ways.append(f"{figure(row['needed_rows'])} times the rows")
    if not ways:
        return "more data like these would hardly decide it"
    return f"{' or '.join(ways)} would decide it"


def new_range(row: Row) -> str:
    """Return where the effect should lie in a new place: its ends, in words."""
    return interval(row["new_low"], row["new_high"])


def _new(row: Row) -> str:
    if np.isnan(row["new_low"]):
        return "how large in a new place nobody can tell"
    return f"in a new place from {new_range(row)}"


def _odd(row: Row) -> str:
    return f"; {row['odd_environment']} stands out" if row["odd_environment"] else ""


def shown_name(row: Row) -> str:
    """Return a feature's name, and the levels between which its effect is."""
    return f"{row['feature']} ({row['contrast']})" if row["contrast"] else str(row["feature"])
