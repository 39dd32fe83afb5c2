"""What is learnt, invariant and spurious: against a parameter, and along one trajectory."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from elinvar.plots._sensing_look import (
    GRID,
    INVARIANT,
    REST,
    SPURIOUS,
    Look,
    distinct,
    draw_band,
    log_axis,
    mark_diverged,
    scale_axis,
)
from elinvar.plots._style import (
    ENVIRONMENT_MARKERS,
    INK,
    QUIET,
    clean,
    colour_of,
    finish,
    head_figure,
    head_panel,
    legend_below,
    new_axes,
    new_figure,
    plain_numbers,
    tick_text,
)
from elinvar.plots._tables import Row, records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Windows = Mapping[str, Sequence[float | None]]

_SIGNALS = {"invariant_signal": INVARIANT, "spurious_signal": SPURIOUS}
_NAMES = {"invariant_signal": "invariant signal", "spurious_signal": "spurious signal"}
_DASHES = ("-", "--", "-.", ":")


def plot_signals(
    signals: Any,
    parameter: str,
    *,
    windows: Windows | None = None,
    window_label: str = "predicted",
    xlabel: str | None = None,
    log_x: bool = False,
    log_y: bool = False,
    title: str | None = None,
) -> "Axes":
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
        panels = [new_figure(7.6, 4.4).add_subplot()]
        _one_setting(panels[0], rows, parameter)
    else:
        panels = list(new_figure(9.6, 4.2).subplots(1, 2, sharey=True, squeeze=False).flat)
        _many_settings(panels, rows, names, parameter)
    _scale_signals(panels[0], rows, log_y)
    for ax in panels:
        scale_axis(ax, "x", [row[parameter] for row in rows], log_x)
        ax.grid(axis="y", **GRID)
        finish(ax, title=None, xlabel=label, ylabel="")
        _lines(ax, windows, names, numbered=ax is panels[-1])
    _legend(panels[0], rows, windows, window_label)
    if len(names) == 1:
        _shade(panels[0], windows.get(names[0], (None, None)))
        panels[0].set_ylabel("signal", color=INK, fontsize=9.5)
    head_figure(panels[0], _finding(rows, label) if title is None else title)
    return panels[0]


def _look_of(k: int) -> Look:
    marker = ENVIRONMENT_MARKERS[k % len(ENVIRONMENT_MARKERS)]
    return Look(colour_of(k), _DASHES[k % len(_DASHES)], marker)


def _one_setting(ax: "Axes", rows: list[Row], parameter: str) -> None:
    for key, look in _SIGNALS.items():
        _line(ax, rows, parameter, key, look, _NAMES[key])
    mark_diverged(ax, [row[parameter] for row in rows if row["diverged"] > 0], INK)


def _many_settings(panels: list["Axes"], rows: list[Row], names: list[str], parameter: str) -> None:
    for ax, key in zip(panels, _SIGNALS, strict=True):
        head_panel(ax, _NAMES[key], pad=22.0)
        for k, name in enumerate(names):
            mine = [row for row in rows if row["setting"] == name]
            look = _look_of(k)
            _line(ax, mine, parameter, key, look, name)
            lost = [row[parameter] for row in mine if row["diverged"] > 0]
            mark_diverged(ax, lost, look.colour, row=k)


def _line(ax: "Axes", rows: list[Row], parameter: str, key: str, look: Look, label: str) -> None:
    rows = sorted(rows, key=lambda row: row[parameter])
    x, middle, low, high = (
        [row[column] for row in rows] for column in (parameter, key, f"{key}_low", f"{key}_high")
    )
    draw_band(ax, x, middle, low, high, look, label=label, markers=True)


def _shade(ax: "Axes", window: Sequence[float | None]) -> None:
    low, high = (np.nan if end is None else float(end) for end in window)
    if np.isfinite(low) or np.isfinite(high):
        left, right = ax.get_xlim()
        start = low if np.isfinite(low) else left
        stop = high if np.isfinite(high) else right
        ax.axvspan(max(start, left), min(stop, right), color=INVARIANT.colour, alpha=0.07, lw=0)
        ax.set_xlim(left, right)


def _scale_signals(ax: "Axes", rows: list[Row], log: bool) -> None:
    """Scale the axis that the panels share, with room for crosses on top."""
    scale_axis(ax, "y", [row[key] for row in rows for key in _SIGNALS], log)
    low, high = ax.get_ylim()
    if log:
        ax.set_ylim(low, high * (high / low) ** 0.08)
    else:
        ax.set_ylim(0.0, 1.08 * high)


def _lines(ax: "Axes", windows: Windows, names: list[str], *, numbered: bool) -> None:
    """Draw the ends of the windows that lie within the axes, and write their numbers on top."""
    left, right = ax.get_xlim()
    inside = [
        (float(end), INK if len(names) == 1 else colour_of(names.index(name)))
        for name, window in windows.items()
        for end in window
        if end is not None and left < end < right
    ]
    for k, (end, colour) in enumerate(sorted(inside)):
        ax.axvline(end, color=colour, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1.5)
        if numbered:
            ax.annotate(
                tick_text(float(f"{end:.3g}"), end),
                xy=(end, 1.0),
                xycoords=ax.get_xaxis_transform(),
                xytext=(0, 1.5 + 9 * (k % 2)),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=colour,
            )
    ax.set_xlim(left, right)


def _legend(ax: "Axes", rows: list[Row], windows: Windows, window_label: str) -> None:
    from matplotlib.lines import Line2D

    handles, labels = ax.get_legend_handles_labels()
    if windows:
        handles.append(Line2D([], [], color=QUIET, linewidth=1.0, linestyle=(0, (2, 2))))
        labels.append(window_label)
    if any(row["diverged"] > 0 for row in rows):
        handles.append(Line2D([], [], color=QUIET, linestyle="none", marker="x", markersize=6))
        labels.append("runs diverged")
    legend_below(ax, handles, [clean(label, 40) for label in labels])


def _finding(rows: list[Row], label: str) -> str:
    out = sum(row["spurious_signal"] < 0.1 * row["invariant_signal"] for row in rows)
    return f"The spurious part is left out at {out} of {len(rows)} values of {label}"


def plot_sensing(
    steps: ArrayLike,
    invariant_signal: ArrayLike,
    spurious_signal: ArrayLike,
    residual: ArrayLike | None = None,
    *,
    status: str = "completed",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw what one trajectory learnt, step after step, on a logarithmic axis.

    Parameters
    ----------
    steps : array-like of shape (T,)
        Recorded steps.
    invariant_signal, spurious_signal : array-like of shape (T,)
        Signals at these steps, such as those of a ``Trajectory``; what is not above 0 leaves a gap.
    residual : array-like of shape (T,), optional
        Norm of what lies outside both.
    status : str
        "diverged" is said in the title and marked at the last step.
    title : str, optional
        By default what the run ended with.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If nothing was recorded or the lengths differ.

    Examples
    --------
    >>> ax = plot_sensing([0, 50, 100], [1e-6, 0.4, 1.0], [1e-6, 0.2, 1e-4])
    >>> ax.get_title(loc="left")
    'After 100 steps: invariant signal 1, spurious signal 0.0001'
    """
    x = np.asarray(steps, dtype=np.float64)
    parts = {
        "invariant signal": (invariant_signal, INVARIANT),
        "spurious signal": (spurious_signal, SPURIOUS),
        **({} if residual is None else {"outside both": (residual, REST)}),
    }
    lines = {name: np.asarray(values, dtype=np.float64) for name, (values, _) in parts.items()}
    if not len(x) or any(line.shape != x.shape for line in lines.values()):
        shapes = [line.shape for line in lines.values()]
        raise ValueError(f"signals of shape {shapes} at {len(x)} steps; needed one value a step.")
    ax = new_axes(7.6, 4.2) if ax is None else ax
    shown: list[float] = []
    for name, line in lines.items():
        gap = np.where(line > 0, line, np.nan)
        draw_band(ax, x, gap, np.full_like(x, np.nan), np.nan * x, parts[name][1], label=name)
        shown += line.tolist()
    if status == "diverged":
        mark_diverged(ax, [float(x[-1])], INK)
    log_axis(ax, "y", shown)
    plain_numbers(ax.xaxis, 6)
    ax.set_xlim(x[0], x[-1] if x[-1] > x[0] else x[0] + 1.0)
    ax.grid(axis="y", **GRID)
    legend_below(ax, *ax.get_legend_handles_labels())
    if title is None:
        title = _ended(x, lines, status)
    return finish(ax, title=title, xlabel="step", ylabel="")


def _ended(x: Any, lines: Mapping[str, Any], status: str) -> str:
    if status == "diverged":
        return f"The run diverged at step {int(x[-1]):,}"
    said = ", ".join(f"{name} {lines[name][-1]:.2g}" for name in list(lines)[:2])
    return f"After {int(x[-1]):,} steps: {said}"
