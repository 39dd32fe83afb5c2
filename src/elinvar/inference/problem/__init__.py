"""Moments and rows made ready for the learners: centred, scaled, gates to columns."""

from elinvar.inference.problem._scaling import (
    GateScaling,
    ScaledMoments,
    refuse_overflow,
    scale_moments,
    scaling_of,
)

__all__ = ["GateScaling", "ScaledMoments", "refuse_overflow", "scale_moments", "scaling_of"]
