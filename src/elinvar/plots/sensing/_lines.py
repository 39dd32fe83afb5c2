"""Lines and bands along a size: what is measured, and what theory says of it."""

from collections.abc import Mapping

import numpy as np

from elinvar.plots._axes import GRID, Axes, clean, finish, legend_below, new_axes, scale_axis
from elinvar.plots._marks import (
    INVARIANT,
    POOLED,
    REST,
    Look,
    draw_band,
    draw_line,
    mark,
    mark_diverged,
    write,
)
from elinvar.plots._tables import Table, column, records
from elinvar.plots.palette import INK, QUIET

_LOOKS = (INVARIANT, POOLED, REST)
# one a colour: no two blues have the same, and the last lets through what it covers
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (4, 4)))


def plot_lines(
    table: Table,
    parameter: str,
    lines: Mapping[str, str],
    *,
    predicted: str = "predicted",
    marks: Mapping[str, float] | None = None,
    xlabel: str | None = None,
    ylabel: str = "",
    log_x: bool = True,
    log_y: bool = False,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw columns of a table against a parameter, with their bands and a prediction.

    Parameters
    ----------
    table : DataFrame or mapping of columns
        The column ``parameter`` and those of ``lines``; if known, the ends of bands over
        repetitions (``NAME_low`` and ``NAME_high``), ``predicted``, what theory says, and
        ``diverged``, the share of runs that did: marked by a cross where it is above 0.
    parameter : str
        Column along the horizontal axis.
    lines : mapping of str to str
        Columns, and what each is called.
    predicted : str
        What the prediction is called.
    marks : mapping of str to float, optional
        Values of the parameter to mark by a vertical line, each with its text on top.
    xlabel : str, optional
        By default ``parameter``, with spaces.
    ylabel : str
        What the lines are.
    log_x, log_y : bool
        Logarithmic axes.
    title : str, optional
        What the picture shows.
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
    >>> ax = plot_lines(
    ...     {"dim": [50, 200, 800], "steps": [51, 66, 80], "predicted": [50, 65, 79]},
    ...     "dim", {"steps": "measured"}, title="Steps grow as log d",
    ... )
    >>> [line.get_label() for line in ax.lines]
    ['measured', 'predicted']
    """
    ends = [f"{name}{end}" for name in lines for end in ("", "_low", "_high")]
    numbers = (parameter, "predicted", "diverged", *ends)
    rows = records(table, texts=(parameter,), numbers=numbers, needed=parameter)
    rows.sort(key=lambda row: row[parameter])
    x, theory = column(rows, parameter), column(rows, "predicted")
    ax = new_axes(7.6, 4.4) if ax is None else ax
    for k, (name, label) in enumerate(lines.items()):
        look = _LOOKS[k] if len(lines) <= len(_LOOKS) else Look.number(k, _DASHES)
        draw_band(ax, rows, parameter, name, look, label=clean(label, 40))
    if np.isfinite(theory).any():
        draw_line(ax, x, theory, Look(INK, ":"), label=predicted)
    lost = [row[parameter] for row in rows if row["diverged"] > 0]
    mark_diverged(ax, lost, INK)
    scale_axis(ax, "x", x, log_x)
    scale_axis(ax, "y", [value for name in lines for value in column(rows, name)], log_y)
    low, high = ax.get_ylim()
    # room on top for crosses and for what is marked
    room = 0.1 + 0.06 * len(marks or {})
    ax.set_ylim(*((low, high * (high / low) ** room) if log_y else (0.0, high * (1 + room))))
    _draw_marks(ax, marks or {})
    ax.grid(axis="y", **GRID)
    handles, labels = ax.get_legend_handles_labels()
    if lost:
        handles, labels = [*handles, mark(INK, marker="x")], [*labels, "runs diverged"]
    legend_below(ax, handles, labels)
    label = parameter.replace("_", " ") if xlabel is None else xlabel
    return finish(ax, title=title, xlabel=label, ylabel=ylabel)


def _draw_marks(ax: Axes, marks: Mapping[str, float]) -> None:
    """Draw vertical lines, each with its text on top, one below the other."""
    for k, (text, at) in enumerate(marks.items()):
        ax.axvline(at, color=QUIET, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1.5)
        right = (ax.transScale + ax.transLimits).transform((at, 1.0))[0] > 0.5
        write(
            ax,
            text,
            (at, 1.0),
            frame=("data", "axes fraction"),
            shift=(-5.0 if right else 5.0, -4.0 - 12.0 * k),
            ha="right" if right else "left",
            va="top",
        )
