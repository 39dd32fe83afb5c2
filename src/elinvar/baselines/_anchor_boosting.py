"""Anchor boosting through the package anchorboosting."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from elinvar._base import import_extra
from elinvar.baselines._regressor import PeerRegressor
from elinvar.environments import Environments


class AnchorBoostingRegressor(PeerRegressor):
    r"""Boosted trees on the loss of anchor regression, the environment being the anchor.

    .. math:: \min_f\ \tfrac12 \lVert y - f(X) \rVert^2 + \tfrac{\gamma - 1}{2} \lVert P_A
        (y - f(X)) \rVert^2

    :math:`\gamma = 1` is ordinary gradient boosting.

    Deviations: none; ``anchorboosting.AnchorBooster`` with environments as categories, trees of
    depth 3 and a least gain of 0.1 to split, as its documentation suggests, on one thread. The gain
    is in units of the target's variance: the target is standardised and the predictions are put
    back. Two classes are regressed on 0/1.

    Parameters
    ----------
    gamma : float, above 0
        :math:`\gamma`.
    n_trees : int
        Rounds of boosting.
    learning_rate : float in (0, 1]
        Step of each round.
    max_depth : int
        Depth of a tree.

    Attributes
    ----------
    booster_ : anchorboosting.AnchorBooster

    References
    ----------
    M. Londschien, "Anchor boosting", https://github.com/mlondschien/anchorboosting (BSD 3-Clause).
    """

    booster_: Any

    _learned_name: ClassVar[str] = "booster_"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "n_trees": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, 1, closed="right")],
        "max_depth": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        gamma: float = 5.0,
        n_trees: int = 100,
        learning_rate: float = 0.1,
        max_depth: int = 3,
    ) -> None:
        self.gamma = gamma
        self.n_trees = n_trees
        self.learning_rate = learning_rate
        self.max_depth = max_depth

    def _learn(self, rows: Environments) -> None:
        package = import_extra("anchorboosting", "bench")
        self.intercept_, self._unit = float(rows.y.mean()), float(rows.y.std())
        self.booster_ = package.AnchorBooster(
            gamma=float(self.gamma),
            num_boost_round=self.n_trees,
            learning_rate=self.learning_rate,
            max_depth=self.max_depth,
            min_gain_to_split=0.1,
            num_threads=1,
            deterministic=True,
            force_row_wise=True,
            verbosity=-1,
        )
        # the least gain of a split is in units of the target
        target = (rows.y - self.intercept_) / self._unit
        self.booster_.fit(np.array(rows.X), target, rows.codes.astype(np.int64))

    def _without_intercept(self, encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._unit * self.booster_.predict(encoded))
