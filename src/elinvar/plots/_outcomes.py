"""What became of each setting over a parameter: one mark a setting and value."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elinvar.plots._sensing_look import GRID, distinct, log_axis
from elinvar.plots._style import (
    INK,
    MODEL_COLOURS,
    QUIET,
    VERDICT_COLOURS,
    clean,
    finish,
    legend_below,
    new_axes,
    tick_text,
)
from elinvar.plots._tables import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Shape and colour both tell, the first outcome being the one hoped for.
_LOOKS = (
    ("o", VERDICT_COLOURS["invariant"], True),
    ("D", VERDICT_COLOURS["spurious"], False),
    ("s", QUIET, False),
    ("X", MODEL_COLOURS["pooled"], True),
)


def plot_outcomes(
    table: Any,
    *,
    name: str,
    parameter: str,
    outcomes: Sequence[str],
    value: str | None = None,
    xlabel: str = "",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a mark for the outcome of each setting at each value of a parameter.

    Parameters
    ----------
    table : DataFrame or mapping of columns
        The columns ``name``, ``parameter`` (above 0), ``outcome`` and, if wanted, ``value``.
    name : str
        Column with the settings' names, a row of marks each, in the order in which they first come.
    parameter : str
        Column along the logarithmic axis.
    outcomes : sequence of str
        At most four, in the order of the legend; the first is the one hoped for.
    value : str, optional
        Column with numbers to write beside the marks.
    xlabel : str
        What the parameter is.
    title : str, optional
        By default how many settings have the first outcome somewhere.
    ax : Axes, optional
        Where to draw; by default a new figure as high as the rows need.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If an outcome is not among ``outcomes``.

    Examples
    --------
    >>> ax = plot_outcomes(
    ...     {"optimizer": ["SGD", "SGD", "Adam"], "lr": [0.1, 1.0, 0.1],
    ...      "outcome": ["fine", "diverges", "diverges"]},
    ...     name="optimizer", parameter="lr", outcomes=("fine", "diverges"),
    ... )
    >>> ax.get_title(loc="left")
    '1 of 2: fine'
    """
    numbers = (parameter,) if value is None else (parameter, value)
    rows = records(table, texts=(name, "outcome"), numbers=numbers)
    strange = sorted({row["outcome"] for row in rows}.difference(outcomes))
    if strange or len(outcomes) > len(_LOOKS):
        raise ValueError(f"outcomes must be among {len(_LOOKS)} that are named; got {strange}.")
    names = distinct(rows, name)
    ax = new_axes(8.4, 1.7 + 0.46 * len(names)) if ax is None else ax
    handles = []
    for outcome, (marker, colour, filled) in zip(outcomes, _LOOKS, strict=False):
        mine = [row for row in rows if row["outcome"] == outcome]
        handles.append(
            ax.scatter(
                [row[parameter] for row in mine],
                [names.index(row[name]) for row in mine],
                s=62,
                marker=marker,
                facecolors=colour if filled else "none",
                edgecolors=colour,
                linewidths=1.4,
                zorder=3,
            )
        )
    for row in rows:
        if value is not None and abs(row[value]) < 100:
            ax.annotate(
                tick_text(float(f"{row[value]:.2g}"), 1.0),
                xy=(row[parameter], names.index(row[name])),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color=INK,
            )
    log_axis(ax, "x", [row[parameter] for row in rows])
    values = sorted({row[parameter] for row in rows})
    ax.set_xticks(values, [f"{tick:g}" for tick in values])
    ax.margins(x=0.07)
    ax.set_yticks(range(len(names)), [clean(each, 40) for each in names], parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", **GRID)
    legend_below(ax, handles, [clean(outcome, 48) for outcome in outcomes])
    if title is None:
        there = {row[name] for row in rows if row["outcome"] == outcomes[0]}
        title = f"{len(there)} of {len(names)}: {outcomes[0]}"
    finish(ax, title=title, xlabel=xlabel, ylabel="")
    ax.spines["left"].set_visible(False)
    return ax
