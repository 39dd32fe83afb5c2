"""What is asked of the data."""

from dataclasses import dataclass
from typing import Literal

from elinvar.inference.problem._types import Bools, Intercept
from elinvar.inference.selection._select import SelectionRule


@dataclass(frozen=True, kw_only=True)
class LearningTask:
    """What is asked of the data.

    Parameters
    ----------
    intercept : {"shared", "environment"}
    predictor : {"auto", "invariant", "pooled"}
    always : boolean array of shape (n_features,)
        Features that always stay in the model.
    t_threshold : float >= 0
        Smallest ``|t|`` of a gate that is needed.
    rule : SelectionRule
    outcomes : tuple of str
        Names of the classes, the target being the number of one; empty if it is a number.
    calibrate : bool
        Correct log odds, and shrink those of all features, by what left-out environments say.
    """

    intercept: Intercept
    predictor: Literal["auto", "invariant", "pooled"]
    always: Bools
    t_threshold: float
    rule: SelectionRule
    outcomes: tuple[str, ...] = ()
    calibrate: bool = True
