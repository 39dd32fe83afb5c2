"""A row a feature: the effect that holds everywhere beside the pooled one."""

from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.plots._style import (
    HOLDS,
    INK,
    QUIET,
    VERDICT_COLOURS,
    clean,
    finish,
    legend_below,
    new_axes,
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

    Parameters
    ----------
    table : DataFrame or mapping of columns
        ``feature``, ``verdict``, ``effect``, ``low``, ``high`` and ``pooled_effect``, a row a
        feature, such as ``model.evidence_``. An effect that is NaN is not drawn.
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
    ax.set_yticks(range(len(rows)), [clean(names[j]) for j in rows], parse_math=False)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    _legend(ax, [verdicts[j] for j in rows])
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
    return f"{sum(holds)} of {len(names)} effects hold in every environment"


def _legend(ax: "Axes", verdicts: list[str]) -> None:
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
    legend_below(ax, handles, [*labels, "pooled"])
