"""Errors on real tables over those of a reference: a dot a table, a row a method."""

from math import isfinite

from elinvar.plots._axes import GRID, Axes, clean, finish, log_axis, name_rows, new_axes
from elinvar.plots._marks import dots, write
from elinvar.plots._tables import Row, Table, records
from elinvar.plots.bench._ours import ours
from elinvar.plots.palette import INK, QUIET, VERDICT_COLOURS

_OWN = VERDICT_COLOURS["invariant"]
_EDGES = (0.25, 4.0)
_HEIGHT = 0.32


def plot_tables(
    tables: Table,
    methods: Table,
    *,
    reference: str = "pooled least squares",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how much larger each method's error is than a reference's, table by table.

    Parameters
    ----------
    tables : DataFrame or mapping of columns
        ``method``, ``problem`` and ``ratio``, above 0; what is beyond 0.25 or 4 is drawn as a
        triangle at the edge.
    methods : DataFrame or mapping of columns
        ``method``, ``ratio``, the geometric mean over tables, drawn as a diamond, and
        ``worst_table``, which is named for this library's own rows.
    reference : str
        What the errors are over.
    title : str, optional
        By default how this library's own best forecast compares.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If there are no rows.

    Examples
    --------
    >>> ax = plot_tables(
    ...     {"method": ["lasso"] * 2 + ["elinvar-auto"] * 2, "problem": ["cars", "schools"] * 2,
    ...      "ratio": [1.0, 1.1, 0.9, 1.0]},
    ...     {"method": ["lasso", "elinvar-auto"], "ratio": [1.05, 0.95],
    ...      "worst_table": ["schools", "schools"]},
    ... )
    >>> ax.get_title(loc="left")
    'elinvar-auto: 0.950 times the error of pooled least squares'
    """
    found = records(tables, texts=("method", "problem"), numbers=("ratio",), needed="tables")
    means = records(methods, texts=("method", "worst_table"), numbers=("ratio",))
    order = sorted((row for row in means if isfinite(row["ratio"])), key=lambda row: row["ratio"])
    place = {row["method"]: k for k, row in enumerate(order)}
    shown = [row for row in found if row["method"] in place and row["ratio"] > 0]
    ax = new_axes(7.6, 1.4 + _HEIGHT * len(order)) if ax is None else ax
    log_axis(ax, "x", _EDGES)
    ax.set_xlim(*_EDGES)
    ax.axvline(1.0, color=INK, linewidth=1.0, zorder=1)
    ax.grid(axis="x", **GRID)
    for row in shown:
        _dot(ax, row, place[row["method"]])
    for row in order:
        _mean(ax, row, place[row["method"]], shown)
    name_rows(ax, [row["method"] for row in order])
    title = _finding(order, reference) if title is None else title
    label = f"error over that of {reference}; diamonds: geometric means"
    return finish(ax, title=title, xlabel=label, ylabel="")


def _dot(ax: Axes, row: Row, at: int) -> None:
    low, high = _EDGES
    inside = min(max(row["ratio"], low), high)
    marker = "o" if inside == row["ratio"] else "<" if inside == low else ">"
    colour = _OWN if ours(row["method"]) else QUIET
    dots(ax, inside, at, colour, size=20, marker=marker, alpha=0.55, clip=False)


def _mean(ax: Axes, row: Row, at: int, shown: list[Row]) -> None:
    own = ours(row["method"])
    colour = _OWN if own else INK
    dots(ax, row["ratio"], at, colour, size=58 if own else 36, marker="D", zorder=5, clip=False)
    worst = [
        one["ratio"]
        for one in shown
        if (one["method"], one["problem"]) == (row["method"], row["worst_table"])
    ]
    if own and worst and worst[0] > 1.0:
        edge = min(worst[0], _EDGES[1])
        ha, shift = ("right", -2) if worst[0] > 2.0 else ("left", 7)
        write(
            ax, clean(row["worst_table"]), (edge, at), shift=(shift, 9 if ha == "right" else 0),
            ha=ha, colour=colour,
        )  # fmt: skip


def _finding(order: list[Row], reference: str) -> str:
    for row in order:
        if ours(row["method"]) and row["method"].endswith("auto"):
            return f"{row['method']}: {row['ratio']:.3f} times the error of {reference}"
    return f"Errors over those of {reference}"
