"""One look for all figures: colours by verdict, quiet axes, labels that do not collide."""

from collections.abc import Sequence
from math import floor, log10
from textwrap import fill
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

INK = "#24292f"
QUIET = "#6b7480"

VERDICT_COLOURS = {
    "invariant": "#00639c",
    "approximately invariant": "#007052",
    "spurious": "#a84600",
    "undecided": "#8c567b",
    "no effect": "#5f666e",
}
VERDICT_LINES: dict[str, Any] = {
    "invariant": "-",
    "approximately invariant": "-",
    "spurious": "--",
    "undecided": "-.",
    "no effect": ":",
}
HOLDS = ("invariant", "approximately invariant")
MODEL_COLOURS = {
    "invariant": "#00639c",
    "pooled": "#a84600",
    "lasso": "#6a59a3",
    "mean": "#5f666e",
}
MODEL_MARKERS = {"invariant": "o", "pooled": "D", "lasso": "x", "mean": "|"}
MODEL_NAMES = {
    "invariant": "invariant model",
    "pooled": "pooled model",
    "lasso": "lasso",
    "mean": "mean of the target",
    "used": "chosen without it",
}
ENVIRONMENT_COLOURS = (
    "#00639c",
    "#996a00",
    "#007052",
    "#a94f82",
    "#1f78ad",
    "#a84600",
    "#6a59a3",
    "#7a5f30",
)
ENVIRONMENT_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

LONGEST = 32

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of ``width`` x ``height`` inches, without pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def new_axes(width: float = 7.0, height: float = 4.0) -> "Axes":
    """Return axes on a figure of its own, ``width`` x ``height`` inches, without pyplot."""
    return new_figure(width, height).add_subplot()


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
    ax.tick_params(which="both", color=QUIET)
    ax.set_axisbelow(True)
    return ax


def head_figure(ax: "Axes", title: str) -> None:
    """Give the figure of several panels its title."""
    figure: Any = ax.figure
    if title:
        figure.suptitle(
            fill(clean(title, 160), 90),
            x=0.01,
            ha="left",
            color=INK,
            fontsize=11,
            fontweight="bold",
            parse_math=False,
        )


def head_panel(ax: "Axes", title: str, *, pad: float = 8.0) -> None:
    """Give one of several panels its title, ``pad`` points above it."""
    ax.set_title(
        clean(title),
        loc="left",
        color=INK,
        fontsize=10,
        fontweight="bold",
        pad=pad,
        parse_math=False,
    )


def legend_below(
    ax: "Axes", handles: Sequence["Artist"], labels: Sequence[str], *, title: str = ""
) -> None:
    """Put a frameless legend under the axes, in as many rows as its labels need."""
    figure: Any = ax.figure
    for columns in range(len(labels) if len(labels) <= 5 else 3, 0, -1):
        legend = figure.legend(
            list(handles),
            list(labels),
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=9,
            labelcolor=INK,
            handlelength=2.4,
            title=clean(title, 90),
            title_fontsize=9.5,
        )
        legend.get_title().set_color(INK)
        for text in (legend.get_title(), *legend.get_texts()):
            text.set_parse_math(False)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def plain_numbers(axis: "Axis", most: int | None = None) -> None:
    """Write the ticks of ``axis`` as a reader wants them, in at most ``most`` intervals."""
    from matplotlib.ticker import MaxNLocator

    if most is not None:
        axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))

    def write(value: float, _: float) -> str:
        low, high = axis.get_view_interval()
        return tick_text(value, max(abs(low), abs(high)))

    axis.set_major_formatter(write)


def tick_text(value: float, largest: float) -> str:
    """Return a tick's number with its thousands apart, or times the power of ten of ``largest``."""
    if abs(value) < 1e-9 * largest:
        return "0"
    if 1e-3 <= largest < 1e7:
        return f"{value:,.10g}".replace("-", "\u2212")
    power = floor(log10(largest))
    digits = f"{value / 10.0**power:.4g}".replace("-", "\u2212")
    return f"{digits}\u00d710{str(power).translate(_SUPERSCRIPTS)}"


def found_to_hold(verdicts: Sequence[str]) -> str:
    """Say of how many effects it was found that they hold, and whether exactly."""
    exact, both = verdicts.count("invariant"), sum(kind in HOLDS for kind in verdicts)
    if both and not exact:
        return f"Found to hold approximately: {both} of {len(verdicts)} effects"
    return f"Found to hold in every environment: {both} of {len(verdicts)} effects"


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
