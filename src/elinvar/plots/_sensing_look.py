"""What the figures of matrix sensing share: bands, axes in powers of ten, marks of divergence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar.plots._style import (
    MODEL_COLOURS,
    QUIET,
    VERDICT_COLOURS,
    plain_numbers,
    tick_text,
)
from elinvar.plots._tables import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Look:
    """How a line is drawn."""

    colour: str
    line: str = "-"
    marker: str = ""


GRID: dict[str, Any] = {"color": QUIET, "linewidth": 0.4, "alpha": 0.4}
INVARIANT = Look(VERDICT_COLOURS["invariant"], "-", "o")
SPURIOUS = Look(VERDICT_COLOURS["spurious"], "--", "D")
POOLED = Look(MODEL_COLOURS["pooled"], "--", "D")
REST = Look(QUIET, ":", "s")


def distinct(rows: Sequence[Row], key: str) -> list[Any]:
    """Return the values of a column in the order in which they first come."""
    return list(dict.fromkeys(row[key] for row in rows))


def draw_band(
    ax: "Axes",
    x: ArrayLike,
    middle: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    look: Look,
    *,
    label: str = "",
    markers: bool = False,
) -> Any:
    """Draw a line and, where they are known, the band between ``low`` and ``high``."""
    at, line = np.asarray(x, dtype=np.float64), known(middle)
    lower, upper = known(low), known(high)
    if np.isfinite(lower).any():
        ax.fill_between(at, lower, upper, color=look.colour, alpha=0.2, linewidth=0, zorder=2)
    (drawn,) = ax.plot(
        at,
        line,
        color=look.colour,
        linestyle=look.line,
        linewidth=1.8,
        marker=look.marker if markers else "",
        markersize=4.5,
        markeredgewidth=0,
        label=label,
        zorder=3,
        solid_capstyle="round",
    )
    return drawn


def known(values: ArrayLike) -> NDArray[np.float64]:
    """Return ``values`` as floats, NaN where they are not finite."""
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(array), array, np.nan)


def log_axis(ax: "Axes", which: Literal["x", "y"], values: Iterable[float]) -> None:
    """Make an axis logarithmic, with ticks at 2 and 5, too, where there are few powers of ten."""
    from matplotlib.ticker import LogLocator, NullLocator

    positive = [value for value in values if np.isfinite(value) and value > 0]
    ratio = max(positive) / min(positive) if positive else 1.0
    axis = ax.xaxis if which == "x" else ax.yaxis
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    subs = (1, 2, 3, 5, 7) if ratio < 12 else (1, 2, 5) if ratio < 300 else (1,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=9))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: tick_text(value, value).removeprefix("1\u00d7"))


def scale_axis(ax: "Axes", which: Literal["x", "y"], values: Iterable[float], log: bool) -> None:
    """Give an axis its scale, even or in powers of ten."""
    if log:
        log_axis(ax, which, values)
    else:
        plain_numbers(ax.xaxis if which == "x" else ax.yaxis, 7)


def mark_diverged(ax: "Axes", x: Sequence[float], colour: str, *, row: int = 0) -> None:
    """Put crosses along the upper edge of ``ax`` where runs diverged."""
    if len(x):
        ax.plot(
            list(x),
            [0.975 - 0.05 * row] * len(x),
            linestyle="none",
            marker="x",
            markersize=6,
            markeredgewidth=1.5,
            color=colour,
            transform=ax.get_xaxis_transform(),
            clip_on=False,
            zorder=4,
        )


def outlined() -> list[Any]:
    """Return the path effect that sets a line or mark off from a coloured ground."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=3.6, foreground="white"), Normal()]
