"""One look for all figures: quiet axes, titles that tell a finding, legends below, plain ticks."""

from collections.abc import Iterable, Sequence
from math import floor, isfinite, log10
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

from elinvar.plots.palette import INK, QUIET
from elinvar.plots.types import Artist as Artist
from elinvar.plots.types import Axes as Axes

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

LONGEST = 32
GRID: dict[str, Any] = {"color": QUIET, "linewidth": 0.4, "alpha": 0.4}

_HEAD: dict[str, Any] = {"color": INK, "fontweight": "bold", "parse_math": False}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of ``width`` x ``height`` inches, without pyplot."""
    # pyplot would keep every figure alive and choose a backend for the whole process
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def new_axes(width: float = 7.0, height: float = 4.0) -> Axes:
    """Return axes on a figure of its own, ``width`` x ``height`` inches, without pyplot."""
    return new_figure(width, height).add_subplot()


def new_panels(
    width: float, height: float, down: int, across: int, *, sharex: bool = False
) -> list[Axes]:
    """Return a grid of axes on a new figure, row by row, that share their vertical axis."""
    grid = new_figure(width, height).subplots(
        down, across, sharex=sharex, sharey=True, squeeze=False
    )
    return list(grid.flat)


def finish(ax: Axes, *, title: str | None, xlabel: str, ylabel: str, wrap: int = 66) -> Axes:
    """Give ``ax`` its title and labels and take away what carries no information."""
    ax.set_xlabel(clean(xlabel, 90), color=INK, fontsize=9.5, parse_math=False)
    ax.set_ylabel(clean(ylabel, 60), color=INK, fontsize=9.5, parse_math=False)
    if title:
        ax.set_title(fill(clean(title, 160), wrap), loc="left", fontsize=11, pad=10, **_HEAD)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(QUIET)
    ax.tick_params(colors=INK, labelsize=9)
    ax.tick_params(which="both", color=QUIET)
    ax.set_axisbelow(True)
    return ax


def head_figure(ax: Axes, title: str) -> None:
    """Give the figure of several panels its title."""
    figure: Any = ax.figure
    if title:
        figure.suptitle(fill(clean(title, 160), 90), x=0.01, ha="left", fontsize=11, **_HEAD)


def name_side(ax: Axes, ylabel: str) -> None:
    """Name the vertical axis that several panels share, once at the left of their figure."""
    figure: Any = ax.figure
    label = figure.supylabel(clean(ylabel, 70), fontsize=9.5, color=INK)
    label.set_parse_math(False)


def head_panel(ax: Axes, title: str, *, pad: float = 8.0) -> None:
    """Give one of several panels its title, ``pad`` points above it."""
    ax.set_title(clean(title), loc="left", fontsize=10, pad=pad, **_HEAD)


def legend_below(
    ax: Axes, handles: Sequence[Artist], labels: Sequence[str], *, title: str = ""
) -> None:
    """Put a frameless legend under the axes, in as many rows as its labels need."""
    figure: Any = ax.figure
    # a constrained layout does not shrink a legend: take the most columns that fit the figure
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


def name_rows(ax: Axes, names: Sequence[str], *, longest: int = LONGEST) -> None:
    """Name the rows 0, 1, ..., from the top down, without a line beside them."""
    ax.set_yticks(range(len(names)), [clean(name, longest) for name in names], parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    bare_rows(ax)


def bare_rows(ax: Axes, *, pad: float = 7) -> None:
    """Take the line and the ticks away from the side where rows are named."""
    ax.tick_params(axis="y", length=0, pad=pad)
    ax.spines["left"].set_visible(False)


def plain_numbers(axis: "Axis", most: int | None = None) -> None:
    """Write the ticks of ``axis`` as a reader wants them, in at most ``most`` intervals."""
    from matplotlib.ticker import MaxNLocator

    if most is not None:
        axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))

    def write(value: float, _: float) -> str:
        low, high = axis.get_view_interval()
        return tick_text(value, max(abs(low), abs(high)))

    axis.set_major_formatter(write)


def log_axis(ax: Axes, which: Literal["x", "y"], values: Iterable[float]) -> None:
    """Make an axis logarithmic, with ticks at 2 and 5, too, where there are few powers of ten."""
    from matplotlib.ticker import LogLocator, NullLocator

    positive = [value for value in values if isfinite(value) and value > 0]
    ratio = max(positive) / min(positive) if positive else 1.0
    axis = ax.xaxis if which == "x" else ax.yaxis
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    subs = (1, 2, 3, 5, 7) if ratio < 12 else (1, 2, 5) if ratio < 300 else (1,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=9))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: tick_text(value, value).removeprefix("1\u00d7"))


def scale_axis(ax: Axes, which: Literal["x", "y"], values: Iterable[float], log: bool) -> None:
    """Give an axis its scale, even or in powers of ten."""
    if log:
        log_axis(ax, which, values)
    else:
        plain_numbers(ax.xaxis if which == "x" else ax.yaxis, 7)


def ticks_at(ax: Axes, values: Sequence[float]) -> None:
    """Put the ticks of a logarithmic horizontal axis where there are values, and nowhere else."""
    from matplotlib.ticker import NullLocator

    ax.set_xscale("log")
    ax.set_xticks(values, [tick_text(value, value) for value in values])
    ax.xaxis.set_minor_locator(NullLocator())


def tick_text(value: float, largest: float) -> str:
    """Return a tick's number with its thousands apart, or times the power of ten of ``largest``."""
    # a locator's 0 may be off by rounding errors
    if abs(value) < 1e-9 * largest:
        return "0"
    if 1e-3 <= largest < 1e7:
        return f"{value:,.10g}".replace("-", "\u2212")
    power = floor(log10(largest))
    digits = f"{value / 10.0**power:.4g}".replace("-", "\u2212")
    return f"{digits}\u00d710{str(power).translate(_SUPERSCRIPTS)}"


def of_all(finding: str, shown: int, total: int) -> str:
    """Add to a finding how many rows are drawn, where not all are."""
    return finding if shown == total else f"{finding} ({shown} shown)"


def clean(text: object, longest: int = LONGEST) -> str:
    """Return ``text`` on one line, printable, and no longer than ``longest`` characters."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    if len(line) <= longest:
        return line
    head = (longest - 1) * 2 // 3
    return line[:head] + "…" + line[len(line) - (longest - 1 - head) :]
