"""The errors of several ways to run the same problem."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from elinvar.plots._axes import (
    GRID,
    Axes,
    bare_rows,
    clean,
    finish,
    legend_below,
    log_axis,
    new_axes,
)
from elinvar.plots._marks import DISTANCES, INVARIANT, POOLED, REST, Look, dots, mark, write
from elinvar.plots._tables import Row, Table, distinct, records
from elinvar.plots.palette import QUIET

# A group and a setting, and the runs of each that can be drawn.
Place = tuple[str, str]
Known = dict[Place, list[float]]


def plot_comparison(
    runs: Table,
    *,
    name: str = "setting",
    values: Sequence[str] = ("error", "pooled_error"),
    labels: Sequence[str] | None = None,
    xlabel: str = "Frobenius norm",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the errors of runs on a logarithmic axis, one row a setting, one dot a run.

    Parameters
    ----------
    runs : DataFrame or mapping of columns
        ``name``, the columns ``values`` and, if there is one, ``group``: settings of a group stay
        together under its name. One row a run; rows are drawn in the order in which settings
        first come. What is not finite and above 0 is not drawn: a setting none of whose runs
        can be drawn is said to have diverged.
    name : str
        Column with the settings' names.
    values : sequence of str
        One or two columns; the second is drawn as hollow diamonds.
    labels : sequence of str, optional
        What the values are, for the legend.
    xlabel : str
        What the values measure.
    title : str, optional
        By default how many settings end nearer A* (of two values), or the best setting.
    ax : Axes, optional
        Where to draw; by default a new figure as high as the rows need.

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
    >>> ax = plot_comparison({
    ...     "setting": ["direct", "direct", "k = d", "k = d"], "error": [4.0, 6.0, 0.02, 0.03],
    ...     "pooled_error": [3.0, 5.0, 1.4, 1.4],
    ... })
    >>> ax.get_title(loc="left")
    '1 of 2 settings ends nearer A* than to the pooled solution'
    """
    rows = records(runs, texts=(name, "group"), numbers=values, needed="runs")
    places = _places(rows, name)
    ax = new_axes(8.4, 1.5 + 0.34 * (max(places.values()) + 1.6)) if ax is None else ax
    known: list[Known] = [
        {place: _of(rows, name, key, place) for place in places} for key in values
    ]
    looks = [_look(key, k) for k, key in enumerate(values)]
    for runs_of, look in zip(known, looks, strict=True):
        for place, y in places.items():
            _draw(ax, runs_of[place], y, look)
    log_axis(ax, "x", [row[key] for row in rows for key in values])
    ax.margins(x=0.05)
    ticks = [clean(setting, 40) for _, setting in places]
    ax.set_yticks(list(places.values()), ticks, parse_math=False)
    ax.set_ylim(max(places.values()) + 0.7, min(-0.7, min(places.values()) - 1.1))
    bare_rows(ax, pad=3.5)
    ax.grid(axis="x", **GRID)
    _name_groups(ax, places)
    if len(values) > 1:
        given = [DISTANCES[key][0] if key in DISTANCES else key for key in values]
        handles = [
            mark(look.colour, marker=look.marker, hollow=look is not INVARIANT) for look in looks
        ]
        legend_below(ax, handles, [clean(label, 48) for label in labels or given])
    title = _finding(values, known) if title is None else title
    return finish(ax, title=title, xlabel=xlabel, ylabel="")


def _look(key: str, k: int) -> Look:
    return DISTANCES[key][1] if key in DISTANCES else (INVARIANT, POOLED, REST)[k % 3]


def _places(rows: list[Row], name: str) -> dict[Place, float]:
    """Return the height of each (group, setting), with room above a group for its name."""
    places: dict[Place, float] = {}
    y = 0.0
    for group in distinct(rows, "group"):
        y += 0.9 if group else 0.0
        for setting in distinct([row for row in rows if row["group"] == group], name):
            places[group, setting] = y
            y += 1.0
    return places


def _of(rows: list[Row], name: str, key: str, place: Place) -> list[float]:
    """Return what can be drawn of the runs of one setting."""
    mine = [row[key] for row in rows if (row["group"], row[name]) == place]
    return [value for value in mine if np.isfinite(value) and value > 0]


def _draw(ax: Axes, values: list[float], y: float, look: Look) -> None:
    """Draw one dot a run, side by side in the height of their row, and a bar at their median."""
    if not values:
        at = (0.5, y)
        write(ax, "diverged", at, frame=("axes fraction", "data"), ha="center", colour=QUIET)
        return
    shift = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
    face: dict[str, Any] = {"marker": look.marker, "hollow": look is not INVARIANT}
    dots(ax, values, y + shift, look.colour, size=20, edge=1.0, alpha=0.85, zorder=3, **face)
    middle = float(np.median(values))
    ax.vlines(middle, y - 0.34, y + 0.34, colors=look.colour, linewidth=2.0, zorder=2.5)


def _name_groups(ax: Axes, places: dict[Place, float]) -> None:
    tops: dict[str, float] = {}
    for (group, _), y in places.items():
        tops.setdefault(group, y)
    for group, y in tops.items():
        at = (0.0, y - 0.95)
        write(ax, clean(group, 60), at, frame=("axes fraction", "data"), size=9, bold=True)


def _finding(values: Sequence[str], known: list[Known]) -> str:
    middles = [
        {place: float(np.median(runs or [np.inf])) for place, runs in each.items()}
        for each in known
    ]
    if list(values) == list(DISTANCES):
        near = sum(middles[0][place] < middles[1][place] for place in middles[0])
        verb = "ends" if near == 1 else "end"
        return f"{near} of {len(known[0])} settings {verb} nearer A* than to the pooled solution"
    best = min(middles[0], key=lambda place: middles[0][place])
    return f"The smallest {values[0].replace('_', ' ')}: {best[1]}"
