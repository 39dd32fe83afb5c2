"""A row a feature: the effect that holds everywhere beside the pooled one."""

import numpy as np

from elinvar.plots._axes import (
    Axes,
    clean,
    finish,
    found_to_hold,
    legend_below,
    name_rows,
    new_axes,
    plain_numbers,
)
from elinvar.plots._marks import dots, draw_intervals, mark, range_of
from elinvar.plots._tables import Row, Table, column, largest, records
from elinvar.plots.palette import HOLDS, INK, QUIET, VERDICT_COLOURS

# Intervals of effects that do not hold, and for new environments, are shown as far beyond the
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

    Intervals of effects that hold are thick, others thin. Where it is known, a grey line shows
    where the effect in a new environment is to be expected. Intervals that do not hold and would
    dwarf the effects are cut off, with an arrowhead.

    Parameters
    ----------
    table : DataFrame or mapping of columns
        ``feature``, ``verdict``, ``effect``, ``low``, ``high`` and ``pooled_effect``, a row a
        feature, and if known ``new_low`` and ``new_high``, such as ``model.evidence_``. What is
        NaN is not drawn.
    xlabel : str
        What the effects measure, with its unit.
    title : str, optional
        By default which effects change sign, or how many hold everywhere.
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
    'depth changes sign'
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
    sure = [row["verdict"] in HOLDS for row in rows]
    core = np.hstack([0.0, effect, pooled, low[sure], high[sure]])
    ax.set_xlim(*range_of(core, np.hstack([low, high, *new]), reach=_REACH))
    y = np.arange(len(rows))
    draw_intervals(ax, y, *new, colour=QUIET, width=1.0, alpha=0.9, zorder=2)
    for k, row in enumerate(rows):
        colour, alpha = _colour(row["verdict"]), 0.55 if sure[k] else 1.0
        width = _width(row["verdict"])
        draw_intervals(ax, k, low[k], high[k], colour=colour, width=width, alpha=alpha, zorder=4)
        ax.plot([pooled[k], effect[k]], [k, k], color=QUIET, linewidth=0.7, linestyle=":", zorder=2)
    dots(ax, effect, y, [_colour(row["verdict"]) for row in rows], size=56, zorder=5)
    dots(ax, pooled, y, INK, size=36, marker="D", hollow=True, edge=1.1, zorder=3)


def _colour(verdict: str) -> str:
    return VERDICT_COLOURS.get(verdict, QUIET)


def _width(verdict: str) -> float:
    return 2.6 if verdict in HOLDS else 1.2


def _finding(rows: list[Row]) -> str:
    turned = [
        clean(row["feature"])
        for row in rows
        if row["verdict"] in HOLDS and row["effect"] * row["pooled_effect"] < 0
    ]
    if len(turned) == 1:
        return f"{turned[0]} changes sign"
    if turned:
        more = f" and {len(turned) - 2} more" if len(turned) > 2 else ""
        return f"{len(turned)} effects change sign: {', '.join(turned[:2])}{more}"
    return found_to_hold([row["verdict"] for row in rows])


def _legend(ax: Axes, rows: list[Row]) -> None:
    present = {row["verdict"] for row in rows}
    marks = {
        kind: mark(colour, marker="o", line="-", width=_width(kind))
        for kind, colour in VERDICT_COLOURS.items()
        if kind in present
    }
    if np.isfinite(column(rows, "pooled_effect")).any():
        marks["pooled"] = mark(marker="D", size=6, hollow=True)
    if np.isfinite(column(rows, "new_low")).any():
        marks["new environment (90%)"] = mark(QUIET, line="-", width=1.0)
    legend_below(ax, list(marks.values()), list(marks))
