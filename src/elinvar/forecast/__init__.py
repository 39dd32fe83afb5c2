"""Forecasts for a new environment: learners, their mixture by environments left out, its margin."""

from elinvar.forecast._sample import Columns, Sample

__all__ = ["Columns", "Sample"]
