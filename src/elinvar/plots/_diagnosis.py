"""What the environments can show, feature by feature, before anything is fitted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from elinvar.plots._style import (
    INK,
    QUIET,
    VERDICT_COLOURS,
    clean,
    finish,
    head_figure,
    head_panel,
    legend_below,
    new_figure,
    plain_numbers,
)
from elinvar.plots._tables import Row, records

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_FLIP = VERDICT_COLOURS["spurious"]
_NUMBERS = (
    "mean_shift",
    "scale_ratio",
    "slope",
    "slope_sd",
    "detectable_sd",
    "positive",
    "negative",
    "growth",
)


def plot_diagnosis(
    features: Any,
    *,
    step_size: float | None = None,
    top: int = 30,
    title: str | None = None,
    axes: "Sequence[Axes] | None" = None,
) -> "Axes":
    """Draw three columns with a row a feature: does it differ, does its slope, would it die out.

    The first column has the shift of the feature's mean between environments, and beside it how
    many times the largest of its standard deviations is the smallest; the dot is filled if its law,
    given the other features, clearly differs. The second has its average
    slope on the target, a line over one standard deviation between environments to either side, and
    a band: differences within it cannot be seen with these rows. A slope that changes sign is a
    cross, with the numbers of environments where it is clearly positive and negative. The third has
    the growth exponent of plain HeteroSGD: what is below 0 dies out.

    Parameters
    ----------
    features : DataFrame or mapping of columns
        ``feature``, ``mean_shift``, ``scale_ratio``, ``moved``, ``slope``, ``slope_sd``,
        ``detectable_sd``, ``positive``, ``negative``, ``flips`` and ``growth``, such as
        ``diagnosis.features``. What is NaN is not drawn.
    step_size : float, optional
        Step size that the growth exponents are for.
    top : int
        Rows to draw at most: the features with the largest slopes.
    title : str, optional
        By default how many features differ, and how many slopes change sign.
    axes : sequence of three Axes, optional
        Where to draw; by default a new figure as high as the rows need.

    Returns
    -------
    matplotlib.axes.Axes
        The first column; ``ax.figure`` has them all, and the title as its ``get_suptitle()``.

    Examples
    --------
    >>> ax = plot_diagnosis({
    ...     "feature": ["depth", "length"], "mean_shift": [0.9, 0.1], "scale_ratio": [1.5, 1.1],
    ...     "moved": [True, False], "slope": [0.4, -0.2], "slope_sd": [0.05, 0.5],
    ...     "detectable_sd": [0.1, 0.1], "positive": [3, 1], "negative": [0, 2],
    ...     "flips": [False, True], "growth": [0.04, -0.01],
    ... })
    >>> ax.figure.get_suptitle()
    'Law given the other features clearly differs: 1 of 2; 1 slope changes sign'
    """
    table = records(features, texts=("feature",), numbers=_NUMBERS)
    for key in ("moved", "flips"):
        for row, cell in zip(table, features[key], strict=True):
            row[key] = bool(cell)
    order = sorted(range(len(table)), key=lambda j: -abs(np.nan_to_num(table[j]["slope"])))
    rows = [table[j] for j in sorted(order[:top])]
    drawn = _columns(len(rows)) if axes is None else list(axes)
    _draw_shift(drawn[0], rows)
    _draw_slope(drawn[1], rows)
    _draw_growth(drawn[2], rows, step_size)
    for ax in drawn:
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0, pad=7)
        ax.spines["left"].set_visible(False)
    drawn[0].set_yticks(
        range(len(rows)), [clean(row["feature"], 24) for row in rows], parse_math=False
    )
    if axes is None:
        head_figure(drawn[0], _finding(table, len(rows)) if title is None else title)
        marks = _marks(rows)
        legend_below(drawn[0], list(marks.values()), list(marks))
    return drawn[0]


def _columns(count: int) -> "list[Axes]":
    figure = new_figure(9.0, 2.0 + 0.235 * max(count, 2))
    grid = figure.subplots(1, 3, sharey=True, width_ratios=(1.0, 1.5, 1.1))
    return list(grid)


def _column(rows: list[Row], key: str) -> NDArray[np.float64]:
    return np.array([row[key] for row in rows], dtype=np.float64)


def _draw_shift(ax: "Axes", rows: list[Row]) -> None:
    y, shift = np.arange(len(rows)), _column(rows, "mean_shift")
    moved = np.array([row["moved"] for row in rows], dtype=bool)
    ax.hlines(y, 0.0, shift, colors=QUIET, linewidths=1.2, zorder=2)
    dots: dict[str, Any] = {"s": 26, "edgecolors": INK, "linewidths": 1.0, "clip_on": False}
    ax.scatter(shift[moved], y[moved], color=INK, zorder=3, **dots)
    ax.scatter(shift[~moved], y[~moved], facecolors="none", zorder=3, **dots)
    for k, row in enumerate(rows):
        _beside(ax, k, _times(row["scale_ratio"]))
    _dress(ax, "the feature itself", "shift of its mean (sd); \u00d7 spread")
    ax.set_xlim(0.0, 1.05 * max([*shift[np.isfinite(shift)], 0.1]))


def _times(ratio: float) -> str:
    """Return how many times one spread is another."""
    if np.isnan(ratio):
        return ""
    text = "\u221e" if np.isinf(ratio) else f"{ratio:.2g}" if ratio < 10 else f"{ratio:,.0f}"
    return f"\u00d7{text}"


def _draw_slope(ax: "Axes", rows: list[Row]) -> None:
    y = np.arange(len(rows))
    slope, sd, band = (_column(rows, key) for key in ("slope", "slope_sd", "detectable_sd"))
    flips = np.array([row["flips"] for row in rows], dtype=bool)
    colours = [_FLIP if flip else INK for flip in flips]
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    ax.hlines(y, slope - band, slope + band, colors=QUIET, linewidths=9, alpha=0.3, zorder=2)
    ax.hlines(y, slope - sd, slope + sd, colors=colours, linewidths=1.6, alpha=0.8, zorder=3)
    ax.scatter(slope[~flips], y[~flips], s=26, color=INK, linewidths=0, zorder=4)
    ax.scatter(slope[flips], y[flips], s=36, marker="X", color=_FLIP, linewidths=0, zorder=4)
    for k, row in enumerate(rows):
        if row["flips"]:
            _beside(ax, k, f"{row['positive']:.0f}+ {row['negative']:.0f}\u2212")
    _dress(ax, "slope on the target", "sd of the target per sd")


def _draw_growth(ax: "Axes", rows: list[Row], step_size: float | None) -> None:
    y, growth = np.arange(len(rows)), _column(rows, "growth")
    reach = 1.1 * max([*np.abs(growth[np.isfinite(growth)]), 1e-12])
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    bar = np.clip(growth, -reach, reach)
    ax.hlines(y, 0.0, bar, colors=INK, linewidths=8, alpha=0.55, zorder=2)
    _dress(
        ax,
        "growth" if step_size is None else f"growth at step {step_size:.3g}",
        "\u2190 dies out \u00b7 stays \u2192",
    )
    ax.set_xlim(-reach if (growth < 0).any() else -0.25 * reach, reach)


def _beside(ax: "Axes", y: float, text: str) -> None:
    ax.annotate(
        text,
        xy=(1.0, y),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        color=INK,
        annotation_clip=False,
        parse_math=False,
    )


def _dress(ax: "Axes", title: str, xlabel: str) -> None:
    head_panel(ax, title)
    finish(ax, title=None, xlabel=xlabel, ylabel="")
    plain_numbers(ax.xaxis, 4)


def _marks(rows: list[Row]) -> "dict[str, Artist]":
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def dot(**look: Any) -> Line2D:
        return Line2D([], [], linestyle="none", **look)

    marks: dict[str, Artist] = {
        "its law differs": dot(marker="o", color=INK, markersize=5.5),
        "no difference seen": dot(
            marker="o", markerfacecolor="none", markeredgecolor=INK, markersize=5.5
        ),
        "sd between environments": Line2D([], [], color=INK, linewidth=1.6, alpha=0.8),
        "too small to be seen": Patch(facecolor=QUIET, alpha=0.3, linewidth=0),
    }
    if any(row["flips"] for row in rows):
        marks["changes sign"] = dot(marker="X", color=_FLIP, markersize=6.5, markeredgewidth=0)
    return marks


def _finding(table: list[Row], shown: int) -> str:
    moved, flips = (sum(row[key] for row in table) for key in ("moved", "flips"))
    change = f"{flips or 'no'} slope changes" if flips < 2 else f"{flips} slopes change"
    text = f"Law given the other features clearly differs: {moved} of {len(table)}; {change} sign"
    return text if shown == len(table) else f"{text} ({shown} shown)"
