"""A row a feature: the effect that holds everywhere beside the pooled one."""

from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.plots._intervals import draw_intervals, range_of
from elinvar.plots._style import (
    HOLDS,
    INK,
    QUIET,
    VERDICT_COLOURS,
    clean,
    finish,
    legend_below,
    new_axes,
    plain_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_effects(
    table: Any,
    *,
    xlabel: str = "effect (units of the target per unit of the feature)",
    title: str | None = None,
    top: int = 30,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw each effect with its interval, and the pooled effect beside it.

    Where it is known, a thin line shows where the effect in a new environment is to be expected,
    as far as it does not dwarf the effects.

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
    ax = new_axes(9.0, 1.7 + 0.3 * max(len(rows), 2)) if ax is None else ax
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    for y, j in enumerate(rows):
        _draw_row(ax, y, effect[j], low[j], high[j], pooled[j], verdicts[j])
    new = _draw_new(ax, table, rows, [0.0, *effect[rows], *low[rows], *high[rows], *pooled[rows]])
    ax.set_yticks(range(len(rows)), [clean(names[j]) for j in rows], parse_math=False)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, pad=7)
    plain_numbers(ax.xaxis)
    _legend(ax, [verdicts[j] for j in rows], new=new)
    if title is None:
        title = _finding(names, verdicts, effect, pooled)
        if len(rows) < len(names):
            title += f" ({len(rows)} of {len(names)} shown)"
    finish(ax, title=title, xlabel=xlabel, ylabel="", wrap=66)
    ax.spines["left"].set_visible(False)
    return ax


def _draw_row(
    ax: "Axes", y: float, effect: float, low: float, high: float, pooled: float, verdict: str
) -> None:
    colour = VERDICT_COLOURS.get(verdict, QUIET)
    if np.isfinite(pooled):
        if np.isfinite(effect):
            ax.plot([pooled, effect], [y, y], color=QUIET, linewidth=0.7, linestyle=":", zorder=2)
        ax.plot(
            [pooled],
            [y],
            marker="D",
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=INK,
            markeredgewidth=1.1,
            linestyle="none",
            zorder=3,
        )
    if np.isfinite(low) and np.isfinite(high):
        ax.plot(
            [low, high],
            [y, y],
            color=colour,
            linewidth=2.6,
            alpha=0.55,
            zorder=4,
            solid_capstyle="butt",
        )
    if np.isfinite(effect):
        ax.plot([effect], [y], marker="o", markersize=6.5, color=colour, linestyle="none", zorder=5)


def _draw_new(ax: "Axes", table: Any, rows: list[int], core: list[float]) -> bool:
    """Draw the intervals for a new environment, and return whether there are any."""
    if "new_low" not in table or "new_high" not in table:
        return False
    low, high = (np.asarray(table[key], dtype=np.float64)[rows] for key in ("new_low", "new_high"))
    ax.set_xlim(*range_of(core, [low, high], reach=0.2))
    draw_intervals(
        ax, np.arange(len(rows)), low, high, colour=QUIET, linewidth=1.0, zorder=2, alpha=0.9
    )
    return not bool(np.isnan(low + high).all())


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
    return f"Found to hold in every environment: {sum(holds)} of {len(names)} effects"


def _legend(ax: "Axes", verdicts: list[str], *, new: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=VERDICT_COLOURS[kind], marker="o", markersize=6.5, linewidth=2.6)
        for kind in VERDICT_COLOURS
        if kind in verdicts
    ]
    labels = [kind for kind in VERDICT_COLOURS if kind in verdicts]
    handles.append(
        Line2D(
            [],
            [],
            marker="D",
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=INK,
            linestyle="none",
        )
    )
    labels.append("pooled")
    if new:
        handles.append(Line2D([], [], color=QUIET, linewidth=1.0))
        labels.append("new environment (90%)")
    legend_below(ax, handles, labels)
