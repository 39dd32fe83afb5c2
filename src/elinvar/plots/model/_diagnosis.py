"""What the environments can show, feature by feature, before anything is fitted."""

from collections.abc import Sequence

import numpy as np

from elinvar._base._numbers import figure
from elinvar.plots._axes import (
    Artist,
    Axes,
    bare_rows,
    finish,
    head_figure,
    head_panel,
    legend_below,
    name_rows,
    new_figure,
    of_all,
    plain_numbers,
    tick_text,
)
from elinvar.plots._marks import dots, mark, patch, reach, write
from elinvar.plots._tables import Row, Table, column, largest, records
from elinvar.plots.palette import INK, QUIET, VERDICT_COLOURS

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
    features: Table,
    *,
    step_size: float | None = None,
    top: int = 30,
    slope_unit: str = "sd of the target per sd",
    title: str | None = None,
    axes: Sequence[Axes] | None = None,
) -> Axes:
    """Draw a row a feature: does it differ between environments, and does the target's slope on it.

    The first column has the shift of the feature's mean between environments, cut where one would
    squeeze all others, and beside it how many times the largest of its standard deviations is the
    smallest ("0 in one" where it does not vary in some environment); the dot is filled if its law,
    given the other features, clearly differs. The second has its average
    slope on the target, a line over one standard deviation between environments to either side, and
    a band: differences within it cannot be seen with these rows. A slope that changes sign is a
    cross, with the numbers of environments where it is clearly positive and negative. With a step
    size, a third column has the growth exponent of plain HeteroSGD: what is below 0 dies out.

    Parameters
    ----------
    features : DataFrame or mapping of columns
        ``feature``, ``mean_shift``, ``scale_ratio``, ``moved``, ``slope``, ``slope_sd``,
        ``detectable_sd``, ``positive``, ``negative``, ``flips`` and ``growth``, such as
        ``diagnosis.features``. What is NaN is not drawn.
    step_size : float, optional
        Step size that the growth exponents are for; without it they are not drawn.
    top : int
        Rows to draw at most: the features with the largest slopes.
    slope_unit : str
        What slopes are measured in.
    title : str, optional
        By default how many features differ, and how many slopes change sign.
    axes : sequence of Axes, two or with ``step_size`` three, optional
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
    '1 of 2 features differs, given the others; 1 slope changes sign'
    """
    table = records(features, texts=("feature",), numbers=_NUMBERS)
    for key in ("moved", "flips"):
        for row, cell in zip(table, features[key], strict=True):
            row[key] = bool(cell)
    rows = largest(table, np.abs(np.nan_to_num(column(table, "slope"))).tolist(), top)
    with_growth = step_size is not None
    drawn = _columns(len(rows), 2 + with_growth) if axes is None else list(axes)
    _draw_shift(drawn[0], rows)
    _draw_slope(drawn[1], rows, slope_unit)
    if step_size is not None:
        _draw_growth(drawn[2], rows, step_size)
    for ax in drawn:
        ax.set_ylim(len(rows) - 0.4, -0.6)
        bare_rows(ax)
    name_rows(drawn[0], [row["feature"] for row in rows], longest=24)
    if axes is None:
        finding = of_all(_finding(table), len(rows), len(table))
        head_figure(drawn[0], finding if title is None else title)
        marks = _marks(rows)
        legend_below(drawn[0], list(marks.values()), list(marks))
    return drawn[0]


def _columns(n_rows: int, n_columns: int) -> list[Axes]:
    figure = new_figure(9.0, 2.0 + 0.235 * max(n_rows, 2))
    grid = figure.subplots(1, n_columns, sharey=True, width_ratios=(1.0, 1.5, 1.1)[:n_columns])
    return list(grid)


def _draw_shift(ax: Axes, rows: list[Row]) -> None:
    y, shift = np.arange(len(rows)), column(rows, "mean_shift")
    moved = np.array([row["moved"] for row in rows], dtype=bool)
    end = reach(shift)
    shown = np.minimum(shift, end)
    ax.hlines(y, 0.0, shown, colors=QUIET, linewidths=1.2, zorder=2)
    for which, hollow in ((moved, False), (~moved, True)):
        dots(ax, shown[which], y[which], INK, size=26, hollow=hollow, edge=1.0, clip=False)
    for k in np.flatnonzero(shift > end).tolist():
        _say(ax, k, figure(float(shift[k]), 2), end)
    for k, row in enumerate(rows):
        _beside(ax, k, _times(row["scale_ratio"]))
    _dress(ax, "the feature itself", "shift of its mean (sd); \u00d7 spread")
    ax.set_xlim(0.0, 1.05 * max(end, 0.1))


def _times(ratio: float) -> str:
    """Return how many times one spread is another."""
    if np.isnan(ratio):
        return ""
    if np.isinf(ratio):
        return "0 in one"  # it does not vary somewhere
    return f"\u00d7{figure(ratio, 2) if ratio < 10 else f'{ratio:,.0f}'}"


def _say(ax: Axes, y: float, text: str, end: float) -> None:
    """Write the number of a bar that goes on beyond the axis, with an arrow, left of its end."""
    arrow = "\u25b8" if end > 0 else "\u25c2"
    write(
        ax, f"{text} {arrow}", (end, y), shift=(-5 if end > 0 else 5, 7),
        ha="right" if end > 0 else "left", size=8, outlined=True,
    )  # fmt: skip


def _draw_slope(ax: Axes, rows: list[Row], unit: str) -> None:
    y = np.arange(len(rows))
    slope, sd, band = (column(rows, key) for key in ("slope", "slope_sd", "detectable_sd"))
    flips = np.array([row["flips"] for row in rows], dtype=bool)
    colours = [_FLIP if flip else INK for flip in flips]
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    ax.hlines(y, slope - band, slope + band, colors=QUIET, linewidths=9, alpha=0.3, zorder=2)
    ax.hlines(y, slope - sd, slope + sd, colors=colours, linewidths=1.6, alpha=0.8, zorder=3)
    dots(ax, slope[~flips], y[~flips], INK, size=26)
    dots(ax, slope[flips], y[flips], _FLIP, size=36, marker="X")
    for k, row in enumerate(rows):
        if row["flips"]:
            _beside(ax, k, f"{row['positive']:.0f}+ {row['negative']:.0f}\u2212")
    _dress(ax, "slope on the target", unit)


def _draw_growth(ax: Axes, rows: list[Row], step_size: float) -> None:
    y, growth = np.arange(len(rows)), np.array([row["growth"] for row in rows], dtype=np.float64)
    end = 1.1 * max(reach(np.abs(growth)), 1e-12)
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    # an exponent of minus infinity, gone in one step, goes to the edge
    bar = np.clip(growth, -end, end)
    ax.hlines(y, 0.0, bar, colors=INK, linewidths=8, alpha=0.55, zorder=2)
    for k in np.flatnonzero(np.abs(growth) > end).tolist():
        _say(ax, k, tick_text(float(growth[k]), 1.0), float(bar[k]))
    _dress(ax, f"growth at step {step_size:.3g}", "\u2190 dies out \u00b7 stays \u2192")
    ax.set_xlim(-end if (growth < 0).any() else -0.25 * end, end)


def _beside(ax: Axes, y: float, text: str) -> None:
    write(ax, text, (1.0, y), frame=("axes fraction", "data"), shift=(4, 0))


def _dress(ax: Axes, title: str, xlabel: str) -> None:
    head_panel(ax, title)
    finish(ax, title=None, xlabel=xlabel, ylabel="")
    plain_numbers(ax.xaxis, 4)


def _marks(rows: list[Row]) -> dict[str, Artist]:
    marks: dict[str, Artist] = {
        "it differs itself": mark(marker="o", size=5.5),
        "no difference seen": mark(marker="o", size=5.5, hollow=True),
        "sd between environments": mark(line="-", width=1.6, alpha=0.8),
        "too small to be seen": patch(QUIET, alpha=0.3),
    }
    if any(row["flips"] for row in rows):
        marks["changes sign"] = mark(_FLIP, marker="X", edge=0)
    return marks


def _finding(table: list[Row]) -> str:
    moved, flips = (sum(row[key] for row in table) for key in ("moved", "flips"))
    change = f"{flips or 'no'} slope changes" if flips < 2 else f"{flips} slopes change"
    differ = f"{moved} of {len(table)} features differ{'s' * (moved == 1)}"
    return f"{differ}, given the others; {change} sign"
