"""The row that every table needs: no features at all."""

import numpy as np

from elinvar.baselines._regressor import PeerRegressor
from elinvar.environments import Environments


class ConstantRegressor(PeerRegressor):
    r"""Predict the mean of the target.

    .. math:: \hat y = \tfrac1n \sum_i y_i

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    selected_ : boolean ndarray of shape (n_columns,)
        No column.
    """

    def _learn(self, rows: Environments) -> None:
        p = rows.X.shape[1]
        self.selected_ = np.zeros(p, dtype=bool)
        self._take(np.zeros(p), float(rows.y.mean()))
