"""A few labelled rows of a new place: what differs there, and what more rows would buy."""

from elinvar.forecast.adaptation._adaptation import Adaptation, read_adaptation
from elinvar.forecast.adaptation._expected import Expected
from elinvar.forecast.adaptation._from_moments import rows_of_moments
from elinvar.forecast.adaptation._learn import learn_adaptation
from elinvar.forecast.adaptation._sums import Sums, read_sums
from elinvar.forecast.adaptation._terms import WIDE

__all__ = [
    "WIDE",
    "Adaptation",
    "Expected",
    "Sums",
    "learn_adaptation",
    "read_adaptation",
    "read_sums",
    "rows_of_moments",
]
