"""How small a difference between environments these data could show, and more data would."""

from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.plots._style import (
    INK,
    VERDICT_COLOURS,
    finish,
    head_figure,
    new_figure,
    plain_numbers,
    tick_text,
)
from elinvar.plots._tables import Row, records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE = VERDICT_COLOURS["invariant"]
_LABELS = {"rows": "rows in each environment", "environments": "environments"}


def plot_power(power: Any, *, title: str | None = None) -> "Axes":
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
        The first panel; ``ax.figure`` has both, and the title as its ``get_suptitle()``.

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
    axes = new_figure(9.0, 3.4).subplots(1, 2, sharey=True)
    for ax, along, fixed in zip(axes, _LABELS, reversed(_LABELS), strict=True):
        rows = [row for row in table if row[fixed] == now[fixed]]
        _draw(ax, sorted(rows, key=lambda row: row[along]), along, now)
        finish(ax, title=None, xlabel=_LABELS[along], ylabel="")
    axes[0].set_ylabel("smallest sd that is found", color=INK, fontsize=9.5)
    axes[0].set_ylim(0.0, 1.15 * axes[0].get_ylim()[1])
    plain_numbers(axes[0].yaxis, 5)
    head_figure(axes[0], _finding(now) if title is None else title)
    first: Axes = axes[0]
    return first


def _draw(ax: "Axes", rows: list[Row], along: str, now: Row) -> None:
    x = [row[along] for row in rows]
    ax.set_xscale("log")
    ax.plot(x, [row["detectable_sd"] for row in rows], color=_LINE, linewidth=1.8, zorder=2)
    ax.scatter([now[along]], [now["detectable_sd"]], s=46, color=_LINE, linewidths=0, zorder=3)
    ax.annotate(
        "now",
        xy=(now[along], now["detectable_sd"]),
        xytext=(6, 6),
        textcoords="offset points",
        fontsize=9.5,
        fontweight="bold",
        color=INK,
    )
    _ticks(ax, x)


def _ticks(ax: "Axes", values: list[float]) -> None:
    """Put ticks where there are values, at most six."""
    from matplotlib.ticker import NullLocator

    step = -(-len(values) // 6)
    shown = values[::step]
    ax.set_xticks(shown, [tick_text(round(value), max(shown)) for value in shown])
    ax.xaxis.set_minor_locator(NullLocator())


def _finding(now: Row) -> str:
    size = now["detectable_sd"]
    if not np.isfinite(size):
        return "No difference between environments could be found with these data"
    return f"With these data, effects that differ by {size:.2g} between environments are found"
