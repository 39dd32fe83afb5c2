"""Ridge regression over all rows."""

from numbers import Real
from typing import Any, ClassVar

from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import PeerRegressor
from elinvar.environments import Environments


class RidgeRegressor(PeerRegressor):
    r"""Ridge regression: scikit-learn's, on standardised columns.

    .. math:: \min_{b, w} \sum_i (y_i - b - x_i^\top w)^2 + \alpha n \lVert w \rVert^2

    Parameters
    ----------
    penalty : float, at least 0
        :math:`\alpha`, a row.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "penalty": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, *, penalty: float = 0.01) -> None:
        self.penalty = penalty

    def _learn(self, rows: Environments) -> None:
        scaler = StandardScaler().fit(rows.X)
        model = Ridge(alpha=float(self.penalty) * len(rows.y))
        model.fit(scaler.transform(rows.X), rows.y)
        coef = model.coef_ / scaler.scale_
        self._take(coef, float(model.intercept_ - scaler.mean_ @ coef))
