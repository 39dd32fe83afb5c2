"""Growth exponents, critical lines and windows of step size and gain: arrays in, numbers out."""

from elinvar.theory._growth import critical_heterogeneity, gate_growth_exponent, growth_exponent
from elinvar.theory._windows import suppressing_gains, suppressing_steps

__all__ = [
    "critical_heterogeneity",
    "gate_growth_exponent",
    "growth_exponent",
    "suppressing_gains",
    "suppressing_steps",
]
