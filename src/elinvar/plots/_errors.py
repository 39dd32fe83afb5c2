"""What each model would have cost in an environment that it has not seen."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from elinvar.plots._style import (
    INK,
    MODEL_COLOURS,
    MODEL_MARKERS,
    MODEL_NAMES,
    QUIET,
    clean,
    finish,
    legend_below,
    new_axes,
    plain_numbers,
    tick_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_errors(
    errors: Any,
    *,
    xlabel: str = "mean squared error on the left-out environment",
    title: str | None = None,
    top: int = 40,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the errors on each left-out environment, one row an environment.

    Parameters
    ----------
    errors : DataFrame or mapping of columns
        ``environment``, ``rows`` and the errors ``invariant``, ``pooled`` and ``mean``, and if
        known ``lasso`` and ``used`` (what ``predict`` would have used, drawn as a ring), such as
        ``model.errors_``. An error that is NaN is not drawn.
    xlabel : str
        What the errors measure, with its unit.
    title : str, optional
        By default on how many environments the invariant model is better than the pooled one.
    top : int
        Environments to draw at most: those with the most rows.
    ax : Axes, optional
        Where to draw; by default a new figure as high as the rows need.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Examples
    --------
    >>> ax = plot_errors({
    ...     "environment": ["Oslo", "Rome"], "rows": [10, 20], "invariant": [1.0, 1.0],
    ...     "pooled": [2.0, 0.9], "mean": [3.0, 4.0],
    ... })
    >>> ax.get_title(loc="left")
    'The invariant model is better on 1 of 2 left-out environments'
    """
    names = [str(name) for name in errors["environment"]]
    count = np.asarray(errors["rows"], dtype=np.float64)
    values = {
        key: np.asarray(errors[key], dtype=np.float64) for key in MODEL_COLOURS if key in errors
    }
    rows = sorted(np.argsort(-count, kind="stable")[:top].tolist())
    ax = new_axes(9.0, 1.7 + 0.3 * max(len(rows), 2)) if ax is None else ax
    drawn = []
    for y, row in enumerate(rows):
        here = [values[key][row] for key in values if np.isfinite(values[key][row])]
        drawn += here
        if here:
            ax.plot([min(here), max(here)], [y, y], color=QUIET, linewidth=0.7, zorder=1)
    for key, error in values.items():
        ax.plot(
            error[rows],
            range(len(rows)),
            linestyle="none",
            marker=MODEL_MARKERS[key],
            color=MODEL_COLOURS[key],
            markersize=10 if key == "mean" else 7,
            label=key,
            markerfacecolor="none" if key == "pooled" else MODEL_COLOURS[key],
            markeredgewidth=1.4,
            zorder=3,
        )
    if "used" in errors:
        _ring(ax, np.asarray(errors["used"], dtype=np.float64)[rows])
    _scale(ax, drawn)
    labels = [f"{clean(names[row])}  ({count[row]:,.0f} rows)" for row in rows]
    ax.set_yticks(range(len(rows)), labels, parse_math=False)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    handles, keys = ax.get_legend_handles_labels()
    legend_below(ax, handles, [MODEL_NAMES[key] for key in keys])
    if title is None:
        title = _finding(values, len(rows), len(names))
    finish(ax, title=title, xlabel=xlabel, ylabel="", wrap=66)
    ax.spines["left"].set_visible(False)
    return ax


def _ring(ax: "Axes", used: NDArray[np.float64]) -> None:
    ax.plot(
        used,
        range(len(used)),
        linestyle="none",
        marker="o",
        markersize=13,
        markerfacecolor="none",
        markeredgecolor=INK,
        markeredgewidth=1.1,
        label="used",
        zorder=4,
    )


def _finding(values: dict[str, Any], shown: int, total: int) -> str:
    both = np.isfinite(values["invariant"]) & np.isfinite(values["pooled"])
    if not both.any():
        return "No environment could be left out"
    better = int(np.sum(values["invariant"][both] < values["pooled"][both]))
    text = f"The invariant model is better on {better} of {int(both.sum())} left-out environments"
    return text if shown == total else f"{text} ({shown} shown)"


def _scale(ax: "Axes", drawn: list[float]) -> None:
    """Use a logarithmic axis when the errors span more than a factor of ten."""
    from matplotlib.ticker import LogLocator, NullLocator

    if drawn and min(drawn) > 0 and max(drawn) > 10 * min(drawn):
        ax.set_xscale("log")
        close = max(drawn) < 1000 * min(drawn)
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if close else (1,)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(lambda value, _: tick_text(value, value))
    else:
        ax.margins(x=0.04)
        ax.set_xlim(left=0.0)
        plain_numbers(ax.xaxis)
