"""Intervals that are cut off, with an arrowhead, where they would dwarf what is to be read."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    seen, rest = _finite(core), _finite(ends)
    if not len(seen):
        return -1.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    more = reach * (high - low)
    every = np.concatenate([seen, rest])
    low, high = max(float(every.min()), low - more), min(float(every.max()), high + more)
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def draw_intervals(
    ax: "Axes", y: ArrayLike, low: ArrayLike, high: ArrayLike, *, colour: str, **look: Any
) -> None:
    """Draw intervals as far as the limits of ``ax`` go, and arrowheads where they go on."""
    rows, first, last = (np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (y, low, high))
    left, right = ax.get_xlim()
    shown = np.clip(first, left, right), np.clip(last, left, right)
    ax.hlines(rows, *shown, colors=colour, **look)
    for marker, edge, over in (("<", left, first < left), (">", right, last > right)):
        if over.any():
            ax.scatter(
                np.full(over.sum(), edge),
                rows[over],
                s=22,
                marker=marker,
                color=colour,
                linewidths=0,
                clip_on=False,
                zorder=6,
            )


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    flat = np.ravel(np.asarray(values, dtype=np.float64))
    known: NDArray[np.float64] = flat[np.isfinite(flat)]
    return known
