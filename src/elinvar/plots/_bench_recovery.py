"""Recovery of the invariant features against the size of a problem."""

from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.plots._sensing_look import GRID, Look, distinct, draw_band, log_axis
from elinvar.plots._style import (
    ENVIRONMENT_COLOURS,
    ENVIRONMENT_MARKERS,
    QUIET,
    finish,
    legend_below,
    new_axes,
    tick_text,
)
from elinvar.plots._tables import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OURS = "elinvar"
_LINES = ("-", "--", "-.", ":")


def plot_recovery(
    recovery: Any,
    against: str,
    *,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the mean F1 of the selected features against a size, a line a method.

    Parameters
    ----------
    recovery : DataFrame or mapping of columns
        ``method``, the column ``against``, and ``f1`` from 0 to 1; a line breaks where it is
        missing.
    against : str
        Such as ``"n_features"`` or ``"n_environments"``; above 0.
    title : str, optional
        By default where elinvar stays above .9.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If the table has no rows.

    Examples
    --------
    >>> ax = plot_recovery({
    ...     "method": ["elinvar", "elinvar", "lasso", "lasso"],
    ...     "n_features": [10, 100, 10, 100], "f1": [1.0, 0.98, 0.6, 0.4],
    ... }, "n_features")
    >>> ax.get_title(loc="left")
    'elinvar: F1 of .9 and more from 10 to 100 features'
    """
    rows = records(recovery, texts=("method",), numbers=(against, "f1"))
    if not rows:
        raise ValueError("the table of recovery has no rows; needed at least one.")
    ax = new_axes(7.6, 4.4) if ax is None else ax
    methods = sorted(distinct(rows, "method"), key=lambda name: name != _OURS)
    for k, method in enumerate(methods):
        own = sorted((row for row in rows if row["method"] == method), key=lambda row: row[against])
        values = np.array([row["f1"] for row in own])
        nothing = np.full(len(own), np.nan)
        draw_band(
            ax, [row[against] for row in own], values, nothing, nothing, _look(method, k),
            label=method, markers=True,
        )  # fmt: skip
    log_axis(ax, "x", [row[against] for row in rows])
    ax.set_ylim(-0.03, 1.03)
    ax.grid(axis="y", **GRID)
    legend_below(ax, *ax.get_legend_handles_labels())
    what = against.removeprefix("n_").replace("_", " ")
    title = _finding(rows, against, what) if title is None else title
    return finish(ax, title=title, xlabel=f"number of {what}", ylabel="mean F1 of the selection")


def _look(method: str, k: int) -> Look:
    if method == "oracle":
        return Look(QUIET, ":", "")
    size = len(ENVIRONMENT_COLOURS)
    return Look(
        ENVIRONMENT_COLOURS[k % size], _LINES[k % len(_LINES)], ENVIRONMENT_MARKERS[k % size]
    )


def _finding(rows: list[dict[str, Any]], against: str, what: str) -> str:
    own = sorted(
        (row for row in rows if row["method"] == _OURS and np.isfinite(row["f1"])),
        key=lambda row: row[against],
    )
    if not own:
        return f"Recovery against the number of {what}"
    low = [row for row in own if row["f1"] < 0.9]
    if not low:
        ends = [tick_text(row[against], row[against]) for row in (own[0], own[-1])]
        return f"{_OURS}: F1 of .9 and more from {ends[0]} to {ends[1]} {what}"
    places = ", ".join(tick_text(row[against], row[against]) for row in low)
    return f"{_OURS}: F1 below .9 with {places} {what}"
