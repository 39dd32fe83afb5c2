"""Levels and slopes that were missed in environments left out, a row an environment."""

from collections.abc import Sequence

import numpy as np

from elinvar.plots._axes import (
    Axes,
    bare_rows,
    finish,
    head_panel,
    name_rows,
    new_figure,
    plain_numbers,
)
from elinvar.plots._marks import dots, range_of
from elinvar.plots._tables import Row, distinct, largest
from elinvar.plots.palette import INK, MODEL_COLOURS, MODEL_MARKERS, QUIET

# Environments to draw at most: those whose level was missed by most.
_ROWS = 40
# Models of a row stand one below the other, this far apart.
_APART = 0.26


def draw_rows(
    rows: Sequence[Row], models: Sequence[str], *, target: str, slopes: bool
) -> tuple[list[Axes], int]:
    """Draw how far each level was missed, and how the truth goes with the prediction.

    Parameters
    ----------
    rows : sequence of dict
        As `plot_left_out` takes them.
    models : sequence of str
        Which to draw.
    target : str
        What is predicted.
    slopes : bool
        Draw the second panel, too.

    Returns
    -------
    panels : list of Axes
        On a new figure.
    shown : int
        How many environments are drawn.
    """
    names = distinct(rows, "environment")
    missed = [
        max(_miss(row) for row in rows if row["environment"] == name and row["model"] in models)
        for name in names
    ]
    kept = largest([{"name": name} for name in names], missed, _ROWS)
    at = {row["name"]: float(k) for k, row in enumerate(kept)}
    figure = new_figure(9.0, 1.6 + 0.3 * len(at))
    panels = list(figure.subplots(1, 1 + slopes, sharey=True, squeeze=False).flat)
    drawn = [row for row in rows if row["environment"] in at]
    _draw(panels[0], drawn, models, at, right=0.0, key="missed")
    head_panel(panels[0], "level: truth less prediction")
    finish(panels[0], title=None, xlabel=target, ylabel="")
    if slopes:
        _draw(panels[1], drawn, models, at, right=1.0, key="slope")
        head_panel(panels[1], "slope: truth on prediction")
        finish(panels[1], title=None, xlabel="1: differences are as large as predicted", ylabel="")
    for ax in panels:
        plain_numbers(ax.xaxis, 5)
        bare_rows(ax)
    name_rows(panels[0], list(at))
    return panels, len(at)


def _draw(
    ax: Axes,
    rows: list[Row],
    models: Sequence[str],
    at: dict[str, float],
    *,
    right: float,
    key: str,
) -> None:
    """Draw what the models miss as lines from where it would be ``right``."""
    ax.axvline(right, color=INK, linewidth=0.9, zorder=1)
    shift = _APART * (np.arange(len(models)) - (len(models) - 1) / 2)
    every: list[float] = []
    for down, model in zip(shift, models, strict=True):
        here = [row for row in rows if row["model"] == model]
        x = np.array([_value(row, key) for row in here])
        y = np.array([at[row["environment"]] for row in here]) + down
        colour = MODEL_COLOURS.get(model, INK)
        ax.hlines(y, right, x, colors=QUIET, linewidths=0.9, zorder=2)
        dots(ax, x, y, colour, size=26, marker=MODEL_MARKERS.get(model, "o"))
        every += x.tolist()
    ax.set_xlim(*range_of([right, *every], [], reach=0.0))


def _value(row: Row, key: str) -> float:
    return float(row["truth_mean"] - row["predicted_mean"] if key == "missed" else row["slope"])


def _miss(row: Row) -> float:
    return float(np.nan_to_num(abs(_value(row, "missed"))))
