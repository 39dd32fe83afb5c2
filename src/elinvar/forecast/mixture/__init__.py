"""Learners weighed by their errors on environments that they did not see."""

from elinvar.forecast.mixture._blend import Blend, read_blend
from elinvar.forecast.mixture._default import default_learners
from elinvar.forecast.mixture._folds import environment_folds
from elinvar.forecast.mixture._margin import Margin
from elinvar.forecast.mixture._mixture import Mixture, fit_mixture
from elinvar.forecast.mixture._weights import balanced, environment_errors

__all__ = [
    "Blend",
    "Margin",
    "Mixture",
    "balanced",
    "default_learners",
    "environment_errors",
    "environment_folds",
    "fit_mixture",
    "read_blend",
]
