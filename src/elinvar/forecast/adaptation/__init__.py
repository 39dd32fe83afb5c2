"""A few labelled rows of a new place: what differs there, and what more rows would buy."""

from elinvar.forecast.adaptation._adaptation import Adaptation, read_adaptation
from elinvar.forecast.adaptation._expected import Expected
from elinvar.forecast.adaptation._learn import learn_adaptation
from elinvar.forecast.adaptation._sums import Sums

__all__ = ["Adaptation", "Expected", "Sums", "learn_adaptation", "read_adaptation"]
