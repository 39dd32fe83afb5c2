"""What is learnt, invariant and spurious: against a parameter, or the steps of a trajectory."""

from collections.abc import Mapping, Sequence

import numpy as np

from elinvar.plots._axes import (
    GRID,
    Axes,
    clean,
    finish,
    head_figure,
    head_panel,
    legend_below,
    new_axes,
    new_panels,
    scale_axis,
    tick_text,
)
from elinvar.plots._marks import INVARIANT, SPURIOUS, Look, draw_band, mark, mark_diverged, write
from elinvar.plots._tables import Row, Table, distinct, records
from elinvar.plots.palette import INK, QUIET

Windows = Mapping[str, Sequence[float | None]]

_SIGNALS = {"invariant_signal": INVARIANT, "spurious_signal": SPURIOUS}
_NAMES = {"invariant_signal": "invariant signal", "spurious_signal": "spurious signal"}
_DASHES = ("-", "--", "-.", ":")
_BORDER = (0, (2, 2))


def plot_signals(
    signals: Table,
    parameter: str,
    *,
    windows: Windows | None = None,
    window_label: str = "predicted",
    xlabel: str | None = None,
    log_x: bool = False,
    log_y: bool = False,
    title: str | None = None,
) -> Axes:
    """Draw the invariant and the spurious signal against a parameter, one line a setting.

    With one setting both signals share a panel; with several, each has its own.

    Parameters
    ----------
    signals : DataFrame or mapping of columns
        ``setting`` (name of the line; may be the same in all rows), the column ``parameter``,
        ``invariant_signal`` and ``spurious_signal``. If known, the ends of bands over repetitions
        (``invariant_signal_low``, ``invariant_signal_high``, and the same of ``spurious_signal``),
        and ``diverged``, the share of runs that did: marked by a cross where it is above 0.
    parameter : str
        Column along the horizontal axis, such as "heterogeneity".
    windows : mapping of str to (low, high), optional
        Of a setting, between which values theory says that the spurious part dies: drawn as
        vertical lines with their numbers, and shaded if there is one setting. An end that is
        None or not finite is not drawn.
    window_label : str
        What the vertical lines are.
    xlabel : str, optional
        By default ``parameter``, with spaces.
    log_x, log_y : bool
        Logarithmic axes.
    title : str, optional
        By default at how many points the spurious signal is below a tenth of the invariant one.

    Returns
    -------
    matplotlib.axes.Axes
        The first panel; the title is its figure's ``get_suptitle()``.

    Raises
    ------
    ValueError
        If the table has no rows, or a window belongs to no setting.

    Examples
    --------
    >>> ax = plot_signals(
    ...     {
    ...         "setting": ["HeteroSGD"] * 3, "heterogeneity": [2, 4, 6],
    ...         "invariant_signal": [1.0, 1.0, 1.0], "spurious_signal": [0.9, 0.3, 0.001],
    ...     },
    ...     "heterogeneity", windows={"HeteroSGD": (4.58, 14.87)}, log_y=True,
    ... )
    >>> ax.figure.get_suptitle()
    'The spurious part is left out at 1 of 3 values of heterogeneity'
    """
    ends = [f"{key}_{end}" for key in _SIGNALS for end in ("low", "high")]
    numbers = (parameter, *_SIGNALS, *ends, "diverged")
    rows = records(signals, texts=("setting",), numbers=numbers)
    names = distinct(rows, "setting")
    windows = {} if windows is None else windows
    if not rows or set(windows) - set(names):
        raise ValueError(
            f"settings {names} and windows for {list(windows)}; needed at least one row, and "
            "windows only for its settings."
        )
    label = parameter.replace("_", " ") if xlabel is None else xlabel
    if len(names) == 1:
        panels = [new_axes(7.6, 4.4)]
        _one_setting(panels[0], rows, parameter)
    else:
        panels = new_panels(9.6, 4.2, 1, 2)
        _many_settings(panels, rows, names, parameter)
    _scale_signals(panels[0], rows, log_y)
    for ax in panels:
        scale_axis(ax, "x", [row[parameter] for row in rows], log_x)
        ax.grid(axis="y", **GRID)
        finish(ax, title=None, xlabel=label, ylabel="signal" if len(names) == 1 else "")
        _lines(ax, windows, names, numbered=ax is panels[-1])
    _legend(panels[0], rows, windows, window_label)
    if len(names) == 1:
        _shade(panels[0], windows.get(names[0], (None, None)))
    head_figure(panels[0], _finding(rows, label) if title is None else title)
    return panels[0]


def _one_setting(ax: Axes, rows: list[Row], parameter: str) -> None:
    for key, look in _SIGNALS.items():
        draw_band(ax, rows, parameter, key, look, label=_NAMES[key])
    mark_diverged(ax, [row[parameter] for row in rows if row["diverged"] > 0], INK)


def _many_settings(panels: list[Axes], rows: list[Row], names: list[str], parameter: str) -> None:
    for ax, key in zip(panels, _SIGNALS, strict=True):
        head_panel(ax, _NAMES[key], pad=22.0)
        for k, name in enumerate(names):
            mine = [row for row in rows if row["setting"] == name]
            look = Look.number(k, _DASHES)
            draw_band(ax, mine, parameter, key, look, label=name)
            lost = [row[parameter] for row in mine if row["diverged"] > 0]
            mark_diverged(ax, lost, look.colour, row=k)


def _shade(ax: Axes, window: Sequence[float | None]) -> None:
    low, high = (np.nan if end is None else float(end) for end in window)
    if np.isfinite(low) or np.isfinite(high):
        left, right = ax.get_xlim()
        start = low if np.isfinite(low) else left
        stop = high if np.isfinite(high) else right
        ax.axvspan(max(start, left), min(stop, right), color=INVARIANT.colour, alpha=0.07, lw=0)
        ax.set_xlim(left, right)


def _scale_signals(ax: Axes, rows: list[Row], log: bool) -> None:
    """Scale the axis that the panels share, with room for crosses on top."""
    scale_axis(ax, "y", [row[key] for row in rows for key in _SIGNALS], log)
    low, high = ax.get_ylim()
    if log:
        ax.set_ylim(low, high * (high / low) ** 0.08)
    else:
        ax.set_ylim(0.0, 1.08 * high)


def _lines(ax: Axes, windows: Windows, names: list[str], *, numbered: bool) -> None:
    """Draw the ends of the windows that lie within the axes, and write their numbers on top."""
    left, right = ax.get_xlim()
    inside = [
        (float(end), INK if len(names) == 1 else Look.number(names.index(name)).colour)
        for name, window in windows.items()
        for end in window
        if end is not None and left < end < right
    ]
    for k, (end, colour) in enumerate(sorted(inside)):
        ax.axvline(end, color=colour, linewidth=1.0, linestyle=_BORDER, zorder=1.5)
        if numbered:
            write(
                ax,
                tick_text(float(f"{end:.3g}"), end),
                (end, 1.0),
                frame=("data", "axes fraction"),
                shift=(0, 1.5 + 9 * (k % 2)),
                ha="center",
                va="baseline",
                size=8,
                colour=colour,
            )
    ax.set_xlim(left, right)


def _legend(ax: Axes, rows: list[Row], windows: Windows, window_label: str) -> None:
    handles, labels = ax.get_legend_handles_labels()
    if windows:
        handles.append(mark(QUIET, line=_BORDER, width=1.0))
        labels.append(window_label)
    if any(row["diverged"] > 0 for row in rows):
        handles.append(mark(QUIET, marker="x", size=6))
        labels.append("runs diverged")
    legend_below(ax, handles, [clean(label, 40) for label in labels])


def _finding(rows: list[Row], label: str) -> str:
    out = sum(row["spurious_signal"] < 0.1 * row["invariant_signal"] for row in rows)
    return f"The spurious part is left out at {out} of {len(rows)} values of {label}"
