"""The few facts about its training data that a model keeps when its moments are gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from elinvar.environments import Moments


@dataclass(frozen=True, kw_only=True, eq=False)
class DataFacts:
    """What a model file says of the training data.

    Attributes
    ----------
    rows : mapping of str to float
        Rows of each environment, or the sum of their weights.
    scales : ndarray of shape (n_columns,)
        Standard deviation of each column: about each environment's own mean if the model has an
        intercept for each, about the common mean otherwise.
    n_dropped : int
        Rows left out because a value was missing.
    """

    rows: Mapping[str, float]
    scales: NDArray[np.float64] = field(repr=False)
    n_dropped: int = 0

    @classmethod
    def of(cls, moments: Moments, *, own_intercepts: bool) -> "DataFacts":
        """Return the facts of moments.

        Parameters
        ----------
        moments : Moments
        own_intercepts : bool
            Whether the model has an intercept for each environment.
        """
        weights = moments.count / moments.count.sum()
        variance = weights @ np.einsum("ejj->ej", moments.cov_xx)
        if not own_intercepts:
            variance = variance + weights @ (moments.mean_x - weights @ moments.mean_x) ** 2
        return cls(
            rows=dict(zip(moments.names, moments.count.tolist(), strict=True)),
            scales=np.sqrt(variance),
            n_dropped=moments.n_dropped,
        )
