"""One line a feature: along the invariance path, and along the steps of a stochastic run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._verdicts import KEEP_SIZE
from elinvar.plots._axes import Axes, clean, finish, legend_below, new_axes, plain_numbers
from elinvar.plots._marks import Floats, Look, draw_line, mark, name_points
from elinvar.plots.palette import QUIET, VERDICT_COLOURS

# A line that never rises above this share of the largest is not named.
_VISIBLE = 0.02
_LONGEST = 26

Verdicts = Mapping[str, str] | Sequence[str]


def plot_path(
    path_strength: ArrayLike,
    path_coef: ArrayLike,
    columns: Sequence[str],
    *,
    verdicts: Verdicts | None = None,
    groups: ArrayLike | None = None,
    top: int = 12,
    ylabel: str = "coefficient",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what leaves the model as disagreement between environments is punished.

    Parameters
    ----------
    path_strength : array-like of shape (L,)
        Strengths of the invariance penalty, increasing; a 0 is the pooled model, and is drawn at
        the left end of the logarithmic axis.
    path_coef : array-like of shape (L, n_columns)
        Coefficients at each strength. Use standardised ones if units differ between columns.
    columns : sequence of str
        Names of the columns.
    verdicts : mapping or sequence of str, optional
        Verdict of each column, by name or in order; decides colour and dashes. By default the
        columns that stay are drawn as invariant.
    groups : array-like of shape (n_columns,), optional
        Feature of each column; of each feature only the largest column is named.
    top : int
        How many columns are named; the others are drawn thin.
    ylabel : str
        What the coefficients measure, with its unit.
    title : str, optional
        By default how many features leave.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax.figure.savefig(path)`` writes it.

    Examples
    --------
    >>> ax = plot_path([0, 0.1, 1, 10], [[1, 1], [1, 0.5], [1, 0], [1, 0]], ["parent", "child"])
    >>> ax.get_title(loc="left")
    '1 of 2 features leaves when disagreement is punished'
    """
    strength, coef = _as_path(path_strength, path_coef, columns)
    stays = coef[-1] != 0
    if verdicts is None:
        verdicts = np.where(stays, "invariant", "no effect").tolist()
    kinds = _kinds(columns, verdicts)
    looks = [Look.of_verdict(kind) for kind in kinds]
    ax = new_axes(9.0, 4.8) if ax is None else ax
    x, low = _log_positions(strength)
    ax.set_xscale("log")
    group = np.arange(len(columns)) if groups is None else np.asarray(groups)
    crowd, named = _largest(coef, top, np.isin(kinds, KEEP_SIZE), group)
    lines = _Lines(x=x, coef=coef, columns=columns, looks=looks)
    lines.draw(ax, crowd, named)
    lines.name(ax, [j for j in named if stays[j]])
    leaving = [j for j in named if not stays[j]]
    if leaving:
        lines.name(ax, leaving, first=True)
        longest = max(len(clean(columns[j], _LONGEST)) for j in leaving)
        ax.spines["left"].set_position(("outward", 16 + 5.6 * longest))
    _strength_ticks(ax, x, low)
    plain_numbers(ax.yaxis)
    _verdict_legend(ax, [kinds[j] for j in named], len(crowd))
    if title is None:
        title = _finding(group, (coef != 0).any(axis=0), stays)
    return finish(
        ax, title=title, xlabel="strength of the invariance penalty", ylabel=ylabel, wrap=60
    )


def _finding(group: NDArray[Any], was: NDArray[np.bool_], stays: NDArray[np.bool_]) -> str:
    leave = len(set(group[was].tolist()) - set(group[stays].tolist()))
    total = len(set(group.tolist()))
    who = (
        f"All {total} features" if 1 < leave == total else f"{leave or 'None'} of {total} features"
    )
    verb = "leaves" if leave == 1 else "leave"
    return f"{who} {verb} when disagreement is punished"


def plot_trajectory(
    steps: ArrayLike,
    coef: ArrayLike,
    columns: Sequence[str],
    *,
    top: int = 12,
    ylabel: str = "coefficient",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how the coefficients of a stochastic run grow, step after step.

    Parameters
    ----------
    steps : array-like of shape (T,)
        Steps at which the coefficients were recorded.
    coef : array-like of shape (T, n_columns)
        Recorded coefficients; values that are not finite leave a gap.
    columns : sequence of str
        Names of the columns.
    top : int
        How many columns are named.
    ylabel : str
        What the coefficients measure, with its unit.
    title : str, optional
        By default how many columns the run ended with.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.
    """
    x, values = _as_path(steps, coef, columns)
    values = np.where(np.isfinite(values), values, np.nan)
    ax = new_axes(9.0, 4.8) if ax is None else ax
    looks = [Look.number(j) for j in range(len(columns))]
    alike, group = np.zeros(len(columns), dtype=bool), np.arange(len(columns))
    crowd, named = _largest(values, top, alike, group)
    lines = _Lines(x=x, coef=values, columns=columns, looks=looks)
    lines.draw(ax, crowd, named)
    lines.name(ax, named)
    if title is None:
        title = f"Coefficients over {int(x[-1]):,} steps" if len(x) else "No steps recorded"
    return finish(ax, title=title, xlabel="step", ylabel=ylabel)


def _as_path(x: ArrayLike, coef: ArrayLike, columns: Sequence[str]) -> tuple[Floats, Floats]:
    position = np.asarray(x, dtype=np.float64).ravel()
    values = np.asarray(coef, dtype=np.float64)
    if values.shape != (len(position), len(columns)) or not len(position):
        raise ValueError(
            f"coefficients have shape {values.shape}; needed ({len(position)}, {len(columns)}): "
            "a row for each position and a column for each name."
        )
    return position, values


def _kinds(columns: Sequence[str], verdicts: Verdicts) -> list[str]:
    if isinstance(verdicts, Mapping):
        return [str(verdicts.get(name, "undecided")) for name in columns]
    if len(verdicts) != len(columns):
        raise ValueError(f"{len(verdicts)} verdicts for {len(columns)} columns.")
    return [str(verdict) for verdict in verdicts]


def _log_positions(strength: Floats) -> tuple[Floats, float | None]:
    positive = strength[strength > 0]
    if not len(positive):
        return np.ones_like(strength), None
    if strength.min() > 0:
        return strength, None
    # 0 has no place on a logarithmic axis; the pooled model stands well left of what is punished
    low = float(positive.min()) / 4.0
    return np.where(strength > 0, strength, low), low


def _largest(
    coef: Floats, top: int, first: NDArray[np.bool_], group: NDArray[np.intp]
) -> tuple[list[int], list[int]]:
    """Return the columns that are ever nonzero in two groups: the crowd, and ``top`` to name."""
    size = np.max(np.abs(np.nan_to_num(coef)), axis=0)
    order = [int(j) for j in np.lexsort((size, first)) if size[j] > 0]
    visible = _VISIBLE * np.max(size, initial=0.0)
    leader = {group[j]: j for j in order if size[j] >= visible}
    leaders = [j for j in order if leader.get(group[j]) == j]
    named = leaders[max(len(leaders) - top, 0) :]
    return [j for j in order if j not in named], named


@dataclass(frozen=True, kw_only=True)
class _Lines:
    """One line a column, (T,) by (T, n_columns); NaN is not known."""

    x: Floats
    coef: Floats
    columns: Sequence[str]
    looks: list[Look]

    def draw(self, ax: Axes, crowd: list[int], named: list[int]) -> None:
        """Draw a thin crowd and the lines to be named, each until it has come to 0 for good."""
        ax.axhline(0.0, color=QUIET, linewidth=0.8, zorder=1)
        for group, width, alpha in ((crowd, 0.7, 0.45), (named, 1.8, 1.0)):
            for j in group:
                until = int(np.flatnonzero(self.coef[:, j])[-1]) + 2
                x, y = self.x[:until], self.coef[:until, j]
                look = Look(QUIET) if group is crowd else self.looks[j]
                draw_line(ax, x, y, look, width=width, alpha=alpha)
        ax.set_xlim(self.x[0], self.x[-1] if self.x[-1] > self.x[0] else self.x[0] + 1.0)

    def name(self, ax: Axes, group: list[int], *, first: bool = False) -> None:
        """Write names beside the right ends, or the ``first`` ones, of the lines of a group."""
        known = [self.coef[np.isfinite(self.coef[:, j]), j] for j in group]
        ends = [float(line[0 if first else -1]) if len(line) else 0.0 for line in known]
        name_points(
            ax,
            [clean(self.columns[j], _LONGEST) for j in group],
            [(0.0 if first else 1.0, end) for end in ends],
            -0.02 if first else 1.02,
            colours=[self.looks[j].colour for j in group],
            right=first,
            frame=("axes fraction", "data"),
        )


def _strength_ticks(ax: Axes, x: Floats, low: float | None) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    first = np.ceil(np.log10(x[1] if low is not None and len(x) > 1 else x[0]) - 1e-9)
    last = np.floor(np.log10(x[-1]) + 1e-9)
    ticks = [float(10.0**power) for power in np.arange(first, last + 1)]
    labels = [f"{tick:g}" for tick in ticks]
    if low is not None:
        ticks, labels = [low, *ticks], ["0\n(no penalty)", *labels]
    ax.set_xticks(ticks, labels)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())


def _verdict_legend(ax: Axes, kinds: list[str], unnamed: int) -> None:
    present = [kind for kind in VERDICT_COLOURS if kind in kinds]
    looks = [Look.of_verdict(kind) for kind in present]
    marks = [mark(look.colour, line=look.line) for look in looks]
    if unnamed:
        marks.append(mark(QUIET, line="-", width=0.7, alpha=0.45))
        present.append(f"{unnamed} more, without a name")
    legend_below(ax, marks, present)
