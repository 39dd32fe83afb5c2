"""A panel a feature: its curve in every environment, and the common one with its band."""

from typing import Any

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar._base._words import listed
from elinvar.plots._axes import (
    Artist,
    Axes,
    clean,
    finish,
    head_figure,
    head_panel,
    legend_below,
    name_side,
    new_panels,
    of_all,
    plain_numbers,
)
from elinvar.plots._marks import Look, dots, draw_line, mark, patch, write
from elinvar.plots._tables import Row, Table, column, distinct, records
from elinvar.plots.palette import ENVIRONMENT_COLOURS, INK, QUIET

COMMON = "common"
# Beyond so many levels names stand upright, and beyond this they are shortened.
_LEVEL, _UPRIGHT = 16, 3
# A curve that differs by less than this share of its size is said to agree.
_AGREES = 0.1


def plot_curves(
    curves: Table,
    features: Table,
    *,
    top: int = 9,
    ylabel: str = "effect on the prediction (units of the target)",
    title: str | None = None,
) -> Axes:
    """Draw what each feature does to the prediction, everywhere and in each environment.

    Thin lines are environments' own curves, the thick one is the common curve, and the band holds
    that of a new environment with 90%. All panels share their vertical axis, so that a flat curve
    is one that matters little. Categories are points: small ones environments, large ones common.

    Parameters
    ----------
    curves : DataFrame or mapping of columns
        ``feature``, ``environment`` ("common" for the common curve), ``x`` (numbers, or the names
        of levels), ``effect``, ``low`` and ``high``, such as ``model.curves_``.
    features : DataFrame or mapping of columns
        ``feature``, ``size`` and ``spread`` of its curves, and ``share`` of the error in new
        environments that their difference explains; panels come in this order.
    top : int
        Panels to draw at most.
    ylabel : str
        What the effects measure, with their unit.
    title : str, optional
        By default which curves agree, and which differ most.

    Returns
    -------
    matplotlib.axes.Axes
        The first panel; ``ax.figure`` has them all, and the title as its ``get_suptitle()``.

    Raises
    ------
    ValueError
        If there is no feature to draw.

    Examples
    --------
    >>> ax = plot_curves(
    ...     {"feature": ["depth"] * 4, "environment": ["Oslo", "Oslo", "common", "common"],
    ...      "x": [0.0, 1.0] * 2, "effect": [-1.0, 1.2, -1.0, 1.0],
    ...      "low": [-1.2, 0.8, -1.1, 0.7], "high": [-0.8, 1.4, -0.9, 1.3]},
    ...     {"feature": ["depth"], "size": [1.0], "spread": [0.2], "share": [0.04]},
    ... )
    >>> ax.get_title(loc="left")
    'depth'
    """
    known = records(
        features, texts=("feature",), numbers=("size", "spread", "share"), needed="features"
    )
    shown = known[:top]
    points = _points(curves)
    places = [place for place in distinct(points, "environment") if place != COMMON]
    drawn = _grid(len(shown))
    for ax, row in zip(drawn, shown, strict=True):
        own = [point for point in points if point["feature"] == row["feature"]]
        _draw_panel(ax, row, own, places)
    plain_numbers(drawn[0].yaxis, 5)
    name_side(drawn[0], ylabel)
    head_figure(
        drawn[0], of_all(_finding(known), len(shown), len(known)) if title is None else title
    )
    marks = _marks(places)
    legend_below(drawn[0], list(marks.values()), list(marks))
    return drawn[0]


def _points(curves: Table) -> list[Row]:
    numbers = ("effect", "low", "high")
    rows = records(curves, texts=("feature", "environment"), numbers=numbers)
    return [row | {"x": x} for row, x in zip(rows, list(curves["x"]), strict=True)]


def _grid(count: int) -> list[Axes]:
    """Return axes for ``count`` panels on a new figure, that share their vertical axis."""
    across = min(count, 2 if count in (2, 4) else 3)
    down = -(-count // across)
    cells = new_panels(3.1 * across + 0.4 if across > 1 else 5.5, 2.5 * down + 1.1, down, across)
    figure: Any = cells[0].figure
    figure.set_layout_engine("constrained", h_pad=0.08)
    for spare in cells[count:]:
        spare.remove()
    return cells[:count]


def _draw_panel(ax: Axes, row: Row, points: list[Row], places: list[str]) -> None:
    ax.axhline(0.0, color=QUIET, linewidth=0.6, zorder=1)
    levels = [str(p["x"]) for p in points if p["environment"] == COMMON]
    draw = _draw_levels if any(isinstance(p["x"], str) for p in points) else _draw_lines
    draw(ax, points, places, levels)
    head_panel(ax, row["feature"], pad=17)
    write(ax, _said(row), (0, 1), frame="axes fraction", shift=(0, 5), va="baseline", size=8)
    finish(ax, title=None, xlabel="", ylabel="")


def _draw_lines(ax: Axes, points: list[Row], places: list[str], levels: list[str]) -> None:
    for k, place in enumerate(places):
        own = [point for point in points if point["environment"] == place]
        look = Look.of_environment(k, len(places), crowd=QUIET)
        draw_line(ax, column(own, "x"), column(own, "effect"), look, width=0.9, alpha=0.75)
    common = [point for point in points if point["environment"] == COMMON]
    x = column(common, "x")
    low, high = column(common, "low"), column(common, "high")
    if np.isfinite(low).any():
        ax.fill_between(x, low, high, color=INK, alpha=0.1, linewidth=0, zorder=1)
    draw_line(ax, x, column(common, "effect"), Look(INK), width=2.4)
    plain_numbers(ax.xaxis, 4)


def _draw_levels(ax: Axes, points: list[Row], places: list[str], levels: list[str]) -> None:
    at = {level: float(k) for k, level in enumerate(levels)}
    # environments stand side by side, from left to right in their order
    shift = np.linspace(-0.22, 0.22, len(places)) if len(places) > 1 else np.zeros(1)
    for k, place in enumerate(places):
        own = [point for point in points if point["environment"] == place]
        look = Look.of_environment(k, len(places), crowd=QUIET)
        x = np.array([at[str(point["x"])] for point in own]) + shift[k]
        dots(ax, x, column(own, "effect"), look.colour, size=12, marker=look.marker, alpha=0.8)
    common = [point for point in points if point["environment"] == COMMON]
    x = np.arange(len(common), dtype=np.float64)
    low, high = column(common, "low"), column(common, "high")
    ax.vlines(x, low, high, colors=INK, linewidth=7, alpha=0.12, zorder=1)
    effect = column(common, "effect")
    ax.hlines(effect, x - 0.33, x + 0.33, colors=INK, linewidth=2.4, zorder=5)
    names = [clean(level, _LEVEL) for level in levels]
    ax.set_xticks(x, names, parse_math=False, rotation=90 if len(levels) > _UPRIGHT else 0)
    ax.set_xlim(-0.6, len(levels) - 0.4)


def _said(row: Row) -> str:
    """Say how far the curves of environments are apart, and what that costs."""
    if not np.isfinite(row["spread"]):
        return ""
    if row["spread"] == 0:
        return "the same in all environments"
    apart = row["spread"] / row["size"] if row["size"] > 0 else np.inf
    if apart < 2:
        much = f"spread {percent(apart)} of its size"
    else:
        much = f"spread {figure(apart, 2)} times its size" if apart < 100 else "no common effect"
    share = row["share"]
    return f"{much}, {percent(share, 1)} of the error" if share >= 0.005 else much


def _marks(places: list[str]) -> dict[str, Artist]:
    marks: dict[str, Artist] = {"common curve": mark(line="-", width=2.4)}
    marks["90% of new environments"] = patch(INK, alpha=0.12)
    if len(places) > len(ENVIRONMENT_COLOURS):
        return marks | {f"{len(places)} environments": mark(QUIET, line="-", width=0.9)}
    looks = [Look.of_environment(k, len(places), crowd=QUIET) for k in range(len(places))]
    return marks | {
        clean(place, 24): mark(look.colour, line="-", width=0.9, marker=look.marker, size=3.5)
        for place, look in zip(places, looks, strict=True)
    }


def _finding(rows: list[Row]) -> str:
    """Say which curves agree between environments, and which differ most."""
    if not any(np.isfinite(row["spread"]) for row in rows):
        return "What each feature does to the prediction"
    agree = [r["feature"] for r in rows if r["spread"] <= _AGREES * r["size"]]
    if len(agree) == len(rows):
        return "All curves agree in all environments"
    rest = [row for row in rows if row["feature"] not in agree]
    worst = max(rest, key=lambda row: float(np.nan_to_num(row["share"])))
    odd = f"{clean(worst['feature'])} differs most between environments"
    if not agree:
        return odd
    verb = "agrees" if len(agree) == 1 else "agree"
    return f"{listed([clean(name, 20) for name in agree], most=3)} {verb}; {odd}"
