"""Steps against the dimension."""

import numpy as np

from elinvar._base._numbers import figure
from elinvar.plots._axes import GRID, Axes, finish, legend_below, new_axes, plain_numbers, ticks_at
from elinvar.plots._marks import INVARIANT, POOLED, draw_line
from elinvar.plots._tables import Table, column, records


def plot_scaling(
    scaling: Table,
    parameter: str = "dim",
    *,
    fit: tuple[float, float] | None = None,
    xlabel: str = "dimension d",
    ylabel: str = "steps to recovery",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
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
    rows = records(scaling, texts=(parameter,), numbers=numbers)
    rows.sort(key=lambda row: row[parameter])
    ax = new_axes(7.0, 4.2) if ax is None else ax
    x, steps, low, high, predicted = (column(rows, key) for key in numbers)
    below, above = (np.nan_to_num(np.abs(end - steps)) for end in (low, high))
    ax.errorbar(
        x,
        steps,
        yerr=[below, above],
        color=INVARIANT.colour,
        marker="o",
        markersize=6,
        linestyle="none",
        elinewidth=1.4,
        label="measured",
        zorder=3,
    )
    if fit is not None:
        slope, intercept = fit
        sign = "+" if slope >= 0 else "-"
        law = f"fit: {figure(intercept)} {sign} {figure(abs(slope))} log({parameter})"
        line = intercept + slope * np.log(x)
        ax.plot(x, line, color=INVARIANT.colour, linewidth=1.4, label=law)
    if np.isfinite(predicted).any():
        draw_line(ax, x, predicted, POOLED, label="predicted")
    ticks_at(ax, x.tolist())
    plain_numbers(ax.yaxis, 6)
    ax.set_ylim(0.0, 1.12 * ax.get_ylim()[1])
    ax.grid(axis="y", **GRID)
    legend_below(ax, *ax.get_legend_handles_labels())
    if title is None and fit is not None:
        title = f"Doubling {parameter} costs {fit[0] * np.log(2):.2g} more steps"
    return finish(ax, title=title, xlabel=xlabel, ylabel=ylabel, wrap=60)
