"""What several figures draw: dots, bands, intervals, and names that keep apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar.plots._axes import Axes
from elinvar.plots._tables import Row, column
from elinvar.plots.palette import (
    ENVIRONMENT_COLOURS,
    ENVIRONMENT_MARKERS,
    INK,
    MODEL_COLOURS,
    QUIET,
    VERDICT_COLOURS,
    VERDICT_LINES,
    VERDICT_MARKERS,
)

if TYPE_CHECKING:
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

Floats = NDArray[np.float64]


# The thin line from a name to its point.
_LEADER: dict[str, Any] = {
    "arrowstyle": "-", "color": QUIET, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How a line and its dots are drawn."""

    colour: str
    line: Any = "-"
    marker: str = ""

    @classmethod
    def of_verdict(cls, verdict: str) -> "Look":
        """Return the look of a verdict, a quiet one for what is none."""
        return cls(
            VERDICT_COLOURS.get(verdict, QUIET),
            VERDICT_LINES.get(verdict, "-"),
            VERDICT_MARKERS.get(verdict, "o"),
        )

    @classmethod
    def number(cls, k: int, dashes: Sequence[Any] = ("-",)) -> "Look":
        """Return the look of the ``k``-th line or environment where there is no verdict."""
        size = len(ENVIRONMENT_COLOURS)
        return cls(
            ENVIRONMENT_COLOURS[k % size], dashes[k % len(dashes)], ENVIRONMENT_MARKERS[k % size]
        )

    @classmethod
    def of_environment(cls, k: int, total: int, *, crowd: str) -> "Look":
        """Return the look of one environment of ``total``; beyond the colours all are a crowd."""
        return cls(crowd, "-", "o") if total > len(ENVIRONMENT_COLOURS) else cls.number(k)


INVARIANT = Look(VERDICT_COLOURS["invariant"], "-", "o")
POOLED = Look(MODEL_COLOURS["pooled"], "--", "D")
REST = Look(QUIET, ":", "s")
DISTANCES = {
    "error": ("distance to the invariant part A*", INVARIANT),
    "pooled_error": ("distance to the pooled solution", POOLED),
}


def dots(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    colour: str | Sequence[str],
    *,
    size: float,
    marker: str = "o",
    hollow: bool = False,
    edge: float = 0.0,
    alpha: float = 1.0,
    zorder: float = 4,
    clip: bool = True,
) -> "PathCollection":
    """Draw dots, filled or hollow, of ``size`` square points and with an ``edge`` of so many."""
    look: dict[str, Any] = {"s": size, "marker": marker, "linewidths": edge, "alpha": alpha}
    if hollow:
        look |= {"facecolors": "none", "edgecolors": colour}
    else:
        look |= {"color": colour}
    return ax.scatter(x, y, zorder=zorder, clip_on=clip, **look)


def write(
    ax: Axes,
    text: str,
    at: tuple[float, float],
    *,
    frame: str | tuple[str, str] = "data",
    shift: tuple[float, float] = (0.0, 0.0),
    shift_frame: str | tuple[str, str] = "offset points",
    ha: str = "left",
    va: str = "center",
    size: float = 8.5,
    colour: str = INK,
    bold: bool = False,
    outlined: bool = False,
    leader: Mapping[str, Any] | None = None,
) -> None:
    """Write beside a point of ``frame``, ``shift`` points away, or at a place of its own frame.

    With a ``leader`` a thin line goes from the text to the point.
    """
    from matplotlib.patheffects import withStroke

    ax.annotate(
        text,
        xy=at,
        xycoords=frame,
        xytext=shift,
        textcoords=shift_frame,
        ha=ha,
        va=va,
        fontsize=size,
        color=colour,
        fontweight="bold" if bold else "normal",
        annotation_clip=False,
        parse_math=False,
        path_effects=[withStroke(linewidth=3, foreground="white")] if outlined else None,
        arrowprops=None if leader is None else {**_LEADER, **leader},
        zorder=5,
    )


def name_points(
    ax: Axes,
    names: Sequence[str],
    points: Sequence[tuple[float, float]],
    x: float,
    *,
    colours: Sequence[str],
    right: bool,
    frame: str | tuple[str, str] = "data",
) -> None:
    """Write names that end (``right``) or begin at ``x``, each with a thin line to its point."""
    low, high = ax.get_ylim()
    spots = spread([y for _, y in points], 0.05 * (high - low), low, high)
    for name, point, spot, colour in zip(names, points, spots, colours, strict=True):
        write(
            ax,
            name,
            point,
            frame=frame,
            shift=(x, spot),
            shift_frame=("axes fraction", "data"),
            ha="right" if right else "left",
            colour=colour,
            leader={"relpos": (1.0 if right else 0.0, 0.5)},
        )
    ax.set_ylim(low, high)


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move label ``positions`` apart until neighbours are ``gap`` from each other.

    Of all such places, those nearest in squares. In order, and less k gaps, they are the isotonic
    regression of the positions, whose k-th value is max over i <= k of min over j >= k of the mean
    from i to j; ``low`` and ``high`` cut it off.

    Parameters
    ----------
    positions : sequence of float
        Where the labels would like to be.
    gap : float
        Smallest distance between neighbours; made smaller if they do not all fit.
    low, high : float
        Labels stay within.

    Returns
    -------
    list of float
        New positions, in the order given.
    """
    n = len(positions)
    gap = min(gap, (high - low) / max(n - 1, 1))
    order = np.argsort(positions, kind="stable")
    wanted = np.asarray(positions, dtype=np.float64)[order] - gap * np.arange(n)
    # the max-min formula (Barlow et al. 1972, section 1.4), of order n^3; names are few
    fitted = [
        max(min(wanted[i : j + 1].mean() for j in range(k, n)) for i in range(k + 1))
        for k in range(n)
    ]
    result = np.empty(n)
    result[order] = np.clip(fitted, low, high - gap * max(n - 1, 0)) + gap * np.arange(n)
    return [float(place) for place in result]


def draw_line(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    look: Look,
    *,
    label: str = "",
    markers: bool = False,
    width: float = 1.8,
    alpha: float = 1.0,
) -> None:
    """Draw a line, with its markers if it is made of few points."""
    ax.plot(
        np.asarray(x, dtype=np.float64),
        np.asarray(y, dtype=np.float64),
        color=look.colour,
        linestyle=look.line,
        linewidth=width,
        alpha=alpha,
        marker=look.marker if markers else "",
        markersize=4.5,
        markeredgewidth=0,
        label=label,
        zorder=2 + alpha,
        solid_capstyle="round",
    )


def draw_band(
    ax: Axes,
    rows: Sequence[Row],
    x: str,
    y: str,
    look: Look,
    *,
    label: str,
    markers: bool = True,
    positive: bool = False,
) -> None:
    """Draw column ``y`` along ``x``, and the band between its ``_low`` and ``_high`` if known.

    Where it must be ``positive``, what is not leaves a gap.
    """
    rows = sorted(rows, key=lambda row: float(row[x]))
    at, middle, low, high = (column(rows, key) for key in (x, y, f"{y}_low", f"{y}_high"))
    if positive:
        middle, low, high = (np.where(end > 0, end, np.nan) for end in (middle, low, high))
    if np.isfinite(low).any():
        ax.fill_between(at, low, high, color=look.colour, alpha=0.2, linewidth=0, zorder=2)
    draw_line(ax, at, middle, look, label=label, markers=markers)


def mark(
    colour: str = INK,
    *,
    marker: str = "",
    line: Any = "none",
    size: float = 6.5,
    width: float = 1.8,
    edge: float = 1.0,
    hollow: bool = False,
    alpha: float = 1.0,
) -> "Line2D":
    """Return what a legend shows for a line, a dot, or both."""
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        color=colour,
        marker=marker,
        linestyle=line,
        markersize=size,
        linewidth=width,
        markeredgewidth=edge,
        markerfacecolor="none" if hollow else colour,
        alpha=alpha,
    )


def patch(colour: Any, *, alpha: float = 1.0) -> "Patch":
    """Return what a legend shows for a band or a cell."""
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, alpha=alpha, linewidth=0)


def mark_diverged(ax: Axes, x: Sequence[float], colour: str) -> None:
    """Put crosses along the upper edge of ``ax`` where runs diverged."""
    if len(x):
        ax.plot(
            list(x),
            [0.975] * len(x),
            linestyle="none",
            marker="x",
            markersize=6,
            markeredgewidth=1.5,
            color=colour,
            transform=ax.get_xaxis_transform(),
            clip_on=False,
            zorder=4,
        )


def reach(sizes: ArrayLike) -> float:
    """Return how far an axis of bars goes: to the longest, unless it would squeeze all others.

    A bar three times as long as the next is cut at 1.5 times that one.

    Parameters
    ----------
    sizes : array-like
        Lengths, 0 or more; what is not finite is left out.

    Returns
    -------
    float
        Where the axis may end; 0 where there is nothing.
    """
    values = np.ravel(np.asarray(sizes, dtype=np.float64))
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        return 0.0
    longest, second = float(values[-1]), float(values[-2]) if len(values) > 1 else 0.0
    return 1.5 * second if len(values) > 2 and 0 < 3 * second < longest else longest


def range_of(core: ArrayLike, ends: ArrayLike, *, reach: float) -> tuple[float, float]:
    """Return limits that show all of ``core``, and of ``ends`` what is not too far from it.

    Parameters
    ----------
    core, ends : array-like
        Values that must be seen, and ends of intervals; what is not finite is left out.
    reach : float
        How far beyond ``core`` intervals are shown, as a share of its range.

    Returns
    -------
    low, high : float
        With a margin of 4%; -1 and 1 where there is nothing.
    """
    seen, rest = (values[np.isfinite(values)] for values in map(np.ravel, (core, ends)))
    if not len(seen):
        return -1.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    more = reach * (high - low)
    every = np.concatenate([seen, rest])
    # an interval that ends between core and reach ends the axis; one that goes on is cut there
    low, high = max(float(every.min()), low - more), min(float(every.max()), high + more)
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def draw_intervals(
    ax: Axes,
    y: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    colour: str,
    width: float,
    alpha: float,
    zorder: float,
) -> None:
    """Draw intervals as far as the limits of ``ax`` go, and arrowheads where they go on."""
    rows, first, last = (np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (y, low, high))
    left, right = ax.get_xlim()
    shown = np.clip(first, left, right), np.clip(last, left, right)
    ax.hlines(rows, *shown, colors=colour, linewidth=width, alpha=alpha, zorder=zorder)
    for marker, end, over in (("<", left, first < left), (">", right, last > right)):
        if over.any():
            at = np.full(over.sum(), end)
            dots(ax, at, rows[over], colour, size=22, marker=marker, clip=False, zorder=6)
