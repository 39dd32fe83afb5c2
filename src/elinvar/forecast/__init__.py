"""Forecasts for a new environment: learners, their mixture by environments left out, its margin."""

from elinvar.forecast._sample import Columns, Sample
from elinvar.forecast._spread import LEVELS as SPREAD_LEVELS
from elinvar.forecast._spread import Spread

__all__ = ["SPREAD_LEVELS", "Columns", "Sample", "Spread"]
