"""A row a feature: the effect that holds everywhere beside the pooled one."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from elinvar.plots._intervals import draw_intervals, range_of
from elinvar.plots._style import (
    HOLDS,
    INK,
    QUIET,
    VERDICT_COLOURS,
    clean,
    finish,
    found_to_hold,
    legend_below,
    new_axes,
    plain_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Intervals of effects that do not hold, and for new environments, are shown as far beyond the
# effects as this share of their range.
_REACH = 0.4


def plot_effects(
    table: Any,
    *,
    xlabel: str = "effect (units of the target per unit of the feature)",
    title: str | None = None,
    top: int = 30,
    ax: "Axes | None" = None,
) -> "Axes":
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
    names = [str(name) for name in table["feature"]]
    verdicts = [str(verdict) for verdict in table["verdict"]]
    effect, low, high, pooled = (
        np.asarray(table[key], dtype=np.float64)
        for key in ("effect", "low", "high", "pooled_effect")
    )
    size = np.nanmax(np.abs(np.nan_to_num(np.vstack([effect, pooled]))), axis=0, initial=0.0)
    rows = sorted(np.argsort(-size, kind="stable")[:top].tolist())
    kinds = [verdicts[j] for j in rows]
    new = _new(table, rows)
    ax = new_axes(9.0, 1.7 + 0.3 * max(len(rows), 2)) if ax is None else ax
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    ends = np.array([low[rows], high[rows]])
    sure = ends[:, [kind in HOLDS for kind in kinds]].ravel()
    core = np.concatenate([[0.0], effect[rows], pooled[rows], sure])
    ax.set_xlim(*range_of(core, np.hstack([ends, new]), reach=_REACH))
    draw_intervals(ax, range(len(rows)), *new, colour=QUIET, linewidth=1.0, zorder=2, alpha=0.9)
    for y, j in enumerate(rows):
        _draw_row(ax, y, effect[j], ends[:, y], pooled[j], verdicts[j])
    ax.set_yticks(range(len(rows)), [clean(names[j]) for j in rows], parse_math=False)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, pad=7)
    plain_numbers(ax.xaxis)
    _legend(ax, kinds, pooled=bool(np.isfinite(pooled).any()), new=bool(np.isfinite(new).any()))
    if title is None:
        title = _finding(names, verdicts, effect, pooled)
        if len(rows) < len(names):
            title += f" ({len(rows)} of {len(names)} shown)"
    finish(ax, title=title, xlabel=xlabel, ylabel="", wrap=66)
    ax.spines["left"].set_visible(False)
    return ax


def _new(table: Any, rows: list[int]) -> NDArray[np.float64]:
    """Return the ends (2, n_rows) of the intervals for a new environment, NaN if not known."""
    if "new_low" not in table or "new_high" not in table:
        return np.full((2, len(rows)), np.nan)
    return np.array([np.asarray(table[key], np.float64)[rows] for key in ("new_low", "new_high")])


def _draw_row(
    ax: "Axes", y: int, effect: float, ends: NDArray[np.float64], pooled: float, verdict: str
) -> None:
    colour = VERDICT_COLOURS.get(verdict, QUIET)
    look = {"linewidth": _width(verdict), "alpha": 0.55 if verdict in HOLDS else 1.0}
    draw_intervals(ax, y, *ends, colour=colour, zorder=4, **look)
    ax.plot([pooled, effect], [y, y], color=QUIET, linewidth=0.7, linestyle=":", zorder=2)
    ax.plot(effect, y, marker="o", markersize=6.5, color=colour, linestyle="none", zorder=5)
    ax.plot(
        pooled,
        y,
        marker="D",
        markersize=6,
        markerfacecolor="none",
        markeredgecolor=INK,
        markeredgewidth=1.1,
        linestyle="none",
        zorder=3,
    )


def _width(verdict: str) -> float:
    return 2.6 if verdict in HOLDS else 1.2


def _finding(names: list[str], verdicts: list[str], effect: Any, pooled: Any) -> str:
    holds = [verdict in HOLDS for verdict in verdicts]
    turned = [
        name
        for name, keep, mine, theirs in zip(names, holds, effect, pooled, strict=True)
        if keep and mine * theirs < 0
    ]
    if len(turned) == 1:
        return f"{clean(turned[0])} changes sign"
    if turned:
        named = ", ".join(clean(name) for name in turned[:2])
        more = f" and {len(turned) - 2} more" if len(turned) > 2 else ""
        return f"{len(turned)} effects change sign: {named}{more}"
    return found_to_hold(verdicts)


def _legend(ax: "Axes", verdicts: list[str], *, pooled: bool, new: bool) -> None:
    from matplotlib.lines import Line2D

    labels = [kind for kind in VERDICT_COLOURS if kind in verdicts]
    handles = [
        Line2D(
            [],
            [],
            color=VERDICT_COLOURS[kind],
            marker="o",
            markersize=6.5,
            linewidth=_width(kind),
        )
        for kind in labels
    ]
    if pooled:
        look: Any = {"marker": "D", "markersize": 6, "markeredgecolor": INK}
        handles.append(Line2D([], [], linestyle="none", markerfacecolor="none", **look))
        labels.append("pooled")
    if new:
        handles.append(Line2D([], [], color=QUIET, linewidth=1.0))
        labels.append("new environment (90%)")
    legend_below(ax, handles, labels)
