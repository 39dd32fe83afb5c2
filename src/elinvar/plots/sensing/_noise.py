"""Signal and noise against the batch size: what is measured, and the floor that theory says."""

import numpy as np

from elinvar.plots._axes import GRID, Axes, finish, legend_below, log_axis, new_axes, tick_text
from elinvar.plots._marks import (
    INVARIANT,
    POOLED,
    Floats,
    Look,
    draw_band,
    draw_line,
    mark_diverged,
    write,
)
from elinvar.plots._tables import Table, column, records
from elinvar.plots.palette import INK, QUIET

_ENDS = ("", "_low", "_high")


def plot_noise(
    noise: Table,
    *,
    critical: float | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw the error and the invariant signal against the batch size, both axes logarithmic.

    Parameters
    ----------
    noise : DataFrame or mapping of columns
        ``batch_size``, ``error`` (relative to the norm of A\*), ``invariant_signal`` and, if
        known, ``predicted`` (the error that theory says), the ends of bands over repetitions
        (``error_low``, ``error_high`` and the same of ``invariant_signal``), and ``diverged``,
        the share of runs that did: marked by a cross where it is above 0.
    critical : float, optional
        The batch size at which theory says that the error is as large as the signal.
    title : str, optional
        By default from which batch size on the error stays below a tenth.
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
    >>> ax = plot_noise({
    ...     "batch_size": [100, 10_000, 1_000_000], "error": [2.2, 0.14, 0.014],
    ...     "invariant_signal": [0.4, 0.99, 1.0], "predicted": [2.7, 0.14, 0.014],
    ... }, critical=330)
    >>> ax.get_title(loc="left")
    'Error below a tenth of the signal from batches of 1,000,000 on'
    """
    numbers = ["batch_size", "predicted", "diverged"]
    numbers += [f"{name}{end}" for name in ("error", "invariant_signal") for end in _ENDS]
    rows = records(noise, texts=("batch_size",), numbers=numbers, needed="noise")
    rows.sort(key=lambda row: row["batch_size"])
    x, error, predicted = (column(rows, key) for key in ("batch_size", "error", "predicted"))
    ax = new_axes(7.6, 4.4) if ax is None else ax
    draw_band(ax, rows, "batch_size", "error", POOLED, label="error, relative to |A*|")
    draw_band(ax, rows, "batch_size", "invariant_signal", INVARIANT, label="invariant signal")
    if np.isfinite(predicted).any():
        draw_line(ax, x, predicted, Look(INK, ":"), label="predicted error")
    mark_diverged(ax, [row["batch_size"] for row in rows if row["diverged"] > 0], INK)
    log_axis(ax, "x", x)
    log_axis(ax, "y", [*error, *column(rows, "invariant_signal")])
    if critical is not None:
        _mark(ax, critical)
    ax.grid(axis="y", **GRID)
    legend_below(ax, *ax.get_legend_handles_labels())
    title = _finding(x, error) if title is None else title
    return finish(ax, title=title, xlabel="batch size", ylabel="")


def _mark(ax: Axes, critical: float) -> None:
    """Draw where theory says that the error is as large as the signal."""
    ax.axvline(critical, color=QUIET, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1.5)
    text = f"predicted: error = signal at {tick_text(round(critical), critical)}"
    write(ax, text, (critical, 1.0), frame=("data", "axes fraction"), shift=(5, -4), va="top")


def _finding(x: Floats, error: Floats) -> str:
    lost = ~(error < 0.1)
    if lost[-1]:
        return "Error above a tenth of the signal at every batch size"
    first = x[np.flatnonzero(lost)[-1] + 1] if lost.any() else x[0]
    return f"Error below a tenth of the signal from batches of {first:,.0f} on"
