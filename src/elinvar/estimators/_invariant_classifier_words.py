"""The answer of a fitted InvariantClassifier in plain sentences, from its numbers alone."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._numbers import p_words
from elinvar._base._words import listed
from elinvar.answer import HOLDS
from elinvar.answer.headline import predictor_words

if TYPE_CHECKING:
    from elinvar.estimators._invariant_classifier import InvariantClassifier
    from elinvar.inference.losses._logistic_learn import LogisticLearned
    from elinvar.inference.losses._logistic_select import LogisticSelection

_FAR = 0.05


def notes_on(model: "InvariantClassifier", found: "LogisticLearned") -> tuple[str, ...]:
    """Say what the user should know, in sentences."""
    notes, problem = [], found.problem
    selection = found.selection
    if selection is not None:
        notes += _on_status(model, selection)
        notes += _on_predictor(model, selection)
        notes += _on_separation(model, selection)
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
        for e, name in enumerate(model.environments_):
            gone = [
                str(c) for c, n in zip(model.classes_, problem.present[e], strict=True) if not n
            ]
            if gone:
                notes.append(
                    f"Environment {name} has no row of {listed(gone)}: it says nothing of effects "
                    f"on {'that class' if len(gone) == 1 else 'these classes'}."
                )
    if model.calibrate and abs(found.used.slope - 1) > _FAR:
        notes.append(
            f"Log odds were multiplied by {found.used.slope:.2g}: on environments left out, fits "
            f"to the others were too {'sure' if found.used.slope < 1 else 'cautious'}."
        )
    if problem.linear.constant:
        names = listed(list(problem.linear.constant))
        notes.append(f"Constant, so without an effect (coefficient 0): {names}.")
    notes += [
        f"{dropped} repeats {kept} up to shift and scale and gets coefficient 0."
        for dropped, kept in problem.linear.duplicates[:8]
    ]
    if model.excluded_environments_:
        left = listed(list(model.excluded_environments_))
        notes.append(f"Left out of the fit: {left}.")
    return tuple(notes)


def headline(model: "InvariantClassifier") -> str:
    """Say in a sentence what became of invariance, and of which features."""
    target, count = model.schema_.target, len(model.environments_)
    places = "both environments" if count == 2 else f"all {count} environments"
    pairs = zip(model.schema_.features, model.selected_, strict=True)
    chosen = [name for name, inside in pairs if inside]
    what = listed(chosen) if chosen else "no feature"
    if model.status_ == "pooled_only":
        return (
            "There is one environment only, so nothing can be said about what stays true "
            f"elsewhere: this is the pooled model of {target}."
        )
    if model.status_ == "untested":
        return f"The environments do not differ: no effect on {target} was put to the test."
    if model.status_ == "rejected":
        return (
            f"Invariance is rejected: no set of features has the same effects on the log odds of "
            f"{target} in {places}."
        )
    if model.status_ == "borderline":
        return (
            f"No effect on {target} is sure to be invariant: a model with {what} is only just "
            f"compatible with {places} (p = {model.p_value_:.2g})."
        )
    nearly = "" if model.status_ == "accepted" else "approximately "
    table = model.evidence_
    holds = list(table.loc[table["verdict"].isin(HOLDS), "feature"])
    if holds:
        kind = f"{nearly}invariant".capitalize()
        return f"{kind} effects on the log odds of {target} in {places}: {listed(holds)}."
    if chosen:
        return f"No effect on {target} could be shown to be {nearly}the same in {places}."
    return f"No feature has an invariant effect on {target}: only shares of classes are the same."


def summary_of(model: "InvariantClassifier") -> str:
    """Return the headline, a line a feature, what predicts, losses where left out, and notes."""
    table = model.evidence_
    width = max(len("feature"), *(len(str(name)) for name in table["feature"]))
    kinds = max(len("verdict"), *(len(str(verdict)) for verdict in table["verdict"]))
    lines = [
        headline(model),
        "",
        f"  {'feature':<{width}}  {'verdict':<{kinds}}  {'log odds [95% interval]':<32}pooled",
    ]
    for row in table.to_dict("records"):
        effect = "-"
        if not np.isnan(row["effect"]):
            effect = f"{row['effect']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"
        lines.append(
            f"  {row['feature']:<{width}}  {row['verdict']:<{kinds}}  {effect:<32}"
            f"{row['pooled_effect']:.4g}"
        )
    lines += ["", f"Predictions come from {predictor_words(model.predictor_)}."]
    if model.status_ != "pooled_only":
        lines.append(f"Overidentification test: {p_words(model.p_value_)}.")
        lines.append(_losses(model))
    lines += [f"Note: {note}" for note in model.notes_]
    return "\n".join(lines)


def explain(model: "InvariantClassifier") -> str:
    """Say what was found, what predicts, and what to do."""
    table = model.evidence_
    sentences = [headline(model)]
    changing = list(table.loc[table["verdict"] == "spurious", "feature"])
    if changing:
        sentences.append(
            f"The effect of {listed(changing)} changes from one environment to another, so it "
            "should not be relied on elsewhere."
        )
    if model.status_ != "pooled_only":
        sentences += [f"Predictions come from {predictor_words(model.predictor_)}.", _losses(model)]
    advice = {
        "pooled_only": "use it for this environment, and gather data in at least two more.",
        "untested": "predict places like these, and gather data where something is different.",
        "rejected": "do not carry these effects elsewhere; look for what acts on the target "
        "itself, or for a common cause that is not in the table.",
        "borderline": "gather more rows or environments before relying on these effects.",
    }.get(model.status_, "rely on the effects that hold; expect the others to change.")
    return " ".join([*sentences, f"What to do: {advice}"])


def _losses(model: "InvariantClassifier") -> str:
    table = model.errors_
    names = {"invariant": "the invariant model", "pooled": "the pooled model"}
    if model.predictor_ == "subspace":
        names["used"] = "what predicts"
    words = [
        f"{words} has a mean log loss of {table[name].mean():.3g} and "
        f"{100 * table[f'{name}_wrong'].mean():.3g}% wrong classes"
        for name, words in names.items()
    ]
    return f"On environments left out {listed(words)}."


def _on_status(model: "InvariantClassifier", selection: "LogisticSelection") -> list[str]:
    own = f"would spare them at most {selection.support.limit / 2:.3g} of log loss in all"
    if selection.status == "approximate":
        return [
            f"Exact invariance is rejected ({p_words(model.p_value_)}), but environments' own "
            f"coefficients {own}, within the tolerance; this counts as approximately invariant."
        ]
    if selection.status == "rejected":
        return [
            "An environment acts on the target itself, a common cause is not in the table, shares "
            "of classes shift by themselves, or log odds are not linear. The nearest candidate has "
            f"{p_words(model.p_value_)}."
        ]
    if selection.status == "accepted" and not model.selected_.any() and selection.subspace is None:
        shares = ": shares of classes predict" if model.predictor_ == "invariant" else ""
        known = max(len(model.environments_) - 2, 0)
        why = (
            f"those are not identifiable here: with more than {known} spurious "
            f"direction{'s' * (known != 1)}, {len(model.environments_)} environments cannot tell "
            "them."
            if len(model.classes_) == 2
            else "those are sought for two classes only."
        )
        return [
            "No single column has an effect on the log odds that holds in all environments"
            f"{shares}. If columns are mixtures, combinations of them may, but {why}"
        ]
    return []


def _on_predictor(model: "InvariantClassifier", selection: "LogisticSelection") -> list[str]:
    if model.predictor_ == "subspace" and selection.subspace is not None:
        left = selection.subspace.removed
        return [
            "No set of columns that holds in all environments explains much. Predictions come from "
            f"combinations of columns that do hold ({p_words(selection.subspace.p_value)}, of the "
            f"class as 0 or 1), with {left} direction{'s' * (left > 1)} left out. They say nothing "
            f"of single columns; {len(model.environments_)} environments can tell "
            f"{len(model.environments_) - 2} spurious directions at most."
        ]
    why = {
        "two": "two environments are too few to check on a third what both agree on, and the "
        "pooled model does not plainly fail between them.",
        "trivial": "the invariant effects explain little of what the pooled model explains, and on "
        "every left-out environment the pooled model is better.",
        "worse": "on every left-out environment the invariant model is worse.",
        "pooled": "invariance is rejected.",
        "subspace": "only combinations of columns hold in all environments and explain much.",
    }.get(selection.advice, "")
    notes = []
    if model.predictor == "auto" and why:
        notes.append(f"The pooled model predicts: {why}")
    if model.predictor == "invariant" and why:
        notes.append(
            f"The invariant model predicts because predictor='invariant' asks for it, though {why}"
        )
    own, pooled = selection.losses.mean(), selection.pooled_losses.mean()
    if model.predictor_ == "invariant" and own > pooled:
        notes.append(
            f"On environments left out the invariant model has the larger log loss, {own:.3g} "
            f"against {pooled:.3g} of the pooled one: what changes elsewhere was of help there."
        )
    return notes


def _on_separation(model: "InvariantClassifier", selection: "LogisticSelection") -> list[str]:
    support = selection.support
    names = [n for n, apart in zip(model.environments_, support.separated, strict=True) if apart]
    if not names:
        return []
    how = (
        " Slopes were compared as normal discriminants, which takes features as normal within "
        "classes."
        if support.by_discriminant
        else ""
    )
    return [
        f"The selected features separate the classes without a mistake in {listed(names)}: sizes "
        f"of coefficients are not known there, and a small ridge keeps them finite.{how}"
    ]
