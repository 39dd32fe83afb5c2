"""Era splitting and directional era splitting."""

from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from elinvar.baselines._era_trees import EraGrower, Tree
from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.environments import Environments


class EraSplittingRegressor(PeerRegressor):
    r"""Boosted trees whose splits must pay in every environment (era splitting).

    With :math:`G_{e,c}, n_{e,c}` sum of residuals and rows of environment e in child c, a cut has
    there the gain :math:`g_e = G_{e,l}^2 / n_{e,l} + G_{e,r}^2 / n_{e,r} - G_e^2 / n_e` and the
    direction :math:`d_e = \operatorname{sign}(G_{e,l} / n_{e,l} - G_{e,r} / n_{e,r})`. The cut
    is chosen that maximises

    .. math:: \frac{\sum_e g_e\, e^{\alpha g_e}}{\sum_e e^{\alpha g_e}} \quad \text{(era
        splitting)}, \qquad \Bigl| \frac1E \sum_e d_e \Bigr| \quad \text{(directional)}.

    Rows of every environment must lie on both sides. :math:`\alpha = 0` is the mean over
    environments, a negative one leans to the smallest gain.

    Deviations: trees of our own with at most 64 bins a column, for the author's fork of
    scikit-learn, which builds with its old versions alone; the target is standardised, so that
    :math:`\alpha` has no unit; directions that agree equally are ranked by the mean gain, where
    the author takes the first.

    Parameters
    ----------
    criterion : {"gain", "direction"}
        Era splitting, or directional era splitting.
    alpha : float
        :math:`\alpha`, of era splitting.
    learning_rate : float, above 0
        Step of each round.
    n_trees : int
        Rounds of boosting.
    max_leaf_nodes, max_depth, min_samples_leaf : int
        Of a tree.

    Attributes
    ----------
    trees_ : tuple of Tree

    References
    ----------
    T. DeLise, "Era splitting: invariant learning for decision trees" (2023), arXiv:2309.14496.
    """

    trees_: tuple[Tree, ...]

    _learned_name: ClassVar[str] = "trees_"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "criterion": [StrOptions({"gain", "direction"})],
        "alpha": [Interval(Real, None, None, closed="neither")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_trees": [Interval(Integral, 1, None, closed="left")],
        "max_leaf_nodes": [Interval(Integral, 2, None, closed="left")],
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        criterion: Literal["gain", "direction"] = "gain",
        alpha: float = 0.0,
        learning_rate: float = 0.1,
        n_trees: int = 100,
        max_leaf_nodes: int = 31,
        max_depth: int = 10,
        min_samples_leaf: int = 20,
    ) -> None:
        self.criterion = criterion
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.n_trees = n_trees
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf

    def _learn(self, rows: Environments) -> None:
        self.intercept_, self._unit = float(rows.y.mean()), float(rows.y.std())
        grower = EraGrower(
            rows.X,
            rows.codes,
            self._gain if self.criterion == "gain" else _agreement,
            max_leaf_nodes=self.max_leaf_nodes,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
        )
        residual = (rows.y - self.intercept_) / self._unit
        trees = []
        for _ in range(self.n_trees):
            tree, fitted = grower.grow(residual)
            residual = residual - self.learning_rate * fitted
            trees.append(tree)
        self.trees_ = tuple(trees)

    def _gain(self, low: Floats, high: Floats, n_low: Floats, n_high: Floats) -> Floats:
        gain = _gains(low, high, n_low, n_high)
        if self.alpha == 0:
            return np.asarray(gain.mean(axis=2))
        tilt = self.alpha * gain
        weight = np.exp(tilt - tilt.max(axis=2, keepdims=True))
        return np.asarray((weight * gain).sum(axis=2) / weight.sum(axis=2))

    def _without_intercept(self, encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros(len(encoded))
        for tree in self.trees_:
            total += tree.predict(encoded)
        return self._unit * self.learning_rate * total


def _gains(low: Floats, high: Floats, n_low: Floats, n_high: Floats) -> Floats:
    """Return what cuts gain in each environment, (p, B, E)."""
    gain: Floats = low**2 / n_low + high**2 / n_high - (low + high) ** 2 / (n_low + n_high)
    return gain


def _agreement(low: Floats, high: Floats, n_low: Floats, n_high: Floats) -> Floats:
    direction = np.sign(low / n_low - high / n_high).mean(axis=2)
    gain = _gains(low, high, n_low, n_high).mean(axis=2)
    # shares of E environments differ by 1 / E at least: the gain decides among equals alone
    tie = gain / (1 + gain) / (2 * low.shape[2])
    return np.where(direction == 0, 0.0, np.abs(direction) + tie)
