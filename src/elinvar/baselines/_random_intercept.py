"""Least squares with a random level for every environment."""

import numpy as np
from scipy.optimize import minimize_scalar

from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.environments import Environments, Moments

# of the variance between levels over that within, as logarithms; 0 is looked at by itself
_LOGS = (-14.0, 14.0)
_RANK = 1e-10


class RandomInterceptRegressor(PeerRegressor):
    r"""Random intercept: the same slopes everywhere, and levels drawn from one normal law.

    .. math:: y_i = b + u_{e(i)} + x_i^\top w + \varepsilon_i,\qquad
        u_e \sim N(0, \lambda \sigma^2),\quad \varepsilon_i \sim N(0, \sigma^2)

    with :math:`\lambda` by restricted maximum likelihood and the slopes by generalised least
    squares: everything from moments. An unknown environment gets b, a known one its best linear
    prediction of :math:`b + u_e`.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    environment_intercepts_ : dict of str to float
    ratio_ : float
        :math:`\lambda`.

    References
    ----------
    D. A. Harville, "Maximum likelihood approaches to variance component estimation and to related
    problems", JASA 72 (1977) 320-338.
    """

    ratio_: float

    def _learn(self, rows: Environments) -> None:
        moments = rows.moments()
        fits = _Fits(moments)
        found = minimize_scalar(lambda log: fits.at(np.exp(log))[1], bounds=_LOGS, method="bounded")
        ratios = (0.0, float(np.exp(found.x)))
        self.ratio_ = min(ratios, key=lambda ratio: fits.at(ratio)[1])
        coef, _ = fits.at(self.ratio_)
        slopes = coef[1:] / fits.scale
        intercept = float(coef[0] - fits.center @ slopes)
        own = moments.mean_y - moments.mean_x @ slopes - intercept
        weighted = self.ratio_ * moments.count
        levels = intercept + weighted / (1.0 + weighted) * own
        self.environment_intercepts_ = dict(zip(rows.names, levels.tolist(), strict=True))
        self._take(slopes, intercept)


class _Fits:
    """Generalised least squares for any ratio of variances, from sums of squares."""

    def __init__(self, moments: Moments) -> None:
        n = self.count = moments.count
        self.center = np.average(moments.mean_x, axis=0, weights=n)
        X = moments.mean_x - self.center
        total = (n[:, None, None] * (moments.cov_xx + X[:, :, None] * X[:, None, :])).sum(axis=0)
        scale = np.sqrt(np.diagonal(total) / n.sum())
        self.scale = np.where(scale > 0, scale, 1.0)
        # columns: 1, x standardised, y; sums of squares of all rows, and means of each environment
        self.means = np.column_stack([np.ones(len(n)), X / self.scale, moments.mean_y])
        within = np.zeros((len(n), *2 * (self.means.shape[1],)))
        within[:, 1:-1, 1:-1] = moments.cov_xx / np.outer(self.scale, self.scale)
        within[:, 1:-1, -1] = within[:, -1, 1:-1] = moments.cov_xy / self.scale
        within[:, -1, -1] = moments.var_y
        self.within = np.einsum("e,ejk->jk", n, within)

    def at(self, ratio: float) -> tuple[Floats, float]:
        """Return coefficients and minus twice the restricted log likelihood, up to a constant."""
        # (I + ratio 11')^-1 leaves what is within, and shrinks the squares of means
        weights = self.count / (1.0 + ratio * self.count)
        sums = self.within + np.einsum("e,ej,ek->jk", weights, self.means, self.means)
        values, vectors = np.linalg.eigh(sums[:-1, :-1])
        kept = values > _RANK * values[-1]  # levels of one feature are collinear with the constant
        part = vectors[:, kept].T @ sums[:-1, -1] / values[kept]
        coef = vectors[:, kept] @ part
        left = max(float(sums[-1, -1] - sums[:-1, -1] @ coef), np.finfo(float).tiny)
        deviance = (self.count.sum() - kept.sum()) * np.log(left)
        deviance += np.log1p(ratio * self.count).sum() + np.log(values[kept]).sum()
        return coef, float(deviance)
