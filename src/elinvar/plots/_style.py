"""One look for all figures: colours by verdict, quiet axes, labels that do not collide."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#24292f"
QUIET = "#8c959f"

VERDICT_COLOURS = {
    "invariant": "#0072b2",
    "approximately invariant": "#009e73",
    "spurious": "#d55e00",
    "no effect": "#999999",
    "undecided": "#b07aa1",
}
VERDICT_LINES: dict[str, Any] = {
    "invariant": "-",
    "approximately invariant": "-",
    "spurious": "--",
    "no effect": ":",
    "undecided": "-.",
}
HOLDS = ("invariant", "approximately invariant")
MODEL_COLOURS = {"invariant": "#0072b2", "pooled": "#d55e00", "mean": "#999999"}
MODEL_MARKERS = {"invariant": "o", "pooled": "D", "mean": "|"}
ENVIRONMENT_COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#7f6fb0",
    "#8a6d3b",
)
ENVIRONMENT_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

LONGEST = 32


def new_axes(width: float = 7.0, height: float = 4.0) -> "Axes":
    """Return axes on a figure of its own, ``width`` x ``height`` inches, without pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def finish(ax: "Axes", *, title: str | None, xlabel: str, ylabel: str, wrap: int = 66) -> "Axes":
    """Give ``ax`` its title and labels and take away what carries no information."""
    ax.set_xlabel(clean(xlabel, 90), color=INK, fontsize=9.5, parse_math=False)
    ax.set_ylabel(clean(ylabel, 60), color=INK, fontsize=9.5, parse_math=False)
    if title:
        ax.set_title(
            fill(clean(title, 160), wrap),
            loc="left",
            color=INK,
            fontsize=11,
            fontweight="bold",
            pad=10,
            parse_math=False,
        )
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(QUIET)
    ax.tick_params(colors=INK, labelsize=9)
    ax.tick_params(color=QUIET)
    ax.set_axisbelow(True)
    return ax


def legend_below(ax: "Axes", handles: Sequence[object], labels: Sequence[str]) -> None:
    """Put a frameless legend under the axes, where it hides nothing."""
    if handles:
        ax.figure.legend(  # type: ignore[call-overload]
            list(handles),
            list(labels),
            loc="outside lower center",
            ncols=len(labels) if len(labels) <= 5 else 3,
            frameon=False,
            fontsize=9,
            labelcolor=INK,
            handlelength=2.4,
        )


def colour_of(k: int) -> str:
    """Return the colour of the ``k``-th line or environment where there is no verdict."""
    return ENVIRONMENT_COLOURS[k % len(ENVIRONMENT_COLOURS)]


def clean(text: object, longest: int = LONGEST) -> str:
    """Return ``text`` on one line, printable, and no longer than ``longest`` characters."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    if len(line) <= longest:
        return line
    head = (longest - 1) * 2 // 3
    return line[:head] + "…" + line[len(line) - (longest - 1 - head) :]


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move label ``positions`` apart until neighbours are ``gap`` from each other.

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
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    if len(order) > 1:
        gap = min(gap, (high - low) / (len(order) - 1))
    blocks: list[list[float]] = []
    for i in order:
        blocks.append([min(max(positions[i], low), high), 1.0])
        while len(blocks) > 1 and _overlap(blocks[-2], blocks[-1], gap):
            middle, size = blocks.pop()
            before, before_size = blocks.pop()
            total = before_size + size
            centre = (before * before_size + middle * size) / total
            half = (total - 1) * gap / 2
            blocks.append([min(max(centre, low + half), high - half), total])
    placed = [
        middle + (k - (size - 1) / 2) * gap for middle, size in blocks for k in range(int(size))
    ]
    result = [0.0] * len(positions)
    for i, value in zip(order, placed, strict=True):
        result[i] = value
    return result


def _overlap(below: list[float], above: list[float], gap: float) -> bool:
    reach = (below[1] + above[1]) / 2 * gap
    return above[0] - below[0] < reach - 1e-12
