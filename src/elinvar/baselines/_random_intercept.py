"""Least squares with a random level for every environment."""

from elinvar.baselines._regressor import PeerRegressor
from elinvar.environments import Environments
from elinvar.inference import SquaredLoss


class RandomInterceptRegressor(PeerRegressor):
    r"""Random intercept: the same slopes everywhere, and levels drawn from one normal law.

    .. math:: y_i = b + u_{e(i)} + x_i^\top w + \varepsilon_i,\qquad
        u_e \sim N(0, \lambda \sigma^2),\quad \varepsilon_i \sim N(0, \sigma^2)

    with :math:`\lambda` by restricted maximum likelihood on a grid, and the slopes by generalised
    least squares. Any environment is predicted with b.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float

    References
    ----------
    D. A. Harville, "Maximum likelihood approaches to variance component estimation and to related
    problems", JASA 72 (1977) 320-338.
    """

    def _learn(self, rows: Environments) -> None:
        loss = SquaredLoss.from_moments(rows.moments(), intercept="shared")
        model = loss.random_intercept_model()
        self._take(model.coef, model.intercept)
