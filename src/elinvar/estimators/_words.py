"""The answer of a fitted InvariantRegressor in plain sentences, from its numbers alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from elinvar._base._words import listed
from elinvar.inference import FEWEST

if TYPE_CHECKING:
    from elinvar.estimators._invariant_regressor import InvariantRegressor
    from elinvar.inference import LinearProblem, Selection

Rows: TypeAlias = list[dict[Any, Any]]

HOLDS = ("invariant", "approximately invariant")
_MANY = 8
_LEVEL = 0.05


def headline(model: "InvariantRegressor") -> str:
    """Say in a sentence what became of invariance, and of which features."""
    target, count = model.schema_.target, len(model.environments_)
    places = "both environments" if count == 2 else f"all {count} environments"
    chosen = selected_features(model)
    if model.standing_ == "pooled_only":
        return (
            f"There is one environment only, so nothing can be said about what stays true "
            f"elsewhere: this is the pooled model of {target}."
        )
    if model.standing_ == "untested":
        return f"The environments do not differ: no effect on {target} was put to the test."
    if model.standing_ == "rejected":
        return (
            f"Invariance is rejected: no set of features has the same effects on {target} in "
            f"{places}."
        )
    if model.standing_ == "borderline":
        what = listed(chosen) if chosen else "no feature"
        return (
            f"No effect on {target} is sure to be invariant: a model with {what} is only just "
            f"compatible with {places} (p = {model.p_value_:.2g})."
        )
    nearly = "" if model.status_ == "accepted" else "approximately "
    holds = [row["feature"] for row in holding(model)]
    if holds:
        kind = f"{nearly}invariant".capitalize()
        return f"{kind} effects on {target} in {places}: {listed(holds)}."
    if chosen:
        return f"No effect on {target} could be shown to be {nearly}the same in {places}."
    mean = f": only its mean is {nearly}the same in {places}"
    own = model.intercept == "environment"
    return f"No feature has an invariant effect on {target}{'' if own else mean}."


def selected_features(model: "InvariantRegressor") -> list[str]:
    """Names of the features in the selected support."""
    pairs = zip(model.schema_.features, model.selected_, strict=True)
    return [name for name, inside in pairs if inside]


def holding(model: "InvariantRegressor") -> Rows:
    """Rows of the evidence whose effect holds, exactly or approximately."""
    return [row for row in model.evidence_.to_dict("records") if row["verdict"] in HOLDS]


def differs(row: Mapping[Any, Any]) -> bool:
    """Whether environments do not agree on an effect, so that there is no common one."""
    unlike = row["verdict"] == "undecided" and row["heterogeneity_p"] < _LEVEL
    return bool(row["verdict"] == "spurious" or unlike)


def effect_words(model: "InvariantRegressor", row: dict[Any, Any]) -> str:
    """Return an effect with its interval, or from where to where it varies if it is not common."""
    if np.isnan(row["effect"]):
        return "-"
    if differs(row) and (model.standing_ == "rejected" or row["verdict"] == "spurious"):
        own = model.effects_.loc[model.effects_["feature"] == row["feature"], "effect"]
        return f"varies: {own.min():.4g} to {own.max():.4g}"
    return f"{row['effect']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"


def summary_of(model: "InvariantRegressor") -> str:
    """Return the headline, a line a feature, what predicts, and the notes."""
    table = model.evidence_
    width = max(len("feature"), *(len(str(name)) for name in table["feature"]))
    kinds = max(len("verdict"), *(len(str(verdict)) for verdict in table["verdict"]))
    title = f"  {'feature':<{width}}  {'verdict':<{kinds}}  {'effect [95% interval]':<32}pooled"
    lines = [headline(model), "", title]
    for row in table.to_dict("records"):
        lines.append(
            f"  {row['feature']:<{width}}  {row['verdict']:<{kinds}}  "
            f"{effect_words(model, row):<32}{row['pooled_effect']:.4g}"
        )
    lines += ["", f"Predictions come from {predictor_words(model.predictor_)}."]
    if model.status_ != "pooled_only":
        lines.append(f"Overidentification test: {p_words(model.p_value_)}.")
    lines += [f"Note: {note}" for note in model.notes_]
    return "\n".join(lines)


def predictor_words(predictor: str) -> str:
    """Name what ``predict`` uses."""
    return {
        "invariant": "the invariant model",
        "pooled": "the pooled model",
        "candidate": "a third model, chosen for its errors on left-out environments",
        "subspace": "combinations of columns that hold in all environments",
    }[predictor]


def notes_on(
    model: "InvariantRegressor", problem: "LinearProblem", selection: "Selection | None"
) -> tuple[str, ...]:
    """Say what the user should know, in sentences."""
    notes = []
    if selection is not None:
        notes += _on_status(model, selection)
        notes += _on_signs(model)
        if len(model.environments_) == 3 and model.predictor_ == "invariant":
            notes.append(
                "Where one of three environments is left out, two remain, too few to let the "
                "invariant model predict unless the pooled one plainly fails."
            )
        if len(model.environments_) == 2:
            notes.append(
                "Two environments are few: a spurious effect that happens to agree in both passes "
                "the test, and a third environment would find it out."
            )
    if problem.constant:
        notes.append(
            f"Constant, so without an effect (coefficient 0): {listed(list(problem.constant))}."
        )
    notes += [
        f"{dropped} repeats {kept} up to shift and scale; {kept}, which comes first, stays and "
        f"{dropped} gets coefficient 0."
        for dropped, kept in problem.duplicates[:_MANY]
    ]
    if len(problem.duplicates) > _MANY:
        notes.append(f"{len(problem.duplicates) - _MANY} more columns repeat earlier ones.")
    few = [
        name
        for name, rows in zip(model.moments_.names, model.moments_.count, strict=True)
        if rows - len(problem.gate_of) - problem.absorbed < FEWEST and len(model.moments_.names) > 1
    ]
    if few:
        notes.append(
            f"Too few rows to compare effects with those elsewhere, if all features are in the "
            f"model: {listed(few)}."
        )
    if model.excluded_environments_:
        notes.append(f"Left out of the fit: {listed(list(model.excluded_environments_))}.")
    if model.moments_.n_dropped:
        notes.append(f"{model.moments_.n_dropped:,} rows with a missing value were dropped.")
    return tuple(notes)


def p_words(p_value: float) -> str:
    """Return a p-value in words; what is below a ten-thousandth is not told apart."""
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"


def _on_status(model: "InvariantRegressor", selection: "Selection") -> list[str]:
    notes = []
    share = f"{100 * selection.disagreement:.2g}%"
    if selection.status == "approximate":
        notes.append(
            f"Exact invariance is rejected ({p_words(selection.p_value)}), but environments' own "
            f"coefficients would explain at most {share} of the residual variance; up to "
            f"{100 * model.tolerance:.2g}% counts as approximately invariant here (tolerance)."
        )
    if selection.status == "rejected":
        notes.append(
            "An environment acts on the target itself, a common cause is not in the table, or the "
            f"relation is not linear. The nearest candidate has {p_words(selection.p_value)}; "
            f"environments' own coefficients would explain up to {share} of its residual variance "
            "(95% limit). "
            "exclude_environments leaves out those that act on the target"
            + (
                "; intercept='environment' allows for different levels."
                if model.intercept == "shared"
                else "."
            )
        )
    if selection.status == "accepted" and not selection.gates.any() and selection.subspace is None:
        known = max(len(model.environments_) - 2, 0)
        notes.append(
            "No single column has an effect that holds in all environments. If columns are "
            "mixtures, combinations of them may, but those are not identifiable here: with more "
            f"than {known} spurious direction{'s' * (known != 1)}, {len(model.environments_)} "
            "environments cannot tell them."
        )
    notes += _on_predictor(model, selection)
    return notes


def _on_predictor(model: "InvariantRegressor", selection: "Selection") -> list[str]:
    if model.predictor != "auto":
        doubtful = model.predictor == "invariant" and selection.advice != "invariant"
        return (
            [
                "The invariant model predicts because predictor='invariant' asks for it, though "
                + _why_not(selection)
            ]
            if doubtful
            else []
        )
    if selection.advice == "candidate":
        return [
            "Predictions come from another support, fitted by precision, whose error on left-out "
            "environments is below that of pooled least squares by more than its noise; it was "
            "chosen among many, and errors_ (used) repeats the choice without each environment."
        ]
    if selection.advice == "invariant" and selection.behind is not None:
        own, pooled = selection.behind
        return [
            "On environments left out the pooled model has the smaller mean squared error, "
            f"{pooled:.3g} against {own:.3g} of the invariant one: what changes was of help there. "
            "The invariant model predicts, for places where it turns against you; "
            "predictor='pooled' is for places like these."
        ]
    if selection.advice == "invariant":
        return []
    if selection.advice == "subspace" and selection.subspace is not None:
        left = selection.subspace.removed
        return [
            "No set of columns that holds in all environments explains much. Predictions come from "
            f"combinations of columns that do hold ({p_words(selection.subspace.p_value)}), with "
            f"{left} direction{'s' * (left > 1)} left out. They say nothing of single columns; "
            f"{len(model.environments_)} environments can tell {len(model.environments_) - 2} "
            "spurious directions at most."
        ]
    return [f"The pooled model predicts: {_why_not(selection)}"]


def _why_not(selection: "Selection") -> str:
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
    }[selection.advice]


def _on_signs(model: "InvariantRegressor") -> list[str]:
    """Effects whose sign the pooled model gets wrong."""
    if model.status_ not in ("accepted", "approximate"):
        return []
    turned = [
        f"{name} ({pooled:.3g} pooled, {own:.3g} invariant)"
        for name, pooled, own in zip(
            model.schema_.columns, model.pooled_coef_, model.invariant_coef_, strict=True
        )
        if pooled * own < 0
    ]
    if not turned:
        return []
    return [f"The pooled model has the opposite sign for {listed(turned)}."]
