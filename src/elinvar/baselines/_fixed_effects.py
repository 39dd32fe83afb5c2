"""Least squares with an intercept for every environment."""

import numpy as np
from sklearn.linear_model import LinearRegression

from elinvar.baselines._regressor import PeerRegressor
from elinvar.environments import Environments


class FixedEffectsRegressor(PeerRegressor):
    r"""Fixed effects: the same slopes everywhere, and an intercept for every environment.

    .. math:: \min_{b, w} \sum_i (y_i - b_{e(i)} - x_i^\top w)^2

    An unknown environment gets the average intercept, weighted by rows.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    environment_intercepts_ : dict of str to float
    """

    def _learn(self, rows: Environments) -> None:
        moments = rows.moments()
        # Frisch, Waugh and Lovell: slopes with indicators are those about each environment's means
        X = rows.X - moments.mean_x[rows.codes]
        y = rows.y - moments.mean_y[rows.codes]
        coef = LinearRegression(fit_intercept=False).fit(X, y).coef_
        own = moments.mean_y - moments.mean_x @ coef
        self.environment_intercepts_ = dict(zip(rows.names, own.tolist(), strict=True))
        self._take(coef, float(np.average(own, weights=moments.count)))
