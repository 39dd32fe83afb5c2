"""What the user should know about a fit, in sentences."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._numbers import count, counted, figure, p_words, percent
from elinvar._base._words import listed, some
from elinvar.answer.headline import and_noise, own_coefficients, predictor_words
from elinvar.inference import FEWEST, Choice, LinearProblem, LogisticLoss, Selection

if TYPE_CHECKING:
    from elinvar.answer._found import AnyFindings, Found

_MANY = 8
_FAR = 0.05


def notes_on(answer: "Found", found: "AnyFindings") -> tuple[str, ...]:
    """Say what the user should know, the weightiest first."""
    notes: list[str] = []
    if found.selection is not None:
        notes += [
            *_on_status(answer, found.selection),
            *_on_predictor(answer, found, found.selection),
            *_on_signs(answer),
            *_on_classes(answer, found),
            *_on_numbers(answer),
        ]
    notes += [*_on_covariance(found), *_on_calibration(answer), *_on_columns(found.problem)]
    notes += _on_weights(found.problem)
    if found.selection is not None:
        notes += _on_few_rows(found.problem)
    if answer.excluded:
        notes.append(f"Left out of the fit: {listed(answer.excluded)}.")
    if answer.n_dropped:
        notes.append(f"{answer.n_dropped:,} rows with a missing value were dropped.")
    return tuple(notes)


def _on_weights(problem: LinearProblem) -> list[str]:
    moments = problem.moments
    if not moments.sampling:
        return []
    return [
        "The weights are not whole numbers, so they are sampling weights: only their ratios within "
        f"an environment count, and they are worth {count(moments.n_rows)} rows of equal weight. "
        "Whole numbers would count rows."
    ]


def _on_covariance(found: "AnyFindings") -> list[str]:
    cells = found.loss.cells
    if cells is None:
        return []
    if not cells.named:
        return ["Tests, effects and intervals let the noise depend on the features (HC2)."]
    many = counted(cells.n_clusters, "cluster")
    return [f"Tests, effects and intervals allow for rows that go together, in {many} (CR2)."]


def _on_status(answer: "Found", selection: Selection) -> list[str]:
    if selection.outcome == "approximate":
        tolerance = float(answer.parameters["tolerance"])  # type: ignore[arg-type]
        # of classes it bounds the noncentrality a row, twice the log loss: see own_coefficients
        upper = figure(tolerance / 2, 2) if answer.classes else percent(tolerance)
        return [
            f"Exact invariance is rejected ({p_words(answer.p_value)}), but "
            f"{own_coefficients(answer)}; up to {upper} counts as nearly "
            "invariant here (tolerance)."
        ]
    if selection.outcome == "rejected":
        return [_on_rejection(answer)]
    if selection.outcome == "accepted" and not answer.selected.any() and selection.subspace is None:
        return [_on_mixtures(answer)]
    return []


def _on_rejection(answer: "Found") -> str:
    shape = (
        "shares of classes shift by themselves, or log odds are not linear"
        if answer.classes
        else "or the relation is not linear"
    )
    own = "" if answer.own_intercepts else "; intercept='environment' allows for different levels"
    if and_noise(answer):
        own += "; invariance='coefficients' allows for different noise"
    return (
        "Possible reasons: an environment acts on the target itself, a common cause is not in the "
        f"table, {shape}. The set that comes nearest has {p_words(answer.p_value)}; "
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
        else f"those cannot be found here: {len(answer.rows)} environments tell them only where at "
        f"most {known} combination{'s' * (known != 1)} of columns come{'s' * (known == 1)} and "
        f"go{'es' * (known == 1)}."
    )
    return (
        f"No single column has an effect that holds in all environments{shares}. If columns are "
        f"mixtures, combinations of them may, but {why}"
    )


def _on_predictor(answer: "Found", found: "AnyFindings", selection: Selection) -> list[str]:
    """Say why it predicts, and what it is."""
    what = predictor_words(answer.predictor)
    notes = [f"Predictions come from {what}: {text}" for text in _why(found.choice)]
    if answer.parameters["predictor"] == "invariant" and answer.status == "rejected":
        notes.append(
            "The invariant model predicts because predictor='invariant' asks for it, though "
            "invariance is rejected."
        )
    if answer.predictor == "subspace" and selection.subspace is not None:
        numbers = ", of the class as 0 or 1" if answer.classes else ""
        left, places = selection.subspace.removed, len(answer.rows)
        notes.append(
            f"The combinations of columns hold in all environments "
            f"({p_words(selection.subspace.p_value)}{numbers}), with {left} "
            f"combination{'s' * (left > 1)} that come{'s' * (left == 1)} and go{'es' * (left == 1)}"
            f" left out. They say nothing of single columns; {places} environments can tell "
            f"{places - 2} such combinations at most."
        )
    return notes


def _why(choice: Choice) -> list[str]:
    accepted = choice.start == "invariant"
    over = "the accepted set" if accepted else "the pooled model"
    if choice.reason == "lead":
        return [
            f"on environments left out it leads {over} by more than noise. That is for places like "
            "those seen; predictor='invariant' is for places that may differ otherwise."
        ]
    if choice.reason == "start" and accepted:
        return [
            "the test accepts its features and refutes all of them together, and on environments "
            "left out nothing is better by more than noise."
        ]
    return {
        "start": ["on environments left out no rival is better by more than noise."],
        "two": [
            "two environments are too few to check on a third what both agree on, and the pooled "
            "model does not plainly fail between them."
        ],
        "fails": [
            "between the two environments the pooled model plainly fails: fitted on one, it is "
            "worse on the other than its mean."
        ],
    }.get(choice.reason, [])


def _on_signs(answer: "Found") -> list[str]:
    """Effects whose sign the pooled model gets wrong."""
    if answer.status == "rejected" or len(answer.pooled.coef) > 1:
        return []
    turned = [
        f"{name} ({figure(pooled)} pooled, {figure(own)} invariant)"
        for name, pooled, own in zip(
            answer.schema.columns, answer.pooled.coef[0], answer.invariant.coef[0], strict=True
        )
        if pooled * own < 0
    ]
    return [f"The pooled model has the opposite sign for {listed(turned)}."] if turned else []


def _on_classes(answer: "Found", found: "AnyFindings") -> list[str]:
    """Say where classes are separated, and which ones environments lack."""
    if not isinstance(found.loss, LogisticLoss):
        return []
    support, notes = found.loss.support(found.gates), []
    separated = [name for name, cut in zip(answer.rows, support.separated, strict=True) if cut]
    if separated:
        how = " Effects were compared as if features had a bell shape (normal) within classes."
        notes.append(
            f"The selected features separate the classes without a mistake in {listed(separated)}: "
            "how large effects are is not known there, and a small penalty keeps them finite."
            + how
            * support.by_discriminant
        )
    lacking: dict[tuple[str, ...], list[str]] = {}
    for name, present in zip(answer.rows, found.loss.data.present, strict=True):
        gone = tuple(np.array(answer.classes)[present == 0].tolist())
        lacking.setdefault(gone, []).append(name)
    for gone, places in lacking.items():
        if gone:
            what, end = ("Environment", "s") if len(places) == 1 else ("Environments", "")
            these = "that class" if len(gone) == 1 else "these classes"
            notes.append(
                f"{what} {some(places)} {'has' if end else 'have'} no row of {listed(gone)} and "
                f"say{end} nothing of effects on {these}."
            )
    return notes


def _on_numbers(answer: "Found") -> list[str]:
    """Say what two or three environments cannot do."""
    if len(answer.rows) == 3:
        return [
            "Where one of three environments is left out, two remain, too few to choose a set on: "
            "the set of all three is refitted there."
        ]
    if len(answer.rows) == 2:
        return [
            "Two environments are few: a spurious effect that happens to agree in both passes "
            "the test, and a third environment would find it out."
        ]
    return []


def _on_calibration(answer: "Found") -> list[str]:
    slope = answer.used.slope
    if abs(slope - 1) <= _FAR or not answer.used.coef.any():
        return []
    too = "sure" if slope < 1 else "cautious"
    nothing = " Shares of classes alone predict." * (slope == 0)
    return [
        f"Log odds were multiplied by {figure(slope, 2)}: on environments left out, fits to the "
        f"others were too {too}.{nothing}"
    ]


def _on_few_rows(problem: LinearProblem) -> list[str]:
    """Say which features and environments the model of all features does without."""
    gates, notes = problem.affordable, []
    if not gates.all():
        left = [problem.moments.schema.features[j] for j in problem.features[~gates]]
        notes.append(
            f"The model of all features has {gates.sum()} of {len(gates)}, as environments have no "
            f"rows for more. Left out, as they matter least to the pooled model: {some(left)}."
        )
    columns = problem.column_masks(gates[None])[0].sum()
    spare = problem.count - columns - problem.absorbed
    few = [n for n, rows in zip(problem.moments.names, spare, strict=True) if rows < FEWEST]
    if few:
        notes.append(
            "Too few rows to compare effects with those elsewhere, if all features are in the "
            f"model: {listed(few)}."
        )
    return notes


def _on_columns(problem: LinearProblem) -> list[str]:
    notes = []
    if problem.constant:
        notes.append(f"Constant, so without an effect (coefficient 0): {listed(problem.constant)}.")
    notes += [
        f"{dropped} repeats {kept} up to shift and scale; {kept}, which comes first, stays and "
        f"{dropped} gets coefficient 0."
        for dropped, kept in problem.duplicates[:_MANY]
    ]
    if len(problem.duplicates) > _MANY:
        notes.append(f"{len(problem.duplicates) - _MANY} more columns repeat earlier ones.")
    return notes
