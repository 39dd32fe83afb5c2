"""From moments to models: candidate supports, the choice among them, and what should predict."""

from elinvar.inference.selection._predictor import Choice, Standing, choose
from elinvar.inference.selection._select import Selection, SelectionRule, select

__all__ = ["Choice", "Selection", "SelectionRule", "Standing", "choose", "select"]
