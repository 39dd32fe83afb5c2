"""What each model would have cost in an environment that it has not seen."""

from collections.abc import Mapping

import numpy as np

from elinvar.plots._axes import (
    Axes,
    clean,
    finish,
    legend_below,
    log_axis,
    name_rows,
    new_axes,
    of_all,
    plain_numbers,
)
from elinvar.plots._tables import Row, Table, column, largest, records
from elinvar.plots.palette import INK, MODEL_COLOURS, MODEL_MARKERS, MODEL_NAMES, QUIET

# Models of a row are this far apart, of the distance between rows.
_APART = 0.24


def plot_errors(
    errors: Table,
    *,
    xlabel: str = "root mean squared error on the left-out environment",
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    top: int = 40,
    ax: Axes | None = None,
) -> Axes:
    """Draw the errors on each left-out environment, one row an environment.

    Parameters
    ----------
    errors : DataFrame or mapping of columns
        ``environment``, ``rows`` and the errors of those models that are known: ``invariant``,
        ``pooled``, ``lasso``, ``mean`` and ``used`` (what ``predict`` would have used, drawn as a
        ring), such as ``model.errors_``. An error that is NaN is not drawn.
    xlabel : str
        What the errors measure, with its unit.
    labels : mapping of str to str, optional
        What the legend calls a column, where the usual name does not fit.
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
    models = [key for key in (*MODEL_COLOURS, "used") if key in errors]
    known = records(errors, texts=("environment",), numbers=("rows", *models))
    rows = largest(known, [row["rows"] for row in known], top)
    ax = new_axes(9.0, 1.7 + 0.36 * max(len(rows), 2)) if ax is None else ax
    values = np.array([column(rows, key) for key in models if key != "used"])
    for y, here in enumerate(values.T):
        ends = here[np.isfinite(here)]
        if len(ends):
            ax.plot([ends.min(), ends.max()], [y, y], color=QUIET, linewidth=0.7, zorder=1)
    # equal errors would lie on each other: the models of a row stand one below the other
    apart = [key for key in models if key not in ("used", "mean", "constant")]
    shifts = dict(zip(apart, _APART * (np.arange(len(apart)) - (len(apart) - 1) / 2), strict=True))
    for key in models:
        _draw(ax, key, rows, shifts)
    _scale(ax, values[np.isfinite(values)].tolist())
    name_rows(
        ax, [f"{clean(row['environment'])}  ({row['rows']:,.0f} rows)" for row in rows], longest=60
    )
    handles, keys = ax.get_legend_handles_labels()
    names = {**MODEL_NAMES, **(labels or {})}
    legend_below(ax, handles, [names[key] for key in keys])
    if title is None:
        title = of_all(_finding(known), len(rows), len(known))
    return finish(ax, title=title, xlabel=xlabel, ylabel="", wrap=66)


def _draw(ax: Axes, key: str, rows: list[Row], shifts: Mapping[str, float]) -> None:
    """Draw the errors of one model, as a ring those of what predicts."""
    ring = key == "used"
    colour = INK if ring else MODEL_COLOURS[key]
    down = [shifts.get(_same(row, shifts) if ring else key, 0.0) for row in rows]
    ax.plot(
        column(rows, key),
        np.arange(len(rows)) + down,
        linestyle="none",
        marker="o" if ring else MODEL_MARKERS[key],
        color=colour,
        markersize={"used": 11, "mean": 10, "constant": 10}.get(key, 6),
        label=key,
        markerfacecolor="none" if key in ("used", "pooled") else colour,
        markeredgewidth=1.1 if ring else 1.4,
        zorder=4 if ring else 3,
    )


def _same(row: Row, models: Mapping[str, float]) -> str:
    """Return the model whose error is that of what predicts."""
    return next((key for key in models if row[key] == row["used"]), "used")


def _finding(rows: list[Row]) -> str:
    ours, pooled = (column(rows, key) for key in ("invariant", "pooled"))
    both = np.isfinite(ours) & np.isfinite(pooled)
    if not both.any():
        return "No environment could be left out"
    better = int(np.sum(ours[both] < pooled[both]))
    return f"The invariant model is better on {better} of {both.sum()} left-out environments"


def _scale(ax: Axes, drawn: list[float]) -> None:
    """Use a logarithmic axis when the errors span more than a factor of ten."""
    if drawn and min(drawn) > 0 and max(drawn) > 10 * min(drawn):
        log_axis(ax, "x", drawn)
    else:
        ax.margins(x=0.04)
        ax.set_xlim(left=0.0)
        plain_numbers(ax.xaxis)
