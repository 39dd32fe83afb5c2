"""What one trajectory learnt, invariant and spurious, step after step."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._numbers import figure
from elinvar.plots._axes import GRID, finish, legend_below, log_axis, new_axes, plain_numbers
from elinvar.plots._marks import INVARIANT, REST, SPURIOUS, Floats, draw_line, mark_diverged
from elinvar.plots.palette import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_sensing(
    steps: ArrayLike,
    invariant_signal: ArrayLike,
    spurious_signal: ArrayLike,
    residual: ArrayLike | None = None,
    *,
    status: str = "completed",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw what one trajectory learnt, step after step, on a logarithmic axis.

    Parameters
    ----------
    steps : array-like of shape (T,)
        Recorded steps.
    invariant_signal, spurious_signal : array-like of shape (T,)
        Signals at these steps, such as those of a ``Trajectory``; what is not above 0 leaves a gap.
    residual : array-like of shape (T,), optional
        Norm of what lies outside both.
    status : str
        "diverged" is said in the title and marked at the last step.
    title : str, optional
        By default what the run ended with.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If nothing was recorded or the lengths differ.

    Examples
    --------
    >>> ax = plot_sensing([0, 50, 100], [1e-6, 0.4, 1.0], [1e-6, 0.2, 1e-4])
    >>> ax.get_title(loc="left")
    'After 100 steps: invariant signal 1, spurious signal 0.0001'
    """
    x = np.asarray(steps, dtype=np.float64)
    parts = {
        "invariant signal": (invariant_signal, INVARIANT),
        "spurious signal": (spurious_signal, SPURIOUS),
        **({} if residual is None else {"outside both": (residual, REST)}),
    }
    lines = {name: np.asarray(values, dtype=np.float64) for name, (values, _) in parts.items()}
    if not len(x) or any(line.shape != x.shape for line in lines.values()):
        shapes = [line.shape for line in lines.values()]
        raise ValueError(f"signals of shape {shapes} at {len(x)} steps; needed one value a step.")
    ax = new_axes(7.6, 4.2) if ax is None else ax
    shown: list[float] = []
    for name, line in lines.items():
        gap = np.where((line > 0) & np.isfinite(line), line, np.nan)
        draw_line(ax, x, gap, parts[name][1], label=name)
        shown += line.tolist()
    if status == "diverged":
        mark_diverged(ax, [float(x[-1])], INK)
    log_axis(ax, "y", shown)
    plain_numbers(ax.xaxis, 6)
    ax.set_xlim(x[0], x[-1] if x[-1] > x[0] else x[0] + 1.0)
    ax.grid(axis="y", **GRID)
    legend_below(ax, *ax.get_legend_handles_labels())
    if title is None:
        title = _ended(x, lines, status)
    return finish(ax, title=title, xlabel="step", ylabel="")


def _ended(x: Floats, lines: Mapping[str, Floats], status: str) -> str:
    if status == "diverged":
        return f"The run diverged at step {int(x[-1]):,}"
    said = ", ".join(f"{name} {figure(lines[name][-1], 2)}" for name in list(lines)[:2])
    return f"After {int(x[-1]):,} steps: {said}"
