"""Several pictures of one study in one figure."""

from collections.abc import Callable, Sequence
from typing import Any

from elinvar.plots._axes import Axes, new_figure


def plot_panels(
    drawings: Sequence[Callable[[Axes], Any]],
    heights: Sequence[float],
    *,
    width: float = 8.4,
) -> Axes:
    """Draw pictures one below the other.

    Parameters
    ----------
    drawings : sequence of callable
        Each is given axes to draw on, such as ``lambda ax: plot_lines(..., ax=ax)``.
    heights : sequence of float
        Of each, in inches.
    width : float
        Of the figure, in inches.

    Returns
    -------
    matplotlib.axes.Axes
        The first.

    Examples
    --------
    >>> from elinvar.plots import plot_lines
    >>> table = {"x": [1, 2, 4], "y": [3, 2, 1]}
    >>> ax = plot_panels([lambda ax: plot_lines(table, "x", {"y": "falls"}, ax=ax)] * 2, [3, 3])
    >>> len(ax.figure.figure.subfigs)
    2
    """
    # a figure of its own for each, so that legends stay with what they explain
    parts = new_figure(width, sum(heights)).subfigures(
        len(heights), 1, squeeze=False, height_ratios=list(heights)
    )
    panels: list[Axes] = [part.subplots() for part in parts[:, 0]]
    for draw, ax in zip(drawings, panels, strict=True):
        draw(ax)
    return panels[0]
