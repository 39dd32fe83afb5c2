"""How many features one model may have that every environment fits for itself."""

import numpy as np

from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._types import Bools, Floats, Places

FEWEST = 8
"""Fewest residual degrees of freedom of an environment whose effects are compared with others'."""

MOST = 500
"""Most columns of the model of all features: fits of more take minutes."""


def affordable_gates(count: Floats, gate_of: Places, gram: Floats, cross: Floats) -> Bools:
    """Gates of the model of all features, (n_gates,): as many as environments have rows for.

    An environment takes part if its rows exceed its coefficients by 8. As long as that leaves at
    least half of the environments, and three, all features are in, up to 500 columns. Otherwise
    those that matter least to the pooled model are left out until it does: by the squares of their
    t-statistics there, on average over the columns of a feature.

    Parameters
    ----------
    count : array of shape (E,)
        Rows.
    gate_of : array of shape (q,)
        Gate of each column, -1 for the shared intercept.
    gram, cross : arrays of shape (q, q), (q,)
        Pooled second moments of the columns, and with the target.
    """
    size = np.bincount(gate_of[gate_of >= 0])
    spare = np.sort(count)[::-1] - 1 - FEWEST
    # environments without room for a single column have no say
    able = max(int((spare >= 1).sum()), 1)
    enough = min(max(3, (len(count) + 1) // 2), able)
    room = min(spare[enough - 1], MOST)
    # a single environment has nothing to compare
    if size.sum() <= room or len(count) < 2:
        return np.ones(len(size), dtype=bool)
    order = np.argsort(-_importance(gate_of, gram, cross), kind="stable")
    gates = np.zeros(len(size), dtype=bool)
    gates[order] = np.cumsum(size[order]) <= room
    return gates


def _importance(gate_of: Places, gram: Floats, cross: Floats) -> Floats:
    """Mean square of each gate's t-statistics in the pooled model, but for a factor."""
    inverse, told = pseudo_inverses(gram)
    coef, variance = inverse @ cross, np.maximum(np.diag(inverse), 1e-300)
    square = np.where(told > 0.5, coef**2 / variance, 0.0)[gate_of >= 0]
    inside = gate_of[gate_of >= 0]
    # rounded, as the last digits depend on the order of columns
    return np.round(np.bincount(inside, square) / np.bincount(inside), 11)
