"""What peers with networks share: standardised rows in, a trained network out."""

from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from elinvar._base import import_extra
from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.environments import Environments
from elinvar.estimators import random_generator

if TYPE_CHECKING:
    from elinvar.neural import DenseModel, NetworkTraining


class NetworkRegressor(PeerRegressor):
    """A peer that trains a small network in torch on standardised columns and target.

    Attributes
    ----------
    network_ : DenseModel
        The network, in numpy: predicting needs no torch.
    """

    network_: "DenseModel"

    _learned_name: ClassVar[str] = "network_"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden": ["array-like"],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "step_size": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    hidden: Sequence[int]
    n_steps: int
    batch_size: int
    step_size: float
    weight_decay: float
    random_state: Any

    @abstractmethod
    def _train(self, x: Floats, y: Floats, rows: Environments) -> "DenseModel":
        """Return a network trained on standardised columns (n, p) and target (n,)."""

    def _learn(self, rows: Environments) -> None:
        import_extra("torch", "torch")
        self._center, spread = rows.X.mean(axis=0), rows.X.std(axis=0)
        self._scale = np.where(spread > 1e-13 * np.abs(self._center), spread, 1.0)
        self.intercept_, self._unit = float(rows.y.mean()), float(rows.y.std())
        x = (rows.X - self._center) / self._scale
        self.network_ = self._train(x, (rows.y - self.intercept_) / self._unit, rows)

    def _training(self, n_steps: int) -> "NetworkTraining":
        from elinvar.neural import NetworkTraining

        return NetworkTraining(
            hidden=tuple(self.hidden),
            n_steps=n_steps,
            batch_size=self.batch_size,
            step_size=self.step_size,
            weight_decay=self.weight_decay,
        )

    def _seed(self) -> int:
        return int(random_generator(self.random_state, 0).integers(2**31))

    def _without_intercept(self, encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        x = (encoded - self._center) / self._scale
        return np.asarray(self._unit * self.network_.predict(x))
