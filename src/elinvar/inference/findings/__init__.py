"""One pass from data to what was found, and what is said of it when asked."""

from elinvar.inference.findings._findings import Findings, LearningTask, learn
from elinvar.inference.findings._forecast import Forecast, forecast, half_widths
from elinvar.inference.findings._left_out import LeftOut, left_out_errors
from elinvar.inference.findings._odd_environment import OddEnvironment, odd_environment

__all__ = [
    "Findings",
    "Forecast",
    "LearningTask",
    "LeftOut",
    "OddEnvironment",
    "forecast",
    "half_widths",
    "learn",
    "left_out_errors",
    "odd_environment",
]
