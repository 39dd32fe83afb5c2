"""Where an algorithm goes: its distance to A* and to the pooled solution, step after step."""

from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.plots._sensing_look import GRID, INVARIANT, POOLED, distinct, draw_band, log_axis
from elinvar.plots._style import (
    INK,
    clean,
    finish,
    head_figure,
    head_panel,
    legend_below,
    new_figure,
    plain_numbers,
)
from elinvar.plots._tables import Row, records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = {
    "error": ("distance to the invariant part A*", INVARIANT),
    "pooled_error": ("distance to the pooled solution", POOLED),
}


def plot_distances(distances: Any, *, title: str | None = None) -> "Axes":
    r"""Draw how far algorithms are from A\* and from the pooled solution, one panel an algorithm.

    Parameters
    ----------
    distances : DataFrame or mapping of columns
        ``algorithm``, ``step``, ``error`` (Frobenius distance to A\*) and ``pooled_error`` (to
        A\* plus the mean of the A^(e)), one row for each algorithm and step. If known, the ends
        of bands over repetitions: ``error_low``, ``error_high``, ``pooled_error_low`` and
        ``pooled_error_high``. A value that is not above 0 leaves a gap.
    title : str, optional
        By default which algorithms end nearer A\*.

    Returns
    -------
    matplotlib.axes.Axes
        The first panel; ``ax.figure`` has them all, and the title as its ``get_suptitle()``.

    Raises
    ------
    ValueError
        If the table has no rows.

    Examples
    --------
    >>> ax = plot_distances({
    ...     "algorithm": ["HeteroSGD", "HeteroSGD", "PooledSGD", "PooledSGD"],
    ...     "step": [0, 1000, 0, 1000],
    ...     "error": [1.4, 0.05, 1.4, 1.4],
    ...     "pooled_error": [2.0, 1.4, 2.0, 0.02],
    ... })
    >>> ax.figure.get_suptitle()
    'HeteroSGD ends nearer A*, PooledSGD nearer the pooled solution'
    """
    ends = [f"{key}_{end}" for key in _LINES for end in ("low", "high")]
    rows = records(distances, texts=("algorithm",), numbers=("step", *_LINES, *ends))
    if not rows:
        raise ValueError("the table of distances has no rows; needed at least one.")
    names = distinct(rows, "algorithm")
    width = 2.2 + 2.9 * max(len(names), 2)
    panels = list(new_figure(width, 3.8).subplots(1, len(names), sharey=True, squeeze=False).flat)
    for ax, name in zip(panels, names, strict=True):
        _draw(ax, [row for row in rows if row["algorithm"] == name])
        head_panel(ax, name)
    first: Axes = panels[0]
    shown = [row[key] for row in rows for key in _LINES]
    log_axis(first, "y", shown)
    first.set_ylabel("Frobenius norm", color=INK, fontsize=9.5)
    handles = first.get_lines()[: len(_LINES)]
    legend_below(first, handles, [label for label, _ in _LINES.values()])
    head_figure(first, _finding(rows, names) if title is None else title)
    return first


def _draw(ax: "Axes", rows: list[Row]) -> None:
    rows = sorted(rows, key=lambda row: row["step"])
    steps = [row["step"] for row in rows]
    for key, (label, look) in _LINES.items():
        middle, low, high = (
            [row[column] if row[column] > 0 else np.nan for row in rows]
            for column in (key, f"{key}_low", f"{key}_high")
        )
        draw_band(ax, steps, middle, low, high, look, label=label)
    ax.set_xlim(min(steps), max(steps) if max(steps) > min(steps) else min(steps) + 1)
    ax.grid(axis="y", **GRID)
    plain_numbers(ax.xaxis, 4)
    finish(ax, title=None, xlabel="step", ylabel="")


def _finding(rows: list[Row], names: list[str]) -> str:
    last = {name: max((r for r in rows if r["algorithm"] == name), key=_step) for name in names}
    near = [clean(name) for name in names if last[name]["error"] < last[name]["pooled_error"]]
    far = [clean(name) for name in names if last[name]["error"] >= last[name]["pooled_error"]]
    if not far:
        return f"{_and(near)} {'ends' if len(near) == 1 else 'end'} nearer A*"
    if not near:
        return f"{_and(far)} {'ends' if len(far) == 1 else 'end'} nearer the pooled solution"
    verb = "ends" if len(near) == 1 else "end"
    return f"{_and(near)} {verb} nearer A*, {_and(far)} nearer the pooled solution"


def _step(row: Row) -> float:
    return float(row["step"])


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
