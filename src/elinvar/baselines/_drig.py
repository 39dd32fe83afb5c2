"""Distributional robustness via invariant gradients."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from elinvar.baselines._regressor import Floats, PeerRegressor, Weights
from elinvar.environments import Environments
from elinvar.errors import DataError
from elinvar.estimators import resolve_environment_weights


class DRIGRegressor(PeerRegressor):
    r"""DRIG: the reference environment's risk, and what others add to it times a factor.

    .. math:: \min_w\ R_0(w) + \gamma \sum_e \pi_e \bigl( R_e(w) - R_0(w) \bigr)

    For a linear system whose noise is shifted between environments this is the worst risk under
    shifts up to :math:`\gamma` times those seen. :math:`\gamma = 0` is least squares in the
    reference alone, 1 over all environments. Moments are about the reference's means, where the
    paper's are zero, and the intercept is taken there:
    :math:`((1 - \gamma) S_0 + \gamma \bar S) w = (1 - \gamma) c_0 + \gamma \bar c`.

    Deviations: the paper's environment 0 is the observational one; without a name it is here the
    one with the smallest variances of columns, in units of their mean, since interventions on noise
    add variance. Where no environment has the smallest moments, directions along which the
    objective would have no minimum (curvature below 1e-6 of the largest) are left out.

    Parameters
    ----------
    gamma : float, at least 0
        :math:`\gamma`.
    reference : str, optional
        Name of environment 0; it must be in the data.
    environment_weights : {"equal", "size"}
        :math:`\pi_e`; the paper's are equal.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    reference_ : str
        Environment 0.

    References
    ----------
    X. Shen, P. Bühlmann, A. Taeb, "Causality-oriented robustness: exploiting general noise
    interventions" (2023), arXiv:2307.10299, equation (5).
    """

    reference_: str

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "gamma": [Interval(Real, 0, None, closed="left")],
        "reference": [str, None],
        "environment_weights": [StrOptions({"equal", "size"})],
    }

    def __init__(
        self,
        *,
        gamma: float = 5.0,
        reference: str | None = None,
        environment_weights: Weights = "equal",
    ) -> None:
        self.gamma = gamma
        self.reference = reference
        self.environment_weights = environment_weights

    def _learn(self, rows: Environments) -> None:
        if self.reference is not None and self.reference not in rows.names:
            raise DataError(
                f"There is no environment {self.reference!r} to be the reference; the data has "
                f"{', '.join(rows.names)}."
            )
        moments = rows.moments()
        spread = moments.cov_xx.diagonal(axis1=1, axis2=2)
        scale = spread.mean(axis=0)
        quiet = int(np.argmin((spread / np.where(scale > 0, scale, 1.0)).sum(axis=1)))
        zero = quiet if self.reference is None else rows.names.index(self.reference)
        self.reference_ = rows.names[zero]
        weights = self.gamma * resolve_environment_weights(
            self.environment_weights, moments.names, moments.count
        )
        weights[zero] += 1 - self.gamma
        # second moments about the means of environment 0, where the paper's are zero
        x, y = moments.mean_x - moments.mean_x[zero], moments.mean_y - moments.mean_y[zero]
        gram = np.tensordot(weights, moments.cov_xx, 1) + (weights * x.T) @ x
        cross = weights @ moments.cov_xy + (weights * y) @ x
        unit = np.sqrt(np.where(scale > 0, scale, 1.0))
        coef = _solve(gram / np.outer(unit, unit), cross / unit) / unit
        self._take(coef, float(moments.mean_y[zero] - coef @ moments.mean_x[zero]))


def _solve(gram: Floats, cross: Floats) -> Floats:
    """Return the stationary point, in directions where the objective curves upwards."""
    values, vectors = np.linalg.eigh(gram)
    kept = values > 1e-6 * values[-1]
    along = vectors[:, kept]
    w: Floats = along @ (cross @ along / values[kept])
    return w
