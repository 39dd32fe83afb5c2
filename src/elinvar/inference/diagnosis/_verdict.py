"""The verdict of the pre-flight, in words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar._base._words import some
from elinvar.inference.diagnosis._diagnosis import Answer
from elinvar.inference.diagnosis._slopes import first_columns
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._types import Bools, Floats

if TYPE_CHECKING:
    from elinvar.environments import Moments

_FEWEST_ROWS = 3
_COLLINEAR = 1e4
_MOST_FLIPS = 3


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What the verdict is made of.

    Attributes
    ----------
    features, power : dict of arrays
        Columns of the tables of `Diagnosis`.
    signs : array of shape (n_features, E)
        1 or -1 where the target's slope on the feature alone is clearly above or below 0, else 0.
    size, clear : array of shape (n_features,)
        Sizes of the effects in the model of all features, in a typical environment, and whether
        their averages are clearly not 0.
    whole : bool
        Whether the rows allow that model; effects are those of single features otherwise.
    copies : bool
        Whether nothing differs between environments.
    alpha, wanted : float
        Level of the tests, and the power asked for.
    """

    moments: "Moments"
    problem: LinearProblem
    features: dict[str, Any]
    power: dict[str, Any]
    signs: Floats
    size: Floats
    clear: Bools
    whole: bool
    copies: bool
    alpha: float
    wanted: float

    @property
    def n_environments(self) -> int:
        """Number of environments."""
        return len(self.moments.names)

    def named(self, which: Bools) -> str:
        """Name the marked features, a few of them."""
        return some(np.array(self.features["feature"], dtype=object)[which].tolist())

    def places(self, which: Bools) -> str:
        """Name the marked environments, a few of them."""
        return some(np.array(self.moments.names, dtype=object)[which].tolist())


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict, why, what to do, and what else there is to know; as fields of `Diagnosis`."""

    verdict: Answer
    reason: str
    advice: str
    notes: tuple[str, ...]


class _Doubt(NamedTuple):
    """Why not everything can be answered, and what to do about it."""

    reason: str
    advice: str


def judge(findings: Preflight) -> Judgement:
    """Return the verdict with its reason, advice and notes; the rules are those of ``diagnose``."""
    notes = [*_difference_notes(findings), *_power_notes(findings), *_other_notes(findings)]
    refusal = _refusal(findings)
    if refusal:
        return Judgement(
            verdict="cannot", reason=refusal.reason, advice=refusal.advice, notes=tuple(notes)
        )
    doubts = _doubts(findings)
    if doubts:
        reasons = [doubt.reason for doubt in doubts]
        return Judgement(
            verdict="can answer in part",
            reason=" ".join(reasons[:2]),
            advice=" ".join(doubt.advice for doubt in doubts[:2]),
            notes=tuple(reasons[2:] + notes),
        )
    return Judgement(
        verdict="can answer",
        reason=_praise(findings),
        advice="Fit the table: what it says of these effects was put to the test.",
        notes=tuple(notes),
    )


def _refusal(found: Preflight) -> _Doubt | None:
    """Why nothing can be answered; None if something can."""
    count, names = found.moments.count, found.moments.names
    if found.n_environments == 1:
        return _Doubt(
            f"There is a single environment, {names[0]!r}, so nothing can be compared.",
            "Name a column that tells places, times or conditions apart in which something "
            "differed.",
        )
    if (count >= _FEWEST_ROWS).sum() < 2:
        return _Doubt(
            f"Fewer than two of the {found.n_environments} environments have {_FEWEST_ROWS} rows, "
            "the fewest that show how the target goes with one feature.",
            "Merge environments that are alike, or add rows.",
        )
    if not found.copies:
        return None
    apart = " apart from their levels, which own intercepts take out" * found.problem.absorbed
    return _Doubt(
        f"The {found.n_environments} environments look like copies of each other{apart}: no "
        "feature behaves differently in one of them, and the target goes with each alike, up to "
        "chance. Every effect would look the same everywhere, whether it would hold elsewhere or "
        "not.",
        "Take another column as the environment, or add data from where something was different.",
    )


def _doubts(found: Preflight) -> list[_Doubt]:
    """Why only part can be answered, the weightiest first."""
    features, doubts = found.features, []
    if found.n_environments == 2:
        doubts.append(
            _Doubt(
                "There are only two environments: what both share by accident cannot be told from "
                "what always holds, and there is no third one to check.",
                "Confirm in a third environment what you want to rely on.",
            )
        )
    # with too few rows every feature is a combination of others
    mixed = (features["vif"] >= _COLLINEAR) & found.whole
    if mixed.any():
        doubts.append(
            _Doubt(
                f"{found.named(mixed)} {_verb(mixed)} {'a combination' if mixed.sum() == 1 else ''}"
                f"{'combinations' if mixed.sum() > 1 else ''} of other features within "
                "environments, so the data cannot tell which of them has an effect.",
                "Of features that say the same, keep one.",
            )
        )
    still = _counts(found) & ~features["tested"] & ~mixed
    if still.any():
        one = still.sum() == 1
        doubts.append(
            _Doubt(
                f"{found.named(still)} clearly {'goes' if one else 'go'} with the target, but "
                f"{'behaves' if one else 'behave'} alike in all environments"
                f"{' once the other features are known' * found.whole}: whether "
                f"{'its effect' if one else 'their effects'} would stay the same where "
                f"{'it behaves' if one else 'they behave'} differently is not put to the test.",
                f"Take the effect{'' if one else 's'} of {found.named(still)} with reserve, or add "
                f"environments in which {'it differs' if one else 'they differ'}.",
            )
        )
    return doubts + _doubts_of_size(found)


def _doubts_of_size(found: Preflight) -> list[_Doubt]:
    doubts = []
    needed = len(found.problem.gate_of) + found.problem.absorbed + 1
    if not found.whole:
        doubts.append(
            _Doubt(
                f"Fewer than two environments have the {needed} rows that it takes to fit all "
                "features at once, so each was looked at alone.",
                "Choose fewer features, merge environments that are alike, or add rows.",
            )
        )
    judged = found.clear & np.isfinite(found.features["detectable_sd"])
    if judged.any():
        typical = _typical(found)
        smallest = float(np.median(found.features["detectable_sd"][judged]))
        if smallest > typical:
            doubts.append(
                _Doubt(
                    "The data are too few to compare effects closely: a typical one would have to "
                    f"vary between environments by {percent(smallest / typical)} of its size to be "
                    f"noticed (in {found.wanted:.0%} of such tables), so one that comes and goes "
                    "could be missed.",
                    "Add environments: they help more than rows do.",
                )
            )
    return doubts


def _typical(found: Preflight) -> float:
    """Median size of the effects that are clear; NaN if none is."""
    judged = found.clear & np.isfinite(found.features["detectable_sd"])
    return float(np.median(found.size[judged])) if judged.any() else np.nan


def _praise(found: Preflight) -> str:
    judged = _counts(found)
    if not judged.any():
        return (
            f"The {found.n_environments} environments differ, so an effect that holds in some of "
            "them only can be found out; but no feature clearly goes with the target."
        )
    number = int(judged.sum())
    who, behave, go = (
        ("The feature that clearly goes with the target is", "it behaves", "goes with it")
        if number == 1
        else (
            f"All {number} features that clearly go with the target are",
            "they behave",
            "goes with them",
        )
    )
    return (
        f"{who} put to the test: {behave} differently, or the target {go} differently, in some of "
        f"the {found.n_environments} environments."
    )


def _counts(found: Preflight) -> Bools:
    """Features that clearly go with the target, alone or given the others."""
    level = found.alpha / len(found.clear)
    differs = found.features["slope_p"] < level
    return np.asarray(found.clear | ((found.signs != 0).any(axis=1) & differs))


def _difference_notes(found: Preflight) -> list[str]:
    """Say in which features the environments differ most, and where a slope changes sign."""
    features, moments = found.features, found.moments
    first, apart = first_columns(moments), []
    for j in np.argsort(-np.nan_to_num(features["mean_shift"]), kind="stable")[:2]:
        name, mean = moments.schema.features[j], moments.mean_x[:, first[j]]
        if features["mean_p"][j] < found.alpha / len(first) and name not in moments.schema.levels:
            low, high = (moments.names[k] for k in (int(mean.argmin()), int(mean.argmax())))
            apart.append(f"{name} (lowest in {low}, highest in {high})")
    said = [f"The environments differ most in {' and '.join(apart)}."] if apart else []
    for j in np.flatnonzero(features["flips"])[:_MOST_FLIPS]:
        up, down = (found.signs[j] == sign for sign in (1, -1))
        said.append(
            f"The slope of the target on {features['feature'][j]} changes sign: up in "
            f"{found.places(up)}, down in {found.places(down)}."
        )
    more = int(features["flips"].sum()) - _MOST_FLIPS
    if more > 0:
        said.append(f"The slopes on {more} more features change sign.")
    return said


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
    typical = _typical(found)

    def amount(sd: float) -> str:
        return f"{figure(sd, 2)} sd per sd" if np.isnan(typical) else percent(sd / typical)

    kind = "An effect" if found.whole else "A slope"
    size = " of its typical size" * (not np.isnan(typical))
    noticed = f"is noticed in {found.wanted:.0%} of such tables"
    if np.isnan(now):
        if np.isnan(twice):
            return []
        like = "this one" if n == 1 else "these"
        return [
            f"With {2 * n} environments like {like}, {kind.lower()} that varies between them by "
            f"{amount(twice)}{size} {noticed}."
        ]
    return [
        f"{kind} that varies between environments by {amount(now)}{size} {noticed}; with four "
        f"times the rows {amount(rows)}, with twice as many environments {amount(twice)}."
    ]


def _other_notes(found: Preflight) -> list[str]:
    constant = np.isnan(found.features["vif"])
    where = " within every environment" * found.problem.absorbed
    return [f"{found.named(constant)} {_verb(constant)} constant{where}."] * bool(constant.any())


def _verb(which: Bools) -> str:
    return "is" if which.sum() == 1 else "are"
