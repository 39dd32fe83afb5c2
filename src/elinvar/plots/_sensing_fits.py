"""Steps against the dimension, and the errors of several ways to run the same problem."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.plots._sensing_look import GRID, INVARIANT, POOLED, REST, Look, distinct, log_axis
from elinvar.plots._style import (
    INK,
    QUIET,
    clean,
    finish,
    legend_below,
    new_axes,
    plain_numbers,
    tick_text,
)
from elinvar.plots._tables import Row, records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DISTANCES = {
    "error": ("distance to the invariant part A*", INVARIANT),
    "pooled_error": ("distance to the pooled solution", POOLED),
}


def plot_scaling(
    scaling: Any,
    parameter: str = "dim",
    *,
    fit: tuple[float, float] | None = None,
    xlabel: str = "dimension d",
    ylabel: str = "steps to recovery",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw steps against a size on a logarithmic axis, where a law in its logarithm is straight.

    Parameters
    ----------
    scaling : DataFrame or mapping of columns
        The column ``parameter`` and ``steps``; if known ``steps_low`` and ``steps_high``, the
        ends over repetitions, and ``predicted``, the steps that theory says.
    parameter : str
        Column along the horizontal axis.
    fit : (slope, intercept), optional
        The line steps = intercept + slope log(parameter), natural logarithm.
    xlabel, ylabel : str
        Labels of the axes.
    title : str, optional
        By default what doubling the size costs, by the fit.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Examples
    --------
    >>> ax = plot_scaling({"dim": [50, 200, 800], "steps": [51, 66, 80]}, fit=(10.5, 10.0))
    >>> ax.get_title(loc="left")
    'Doubling dim costs 7.3 more steps'
    """
    numbers = (parameter, "steps", "steps_low", "steps_high", "predicted")
    rows = sorted(
        records(scaling, texts=(parameter,), numbers=numbers), key=lambda row: row[parameter]
    )
    ax = new_axes(7.0, 4.2) if ax is None else ax
    x, steps, low, high, predicted = (
        np.array([row[key] for row in rows], dtype=np.float64) for key in numbers
    )
    below, above = (np.nan_to_num(np.abs(end - steps)) for end in (low, high))
    measured = ax.errorbar(
        x,
        steps,
        yerr=[below, above],
        color=INVARIANT.colour,
        marker="o",
        markersize=6,
        linestyle="none",
        elinewidth=1.4,
        zorder=3,
    )
    handles: list[Any] = [measured]
    labels = ["measured"]
    if fit is not None:
        slope, intercept = fit
        handles += ax.plot(x, intercept + slope * np.log(x), color=INVARIANT.colour, linewidth=1.4)
        sign = "+" if slope >= 0 else "-"
        labels.append(f"fit: {intercept:.3g} {sign} {abs(slope):.3g} log({parameter})")
    if np.isfinite(predicted).any():
        handles += ax.plot(x, predicted, color=POOLED.colour, linestyle="--", linewidth=1.6)
        labels.append("predicted")
    log_axis(ax, "x", x)
    ax.set_xticks(x, [tick_text(value, value) for value in x])
    plain_numbers(ax.yaxis, 6)
    ax.set_ylim(0.0, 1.12 * ax.get_ylim()[1])
    ax.grid(axis="y", **GRID)
    legend_below(ax, handles, labels)
    if title is None and fit is not None:
        title = f"Doubling {parameter} costs {fit[0] * np.log(2):.2g} more steps"
    return finish(ax, title=title, xlabel=xlabel, ylabel=ylabel, wrap=60)


def plot_comparison(
    runs: Any,
    *,
    name: str = "setting",
    values: Sequence[str] = ("error", "pooled_error"),
    labels: Sequence[str] | None = None,
    xlabel: str = "Frobenius norm",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
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
    rows = records(runs, texts=(name, "group"), numbers=tuple(values))
    if not rows:
        raise ValueError("the table of runs has no rows; needed at least one.")
    places = _places(rows, name)
    height = 1.5 + 0.34 * (max(places.values()) + 1.6)
    ax = new_axes(8.4, height) if ax is None else ax
    handles = [_dots(ax, rows, name, key, places, _look(key, k)) for k, key in enumerate(values)]
    drawn = [row[key] for row in rows for key in values]
    log_axis(ax, "x", drawn)
    ax.margins(x=0.05)
    ticks = [clean(setting, 40) for _, setting in places]
    ax.set_yticks(list(places.values()), ticks, parse_math=False)
    ax.set_ylim(max(places.values()) + 0.7, min(-0.7, min(places.values()) - 1.1))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", **GRID)
    _groups(ax, places)
    if labels is None:
        labels = [_DISTANCES[key][0] if key in _DISTANCES else key for key in values]
    if len(values) > 1:
        legend_below(ax, handles, [clean(label, 48) for label in labels])
    if title is None:
        title = _finding(rows, name, list(values), places)
    finish(ax, title=title, xlabel=xlabel, ylabel="")
    ax.spines["left"].set_visible(False)
    return ax


def _look(key: str, k: int) -> Look:
    return _DISTANCES[key][1] if key in _DISTANCES else (INVARIANT, POOLED, REST)[k % 3]


def _places(rows: list[Row], name: str) -> dict[tuple[str, str], float]:
    """Return the height of each (group, setting), with room above a group for its name."""
    places: dict[tuple[str, str], float] = {}
    y = 0.0
    for group in distinct(rows, "group"):
        y += 0.9 if group else 0.0
        for setting in distinct([row for row in rows if row["group"] == group], name):
            places[group, setting] = y
            y += 1.0
    return places


def _dots(
    ax: "Axes",
    rows: list[Row],
    name: str,
    key: str,
    places: dict[tuple[str, str], float],
    look: Look,
) -> Any:
    """Draw one dot a run, side by side in the height of their row, and a bar at their median."""
    for (group, setting), y in places.items():
        mine = _of(rows, name, key, (group, setting))
        if not mine:
            ax.annotate(
                "diverged",
                xy=(0.5, y),
                xycoords=ax.get_yaxis_transform(),
                va="center",
                ha="center",
                fontsize=8.5,
                color=QUIET,
            )
            continue
        shift = np.linspace(-0.2, 0.2, len(mine)) if len(mine) > 1 else [0.0]
        face = look.colour if look is INVARIANT else "none"
        ax.scatter(
            mine,
            y + np.asarray(shift),
            s=20,
            marker=look.marker,
            facecolors=face,
            edgecolors=look.colour,
            linewidths=1.0,
            alpha=0.85,
            zorder=3,
        )
        middle = float(np.median(mine))
        ax.vlines(middle, y - 0.34, y + 0.34, colors=look.colour, linewidth=2.0, zorder=2.5)
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        linestyle="none",
        marker=look.marker,
        color=look.colour,
        markerfacecolor=look.colour if look is INVARIANT else "none",
    )


def _of(rows: list[Row], name: str, key: str, place: tuple[str, str]) -> list[float]:
    mine = [row[key] for row in rows if (row["group"], row[name]) == place]
    return [value for value in mine if np.isfinite(value) and value > 0]


def _groups(ax: "Axes", places: dict[tuple[str, str], float]) -> None:
    for group in dict.fromkeys(group for group, _ in places):
        if group:
            top = min(y for (mine, _), y in places.items() if mine == group)
            ax.annotate(
                clean(group, 60),
                xy=(0.0, top - 0.95),
                xycoords=ax.get_yaxis_transform(),
                va="center",
                ha="left",
                fontsize=9,
                fontweight="bold",
                color=INK,
                parse_math=False,
            )


def _finding(
    rows: list[Row], name: str, values: list[str], places: dict[tuple[str, str], float]
) -> str:
    middles = {
        place: [float(np.median(_of(rows, name, key, place) or [np.inf])) for key in values]
        for place in places
    }
    if values == list(_DISTANCES):
        near = sum(middle[0] < middle[1] for middle in middles.values())
        verb = "ends" if near == 1 else "end"
        return f"{near} of {len(places)} settings {verb} nearer A* than to the pooled solution"
    best = min(middles, key=lambda place: middles[place][0])
    return f"The smallest {values[0].replace('_', ' ')}: {best[1]}"
