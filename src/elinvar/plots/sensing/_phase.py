"""Which outcome where: shares of runs over two parameters, under the curves that theory draws."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elinvar.plots._axes import Axes, clean, finish, legend_below, new_axes, scale_axis
from elinvar.plots._marks import Floats, patch
from elinvar.plots._tables import Table, column, records
from elinvar.plots.palette import INK

# Dark, middle and light: told apart by lightness alone, too.
_OUTCOMES = {
    "recovers": ("recovers A*", (0.357, 0.608, 0.784)),
    "learns_spurious": ("learns the spurious part", (0.961, 0.776, 0.553)),
    "diverges": ("diverges", (0.278, 0.302, 0.341)),
}
_NOTHING = (0.82, 0.835, 0.85)
_DASHES: tuple[Any, ...] = ("-", "--", ":", "-.")
_MARKS = ("o", "s", "^", "v")

Curves = Mapping[str, tuple[ArrayLike, ArrayLike]]


def plot_phase_diagram(
    cells: Table,
    x: str,
    y: str,
    *,
    predicted: Curves | None = None,
    measured: Curves | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    log_x: bool = False,
    log_y: bool = False,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the outcome of runs over a grid of two parameters, with predicted and measured lines.

    The colour of a cell mixes those of the outcomes in their shares.

    Parameters
    ----------
    cells : DataFrame or mapping of columns
        The columns ``x`` and ``y`` (a full grid, in any order) and the shares of runs
        ``recovers``, ``learns_spurious`` and ``diverges``; what they lack to 1 is drawn light
        grey, as neither.
    x, y : str
        Columns along the axes, such as "heterogeneity" and "step_size".
    predicted : mapping of str to (x, y), optional
        Named curves, drawn as lines.
    measured : mapping of str to (x, y), optional
        Named boundaries, drawn as points.
    xlabel, ylabel : str, optional
        By default the columns' names, with spaces.
    log_x, log_y : bool
        Logarithmic axes.
    title : str, optional
        By default which share of the runs recovers.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; the cells are one small image, also in an SVG.

    Raises
    ------
    ValueError
        If the cells are not a full grid of at least two values each way.

    Examples
    --------
    >>> ax = plot_phase_diagram(
    ...     {
    ...         "heterogeneity": [2, 8, 2, 8], "step_size": [0.05, 0.05, 0.1, 0.1],
    ...         "recovers": [0, 1, 0, 1], "learns_spurious": [1, 0, 1, 0],
    ...         "diverges": [0, 0, 0, 0],
    ...     },
    ...     "heterogeneity", "step_size", predicted={"predicted": ([6.4, 4.6], [0.05, 0.1])},
    ... )
    >>> ax.get_title(loc="left")
    'The invariant part is recovered in 50% of the runs'
    """
    rows = records(cells, texts=(x,), numbers=(x, y, *_OUTCOMES))
    across, up = (np.array(sorted({row[key] for row in rows})) for key in (x, y))
    if len(rows) != len(across) * len(up) or min(len(across), len(up)) < 2:
        raise ValueError(
            f"{len(rows)} cells for {len(across)} values of {x} and {len(up)} of {y}; needed one "
            "for each pair, and at least two values of both."
        )
    rows.sort(key=lambda row: (float(row[y]), float(row[x])))
    known = np.nan_to_num([column(rows, key) for key in _OUTCOMES]).clip(0.0, 1.0)
    shares = known.T.reshape(len(up), len(across), len(_OUTCOMES))
    ax = new_axes(7.6, 5.4) if ax is None else ax
    x_edges, y_edges = _edges(across, log=log_x), _edges(up, log=log_y)
    ax.pcolormesh(x_edges, y_edges, _colours(shares), rasterized=True, zorder=1)
    scale_axis(ax, "x", across, log_x)
    scale_axis(ax, "y", up, log_y)
    ax.set_xlim(x_edges[0], x_edges[-1])
    ax.set_ylim(y_edges[0], y_edges[-1])
    handles, labels = _draw_curves(ax, predicted or {}, measured or {})
    patches, names = _keys(shares)
    legend_below(ax, [*patches, *handles], [clean(name, 48) for name in [*names, *labels]])
    if title is None:
        recovered = np.mean([row["recovers"] for row in rows])
        title = f"The invariant part is recovered in {recovered:.0%} of the runs"
    xlabel, ylabel = (
        name.replace("_", " ") if label is None else label
        for name, label in ((x, xlabel), (y, ylabel))
    )
    return finish(ax, title=title, xlabel=xlabel, ylabel=ylabel, wrap=62)


def _edges(values: Floats, *, log: bool) -> Floats:
    """Return the borders of cells around ``values``, half way to the neighbours."""
    centre = np.log(values) if log else values
    between = (centre[1:] + centre[:-1]) / 2
    first, last = 2 * centre[0] - between[0], 2 * centre[-1] - between[-1]
    edges = np.concatenate([[first], between, [last]])
    bounds: Floats = np.exp(edges) if log else edges
    return bounds


def _colours(shares: Floats) -> Floats:
    palette = np.array([colour for _, colour in _OUTCOMES.values()])
    # linear in the shares, so that a cell is as dark as its outcomes on average
    rest = np.clip(1.0 - shares.sum(axis=-1, keepdims=True), 0.0, 1.0)
    mixed: Floats = shares @ palette + rest * np.array(_NOTHING)
    return mixed.clip(0.0, 1.0)


def _draw_curves(ax: Axes, predicted: Curves, measured: Curves) -> tuple[list[Any], list[str]]:
    """Draw lines, set off from the coloured ground, and points."""
    from matplotlib.patheffects import Normal, Stroke

    handles: list[Any] = []
    for k, (across, up) in enumerate(predicted.values()):
        handles += ax.plot(
            across,
            up,
            color=INK,
            linewidth=1.8,
            linestyle=_DASHES[k % len(_DASHES)],
            path_effects=[Stroke(linewidth=3.6, foreground="white"), Normal()],
            zorder=3,
        )
    for k, (across, up) in enumerate(measured.values()):
        handles += ax.plot(
            across,
            up,
            linestyle="none",
            marker=_MARKS[k % len(_MARKS)],
            markersize=5.5,
            markerfacecolor="white",
            markeredgecolor=INK,
            markeredgewidth=1.2,
            zorder=4,
        )
    return handles, [*predicted, *measured]


def _keys(shares: Floats) -> tuple[list[Any], list[str]]:
    """Return a patch for each outcome that occurs."""
    present = [outcome for k, outcome in enumerate(_OUTCOMES.values()) if shares[..., k].max() > 0]
    if (shares.sum(axis=-1) < 0.99).any():
        present.append(("neither", _NOTHING))
    return [patch(colour) for _, colour in present], [name for name, _ in present]
