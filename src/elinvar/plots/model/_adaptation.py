"""What labelled rows of a new place would buy."""

from collections.abc import Sequence

import numpy as np

from elinvar.plots._axes import Axes, finish, legend_below, new_axes, plain_numbers
from elinvar.plots.palette import INK, QUIET


def plot_adaptation(
    rows: Sequence[float],
    error: Sequence[float],
    *,
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    ylabel: str = "root mean squared error",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the error to expect in a new place against the rows labelled there.

    Parameters
    ----------
    rows : sequence of float, of length H
        Numbers of labelled rows, the first 0.
    error : sequence of float, of length H
        Error to expect after each.
    low, high : sequences of float, of length H, optional
        Between which it is in eight of ten new places.
    ylabel : str
        What the error measures, with its unit.
    title : str, optional
        By default what the most rows remove.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = plot_adaptation([0, 10, 20], [1.0, 0.8, 0.7])
    >>> print(ax.get_title(loc="left"))
    20 labelled rows remove 30% of the error
    """
    ax = new_axes(9.0, 3.4) if ax is None else ax
    at, middle = np.asarray(rows, dtype=float), np.asarray(error, dtype=float)
    if low is not None and high is not None:
        ends = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        ax.fill_between(
            at, *ends, color=QUIET, alpha=0.2, linewidth=0, label="eight of ten new places"
        )
    ax.axhline(middle[0], color=QUIET, linewidth=0.9, linestyle=":", label="no row labelled")
    ax.plot(at, middle, color=INK, linewidth=2.0, label="expected")
    ax.set_xlim(at[0], at[-1])
    ax.set_ylim(bottom=0)
    plain_numbers(ax.yaxis)
    legend_below(ax, *ax.get_legend_handles_labels())
    removed = 1 - middle[-1] / middle[0]
    finding = f"{at[-1]:g} labelled rows remove {max(removed, 0):.0%} of the error"
    return finish(
        ax,
        title=finding if title is None else title,
        xlabel="rows labelled in the new place",
        ylabel=ylabel,
    )
