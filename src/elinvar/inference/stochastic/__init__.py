"""One-environment steps on the gates, and how large they may be."""

from elinvar.inference.stochastic._halving import Record, StepRecord, halve_until_bounded
from elinvar.inference.stochastic._step_limit import step_limit
from elinvar.inference.stochastic._steps import (
    GateSteps,
    GateTrajectory,
    draw_schedule,
    in_units,
    run_gates,
    stream_gates,
)

__all__ = [
    "GateSteps",
    "GateTrajectory",
    "Record",
    "StepRecord",
    "draw_schedule",
    "halve_until_bounded",
    "in_units",
    "run_gates",
    "step_limit",
    "stream_gates",
]
