"""Boosted trees on the worst mixture of environments."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.environments import Environments


class GroupDROBoostingRegressor(PeerRegressor):
    r"""Boosted trees that follow the worst environment: group DRO's weights, round by round.

    .. math:: \min_f \max_{q \in \Delta} \sum_e q_e R_e(f): \qquad
        q_e \leftarrow q_e\, e^{\eta R_e(f)} / Z, \quad
        f \leftarrow f + \nu \arg\min_h \sum_e \frac{q_e}{n_e} \sum_{i \in e} (y_i - f(x_i) -
        h(x_i))^2

    with h a tree, and :math:`R_e` in units of the target's variance. :math:`\eta = 0` is boosting
    with equally weighted environments.

    Deviations: boosting instead of the paper's stochastic steps on a network; everything else is
    its algorithm 1. Trees are scikit-learn's, on all rows.

    Parameters
    ----------
    weight_step : float, at least 0
        :math:`\eta`.
    learning_rate : float, above 0
        :math:`\nu`.
    n_trees : int
        Rounds.
    max_leaf_nodes, min_samples_leaf : int
        Of a tree.
    random_state : int
        Decides between equally good splits.

    Attributes
    ----------
    trees_ : tuple of DecisionTreeRegressor
    weights_ : ndarray of shape (E,)
        q after the last round, in the order of ``environments_``.

    References
    ----------
    S. Sagawa, P. W. Koh, T. B. Hashimoto, P. Liang, "Distributionally robust neural networks for
    group shifts", ICLR 2020, arXiv:1911.08731, algorithm 1.
    """

    trees_: tuple[Any, ...]
    weights_: Floats

    _learned_name: ClassVar[str] = "trees_"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "weight_step": [Interval(Real, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_trees": [Interval(Integral, 1, None, closed="left")],
        "max_leaf_nodes": [Interval(Integral, 2, None, closed="left")],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        weight_step: float = 0.1,
        learning_rate: float = 0.1,
        n_trees: int = 100,
        max_leaf_nodes: int = 15,
        min_samples_leaf: int = 20,
        random_state: int = 0,
    ) -> None:
        self.weight_step = weight_step
        self.learning_rate = learning_rate
        self.n_trees = n_trees
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def _learn(self, rows: Environments) -> None:
        E, codes = rows.n_environments, rows.codes
        self._unit = float(rows.y.std())
        count, q = np.bincount(codes, minlength=E), np.full(E, 1 / E)
        level = np.bincount(codes, rows.y, E) / count
        self.intercept_ = float(q @ level)
        residual = (rows.y - self.intercept_) / self._unit
        trees = []
        for _ in range(self.n_trees):
            risk = np.bincount(codes, residual**2, E) / count
            q = q * np.exp(self.weight_step * (risk - risk.max()))
            q /= q.sum()
            tree = DecisionTreeRegressor(
                max_leaf_nodes=self.max_leaf_nodes,
                min_samples_leaf=self.min_samples_leaf,
                random_state=self.random_state,
            ).fit(rows.X, residual, sample_weight=(q / count)[codes] * len(codes))
            residual = residual - self.learning_rate * tree.predict(rows.X)
            trees.append(tree)
        self.trees_, self.weights_ = tuple(trees), q

    def _without_intercept(self, encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.sum([tree.predict(encoded) for tree in self.trees_], axis=0)
        return np.asarray(self._unit * self.learning_rate * total)
