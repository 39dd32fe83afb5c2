"""What was learnt of a graph, in sentences and as tables."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._display import ShownTable
from elinvar._base._numbers import counted, estimate, number
from elinvar._base._words import listed
from elinvar.inference import Edge, Graph

if TYPE_CHECKING:
    import pandas as pd

Names = tuple[str, ...]

_EVIDENCE = [
    "cause", "effect", "direction", "coef", "low", "high", "shared", "log_odds_edge",
    "log_odds_direction",
]  # fmt: skip


def graph_said(graph: Graph) -> str:
    """Say how many edges there are, and what is not told."""
    told, left = int(graph.adjacency.sum()), int(graph.undirected.sum()) // 2
    sentence = f"{counted(told, 'edge')} among {counted(len(graph.refused), 'variable')}"
    if left:
        sentence += f", and {left} more without a direction"
    if graph.refused.any():
        sentence += f"; causes of {counted(int(graph.refused.sum()), 'variable')} are not told"
    return f"{sentence}."


def graph_notes(
    graph: Graph, variables: Names, parameters: Mapping[str, object], *, normal: bool
) -> Iterator[str]:
    """Say what the user should know.

    Parameters
    ----------
    graph : Graph
    variables : tuple of str
    parameters : mapping
        Those of the estimator.
    normal : bool
        Whether noises were taken as normal.
    """
    refused = [name for name, no in zip(variables, graph.refused, strict=True) if no]
    if refused:
        yield (
            f"Of the causes of {listed(refused)} nothing is said: fewer than half of the "
            f"environments share a mechanism there. {_remedy(parameters)}"
        )
    if len(graph.acts_on) == 2 and parameters["acts_on"] is None:
        yield (
            "With two environments it is not told which of them acts: acts_on_ marks where "
            "they differ."
        )
    if graph.undirected.any():
        n = int(graph.undirected.sum()) // 2
        yield (
            f"The direction of {counted(n, 'edge')} is left open: an environment that acts on "
            "one end, and not on the other, would tell it."
        )
    if normal and parameters["invariance"] == "coefficients and noise":
        yield (
            "Noises were taken as normal, since moments do not tell otherwise; with heavy "
            "tails some actions on noise are then false. fit on rows looks at the tails."
        )


def _remedy(parameters: Mapping[str, object]) -> str:
    """Say what may help where environments act on nearly everything."""
    ways = []
    if parameters["intercept"] == "shared":
        ways.append("intercept='environment' leaves levels free")
    if parameters["invariance"] == "coefficients and noise":
        ways.append("invariance='coefficients' leaves noises free")
    if ways:
        return f"If they differ there anyhow, {listed(ways)}."
    return "Data of environments that each act on few variables would tell."


def edge_table(graph: Graph, variables: Names) -> "pd.DataFrame":
    """Return a row an edge: what speaks for it, and for its direction."""
    import pandas as pd

    shared = (~graph.acts_on).sum(axis=0)
    rows = [
        (
            variables[edge.cause],
            variables[edge.effect],
            "told" if edge.directed else "open",
            *_effect(edge),
            int(shared[edge.effect]),
            edge.log_odds_edge,
            edge.log_odds_direction,
        )
        for edge in graph.edges
    ]
    return pd.DataFrame(rows, columns=_EVIDENCE)


def shown_edges(graph: Graph, variables: Names) -> list[ShownTable]:
    """Return the edges as texts; no table if there are none."""
    shared = (~graph.acts_on).sum(axis=0)
    rows: list[tuple[str, ...]] = [
        (
            f"{variables[edge.cause]} {'→' if edge.directed else '-'} {variables[edge.effect]}",
            estimate(*_effect(edge)),
            f"{shared[edge.effect]} of {len(graph.acts_on)}",
            number(edge.log_odds_edge, digits=3),
            number(edge.log_odds_direction, digits=3),
        )
        for edge in graph.edges
    ]
    header = ("edge", "effect [95%]", "environments share", "log odds", "of its direction")
    return [ShownTable(title="Direct effects", header=header, rows=rows)] if rows else []


def _effect(edge: Edge) -> tuple[float, float, float]:
    """Return the effect and its interval, missing where the direction is open."""
    return (edge.coef, edge.low, edge.high) if edge.directed else (np.nan, np.nan, np.nan)
