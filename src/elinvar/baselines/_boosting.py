"""Gradient boosting over all rows, whatever their environment."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.utils._param_validation import Interval
from threadpoolctl import threadpool_limits

from elinvar.baselines._regressor import PeerRegressor, check_two_classes
from elinvar.environments import Environments


class BoostingRegressor(PeerRegressor):
    """Boosted trees: scikit-learn's ``HistGradientBoostingRegressor`` on one thread.

    There is no early stopping: the number of trees is on the grid.

    Parameters
    ----------
    learning_rate : float, above 0
        Step of each round.
    n_trees : int
        Rounds of boosting.
    max_leaf_nodes : int
        Leaves of a tree.
    random_state : int
        Draws the rows that bins are made from, beyond 200,000.

    Attributes
    ----------
    booster_ : HistGradientBoostingRegressor
    """

    booster_: Any

    _booster: ClassVar[Any] = HistGradientBoostingRegressor
    _learned_name: ClassVar[str] = "booster_"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_trees": [Interval(Integral, 1, None, closed="left")],
        "max_leaf_nodes": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        n_trees: int = 100,
        max_leaf_nodes: int = 31,
        random_state: int = 0,
    ) -> None:
        self.learning_rate = learning_rate
        self.n_trees = n_trees
        self.max_leaf_nodes = max_leaf_nodes
        self.random_state = random_state

    def _learn(self, rows: Environments) -> None:
        self.intercept_ = 0.0
        self.booster_ = self._booster(
            learning_rate=self.learning_rate,
            max_iter=self.n_trees,
            max_leaf_nodes=self.max_leaf_nodes,
            early_stopping=False,
            random_state=self.random_state,
        )
        with threadpool_limits(1):
            self.booster_.fit(rows.X, rows.y)

    def _without_intercept(self, encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        with threadpool_limits(1):
            return np.asarray(self.booster_.predict(encoded))


class LogisticBoostingRegressor(BoostingRegressor):
    """Boosted trees on the logistic loss, their probability of class 1 as the prediction.

    scikit-learn's ``HistGradientBoostingClassifier``; otherwise as `BoostingRegressor`.

    Parameters
    ----------
    learning_rate : float, above 0
        Step of each round.
    n_trees : int
        Rounds of boosting.
    max_leaf_nodes : int
        Leaves of a tree.
    random_state : int
        Draws the rows that bins are made from, beyond 200,000.

    Attributes
    ----------
    booster_ : HistGradientBoostingClassifier
    """

    _booster = HistGradientBoostingClassifier

    def _learn(self, rows: Environments) -> None:
        check_two_classes(rows.y, type(self).__name__)
        super()._learn(rows)

    def _without_intercept(self, encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        with threadpool_limits(1):
            return np.asarray(self.booster_.predict_proba(encoded)[:, 1])
