"""Rows of several environments with a fitted line each: Simpson's picture."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from elinvar.plots._axes import (
    Axes,
    clean,
    finish,
    head_figure,
    head_panel,
    legend_below,
    name_side,
    new_axes,
    new_panels,
    of_all,
    plain_numbers,
)
from elinvar.plots._marks import Floats, Look, dots, mark, spread, write
from elinvar.plots._tables import largest
from elinvar.plots.palette import ENVIRONMENT_COLOURS, INK, QUIET

Line = tuple[float, float]

# Beyond these environments the largest are drawn.
_PANELS = 20


def plot_environments(
    x: ArrayLike,
    y: ArrayLike,
    environments: Sequence[object] | ArrayLike,
    *,
    lines: Mapping[str, Line] | None = None,
    pooled: Line | None = None,
    xlabel: str = "feature",
    ylabel: str = "target",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the rows of each environment with its own line, and the pooled line through all.

    Up to eight environments share one panel; of more each has its own, beside the pooled line.

    Parameters
    ----------
    x, y : array-like of shape (n,)
        Feature and target of each row.
    environments : array-like of shape (n,)
        Environment of each row. Beyond twenty the largest are drawn.
    lines : mapping of str to (slope, intercept), optional
        The fitted line of each environment; drawn over that environment's range.
    pooled : (slope, intercept), optional
        The line fitted to all rows together.
    xlabel, ylabel : str
        Names with units.
    title : str, optional
        By default how the slopes within environments compare with the pooled slope.
    ax : Axes, optional
        Where to draw up to eight environments; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, or the first panel: then ``ax.figure`` has them all, and the title as its
        ``get_suptitle()``.

    Raises
    ------
    ValueError
        If ``ax`` is given, and there are more than eight environments.

    Examples
    --------
    >>> ax = plot_environments(
    ...     [0, 1, 2, 3], [2, 3, 0, 1], ["a", "a", "b", "b"],
    ...     lines={"a": (1.0, 2.0), "b": (1.0, -2.0)}, pooled=(-0.6, 2.4),
    ... )
    >>> ax.get_title(loc="left")
    'Up in each environment, down in the pooled data'
    """
    horizontal, vertical = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    labels = np.asarray([str(label) for label in np.asarray(environments, dtype=object)])
    present = set(labels.tolist())
    # lines come in the order of environments, of months for instance; rows in any
    names = [name for name in dict.fromkeys([*(lines or {}), *labels.tolist()]) if name in present]
    rows = {name: (horizontal[labels == name], vertical[labels == name]) for name in names}
    lines = lines or {}
    if title is None:
        title = _finding(lines, pooled)
    if len(names) > len(ENVIRONMENT_COLOURS):
        if ax is not None:
            raise ValueError(
                f"{len(names)} environments need a panel each; one axes takes up to "
                f"{len(ENVIRONMENT_COLOURS)}. Leave out ax."
            )
        return _in_panels(rows, lines, pooled, title=title, xlabel=xlabel, ylabel=ylabel)
    ax = new_axes(7.5, 4.8) if ax is None else ax
    size, alpha = (26.0, 0.4) if len(labels) <= 1000 else (6.0, 0.15)
    ends: list[tuple[str, str, float, float]] = []
    for k, (name, here) in enumerate(rows.items()):
        look = Look.number(k)
        drawn = dots(ax, *here, look.colour, size=size, marker=look.marker, alpha=alpha, zorder=2)
        drawn.set_rasterized(len(labels) > 2000)
        if name in lines:
            ends.append((name, look.colour, *_draw_line(ax, here[0], lines[name], look.colour)))
    if pooled is not None and len(horizontal):
        ends.append(("pooled", INK, *_draw_line(ax, horizontal, pooled, INK, linestyle="--")))
    _name_ends(ax, ends)
    for axis in (ax.xaxis, ax.yaxis):
        plain_numbers(axis)
    return finish(ax, title=title, xlabel=xlabel, ylabel=ylabel)


def _in_panels(
    rows: Mapping[str, tuple[Floats, Floats]],
    lines: Mapping[str, Line],
    pooled: Line | None,
    *,
    title: str | None,
    xlabel: str,
    ylabel: str,
) -> Axes:
    """Draw a panel an environment on shared scales, the pooled line in each to compare with."""
    kept = largest([{"name": name} for name in rows], [len(x) for x, _ in rows.values()], _PANELS)
    names = [row["name"] for row in kept]
    across = 4 if len(names) <= 12 else 5
    down = -(-len(names) // across)
    panels = new_panels(9.0, 0.9 + 1.75 * down, down, across, sharex=True)
    ends = np.array([bound(x) for x, _ in rows.values() for bound in (np.min, np.max)])
    colour = ENVIRONMENT_COLOURS[0]
    for ax, name in zip(panels, names, strict=False):
        x, y = rows[name]
        dots(ax, x, y, QUIET, size=4, alpha=0.25, zorder=2).set_rasterized(True)
        if pooled is not None:
            _draw_line(ax, ends, pooled, INK, linestyle="--", width=1.2)
        if name in lines:
            _draw_line(ax, x, lines[name], colour, width=2.4)
        head_panel(ax, name, pad=4)
        finish(ax, title=None, xlabel="", ylabel="")
        plain_numbers(ax.xaxis, 3)
        plain_numbers(ax.yaxis, 4)
    for spare in panels[len(names) :]:
        spare.remove()
    for above in panels[max(len(names) - across, 0) : (down - 1) * across]:
        above.tick_params(labelbottom=True)  # nothing stands below it
    name_side(panels[0], ylabel)
    head_figure(panels[0], of_all(title or "", len(names), len(rows)))
    marks = {"its own line": mark(colour, line="-", width=2.4)}
    if pooled is not None:
        marks["one line through all rows"] = mark(line="--", width=1.2)
    legend_below(panels[0], list(marks.values()), list(marks), title=xlabel)
    return panels[0]


def _draw_line(
    ax: Axes, x: Floats, line: Line, colour: str, *, linestyle: str = "-", width: float = 2.6
) -> tuple[float, float]:
    """Draw ``line`` over the range of ``x`` and return its right end."""
    slope, intercept = line
    ends = np.array([np.min(x), np.max(x)])
    heights = intercept + slope * ends
    ax.plot(ends, heights, color=colour, linewidth=width, linestyle=linestyle, zorder=4)
    return float(ends[1]), float(heights[1])


def _name_ends(ax: Axes, ends: list[tuple[str, str, float, float]]) -> None:
    low, high = ax.get_ylim()
    spots = spread([height for *_, height in ends], 0.05 * (high - low), low, high)
    for (name, colour, x, _), spot in zip(ends, spots, strict=True):
        place = (x, spot)
        write(
            ax, clean(name), place, shift=(7, 0), size=9.5, colour=colour, bold=True, outlined=True
        )
    ax.set_ylim(low, high)


def _finding(lines: Mapping[str, Line], pooled: Line | None) -> str | None:
    slopes = [slope for slope, _ in lines.values()]
    if not slopes or pooled is None:
        return None
    overall = "up" if pooled[0] > 0 else "down"
    rising = sum(slope > 0 for slope in slopes)
    if 0 < rising < len(slopes):
        return f"Up in {rising} of {len(slopes)} environments, {overall} in the pooled data"
    within = "Up" if rising else "Down"
    joint = "and" if within.lower() == overall else f", {overall}"
    return f"{within} in each environment {joint} in the pooled data".replace(" ,", ",")
