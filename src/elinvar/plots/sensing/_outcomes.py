"""What became of each setting over a parameter: one mark a setting and value."""

from collections.abc import Sequence

from elinvar.plots._axes import (
    GRID,
    Axes,
    clean,
    finish,
    legend_below,
    name_rows,
    new_axes,
    tick_text,
    ticks_at,
)
from elinvar.plots._marks import dots, write
from elinvar.plots._tables import Table, distinct, records
from elinvar.plots.palette import MODEL_COLOURS, QUIET, VERDICT_COLOURS

# Shape and colour both tell, the first outcome being the one hoped for.
_LOOKS = (
    ("o", VERDICT_COLOURS["invariant"], True),
    ("D", VERDICT_COLOURS["spurious"], False),
    ("s", QUIET, False),
    ("X", MODEL_COLOURS["pooled"], True),
)


def plot_outcomes(
    table: Table,
    *,
    name: str,
    parameter: str,
    outcomes: Sequence[str],
    value: str | None = None,
    xlabel: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
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
        x, y = [row[parameter] for row in mine], [names.index(row[name]) for row in mine]
        drawn = dots(ax, x, y, colour, size=62, marker=marker, hollow=not filled, edge=1.4)
        handles.append(drawn)
    for row in rows:
        if value is not None and abs(row[value]) < 100:
            text = tick_text(float(f"{row[value]:.2g}"), 1.0)
            write(ax, text, (row[parameter], names.index(row[name])), shift=(8, 0), size=7.5)
    ticks_at(ax, sorted({row[parameter] for row in rows}))
    ax.margins(x=0.07)
    name_rows(ax, names, longest=40)
    ax.grid(axis="y", **GRID)
    legend_below(ax, handles, [clean(outcome, 48) for outcome in outcomes])
    if title is None:
        there = {row[name] for row in rows if row["outcome"] == outcomes[0]}
        title = f"{len(there)} of {len(names)}: {outcomes[0]}"
    return finish(ax, title=title, xlabel=xlabel, ylabel="")
