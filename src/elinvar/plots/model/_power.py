"""How small a difference between environments these data could show, and more data would."""

import numpy as np

from elinvar.plots._axes import Axes, finish, head_figure, new_panels, plain_numbers, ticks_at
from elinvar.plots._marks import dots, write
from elinvar.plots._tables import Row, Table, records
from elinvar.plots.palette import VERDICT_COLOURS

_LINE = VERDICT_COLOURS["invariant"]
_LABELS = {"rows": "rows in each environment", "environments": "environments"}


def plot_power(power: Table, *, title: str | None = None) -> Axes:
    """Draw the smallest detectable spread of effects against more rows, and more environments.

    Parameters
    ----------
    power : DataFrame or mapping of columns
        ``environments``, ``rows`` (in each environment), ``detectable_sd`` (smallest standard
        deviation of an effect between environments that would be found, in sd of the target per
        sd of the feature) and ``is_now`` (the one row of the data at hand), such as
        ``diagnosis.power``.
    title : str, optional
        By default what can be found now.

    Returns
    -------
    matplotlib.axes.Axes
        The first panel; ``ax.figure`` has both, or the one in which something is known, and the
        title as its ``get_suptitle()``.

    Raises
    ------
    ValueError
        If not exactly one row is now.

    Examples
    --------
    >>> ax = plot_power({
    ...     "environments": [3, 3, 6], "rows": [100, 400, 100], "detectable_sd": [0.3, 0.15, 0.2],
    ...     "is_now": [True, False, False],
    ... })
    >>> ax.figure.get_suptitle()
    'With these data, effects that differ by 0.3 between environments are found'
    """
    table = records(power, texts=("is_now",), numbers=("environments", "rows", "detectable_sd"))
    current = [row for row in table if row["is_now"] == "True"]
    if len(current) != 1:
        raise ValueError(f"{len(current)} rows of the table are now; needed exactly one.")
    now = current[0]
    lines = {along: _line(table, along, now) for along in _LABELS}
    shown = [along for along in _LABELS if lines[along]] or list(_LABELS)
    axes = new_panels(9.0, 3.4, 1, len(shown))
    for ax, along in zip(axes, shown, strict=True):
        _draw(ax, lines[along], along, now)
        ylabel = "smallest sd that is found" if ax is axes[0] else ""
        finish(ax, title=None, xlabel=_LABELS[along], ylabel=ylabel)
    axes[0].set_ylim(0.0, 1.15 * axes[0].get_ylim()[1])
    plain_numbers(axes[0].yaxis, 5)
    head_figure(axes[0], _finding(now) if title is None else title)
    return axes[0]


def _line(table: list[Row], along: str, now: Row) -> list[Row]:
    """Return what is known along rows or environments while the other stays as it is now."""
    fixed = next(key for key in _LABELS if key != along)
    known = [row for row in table if row[fixed] == now[fixed] and np.isfinite(row["detectable_sd"])]
    return sorted(known, key=lambda row: row[along])


def _draw(ax: Axes, rows: list[Row], along: str, now: Row) -> None:
    x = [row[along] for row in rows]
    ax.plot(x, [row["detectable_sd"] for row in rows], color=_LINE, linewidth=1.8, zorder=2)
    place = (now[along], now["detectable_sd"])
    dots(ax, *place, _LINE, size=46, zorder=3)
    if np.isfinite(now["detectable_sd"]):
        write(ax, "now", place, shift=(6, 6), va="baseline", size=9.5, bold=True)
    ticks_at(ax, [round(value) for value in x[:: max(-(-len(x) // 6), 1)]])


def _finding(now: Row) -> str:
    size = now["detectable_sd"]
    if not np.isfinite(size):
        return "No difference between environments could be found with these data"
    return f"With these data, effects that differ by {size:.2g} between environments are found"
