"""Arrays by what they hold."""

from typing import Literal, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.intp]
Intercept: TypeAlias = Literal["shared", "environment"]


class ProblemOptions(TypedDict, total=False):
    """What `LinearProblem.from_moments` takes beside the moments; see there."""

    intercept: Intercept
    weights: Floats | None
    always: Bools | None
    t_threshold: float
