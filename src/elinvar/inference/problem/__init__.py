"""Moments and rows made ready for the learners: centred, scaled, gates to columns."""

from elinvar.inference.problem._folds import folds_of
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks, solve
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._scaling import (
    GateScaling,
    ScaledMoments,
    check_overflow,
    scale_moments,
    scaling_of,
)

__all__ = [
    "GateScaling",
    "LinearProblem",
    "LogisticProblem",
    "ScaledMoments",
    "check_overflow",
    "folds_of",
    "pseudo_inverses",
    "ranks",
    "scale_moments",
    "scaling_of",
    "solve",
]
