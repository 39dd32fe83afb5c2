"""Least squares over all rows, whatever their environment."""

from sklearn.linear_model import LinearRegression

from elinvar.baselines._regressor import PeerRegressor
from elinvar.environments import Environments


class PooledRegressor(PeerRegressor):
    r"""Pooled least squares: scikit-learn's ``LinearRegression``.

    .. math:: \min_{b, w} \sum_i (y_i - b - x_i^\top w)^2

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    """

    def _learn(self, rows: Environments) -> None:
        model = LinearRegression().fit(rows.X, rows.y)
        self._take(model.coef_, model.intercept_)
