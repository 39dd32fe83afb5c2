"""The figures of a forecast's answer."""

from typing import TYPE_CHECKING, Any

from elinvar._base._words import check_names
from elinvar.answer.figures import draw_adaptation
from elinvar.answer.transfer_found import CONSTANT, MIXTURE
from elinvar.answer.transfer_tables import against_rivals
from elinvar.errors import DataError
from elinvar.plots.types import Axes

if TYPE_CHECKING:
    from elinvar.answer.transfer_found import TransferFound


def forecast_figures(answer: "TransferFound") -> dict[str, Axes]:
    """Return the figures that this answer has something to show in, by name."""
    found = {"curves": draw_curves(answer)} if answer.curves else {}
    if MIXTURE in answer.losses:
        found["forecast_errors"] = draw_forecast_errors(answer)
    if answer.adaptation is not None:
        found["adaptation"] = draw_adaptation(answer)
    return found


def draw_curves(answer: "TransferFound", *, top: int = 9, outcome: Any = None) -> Axes:
    """Draw what each feature does to the prediction, in each environment and in common.

    Raises
    ------
    DataError
        If there is no such class, or no feature that varies.
    """
    from elinvar.plots import plot_curves

    if not answer.curves:
        raise DataError("There is no curve to draw: no feature varies.")
    curves, shapes = answer.curves_table, answer.shapes
    what = f"on {answer.schema.target}"
    if answer.classes:
        name = str(
            answer.classes[1 if len(answer.classes) == 2 else 0] if outcome is None else outcome
        )
        check_names([name], answer.classes, "class", "classes")
        what = f"on the log odds of {answer.schema.target}={name}"
        if len(answer.classes) > 2:
            curves, shapes = (table[table["outcome"] == name] for table in (curves, shapes))
    return plot_curves(curves, shapes, top=top, ylabel=f"effect {what}")


def draw_forecast_errors(answer: "TransferFound") -> Axes:
    """Draw the errors of the forecast and its rivals on environments left out."""
    from elinvar.plots import plot_errors

    table = against_rivals(answer)
    what = "mean log loss"
    if not answer.classes:
        what = f"root mean squared error of {answer.schema.target}"
    better = int((table[MIXTURE] < table[CONSTANT]).sum())
    return plot_errors(
        table,
        xlabel=f"{what} on the left-out environment",
        title=f"The forecast beats a constant in {better} of {len(table)} left-out environments",
    )
