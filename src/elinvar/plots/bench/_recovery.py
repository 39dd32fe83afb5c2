"""Recovery of the invariant features against the size of a problem."""

from math import isfinite

from elinvar.plots._axes import GRID, Axes, finish, legend_below, log_axis, new_axes, tick_text
from elinvar.plots._marks import Look, draw_band
from elinvar.plots._tables import Row, Table, distinct, records
from elinvar.plots.bench._ours import OURS
from elinvar.plots.palette import QUIET

_LINES = ("-", "--", "-.", ":")


def plot_recovery(
    recovery: Table, against: str, *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the mean F1 of the selected features against a size, a line a method.

    Parameters
    ----------
    recovery : DataFrame or mapping of columns
        ``method``, the column ``against``, and ``f1`` from 0 to 1; a line breaks where it is
        missing.
    against : str
        Such as ``"n_features"`` or ``"n_environments"``; above 0.
    title : str, optional
        By default where elinvar stays above .9.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If the table has no rows.

    Examples
    --------
    >>> ax = plot_recovery({
    ...     "method": ["elinvar-auto", "elinvar-auto", "lasso", "lasso"],
    ...     "n_features": [10, 100, 10, 100], "f1": [1.0, 0.98, 0.6, 0.4],
    ... }, "n_features")
    >>> ax.get_title(loc="left")
    'elinvar-auto: F1 of .9 and more from 10 to 100 features'
    """
    rows = records(recovery, texts=("method",), numbers=(against, "f1"), needed="recovery")
    ax = new_axes(7.6, 4.4) if ax is None else ax
    methods = sorted(distinct(rows, "method"), key=lambda name: name != OURS)
    for k, method in enumerate(methods):
        mine = [row for row in rows if row["method"] == method]
        look = Look(QUIET, ":") if method == "oracle" else Look.number(k, _LINES)
        draw_band(ax, mine, against, "f1", look, label=method)
    log_axis(ax, "x", [row[against] for row in rows])
    ax.set_ylim(-0.03, 1.03)
    ax.grid(axis="y", **GRID)
    legend_below(ax, *ax.get_legend_handles_labels())
    what = against.removeprefix("n_").replace("_", " ")
    title = _finding(rows, against, what) if title is None else title
    return finish(ax, title=title, xlabel=f"number of {what}", ylabel="mean F1 of the selection")


def _finding(rows: list[Row], against: str, what: str) -> str:
    own = sorted(
        (row for row in rows if row["method"] == OURS and isfinite(row["f1"])),
        key=lambda row: float(row[against]),
    )
    if not own:
        return f"Recovery against the number of {what}"
    low = [row for row in own if row["f1"] < 0.9]
    sizes = [tick_text(row[against], row[against]) for row in low or (own[0], own[-1])]
    if low:
        return f"{OURS}: F1 below .9 with {', '.join(sizes)} {what}"
    return f"{OURS}: F1 of .9 and more from {sizes[0]} to {sizes[1]} {what}"
