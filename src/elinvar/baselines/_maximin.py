"""Maximin effects."""

from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize

from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.baselines._risks import Risks
from elinvar.environments import Environments


class MaximinRegressor(PeerRegressor):
    r"""Maximin effects: the largest explained variance that is sure in every environment.

    .. math:: \max_w \min_e\ \{ 2 w^\top \Sigma b_e - w^\top \Sigma w \}

    with :math:`b_e` the least squares of environment e and :math:`\Sigma` the average covariance of
    columns. The answer is the convex combination of the :math:`b_e` nearest to zero,

    .. math:: w = \sum_e q_e b_e, \qquad q = \arg\min_{q \in \Delta} q^\top B \Sigma B^\top q,

    computed so ("magging"): effects that change sign between environments vanish.

    Deviations: covariances within environments and an intercept at the pooled means, since the
    paper has centred data; no penalty, which the paper needs for more columns than rows; least
    squares of an environment with too few rows for its columns is the smallest solution.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    weights_ : ndarray of shape (E,)
        q, in the order of ``environments_``.

    References
    ----------
    N. Meinshausen, P. Bühlmann, "Maximin effects in inhomogeneous large-scale data", Annals of
    Statistics 43 (2015) 1801-1830, theorem 1. P. Bühlmann, N. Meinshausen, "Magging: maximin
    aggregation for inhomogeneous large-scale data", Proceedings of the IEEE 104 (2016) 126-135.
    """

    weights_: Floats

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def _learn(self, rows: Environments) -> None:
        risks = Risks.from_moments(rows.moments())
        # second moments about each environment's own mean: column 0 of the gram holds the means
        mean, mean_y = risks.gram[:, 0, 1:], risks.cross[:, 0]
        cov = risks.gram[:, 1:, 1:] - mean[:, :, None] * mean[:, None, :]
        cov_y = risks.cross[:, 1:] - mean * mean_y[:, None]
        own = np.array(
            [np.linalg.lstsq(S, c, rcond=1e-10)[0] for S, c in zip(cov, cov_y, strict=True)]
        )
        self.weights_ = _nearest_to_zero(own @ cov.mean(axis=0) @ own.T)
        w = self.weights_ @ own
        # the constant is 0 at the pooled means of rows
        self._take(*risks.model(np.concatenate([[0.0], w])))


def _nearest_to_zero(gram: Floats) -> Floats:
    """Return the q of the simplex with the smallest q' gram q."""
    E = len(gram)
    unit = 1.0 / max(float(np.trace(gram)) / E, 1e-300)
    found = minimize(
        lambda q: (unit * q @ gram @ q, 2 * unit * gram @ q),
        np.full(E, 1 / E),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * E,
        constraints={"type": "eq", "fun": lambda q: q.sum() - 1, "jac": np.ones_like},
        options={"maxiter": 1000, "ftol": 1e-14},
    )
    q = np.clip(found.x, 0, None)
    return np.asarray(q / q.sum())
