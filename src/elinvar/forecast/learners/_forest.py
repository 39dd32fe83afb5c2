"""Forests, grown by LightGBM and kept as plain arrays."""

from dataclasses import dataclass

import numpy as np

from elinvar.forecast._sample import Floats, Sample
from elinvar.forecast.learners._boosting import LearntTrees, grow
from elinvar.forecast.learners._learner import Learnt

_MOST_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class Forest:
    """Mean of deep trees, each of a part of the rows, each split of a part of the features.

    For classes there is a forest of each one's 0 and 1, whose means are its frequencies: trees of
    log-odds, which leaves of few rows cannot tell, had 1.1 times the log loss on real tables.

    Parameters
    ----------
    name : str
    n_trees : int
    n_leaves : int
        Most leaves of a tree, which learns from 63% of the rows, and 20,000 at most.
    min_rows : int
        Fewest rows of a leaf.
    share : float
        Part of the features that a split chooses from.
    seed : int

    References
    ----------
    L. Breiman, "Random forests", Machine Learning 45 (2001) 5-32.
    """

    name: str = "forest"
    n_trees: int = 50
    n_leaves: int = 256
    min_rows: int = 5
    share: float = 0.5
    seed: int = 0

    def fit(self, sample: Sample) -> Learnt:
        """Learn from rows.

        Parameters
        ----------
        sample : Sample
        """
        if not sample.n_classes:
            return self._grow(sample)
        # of two classes one tells both
        asked = [1] if sample.n_classes == 2 else range(sample.n_classes)
        own = [self._grow(sample.aimed_at((sample.y == c).astype(np.float64))) for c in asked]
        return LearntShares(own=tuple(own))

    def _grow(self, sample: Sample) -> LearntTrees:
        options = {
            "boosting": "rf",
            "num_leaves": self.n_leaves,
            "min_data_in_leaf": self.min_rows,
            "feature_fraction_bynode": self.share,
            "bagging_freq": 1,
            # deep trees of more rows take long and hardly differ
            "bagging_fraction": min(0.632, _MOST_ROWS / sample.n_rows),
            "seed": self.seed,
        }
        return grow(sample, self.n_trees, options, None)


@dataclass(frozen=True, kw_only=True, eq=False)
class LearntShares:
    """Forests of the share of each class.

    Attributes
    ----------
    own : tuple of LearntTrees
        One a class; of two classes the second's alone.
    """

    own: tuple[LearntTrees, ...]

    def predict(self, X: Floats) -> Floats:
        """Predict rows: the probability of each class, (n, n_classes).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        # sums in floating point, and forests that know nothing of each other
        shares = np.clip(np.hstack([trees.predict(X) for trees in self.own]), 1e-9, 1 - 1e-9)
        if shares.shape[1] == 1:
            return np.hstack([1 - shares, shares])
        total: Floats = shares / shares.sum(axis=1, keepdims=True)
        return total

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {"kind": "shares", "own": [trees.entries() for trees in self.own]}
