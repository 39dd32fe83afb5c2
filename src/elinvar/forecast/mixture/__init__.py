"""Learners weighed by their errors on environments that they did not see."""

from elinvar.forecast.mixture._blend import Blend, read_blend, sharpened
from elinvar.forecast.mixture._default import default_learners
from elinvar.forecast.mixture._folds import environment_folds
from elinvar.forecast.mixture._margin import Margin
from elinvar.forecast.mixture._mixture import Mixture, Progress, fit_mixture
from elinvar.forecast.mixture._weights import balanced, environment_errors, row_losses

__all__ = [
    "Blend",
    "Margin",
    "Mixture",
    "Progress",
    "balanced",
    "default_learners",
    "environment_errors",
    "environment_folds",
    "fit_mixture",
    "read_blend",
    "row_losses",
    "sharpened",
]
