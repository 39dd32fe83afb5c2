"""Where an algorithm goes: its distance to A* and to the pooled solution, step after step."""

from elinvar._base._words import listed
from elinvar.plots._axes import (
    GRID,
    Axes,
    clean,
    finish,
    head_figure,
    head_panel,
    legend_below,
    log_axis,
    new_panels,
    plain_numbers,
)
from elinvar.plots._marks import DISTANCES, draw_band
from elinvar.plots._tables import Row, Table, distinct, records


def plot_distances(
    distances: Table, *, ylabel: str = "Frobenius norm", title: str | None = None
) -> Axes:
    r"""Draw how far algorithms are from A\* and from the pooled solution, one panel an algorithm.

    Parameters
    ----------
    distances : DataFrame or mapping of columns
        ``algorithm``, ``step``, ``error`` (Frobenius distance to A\*) and ``pooled_error`` (to
        A\* plus the mean of the A^(e)), one row for each algorithm and step. If known, the ends
        of bands over repetitions: ``error_low``, ``error_high``, ``pooled_error_low`` and
        ``pooled_error_high``. A value that is not above 0 leaves a gap.
    ylabel : str
        What distances are measured in.
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
    ends = [f"{key}_{end}" for key in DISTANCES for end in ("low", "high")]
    rows = records(
        distances, texts=("algorithm",), numbers=("step", *DISTANCES, *ends), needed="distances"
    )
    names = distinct(rows, "algorithm")
    width = 2.2 + 2.9 * max(len(names), 2)
    panels = new_panels(width, 3.8, 1, len(names))
    for ax, name in zip(panels, names, strict=True):
        _draw(ax, [row for row in rows if row["algorithm"] == name])
        head_panel(ax, name)
        finish(ax, title=None, xlabel="step", ylabel=ylabel if ax is panels[0] else "")
    first = panels[0]
    log_axis(first, "y", [row[key] for row in rows for key in DISTANCES])
    handles = first.get_lines()[: len(DISTANCES)]
    legend_below(first, handles, [label for label, _ in DISTANCES.values()])
    head_figure(first, _finding(rows, names) if title is None else title)
    return first


def _draw(ax: Axes, rows: list[Row]) -> None:
    for key, (label, look) in DISTANCES.items():
        draw_band(ax, rows, "step", key, look, label=label, markers=False, positive=True)
    steps = [row["step"] for row in rows]
    ax.set_xlim(min(steps), max(steps) if max(steps) > min(steps) else min(steps) + 1)
    ax.grid(axis="y", **GRID)
    plain_numbers(ax.xaxis, 4)


def _finding(rows: list[Row], names: list[str]) -> str:
    # later steps take the place of earlier ones
    last = {row["algorithm"]: row for row in sorted(rows, key=lambda row: float(row["step"]))}
    near = {name: last[name]["error"] < last[name]["pooled_error"] for name in names}
    parts: list[str] = []
    for place, there in (("A*", True), ("the pooled solution", False)):
        these = [clean(name) for name in names if near[name] == there]
        verb = "" if parts else " ends" if len(these) == 1 else " end"
        parts += [f"{listed(these)}{verb} nearer {place}"] * bool(these)
    return ", ".join(parts)
