"""Average ranks, and which of them cannot be told apart."""

from collections.abc import Mapping, Sequence

from elinvar.plots._axes import Axes, clean, finish, new_axes
from elinvar.plots._marks import Look, draw_line, write
from elinvar.plots.bench._ours import OURS, ours
from elinvar.plots.palette import INK, QUIET, VERDICT_COLOURS

_ROW = 0.24


def plot_ranks(
    ranks: Mapping[str, float],
    critical_difference: float,
    groups: Sequence[Sequence[str]] = (),
    *,
    n_problems: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a critical difference diagram: average ranks on a line, bars over those that are alike.

    Parameters
    ----------
    ranks : mapping of str to float
        Average rank of each method; 1 is best.
    critical_difference : float
        Ranks further apart than this differ.
    groups : sequence of sequences of str
        Methods that one bar joins.
    n_problems : int, optional
        Over how many problems ranks are averaged; for the label.
    title : str, optional
        By default which method ranks first.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If there are no ranks.

    Examples
    --------
    >>> ranks = {"elinvar-auto": 1.2, "lasso": 2.1, "pooled": 2.7}
    >>> ax = plot_ranks(ranks, 0.8, [("lasso", "pooled")])
    >>> ax.get_title(loc="left")
    'elinvar-auto ranks first, and nobody is within the critical difference'
    """
    if not ranks:
        raise ValueError("there are no ranks to draw; needed at least one.")
    order = sorted(ranks, key=lambda name: ranks[name])
    half = (len(order) + 1) // 2
    n_rows = half + 1 + 0.8 * len(groups)
    ax = new_axes(7.6, 1.3 + _ROW * n_rows) if ax is None else ax
    low, high = 1.0, max(float(len(order)), 2.0)
    margin = 0.26 * (high - low)
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(-n_rows, 1.6)
    ax.plot([low, high], [0, 0], color=INK, linewidth=1.2)
    # numbers of more than a dozen ranks would touch
    for tick in range(int(low), int(high) + 1, 1 + int(high) // 13):
        ax.plot([tick, tick], [0, 0.22], color=INK, linewidth=1.0)
        write(ax, str(tick), (tick, 0.32), ha="center", va="bottom")
    _bars(ax, ranks, groups)
    first = 0.9 + 0.8 * len(groups)
    for k, name in enumerate(order):
        left = k < half
        row = -(first + (k if left else len(order) - 1 - k))
        _leader(ax, name, ranks[name], row, low - 0.02 * margin if left else high, left=left)
    ax.plot([low, min(low + critical_difference, high)], [1.25, 1.25], color=INK, linewidth=2.2)
    write(ax, f"critical difference {critical_difference:.2f}", (low, 1.33), va="bottom")
    where = "" if n_problems is None else f" (average rank over {n_problems} problems)"
    title = _finding(order, ranks, critical_difference) + where if title is None else title
    finish(ax, title=title, xlabel="", ylabel="", wrap=80)
    ax.axis("off")
    return ax


def _bars(ax: Axes, ranks: Mapping[str, float], groups: Sequence[Sequence[str]]) -> None:
    for k, group in enumerate(groups):
        ends = [ranks[name] for name in group]
        at = -(0.5 + 0.8 * k)
        draw_line(ax, [min(ends) - 0.05, max(ends) + 0.05], [at, at], Look(QUIET), width=3.4)


def _leader(ax: Axes, name: str, rank: float, row: float, edge: float, *, left: bool) -> None:
    own = ours(name)
    colour = VERDICT_COLOURS["invariant"] if own else INK
    ax.plot(
        [rank, rank, edge], [0, row, row], color=colour if own else QUIET,
        linewidth=1.6 if own else 0.8, zorder=3 if own else 2,
    )  # fmt: skip
    text = f"{clean(name)}  {rank:.1f}" if left else f"{rank:.1f}  {clean(name)}"
    shift, ha = (-4, "right") if left else (4, "left")
    write(ax, text, (edge, row), shift=(shift, 0), ha=ha, colour=colour, bold=own)


def _finding(order: Sequence[str], ranks: Mapping[str, float], difference: float) -> str:
    best = order[0]
    near = [name for name in order[1:] if ranks[name] - ranks[best] <= difference]
    if best == OURS and not near:
        return f"{OURS} ranks first, and nobody is within the critical difference"
    if best != OURS and OURS in near:
        return f"{best} ranks first, {OURS} within the critical difference"
    if best != OURS and OURS in order:
        return f"{best} ranks first, {OURS} is {order.index(OURS) + 1} of {len(order)}"
    return f"{best} ranks first, not told from {len(near)} more"
