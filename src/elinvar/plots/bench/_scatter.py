"""Error in new environments against seconds: a dot a method."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar.plots._axes import GRID, Axes, clean, finish, log_axis, new_axes
from elinvar.plots._marks import dots, write
from elinvar.plots._tables import Row, Table, records
from elinvar.plots.bench._ours import OURS, ours
from elinvar.plots.palette import INK, QUIET, VERDICT_COLOURS

if TYPE_CHECKING:
    from matplotlib.transforms import Bbox

REFERENCES = ("constant", "pooled", "oracle")
_COLOURS = dict.fromkeys(REFERENCES, QUIET)
_OWN, _OTHERS = VERDICT_COLOURS["invariant"], VERDICT_COLOURS["spurious"]
_LETTER = 0.0108
_HEIGHT = 0.036


def plot_error_time(
    methods: Table,
    *,
    ylabel: str = "error in new environments, over the oracle's",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the error of each method against the seconds of a fit, both axes logarithmic.

    Parameters
    ----------
    methods : DataFrame or mapping of columns
        ``method``, ``seconds`` and ``error``, both above 0; other rows are left out.
    ylabel : str
        What the error is.
    title : str, optional
        By default how many methods are both as fast as elinvar and better.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If no row can be drawn.

    Examples
    --------
    >>> ax = plot_error_time({
    ...     "method": ["pooled", "elinvar-auto"], "seconds": [0.01, 0.02], "error": [2.0, 1.0],
    ... })
    >>> ax.get_title(loc="left")
    'No method is both as fast as elinvar-auto and better'
    """
    known = records(methods, texts=("method",), numbers=("seconds", "error"))
    rows = [row for row in known if all(0 < row[key] < np.inf for key in ("seconds", "error"))]
    if not rows:
        raise ValueError("no method has seconds and an error above 0; needed at least one.")
    rows.sort(key=lambda row: (row["error"], row["seconds"]))
    ax = new_axes(7.6, 4.8) if ax is None else ax
    x, y = ([row[key] for row in rows] for key in ("seconds", "error"))
    for row in rows:
        own = ours(row["method"])
        marker = "o" if own else "D" if row["method"] in REFERENCES else "s"
        colour, size = (_OWN, 64) if own else (_COLOURS.get(row["method"], _OTHERS), 30)
        place = row["seconds"], row["error"]
        dots(ax, *place, colour, size=size, marker=marker, zorder=4 if own else 3)
    _pad(ax, x, y)
    _name(ax, rows)
    ax.grid(**GRID)
    title = _finding(rows) if title is None else title
    return finish(ax, title=title, xlabel="seconds of a fit", ylabel=ylabel)


def _pad(ax: Axes, x: list[float], y: list[float]) -> None:
    log_axis(ax, "x", x)
    log_axis(ax, "y", y)
    ax.set_xlim(min(x) / 1.6, max(x) * max(max(x) / min(x), 2.0) ** 0.12)
    edge = max(max(y) / min(y), 1.1) ** 0.06
    ax.set_ylim(min(y) / edge, max(y) * edge)


def _name(ax: Axes, rows: list[Row]) -> None:
    """Write each name beside its dot, where it covers no dot and no name."""
    from matplotlib.transforms import Bbox

    to_axes = ax.transAxes.inverted()
    points = to_axes.transform(ax.transData.transform([(r["seconds"], r["error"]) for r in rows]))
    taken = [Bbox.from_bounds(x - 0.006, y - 0.012, 0.012, 0.024) for x, y in points]
    # the rows are in order of error; ours goes first, and takes the best place
    pairs = zip(rows, points, strict=True)
    for row, (x, y) in sorted(pairs, key=lambda pair: not ours(pair[0]["method"])):
        own = ours(row["method"])
        name = clean(row["method"])
        width = _LETTER * len(name) * (1.12 if own else 1.0)
        place = _free(x, y, width, taken)
        taken.append(place)
        middle = (place.y0 + place.y1) / 2
        write(
            ax,
            name,
            (x, y),
            frame="axes fraction",
            shift=(place.x0, middle),
            shift_frame="axes fraction",
            colour=_OWN if own else _COLOURS.get(row["method"], INK),
            bold=own,
            leader={} if abs(middle - y) > 0.05 else None,
        )


def _free(x: float, y: float, width: float, taken: "list[Bbox]") -> "Bbox":
    """Return the nearest box for a name that touches none of those taken."""
    from matplotlib.transforms import Bbox

    boxes = [
        Bbox.from_bounds(left, y + 0.5 * _HEIGHT * (step - 1), width, _HEIGHT)
        for step in sorted(range(-13, 14), key=abs)
        for left in (x + 0.012, x - 0.012 - width, x - width / 2)
    ]
    inside = (box for box in boxes if min(box.x0, box.y0) >= 0.0 and max(box.x1, box.y1) <= 1.0)
    return next((box for box in inside if not box.count_overlaps(taken)), boxes[0])


def _finding(rows: list[Row]) -> str:
    own = next((row for row in rows if row["method"] == OURS), None)
    if own is None:
        return "Error and time of each method"
    better = [
        row["method"]
        for row in rows
        if not ours(row["method"])
        and row["method"] != "oracle"
        and row["error"] < own["error"] * (1 - 1e-3)
        and row["seconds"] <= own["seconds"]
    ]
    if not better:
        return f"No method is both as fast as {OURS} and better"
    names = ", ".join(better[:4]) + (", ..." if len(better) > 4 else "")
    return f"As fast as {OURS}, and better: {names}"
