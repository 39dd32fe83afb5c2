"""Rows of several environments with a fitted line each: Simpson's picture."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from elinvar.plots._axes import Axes, clean, finish, new_axes, plain_numbers
from elinvar.plots._marks import Floats, Look, dots, spread, write
from elinvar.plots.palette import ENVIRONMENT_COLOURS, INK, QUIET

Line = tuple[float, float]


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

    Parameters
    ----------
    x, y : array-like of shape (n,)
        Feature and target of each row.
    environments : array-like of shape (n,)
        Environment of each row. Beyond eight they share one quiet colour.
    lines : mapping of str to (slope, intercept), optional
        The fitted line of each environment; drawn over that environment's range.
    pooled : (slope, intercept), optional
        The line fitted to all rows together.
    xlabel, ylabel : str
        Names with units.
    title : str, optional
        By default how the slopes within environments compare with the pooled slope.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

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
    names = list(dict.fromkeys(labels.tolist()))
    ax = new_axes(7.5, 4.8) if ax is None else ax
    size, alpha = (26.0, 0.4) if len(labels) <= 1000 else (6.0, 0.15)
    ends: list[tuple[str, str, float, float]] = []
    for k, name in enumerate(names):
        rows = labels == name
        look = Look.of_environment(k, len(names), crowd=QUIET)
        drawn = dots(
            ax,
            horizontal[rows],
            vertical[rows],
            look.colour,
            size=size,
            marker=look.marker,
            alpha=alpha,
            zorder=2,
        )
        drawn.set_rasterized(len(labels) > 2000)
        if lines is not None and name in lines:
            end = _draw_line(ax, horizontal[rows], lines[name], look.colour)
            if len(names) <= len(ENVIRONMENT_COLOURS):
                ends.append((name, look.colour, *end))
    if pooled is not None and len(horizontal):
        ends.append(("pooled", INK, *_draw_line(ax, horizontal, pooled, INK, linestyle="--")))
    _name_ends(ax, ends)
    for axis in (ax.xaxis, ax.yaxis):
        plain_numbers(axis)
    if title is None:
        title = _finding(lines or {}, pooled)
    return finish(ax, title=title, xlabel=xlabel, ylabel=ylabel)


def _draw_line(
    ax: Axes, x: Floats, line: Line, colour: str, *, linestyle: str = "-"
) -> tuple[float, float]:
    """Draw ``line`` over the range of ``x`` and return its right end."""
    slope, intercept = line
    ends = np.array([np.min(x), np.max(x)])
    heights = intercept + slope * ends
    ax.plot(ends, heights, color=colour, linewidth=2.6, linestyle=linestyle, zorder=4)
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
