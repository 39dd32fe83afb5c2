"""What the user should know about a fit, in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from elinvar._base._numbers import figure, p_words, percent
from elinvar._base._words import listed
from elinvar.answer.headline import own_coefficients
from elinvar.inference import Advice

if TYPE_CHECKING:
    from elinvar.answer._found import Found

_MANY = 8
_FAR = 0.05


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How a model was chosen: what notes are made of, and nothing else needs.

    Attributes
    ----------
    outcome : {"accepted", "approximate", "rejected"} or None
        What became of the test of invariance; None with a single environment.
    advice : str
        What should predict, and why; see `Selection`.
    directions : int
        How many directions invariant combinations of columns leave out; 0 if none were found.
    directions_p : float
        p-value of their test.
    behind : bool
        Whether the invariant model predicts though the pooled one is better on environments left
        out; by how much, the table of errors says.
    constant : tuple of str
        Constant columns.
    duplicates : tuple of pairs of str
        A column that repeats another, and that one.
    few_rows : tuple of str
        Environments with too few rows to compare their effects with others'.
    separated : tuple of str
        Environments whose classes the selected features separate.
    by_discriminant : bool
        Whether slopes were compared as normal discriminants for that reason.
    absent : mapping of str to tuple of str
        Classes that environments lack.
    """

    outcome: Literal["accepted", "approximate", "rejected"] | None = None
    advice: Advice = "pooled"
    directions: int = 0
    directions_p: float = 1.0
    behind: bool = False
    constant: tuple[str, ...] = ()
    duplicates: tuple[tuple[str, str], ...] = ()
    few_rows: tuple[str, ...] = ()
    separated: tuple[str, ...] = ()
    by_discriminant: bool = False
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def notes_on(answer: "Found", choice: Choice) -> tuple[str, ...]:
    """Say what the user should know, the weightiest first."""
    notes: list[str] = []
    if choice.outcome is not None:
        notes += [
            *_on_status(answer, choice),
            *_on_predictor(answer, choice),
            *_on_signs(answer, choice),
            *_on_separation(choice),
            *_on_numbers(answer),
        ]
    notes += [*_on_classes(answer, choice), *_on_columns(choice)]
    if choice.few_rows:
        notes.append(
            "Too few rows to compare effects with those elsewhere, if all features are in the "
            f"model: {listed(choice.few_rows)}."
        )
    if answer.excluded:
        notes.append(f"Left out of the fit: {listed(answer.excluded)}.")
    if answer.n_dropped:
        notes.append(f"{answer.n_dropped:,} rows with a missing value were dropped.")
    return tuple(notes)


def _on_status(answer: "Found", choice: Choice) -> list[str]:
    if choice.outcome == "approximate":
        tolerance = float(answer.parameters["tolerance"])  # type: ignore[arg-type]
        upper = figure(tolerance / 2, 2) if answer.classes else percent(tolerance)
        return [
            f"Exact invariance is rejected ({p_words(answer.p_value)}), but "
            f"{own_coefficients(answer)}; up to {upper} counts as approximately "
            "invariant here (tolerance)."
        ]
    if choice.outcome == "rejected":
        return [_on_rejection(answer)]
    if choice.outcome == "accepted" and not answer.selected.any() and not choice.directions:
        return [_on_mixtures(answer)]
    return []


def _on_rejection(answer: "Found") -> str:
    shape = (
        "shares of classes shift by themselves, or log odds are not linear"
        if answer.classes
        else "or the relation is not linear"
    )
    own = "" if answer.own_intercepts else "; intercept='environment' allows for different levels"
    return (
        "An environment acts on the target itself, a common cause is not in the table, "
        f"{shape}. The nearest candidate has {p_words(answer.p_value)}; "
        f"{own_coefficients(answer)} (95% limit). exclude_environments leaves out those that act "
        f"on the target{own}."
    )


def _on_mixtures(answer: "Found") -> str:
    shares = ""
    if answer.classes and answer.predictor == "invariant":
        shares = ": shares of classes predict"
    known = max(len(answer.rows) - 2, 0)
    why = (
        "those are sought for two classes only."
        if len(answer.classes) > 2
        else "those are not identifiable here: with more than "
        f"{known} spurious direction{'s' * (known != 1)}, {len(answer.rows)} environments cannot "
        "tell them."
    )
    return (
        f"No single column has an effect that holds in all environments{shares}. If columns are "
        f"mixtures, combinations of them may, but {why}"
    )


def _on_predictor(answer: "Found", choice: Choice) -> list[str]:
    asked = answer.parameters["predictor"]
    if asked != "auto":
        if asked == "invariant" and choice.advice != "invariant":
            return [
                "The invariant model predicts because predictor='invariant' asks for it, though "
                + _why_not(choice)
            ]
        return []
    if choice.advice == "candidate":
        return [
            "Predictions come from another set of features, whose error on left-out "
            "environments is below that of the pooled model by more than its noise; it was "
            "chosen among many, and errors_ (used) repeats the choice without each environment."
        ]
    if choice.advice == "subspace" and choice.directions:
        numbers = ", of the class as 0 or 1" if answer.classes else ""
        left, places = choice.directions, len(answer.rows)
        return [
            "No set of columns that holds in all environments explains much. Predictions come from "
            f"combinations of columns that do hold ({p_words(choice.directions_p)}{numbers}), with "
            f"{left} direction{'s' * (left > 1)} left out. They say nothing of single columns; "
            f"{places} environments can tell {places - 2} spurious directions at most."
        ]
    if choice.advice != "invariant":
        return [f"The pooled model predicts: {_why_not(choice)}"]
    if not choice.behind:
        return []
    return [
        "On environments left out the pooled model has the smaller error: what changes was of help "
        "there. The invariant model predicts, for places where it turns against you; "
        "predictor='pooled' is for places like these."
    ]


def _why_not(choice: Choice) -> str:
    return {
        "two": "two environments are too few to check on a third what both agree on, and the "
        "pooled model does not plainly fail between them.",
        "trivial": "the invariant effects explain little of what the pooled model explains, and on "
        "every left-out environment the pooled model is better.",
        "worse": "on every left-out environment the invariant model is worse.",
        "pooled": "invariance is rejected, and no candidate is surely better than the pooled model "
        "on left-out environments.",
        "candidate": "invariance is rejected.",
        "subspace": "only combinations of columns hold in all environments and explain much.",
    }[choice.advice]


def _on_signs(answer: "Found", choice: Choice) -> list[str]:
    """Effects whose sign the pooled model gets wrong."""
    if choice.outcome == "rejected" or len(answer.pooled.coef) > 1:
        return []
    turned = [
        f"{name} ({figure(pooled)} pooled, {figure(own)} invariant)"
        for name, pooled, own in zip(
            answer.schema.columns, answer.pooled.coef[0], answer.invariant.coef[0], strict=True
        )
        if pooled * own < 0
    ]
    return [f"The pooled model has the opposite sign for {listed(turned)}."] if turned else []


def _on_separation(choice: Choice) -> list[str]:
    if not choice.separated:
        return []
    how = (
        " Slopes were compared as normal discriminants, which takes features as normal within "
        "classes."
        if choice.by_discriminant
        else ""
    )
    return [
        "The selected features separate the classes without a mistake in "
        f"{listed(choice.separated)}: sizes of coefficients are not known there, and a small ridge "
        f"keeps them finite.{how}"
    ]


def _on_numbers(answer: "Found") -> list[str]:
    """Say what two or three environments cannot do."""
    if len(answer.rows) == 3 and answer.predictor == "invariant":
        return [
            "Where one of three environments is left out, two remain, too few to let the "
            "invariant model predict unless the pooled one plainly fails."
        ]
    if len(answer.rows) == 2:
        return [
            "Two environments are few: a spurious effect that happens to agree in both passes "
            "the test, and a third environment would find it out."
        ]
    return []


def _on_classes(answer: "Found", choice: Choice) -> list[str]:
    notes = [
        f"Environment {name} has no row of {listed(gone)}: it says nothing of effects "
        f"on {'that class' if len(gone) == 1 else 'these classes'}."
        for name, gone in choice.absent.items()
    ]
    if abs(answer.used.slope - 1) > _FAR and answer.used.coef.any():
        too = "sure" if answer.used.slope < 1 else "cautious"
        notes.append(
            f"Log odds were multiplied by {figure(answer.used.slope, 2)}: on environments left "
            f"out, fits to the others were too {too}."
        )
    return notes


def _on_columns(choice: Choice) -> list[str]:
    notes = []
    if choice.constant:
        notes.append(f"Constant, so without an effect (coefficient 0): {listed(choice.constant)}.")
    notes += [
        f"{dropped} repeats {kept} up to shift and scale; {kept}, which comes first, stays and "
        f"{dropped} gets coefficient 0."
        for dropped, kept in choice.duplicates[:_MANY]
    ]
    if len(choice.duplicates) > _MANY:
        notes.append(f"{len(choice.duplicates) - _MANY} more columns repeat earlier ones.")
    return notes
