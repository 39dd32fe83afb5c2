"""A panel a feature: its effect in each environment, in all of them, and in a new one."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from elinvar._base._verdicts import kept
from elinvar.plots._axes import (
    Artist,
    Axes,
    bare_rows,
    clean,
    finish,
    head_figure,
    head_panel,
    legend_below,
    new_panels,
    of_all,
    plain_numbers,
    tick_text,
)
from elinvar.plots._marks import dots, draw_intervals, mark, write
from elinvar.plots._tables import Row, Table, records
from elinvar.plots.model._forest_panels import (
    COMMON,
    NEW,
    POOLED,
    Panel,
    PanelRows,
    chosen,
    panels_of,
)
from elinvar.plots.palette import INK, QUIET

# Three panels stand side by side if no name is longer than this.
_SHORT_NAME = 21
# Markers as letters, to stand before a verdict.
_MODELS = {"invariant set": " (in the set)", "invariant set and this feature": " (beside the set)"}
_SHAPES = {"o": "●", "s": "■", ">": "▶", "X": "✖", "P": "✚", "v": "▼", "D": "◆"}


def plot_forest(
    effects: Table,
    evidence: Table,
    *,
    features: Sequence[str] | None = None,
    top: int = 8,
    xlabel: str = "effect (units of the target per unit of the feature)",
    title: str | None = None,
    axes: Sequence[Axes] | None = None,
) -> Axes:
    """Draw the effect of each feature in every environment, and what these have in common.

    A panel has a row for each environment (beyond 25, one strip of them all), with its 95%
    interval. Below the rule are the average effect, in the colour and shape of its verdict, the
    effect in the pooled model, hollow, and a bar where the effect in a new environment is to be
    expected. A dotted line goes up from an effect that keeps its size. The environment that differs
    most clearly has a ring. Intervals that would dwarf the effects are cut off, with an arrowhead.

    Parameters
    ----------
    effects : DataFrame or mapping of columns
        ``feature``, ``environment``, ``effect``, ``low`` and ``high``, a row a feature and
        environment, such as ``model.effects_``.
    evidence : DataFrame or mapping of columns
        ``feature``, ``verdict``, ``effect``, ``low``, ``high`` and ``pooled_effect``, and if known
        ``new_low``, ``new_high``, ``odd_environment`` and ``model`` (written unless it is that of
        all features), such as ``model.evidence_``. What is NaN is not drawn.
    features : sequence of str, optional
        Which to show, in this order. By default in the order of verdicts, what keeps its size
        first, and then those whose effect is largest against its interval.
    top : int
        Panels to draw at most.
    xlabel : str
        What the effects measure, with their unit.
    title : str, optional
        By default how many effects keep their sign and size, and how many are shown.
    axes : sequence of Axes, optional
        Where to draw, one for each feature shown; by default a grid on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The first panel; ``ax.figure`` has them all, and the title as its ``get_suptitle()``.

    Raises
    ------
    ValueError
        If a feature is not in the table, or there are fewer axes than features to show.

    Examples
    --------
    >>> ax = plot_forest(
    ...     {"feature": ["depth"] * 2, "environment": ["Oslo", "Rome"], "effect": [1.8, 2.3],
    ...      "low": [1.0, 1.5], "high": [2.6, 3.1]},
    ...     {"feature": ["depth"], "verdict": ["invariant"], "effect": [2.0], "low": [1.5],
    ...      "high": [2.5], "pooled_effect": [-1.0]},
    ... )
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['Oslo', 'Rome', 'average effect', 'pooled model']
    """
    table = records(
        evidence,
        texts=("feature", "verdict", "model", "odd_environment"),
        numbers=("effect", "low", "high", "pooled_effect", "new_low", "new_high"),
    )
    panels, places = panels_of(effects, chosen(table, features)[:top])
    rows = PanelRows.of(panels, places)
    drawn = _grid(panels, rows) if axes is None else list(axes)
    if len(drawn) < max(len(panels), 1):
        raise ValueError(f"There are {len(drawn)} axes for {len(panels)} features.")
    for ax, panel in zip(drawn, panels, strict=False):
        _draw_panel(ax, panel, rows)
    if axes is None:
        head_figure(drawn[0], _finding(table, len(panels)) if title is None else title)
        marks = _marks(panels)
        legend_below(drawn[0], list(marks.values()), list(marks), title=xlabel)
    return drawn[0]


def _grid(panels: list[Panel], rows: PanelRows) -> list[Axes]:
    """Return axes for ``panels`` on a new figure; they share their rows."""
    count = max(len(panels), 1)
    wide = count <= 4 or any(len(panel.feature) > _SHORT_NAME for panel in panels)
    across = min(count, 2 if wide else 3)
    down = -(-count // across)
    # inches: a row, the title and ticks of a panel, and the figure's own head and legend
    pitch = 0.19 if len(rows.labels) < 16 else 0.165
    height = down * (pitch * (rows.bottom + 0.7) + 0.75) + 0.9
    cells = new_panels(9.0 if across > 1 else 6.5, height, down, across)
    figure: Any = cells[0].figure
    figure.set_layout_engine("constrained", h_pad=0.08)
    for spare in cells[count:]:
        spare.remove()
    return cells[:count]


def _draw_panel(ax: Axes, panel: Panel, rows: PanelRows) -> None:
    ax.set_xlim(*panel.limits(strip=rows.strip))
    ax.set_ylim(rows.bottom, -0.7)
    ax.set_yticks(list(rows.labels), list(rows.labels.values()), parse_math=False)
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    ax.axhline(rows.rule, color=QUIET, linewidth=0.6, zorder=1)
    _draw_environments(ax, panel, rows)
    _draw_summaries(ax, panel, rows)
    _head(ax, panel, odd=rows.places[panel.odd] if rows.strip and panel.odd is not None else "")
    _number(ax)
    finish(ax, title=None, xlabel="", ylabel="")
    bare_rows(ax, pad=3.5)
    ax.tick_params(labelsize=8.5)


def _number(ax: Axes) -> None:
    """Write as many ticks as there is room for, at about 13 characters an inch."""
    figure: Any = ax.figure
    room = 13.0 * ax.get_position().width * figure.get_figwidth()
    for most in (4, 3, 2):
        plain_numbers(ax.xaxis, most)
        low, high = ax.get_xlim()
        texts = [tick_text(x, max(-low, high)) for x in ax.get_xticks() if low <= x <= high]
        if sum(len(text) + 2 for text in texts) <= room:
            break


def _draw_environments(ax: Axes, panel: Panel, rows: PanelRows) -> None:
    effect, low, high = panel.each
    y = np.arange(len(effect)) * (0.0 if rows.strip else 1.0)
    if rows.strip:
        dots(ax, effect, y, INK, size=110, marker="|", edge=1.5, alpha=0.45, zorder=3)
    else:
        draw_intervals(ax, y, low, high, colour=INK, width=1.1, alpha=0.6, zorder=2)
        dots(ax, effect, y, INK, size=20)
    if panel.odd is not None:
        dots(ax, effect[panel.odd], y[panel.odd], INK, size=90, hollow=True, edge=1.1, zorder=5)


def _draw_summaries(ax: Axes, panel: Panel, rows: PanelRows) -> None:
    (common, low, high), y = panel.common, rows.of_summary(COMMON)
    colour = panel.look.colour
    if panel.holds and np.isfinite(common):
        ax.vlines(common, -0.7, rows.rule, colors=colour, linewidths=0.9, linestyles=":", zorder=1)
    draw_intervals(ax, y, low, high, colour=colour, width=2.8, alpha=0.55, zorder=3)
    dots(ax, common, y, colour, size=52, marker=panel.look.marker, zorder=5)
    if POOLED in rows.summaries:
        y = rows.of_summary(POOLED)
        dots(ax, panel.pooled, y, INK, size=38, marker="D", hollow=True, edge=1.1)
    if NEW in rows.summaries:
        y = rows.of_summary(NEW)
        draw_intervals(ax, y, *panel.new, colour=colour, width=8.0, alpha=0.3, zorder=2)


def _head(ax: Axes, panel: Panel, *, odd: str) -> None:
    """Write the feature, and below it the verdict beside its mark."""
    head_panel(ax, panel.feature, pad=18)
    said = panel.verdict + _MODELS.get(panel.model, "")
    said += f" ○ {clean(odd, 16)}" * bool(odd)
    shape = _SHAPES[panel.look.marker]
    for text, shift, colour in ((shape, 0, panel.look.colour), (said, 11, INK)):
        write(
            ax, text, (0, 1), frame="axes fraction", shift=(shift, 5), va="baseline", colour=colour
        )


def _marks(panels: list[Panel]) -> dict[str, Artist]:
    """Return the marks that no row is labelled with."""
    marks: dict[str, Artist] = {"95% interval": mark(line="-", width=1.1, alpha=0.6)}
    if any(panel.odd is not None for panel in panels):
        marks["differs most clearly"] = mark(marker="o", size=9, hollow=True)
    return marks


def _finding(table: list[Row], shown: int) -> str:
    if len(table) == 1:
        return ""
    return of_all(kept([row["verdict"] for row in table]), shown, len(table))
