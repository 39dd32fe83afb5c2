"""The few facts about its training data that a model keeps when its moments are gone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.environments import Moments


@dataclass(frozen=True, kw_only=True, eq=False)
class DataFacts:
    """What the report says of the training data.

    Attributes
    ----------
    rows : dict of str to float
        Rows of each environment, or the sum of their weights.
    scales : ndarray of shape (n_columns,)
        Standard deviation of each column: about each environment's own mean if the model has an
        intercept for each, about the common mean otherwise.
    n_dropped : int
        Rows left out because a value was missing.
    """

    rows: dict[str, float]
    scales: NDArray[np.float64]
    n_dropped: int = 0

    @classmethod
    def of(cls, model: Any) -> "DataFacts":
        """Return the facts of a fitted model, or those that came with its file."""
        moments: Moments | None = getattr(model, "moments_", None)
        if moments is None:
            facts: DataFacts = model.data_facts_
            return facts
        share = moments.count / moments.count.sum()
        variance = share @ np.einsum("ejj->ej", moments.cov_xx)
        if model.intercept == "shared":
            variance = variance + share @ (moments.mean_x - share @ moments.mean_x) ** 2
        return cls(
            rows=dict(zip(moments.names, moments.count.tolist(), strict=True)),
            scales=np.sqrt(variance),
            n_dropped=moments.n_dropped,
        )
