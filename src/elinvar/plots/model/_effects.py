"""A row a feature: the effect that holds everywhere beside the pooled one."""

import numpy as np

from elinvar._base._verdicts import KEEP_SIGN, KEEP_SIZE, kept
from elinvar._base._words import listed
from elinvar.plots._axes import (
    Axes,
    clean,
    finish,
    legend_below,
    name_rows,
    new_axes,
    plain_numbers,
)
from elinvar.plots._marks import Look, dots, draw_intervals, mark, range_of
from elinvar.plots._tables import Row, Table, column, largest, records
from elinvar.plots.palette import INK, QUIET, VERDICT_COLOURS, VERDICT_MARKERS

# Intervals of effects that may change, and for new environments, are shown as far beyond the
# effects as this share of their range.
_REACH = 0.4

_NUMBERS = ("effect", "low", "high", "pooled_effect", "new_low", "new_high")


def plot_effects(
    table: Table,
    *,
    xlabel: str = "effect (units of the target per unit of the feature)",
    title: str | None = None,
    top: int = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw each effect with its interval, and the pooled effect beside it.

    Intervals of effects that keep their size are thick, others thin. Where it is known, a grey line
    shows where the effect in a new environment is to be expected. Thin intervals that would dwarf
    the effects are cut off, with an arrowhead.

    Parameters
    ----------
    table : DataFrame or mapping of columns
        ``feature``, ``verdict``, ``effect``, ``low``, ``high`` and ``pooled_effect``, a row a
        feature, and if known ``new_low`` and ``new_high``, such as ``model.evidence_``. What is
        NaN is not drawn.
    xlabel : str
        What the effects measure, with its unit.
    title : str, optional
        By default which signs the pooled model has wrong, or how many effects keep what.
    top : int
        Rows to draw at most: those with the largest effects.
    ax : Axes, optional
        Where to draw; by default a new figure as high as the rows need.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; the first feature is at the top.

    Examples
    --------
    >>> ax = plot_effects({
    ...     "feature": ["depth"], "verdict": ["invariant"], "effect": [2.0], "low": [1.0],
    ...     "high": [3.0], "pooled_effect": [-1.0],
    ... })
    >>> ax.get_title(loc="left")
    'One fit to all rows has the sign of depth wrong'
    """
    known = records(table, texts=("feature", "verdict"), numbers=_NUMBERS)
    both = np.nan_to_num([column(known, key) for key in ("effect", "pooled_effect")])
    rows = largest(known, np.abs(both).max(axis=0).tolist(), top)
    ax = new_axes(9.0, 1.7 + 0.3 * max(len(rows), 2)) if ax is None else ax
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    _draw(ax, rows)
    name_rows(ax, [row["feature"] for row in rows])
    plain_numbers(ax.xaxis)
    _legend(ax, rows)
    if title is None:
        title = _finding(known)
        if len(rows) < len(known):
            title += f" ({len(rows)} of {len(known)} shown)"
    return finish(ax, title=title, xlabel=xlabel, ylabel="", wrap=66)


def _draw(ax: Axes, rows: list[Row]) -> None:
    effect, low, high, pooled, *new = (column(rows, key) for key in _NUMBERS)
    sure = [row["verdict"] in KEEP_SIZE for row in rows]
    core = np.hstack([0.0, effect, pooled, low[sure], high[sure]])
    ax.set_xlim(*range_of(core, np.hstack([low, high, *new]), reach=_REACH))
    y = np.arange(len(rows))
    draw_intervals(ax, y, *new, colour=QUIET, width=1.0, alpha=0.9, zorder=2)
    looks = [Look.of_verdict(row["verdict"]) for row in rows]
    for k, look in enumerate(looks):
        width, alpha = _width(rows[k]["verdict"]), 0.55 if sure[k] else 1.0
        draw_intervals(
            ax, k, low[k], high[k], colour=look.colour, width=width, alpha=alpha, zorder=4
        )
        ax.plot([pooled[k], effect[k]], [k, k], color=QUIET, linewidth=0.7, linestyle=":", zorder=2)
    for k, look in enumerate(looks):
        dots(ax, effect[k], k, look.colour, size=56, marker=look.marker, zorder=5)
    dots(ax, pooled, y, INK, size=36, marker="D", hollow=True, edge=1.1, zorder=3)


def _width(verdict: str) -> float:
    return 2.6 if verdict in KEEP_SIZE else 1.2


def _finding(rows: list[Row]) -> str:
    turned = [
        clean(row["feature"])
        for row in rows
        if row["verdict"] in KEEP_SIGN and row["effect"] * row["pooled_effect"] < 0
    ]
    if len(turned) == 1:
        return f"One fit to all rows has the sign of {turned[0]} wrong"
    if turned:
        return f"One fit to all rows has {len(turned)} signs wrong: {listed(turned, most=3)}"
    return kept([row["verdict"] for row in rows])


def _legend(ax: Axes, rows: list[Row]) -> None:
    present = {row["verdict"] for row in rows}
    marks = {
        kind: mark(colour, marker=VERDICT_MARKERS[kind], line="-", width=_width(kind))
        for kind, colour in VERDICT_COLOURS.items()
        if kind in present
    }
    if np.isfinite(column(rows, "pooled_effect")).any():
        marks["pooled"] = mark(marker="D", size=6, hollow=True)
    if np.isfinite(column(rows, "new_low")).any():
        marks["new environment (90%)"] = mark(QUIET, line="-", width=1.0)
    legend_below(ax, list(marks.values()), list(marks))
