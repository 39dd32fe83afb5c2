"""A causal graph: causes above effects, and beside each variable who acts on it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.plots._axes import Axes, clean, finish, new_axes
from elinvar.plots.palette import INK, MODEL_COLOURS, QUIET

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_ROUNDS = 12
_LONGEST = 12
_MOST_ACTING = 3
# an edge that passes a variable so near is bent, and how much
_NEAR = 0.25
_BEND = 0.3
_SHIFT = 0.35


def plot_graph(
    adjacency: Bools,
    *,
    names: Sequence[str],
    undirected: Bools | None = None,
    acts_on: Bools | None = None,
    environments: Sequence[str] = (),
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw arrows from causes to effects, and lines where the direction is open.

    Parameters
    ----------
    adjacency : (p, p) array of bool
        ``[i, j]``: an arrow from i to j; without circles.
    names : sequence of str
        Of the p variables.
    undirected : (p, p) array of bool, optional
        Pairs that are joined by a broken line; symmetric.
    acts_on : (E, p) array of bool, optional
        Which environments act on which variables; their names are written beside these.
    environments : sequence of str
        Names of the E environments.
    title : str, optional
        By default the number of edges.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Examples
    --------
    >>> import numpy as np
    >>> ax = plot_graph(np.array([[False, True], [False, False]]), names=["rain", "mud"])
    >>> ax.get_title(loc="left")
    '1 edge'
    """
    adjacency = np.asarray(adjacency, dtype=bool)
    p = len(names)
    loose = np.zeros((p, p), dtype=bool) if undirected is None else np.asarray(undirected)
    place = _places(adjacency, loose)
    across, down = place[:, 0].max() + 1, place[:, 1].max() + 1
    if ax is None:
        ax = new_axes(min(max(6.0, 1.5 * across), 13.0), min(max(2.6, 1.25 * down + 0.8), 11.0))
    for i, j in np.argwhere(adjacency | np.triu(loose)):
        _join(ax, place, int(i), int(j), told=bool(adjacency[i, j]))
    for j, name in enumerate(names):
        acts = [] if acts_on is None else np.flatnonzero(acts_on[:, j]).tolist()
        _name(ax, place[j], name, [str(environments[e]) for e in acts])
    edges = int(adjacency.sum()) + int(np.triu(loose).sum())
    words = f"{edges} edge{'' if edges == 1 else 's'}"
    finish(ax, title=words if title is None else title, xlabel="", ylabel="")
    ax.set_xlim(-0.7, across - 0.3)
    ax.set_ylim(down - 0.4, -0.5)
    ax.set_axis_off()
    return ax


def _join(ax: Axes, place: Floats, i: int, j: int, *, told: bool) -> None:
    """Draw an arrow or a broken line, bent where another variable stands in its way."""
    along = place[j] - place[i]
    others = np.delete(place, [i, j], axis=0) - place[i]
    share = (others @ along) / (along @ along)
    off = others @ [-along[1], along[0]] / np.hypot(*along)
    near = (share > 0) & (share < 1) & (np.abs(off) < _NEAR)
    # away from the nearest of those in the way
    bend = 0.0 if not near.any() else np.copysign(_BEND, -off[near][np.abs(off[near]).argmin()])
    known: Any = ax
    known.annotate(
        "",
        xy=place[j],
        xytext=place[i],
        arrowprops={
            "arrowstyle": "-|>" if told else "-",
            "linestyle": "-" if told else (0, (4, 2)),
            "color": MODEL_COLOURS["invariant"] if told else QUIET,
            "linewidth": 1.4,
            "shrinkA": 15,
            "shrinkB": 15,
            "connectionstyle": f"arc3,rad={bend}",
        },
    )


def _name(ax: Axes, at: Floats, name: str, acting: list[str]) -> None:
    """Write the name of a variable, and beside it the environments that act on it."""
    known: Any = ax
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": INK, "linewidth": 0.9}
    style: dict[str, Any] = {"parse_math": False, "zorder": 3, "va": "center"}
    known.text(*at, clean(name, _LONGEST), ha="center", color=INK, fontsize=10, bbox=box, **style)
    if not acting:
        return
    words = [clean(label, _LONGEST) for label in acting[:_MOST_ACTING]]
    if len(acting) > _MOST_ACTING:
        words.append(f"+ {len(acting) - _MOST_ACTING}")
    known.annotate(
        "\n".join(words),
        at,
        xytext=(9 + 3.2 * len(clean(name, _LONGEST)), 0),
        textcoords="offset points",
        ha="left",
        color=MODEL_COLOURS["pooled"],
        fontsize=7.5,
        **style,
    )


def _places(adjacency: Bools, loose: Bools) -> Floats:
    """Return where each variable stands: below its causes, near those it is joined with, (p, 2)."""
    p = len(adjacency)
    layer = np.zeros(p, dtype=int)
    for _ in range(p):
        for i, j in np.argwhere(adjacency):
            layer[j] = max(layer[j], layer[i] + 1)
    # a variable without causes moves down to just above its first effect
    for i in range(p):
        if not adjacency[:, i].any() and adjacency[i].any():
            layer[i] = layer[adjacency[i]].min() - 1
    joined = adjacency | adjacency.T | loose
    place = np.column_stack([np.zeros(p), layer]).astype(float)
    rows = [np.flatnonzero(layer == k) for k in range(layer.max() + 1)]
    widest = max(2, *(len(row) for row in rows))

    def spread(row: NDArray[np.intp]) -> None:
        place[row, 0] = (np.arange(len(row)) + 0.5) * widest / len(row) - 0.5

    for row in rows:
        spread(row)
    for _ in range(_ROUNDS):
        for k, row in enumerate(rows):
            # neighbours' mean position orders a layer, which untangles most crossings
            near = [place[joined[:, j] | (np.arange(p) == j), 0].mean() for j in row]
            rows[k] = row[np.argsort(near, kind="stable")]
            spread(rows[k])
    # layers are shifted by shares that do not repeat, so that few edges run through a name
    place[:, 0] += _SHIFT * np.sin(2.4 * place[:, 1])
    place[:, 0] -= place[:, 0].min()
    return place
