"""The verdict of the pre-flight, in words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar._base._words import some
from elinvar.inference.diagnosis._diagnosis import Answer
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._types import Bools, Floats

if TYPE_CHECKING:
    from elinvar.environments import Moments

_FEWEST_ROWS = 3
_COLLINEAR = 1e4


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What the verdict is made of.

    Attributes
    ----------
    features, power : dict of arrays
        Columns of the tables of `Diagnosis`.
    size, clear : array of shape (n_features,)
        Sizes of the effects in the model of all features, in a typical environment, and whether
        their averages are clearly not 0.
    whole : bool
        Whether the rows allow that model; effects are those of single features otherwise.
    copies : bool
        Whether nothing differs between environments.
    half_limit : bool
        Whether the step size is the default.
    alpha, wanted : float
        Level of the tests, and the power asked for.
    """

    moments: "Moments"
    problem: LinearProblem
    features: dict[str, Any]
    power: dict[str, Any]
    size: Floats
    clear: Bools
    whole: bool
    copies: bool
    step_size: float
    half_limit: bool
    alpha: float
    wanted: float

    @property
    def n_environments(self) -> int:
        """Number of environments."""
        return len(self.moments.names)

    def named(self, which: Bools) -> str:
        """Name the marked features, a few of them."""
        return some(np.array(self.features["feature"], dtype=object)[which].tolist())


def judge(findings: Preflight) -> tuple[Answer, str, tuple[str, ...]]:
    """Return the verdict, its reason, and notes; the rules are those of ``diagnose``."""
    notes = [*_slope_notes(findings), *_power_notes(findings), *_other_notes(findings)]
    refusal = _refusal(findings)
    if refusal:
        return "cannot", refusal, tuple(notes)
    doubts = _doubts(findings)
    if doubts:
        return "can answer in part", " ".join(doubts[:2]), tuple(doubts[2:] + notes)
    return "can answer", _praise(findings), tuple(notes)


def _refusal(found: Preflight) -> str:
    """Why nothing can be answered; "" if something can."""
    count, names = found.moments.count, found.moments.names
    if found.n_environments == 1:
        return (
            f"There is a single environment, {names[0]!r}, so nothing can be compared: name a "
            "column that tells places, times or conditions apart in which something differed."
        )
    if (count >= _FEWEST_ROWS).sum() < 2:
        return (
            f"Fewer than two of the {found.n_environments} environments have {_FEWEST_ROWS} rows, "
            "the fewest that fit one feature: merge environments that are alike, or add rows."
        )
    if not found.copies:
        return ""
    apart = " apart from their levels, which own intercepts take out" * found.problem.absorbed
    return (
        f"The {found.n_environments} environments look like copies of each other{apart}: no "
        "feature's law, and no slope of the target on one, differs by more than noise. Every set "
        "of features would pass as invariant, and none could have been refuted."
    )


def _doubts(found: Preflight) -> list[str]:
    """Why only part can be answered, the weightiest first."""
    features, doubts = found.features, []
    if found.n_environments == 2:
        doubts.append(
            "There are only two environments: what both share by accident cannot be told from "
            "what is invariant, and there is no third one to check."
        )
    # with too few rows every feature is a combination of others
    mixed = (features["vif"] >= _COLLINEAR) & found.whole
    if mixed.any():
        doubts.append(
            f"{found.named(mixed)} {_verb(mixed)} {'a combination' if mixed.sum() == 1 else ''}"
            f"{'combinations' if mixed.sum() > 1 else ''} of other features within environments, "
            "so the data cannot tell which of them has an effect."
        )
    differs = features["slope_p"] < found.alpha / len(mixed)
    still = _counts(found) & ~features["moved"] & ~differs & ~mixed
    if still.any():
        doubts.append(
            f"{found.named(still)} clearly {'goes' if still.sum() == 1 else 'go'} with "
            f"the target, but {'its law' if still.sum() == 1 else 'their laws'} "
            f"{'given the other features ' * found.whole}"
            f"{'is' if still.sum() == 1 else 'are'} the same in all environments within noise: "
            "nothing puts the invariance of "
            f"{'this effect' if still.sum() == 1 else 'these effects'} to the test."
        )
    doubts += _doubts_of_size(found)
    return doubts


def _doubts_of_size(found: Preflight) -> list[str]:
    doubts = []
    needed = len(found.problem.gate_of) + found.problem.absorbed + 1
    if not found.whole:
        doubts.append(
            f"Fewer than two environments have the {needed} rows that it takes to fit all "
            "features at once, so each was looked at alone."
        )
    judged = found.clear & np.isfinite(found.features["detectable_sd"])
    if judged.any():
        typical = float(np.median(found.size[judged]))
        smallest = float(np.median(found.features["detectable_sd"][judged]))
        if smallest > typical:
            doubts.append(
                f"Clear effects have a size of {typical:.2g} (median, sd per sd), but only "
                f"differences between environments of {smallest:.2g} would be found with "
                f"{found.wanted:.0%} power: an effect that comes and goes could be missed."
            )
    return doubts


def _praise(found: Preflight) -> str:
    judged = _counts(found)
    if not judged.any():
        return (
            f"The {found.n_environments} environments differ, so spurious effects can be refuted; "
            "but no feature clearly goes with the target."
        )
    number = int(judged.sum())
    tested = (
        "The feature that clearly goes with the target is put to the test: its law or slope differs"
        if number == 1
        else f"All {number} features that clearly go with the target are put to the test: their "
        "laws or slopes differ"
    )
    known = found.features["detectable_sd"][judged]
    smallest = float(np.nanmedian(known)) if np.isfinite(known).any() else np.nan
    found_with = (
        f" A between-environment sd of {smallest:.2g} in an effect (median, sd per sd) would be "
        f"found with {found.wanted:.0%} power."
    )
    return f"{tested} between the {found.n_environments} environments." + found_with * bool(
        np.isfinite(smallest)
    )


def _counts(found: Preflight) -> Bools:
    """Features that clearly go with the target, alone or given the others."""
    level = found.alpha / len(found.clear)
    signed = (found.features["positive"] + found.features["negative"]) > 0
    differs = found.features["slope_p"] < level
    return np.asarray(found.clear | (signed & differs))


def _slope_notes(found: Preflight) -> list[str]:
    """Say which slopes change, and on what plain steps would do with them."""
    features, notes = found.features, []
    flips = features["flips"]
    if flips.any():
        notes.append(
            f"The slope of the target on {found.named(flips)} changes sign between environments."
        )
    differs = features["slope_p"] < found.alpha / len(flips)
    kept = differs & ~flips & (np.nan_to_num(features["growth"]) > 0)
    if kept.any():
        helped = kept & np.isfinite(features["gain_low"])
        gains = ""
        if helped.any():
            low, high = features["gain_low"][helped], features["gain_high"][helped]
            first = int(np.argmin(low))
            gains = (
                f"; a gain from {low[first]:.2g} to {high[first]:.2g} suppresses "
                f"{np.array(features['feature'], dtype=object)[helped][first]}"
            )
        notes.append(
            f"{found.named(kept)}: slopes differ but keep their sign, so plain one-environment "
            f"steps keep {'it' if kept.sum() == 1 else 'them'}{gains}."
        )
    return notes


def _power_notes(found: Preflight) -> list[str]:
    """Say what more rows or environments would buy."""
    power = found.power
    at = {
        (int(environments), round(rows / power["rows"][0], 6)): float(sd)
        for environments, rows, sd in zip(
            power["environments"], power["rows"], power["detectable_sd"], strict=True
        )
    }
    n = found.n_environments
    now, rows, twice = at[n, 1.0], at[n, 4.0], at[2 * n, 1.0]
    kind = "an effect" if found.whole else "a slope"
    if np.isnan(now):
        if np.isnan(twice):
            return []
        return [
            f"With {2 * n} environments like {'this one' if n == 1 else 'these'}, a "
            f"between-environment sd of {twice:.2g} in {kind} (median, sd per sd) would be found "
            f"with {found.wanted:.0%} power."
        ]
    return [
        f"A between-environment sd of {now:.2g} in {kind} (median over features, sd per sd) is "
        f"found with {found.wanted:.0%} power at a level of {found.alpha:g}; with four times the "
        f"rows {rows:.2g}, with twice as many environments {twice:.2g}."
    ]


def _other_notes(found: Preflight) -> list[str]:
    notes = []
    constant = np.isnan(found.features["vif"])
    if constant.any():
        where = " within every environment" * found.problem.absorbed
        notes.append(f"{found.named(constant)} {_verb(constant)} constant{where}.")
    size = ", half of the limit for these data" * found.half_limit
    notes.append(f"Growth exponents and gains are for step_size={found.step_size:.3g}{size}.")
    return notes


def _verb(which: Bools) -> str:
    return "is" if which.sum() == 1 else "are"
