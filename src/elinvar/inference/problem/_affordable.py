"""How many features one model may have that every environment fits for itself."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._types import Bools, Floats

if TYPE_CHECKING:
    from elinvar.inference.problem._linear import LinearProblem

FEWEST = 8
"""Fewest residual degrees of freedom of an environment whose effects are compared with others'."""

MOST = 500
"""Most columns of the model of all features: fits of more take minutes."""


def affordable_gates(problem: "LinearProblem") -> Bools:
    r"""Gates of the model of all features, (n_gates,): as many as environments have rows for.

    An environment takes part if its rows exceed its coefficients by 8. As long as that leaves at
    least half of the environments, and three, all features are in, up to 500 columns. Otherwise
    those that matter least to the pooled model are left out until it does: by the squares of their
    t-statistics there, on average over the columns of a feature.
    """
    everything = np.ones(problem.n_gates, dtype=bool)
    rows = np.sort(problem.count)[::-1]
    spare = rows - 1 - FEWEST
    # environments without room for a single column have no say
    able = max(int((spare >= 1).sum()), 1)
    enough = min(max(3, (len(rows) + 1) // 2), able)
    room = min(spare[enough - 1], MOST)
    gate_of = problem.gate_of[problem.offset :]
    # a single environment has nothing to compare
    if len(gate_of) <= room or len(rows) < 2:
        return everything
    matters, size = _importance(problem), np.bincount(gate_of, minlength=problem.n_gates)
    order = np.argsort(-matters, kind="stable")
    gates = np.zeros(problem.n_gates, dtype=bool)
    gates[order] = np.cumsum(size[order]) <= room
    return gates


def _importance(problem: "LinearProblem") -> Floats:
    """Mean square of each gate's t-statistics in the pooled model, but for a factor."""
    weight = problem.weights
    gram, cross = np.tensordot(weight, problem.gram, 1), weight @ problem.cross
    inverse, told = pseudo_inverses(gram)
    coef, variance = inverse @ cross, np.maximum(np.diag(inverse), 1e-300)
    wald = np.where(told > 0.5, coef**2 / variance, 0.0)[problem.offset :]
    gate_of = problem.gate_of[problem.offset :]
    size = np.bincount(gate_of, minlength=problem.n_gates)
    # rounded, as the last digits depend on the order of columns
    return np.round(np.bincount(gate_of, wald, problem.n_gates) / np.maximum(size, 1), 11)
