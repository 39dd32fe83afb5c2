"""From which shift on the invariant model is the better forecast."""

from collections.abc import Mapping

import numpy as np

from elinvar.plots._axes import Axes, finish, legend_below, log_axis, new_axes, plain_numbers
from elinvar.plots.palette import INK, MODEL_COLOURS, MODEL_NAMES, QUIET

_WIDEST = (0.1, 30.0)
# on paper without colours, too, the models are told apart
_LINES = {"pooled": "--", "nearly_invariant": "-."}


def plot_break_even(
    lines: Mapping[str, tuple[float, float]],
    shift: float,
    *,
    between: tuple[float, float] | None = None,
    root: bool = True,
    ylabel: str = "root mean squared error",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw each model's error against how much new environments differ.

    Parameters
    ----------
    lines : mapping of str to pairs of float
        Level a and rise b of each model's risk :math:`a + \kappa b`, by "invariant", "pooled" and
        "nearly_invariant", such as those of ``break_even_``.
    shift : float
        Where the invariant model becomes better, as a multiple of today's differences; 0 or
        infinity: nowhere.
    between : pair of float, optional
        Interval for it.
    root : bool
        Draw the root of the risk.
    ylabel : str
        What the error measures, with its unit.
    title : str, optional
        By default from where on the invariant model is better.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = plot_break_even({"invariant": (2.0, 0.0), "pooled": (1.0, 0.5)}, 2.0)
    >>> print(ax.get_title(loc="left"))
    The invariant model is better once new environments differ 2 times
    as much
    """
    ax = new_axes(9.0, 4.2) if ax is None else ax
    low, high = _WIDEST
    if 0 < shift < np.inf:
        low, high = min(low, shift / 3), max(high, 3 * shift)
    at = np.geomspace(low, high, 200)
    for name, (level, rise) in lines.items():
        risk = level + at * rise
        ax.plot(
            at,
            np.sqrt(risk) if root else risk,
            color=MODEL_COLOURS[name],
            linestyle=_LINES.get(name, "-"),
            linewidth=2.0,
            label=MODEL_NAMES[name],
            zorder=3,
        )
    log_axis(ax, "x", [low, high])
    ax.set_xlim(low, high)
    plain_numbers(ax.yaxis)
    ax.axvline(1.0, color=QUIET, linewidth=0.9, linestyle=":", zorder=1, label="as today")
    if 0 < shift < np.inf:
        ax.axvline(shift, color=INK, linewidth=1.1, zorder=2, label="break-even")
        if between is not None and between[0] < high and between[1] > low:
            ends = max(between[0], low), min(between[1], high)
            ax.axvspan(*ends, color=QUIET, alpha=0.15, linewidth=0, zorder=0, label="likely range")
    legend_below(ax, *ax.get_legend_handles_labels())
    return finish(
        ax,
        title=_finding(shift) if title is None else title,
        xlabel="how much new environments differ (variance, today's differences are 1)",
        ylabel=ylabel,
    )


def _finding(shift: float) -> str:
    if shift == 0:
        return "The invariant model is better however much new environments differ"
    if not np.isfinite(shift):
        return "The invariant model is not better, however much new environments differ"
    return f"The invariant model is better once new environments differ {shift:.2g} times as much"
