"""A random forest over all rows, whatever their environment."""

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import PeerRegressor
from elinvar.environments import Environments


class ForestRegressor(PeerRegressor):
    """Random forest: scikit-learn's ``RandomForestRegressor`` on one thread.

    Of two classes, 0 and 1, its prediction is the probability of class 1.

    Parameters
    ----------
    n_trees : int
        Trees.
    min_samples_leaf : int
        Fewest rows of a leaf.
    random_state : int
        Draws rows and splits.

    Attributes
    ----------
    forest_ : RandomForestRegressor
    """

    forest_: Any

    _learned_name: ClassVar[str] = "forest_"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_trees": [Interval(Integral, 1, None, closed="left")],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self, *, n_trees: int = 100, min_samples_leaf: int = 5, random_state: int = 0
    ) -> None:
        self.n_trees = n_trees
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def _learn(self, rows: Environments) -> None:
        self.intercept_ = 0.0
        self.forest_ = RandomForestRegressor(
            n_estimators=self.n_trees,
            min_samples_leaf=self.min_samples_leaf,
            random_state=self.random_state,
            n_jobs=1,
        ).fit(rows.X, rows.y)

    def _without_intercept(self, encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.forest_.predict(encoded))
