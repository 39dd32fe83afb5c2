"""The figures of an answer: which there are, and what they are drawn from."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from elinvar.answer.effect_tables import per_sd
from elinvar.answer.few_rows import known, rows_sentence, rows_table
from elinvar.answer.sentences import (
    break_even_sentence,
    by_verdict,
    error_words,
    missed_levels,
    predicted_words,
)
from elinvar.errors import DataError
from elinvar.plots.types import Axes

if TYPE_CHECKING:
    from elinvar.answer._found import Found
    from elinvar.answer.transfer_found import TransferFound
    from elinvar.inference import Diagnosis

_ROWS = 20


def figures(answer: "Found") -> "dict[str, Axes]":
    """Return the figures that this answer has something to show in, by name."""
    several = answer.status != "pooled_only"
    there: dict[str, tuple[bool, Callable[[Found], Axes]]] = {
        "forest": (several, draw_forest),
        "effects": (True, draw_effects),
        "path": (several, draw_path),
        "errors": (bool(len(answer.errors)), draw_errors),
        "break_even": (bool(break_even_sentence(answer)), draw_break_even),
        "adaptation": (answer.adaptation is not None, draw_adaptation),
        "left_out": (bool(len(answer.left_out)), draw_left_out),
    }
    drawn = {name: draw(answer) for name, (shown, draw) in there.items() if shown}
    return drawn | diagnosis_figures(answer.diagnosis)


def diagnosis_figures(found: "Diagnosis", *, theory: bool = False) -> "dict[str, Axes]":
    """Draw what the data offer, and how much an effect must vary to be found, where they tell."""
    from elinvar.plots import plot_power

    drawn: dict[str, Axes] = {}
    if len(found.environments) > 1:
        drawn["diagnosis"] = found.plot(theory=theory)
    if found.power["detectable_sd"].notna().any():
        drawn["power"] = plot_power(found.power)
    return drawn


def draw_forest(answer: "Found", features: Sequence[str] | None = None) -> "Axes":
    """Draw each environment's effect, the common and the pooled one, and that in a new place."""
    from elinvar.plots import plot_forest

    unit = "per unit of the feature"
    if answer.schema.levels:
        unit += ", or between levels"
    return plot_forest(
        answer.effects, answer.evidence, features=features,
        xlabel=_change(answer, unit),
    )  # fmt: skip


def draw_effects(answer: "Found", ax: "Axes | None" = None) -> "Axes":
    """Draw the effects per standard deviation of a feature: in raw units few are comparable."""
    from elinvar.plots import plot_effects

    scale, numeric = per_sd(answer)
    table = answer.evidence[["feature", "verdict"]]
    for key in ("effect", "low", "high", "pooled_effect"):
        table = table.assign(**{key: answer.evidence[key] * scale})
    if answer.status == "pooled_only":
        table = table.assign(pooled_effect=np.nan)  # it is the effect itself
    what = "per sd of the feature" if numeric.all() else "per sd, or between levels"
    return plot_effects(
        by_verdict(table),
        top=_ROWS,
        xlabel=_change(answer, what),
        ax=ax,
    )


def _change(answer: "Found", unit: str) -> str:
    largest = "largest " * (len(answer.classes) > 2)  # between any two of them
    return f"{largest}change in {answer.outcome} {unit}"


def draw_path(answer: "Found", ax: "Axes | None" = None) -> "Axes":
    """Draw the coefficients along the mean-field path."""
    from elinvar.plots import plot_path

    schema, path = answer.schema, answer.path
    shown = ~schema.reference  # a reference level is 0 all along
    verdicts = answer.evidence["verdict"].to_numpy()[schema.groups[shown]]
    return plot_path(
        path.strength,
        path.standardized[:, shown],
        [name for name, show in zip(path.columns, shown, strict=True) if show],
        verdicts=[str(name) for name in verdicts],
        groups=schema.groups[shown],
        ylabel=f"{'log odds' if answer.classes else 'coefficient (sd of target'} per sd of feature"
        + ")" * (not answer.classes),
        ax=ax,
    )


def draw_errors(answer: "Found", ax: "Axes | None" = None) -> "Axes":
    """Draw the errors on left-out environments."""
    from elinvar.plots import plot_errors

    words = f"{error_words(answer)} on the left-out environment"
    labels = {"mean": "shares of classes"} if answer.classes else None
    return plot_errors(answer.errors, xlabel=words, labels=labels, ax=ax)


def draw_break_even(answer: "Found") -> "Axes":
    """Draw the errors of models against how much new environments differ.

    Raises
    ------
    DataError
        If nothing can be said of them.
    """
    from elinvar.plots import plot_break_even

    found = answer.break_even
    if found is None:
        raise DataError(
            "There are no risk lines: it takes three environments, each with rows to spare for all "
            "features."
        )
    return plot_break_even(
        {line.model: (line.level, line.rise) for line in found.lines},
        found.shift,
        between=(found.low, found.high),
        root=not answer.classes,
        ylabel=error_words(answer),
    )


def draw_adaptation(answer: "Found | TransferFound") -> "Axes":
    """Draw the error to expect in a new place against the rows labelled there.

    Raises
    ------
    DataError
        If nothing is known of what differs between places.
    """
    from elinvar.plots import plot_adaptation

    table = rows_table(known(answer.adaptation))
    error = "mean log loss" if answer.classes else "root mean squared error"
    return plot_adaptation(
        table["rows"].tolist(),
        table["error"].tolist(),
        low=table["low"].tolist(),
        high=table["high"].tolist(),
        ylabel=error + f" of {answer.schema.target}" * (not answer.classes),
        title=rows_sentence(answer.adaptation).removesuffix("."),
    )


def draw_left_out(answer: "Found") -> "Axes":
    """Draw predictions for left-out environments against the truth."""
    from elinvar.plots import plot_left_out

    title = missed_levels(answer)
    return plot_left_out(
        answer.left_out,
        target=predicted_words(answer),
        title=title,
        means_only=bool(answer.classes),
    )
