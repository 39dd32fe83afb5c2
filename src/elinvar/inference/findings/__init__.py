"""One pass from data to what was found, and what is said of it when asked."""

from elinvar.inference.findings._break_even import BreakEven, RiskLine, break_even
from elinvar.inference.findings._findings import Findings, learn
from elinvar.inference.findings._forecast import Forecast, forecast, half_widths
from elinvar.inference.findings._left_out import LeftOut
from elinvar.inference.findings._odd_environment import OddEnvironment, odd_environment
from elinvar.inference.findings._task import LearningTask

__all__ = [
    "BreakEven",
    "Findings",
    "Forecast",
    "LearningTask",
    "LeftOut",
    "OddEnvironment",
    "RiskLine",
    "break_even",
    "forecast",
    "half_widths",
    "learn",
    "odd_environment",
]
