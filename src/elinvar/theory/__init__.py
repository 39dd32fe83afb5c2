"""Growth exponents, critical lines, windows of step size and gain, noise, times and predictions."""

from elinvar.theory._bursts import burst_exponent
from elinvar.theory._conditions import Condition, check_conditions
from elinvar.theory._growth import critical_heterogeneity, gate_growth_exponent, growth_exponent
from elinvar.theory._laws import heterogeneity_window, law_growth_exponent, step_window
from elinvar.theory._limits import StepLimits, step_limits
from elinvar.theory._matrix import matrix_growth_exponent
from elinvar.theory._momentum import momentum_growth_exponent
from elinvar.theory._noise import (
    NoiseFloor,
    critical_batch_size,
    free_growth_exponent,
    noise_floor,
    noise_growth_rate,
)
from elinvar.theory._predict import predict_outcome
from elinvar.theory._prediction import Prediction
from elinvar.theory._results import GrowthExponent, Window
from elinvar.theory._times import convergence_steps, escape_steps
from elinvar.theory._windows import suppressing_gains, suppressing_steps

__all__ = [
    "Condition",
    "GrowthExponent",
    "NoiseFloor",
    "Prediction",
    "StepLimits",
    "Window",
    "burst_exponent",
    "check_conditions",
    "convergence_steps",
    "critical_batch_size",
    "critical_heterogeneity",
    "escape_steps",
    "free_growth_exponent",
    "gate_growth_exponent",
    "growth_exponent",
    "heterogeneity_window",
    "law_growth_exponent",
    "matrix_growth_exponent",
    "momentum_growth_exponent",
    "noise_floor",
    "noise_growth_rate",
    "predict_outcome",
    "step_limits",
    "step_window",
    "suppressing_gains",
    "suppressing_steps",
]
