"""The lasso and the elastic net, their penalty chosen on left-out environments."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.linear_model import ElasticNetCV
from sklearn.model_selection import KFold
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import PeerRegressor, by_environment
from elinvar.environments import Environments


class ElasticNetRegressor(PeerRegressor):
    r"""Elastic net: scikit-learn's ``ElasticNetCV`` on standardised columns and target.

    .. math:: \min_{b, w}\ \tfrac1{2n} \sum_i (y_i - b - x_i^\top w)^2 + \alpha \bigl( \rho \lVert w
        \rVert_1 + \tfrac{1 - \rho}{2} \lVert w \rVert_2^2 \bigr)

    :math:`\rho`, and :math:`\alpha` of 100 along the path, are chosen by the error on training
    environments left out in turn; with one environment by five folds of rows.

    Parameters
    ----------
    l1_ratio : tuple of float in (0, 1]
        Values of :math:`\rho` to choose among.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    selected_ : boolean ndarray of shape (n_columns,)
        Columns with a coefficient: those that help to predict, whether invariant or not.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "l1_ratio": [tuple, Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, *, l1_ratio: float | tuple[float, ...] = (0.1, 0.5, 0.9)) -> None:
        self.l1_ratio = l1_ratio

    def _learn(self, rows: Environments) -> None:
        center, scale = rows.X.mean(axis=0), rows.X.std(axis=0)
        scale = np.where(scale > 1e-13 * np.abs(center), scale, 1.0)
        model = ElasticNetCV(
            l1_ratio=list(np.atleast_1d(self.l1_ratio)),
            cv=_folds(rows),
            max_iter=100_000,
            tol=1e-6,
        )
        center_y, scale_y = rows.y.mean(), rows.y.std()
        model.fit((rows.X - center) / scale, (rows.y - center_y) / scale_y)
        coef = model.coef_ * scale_y / scale
        self.selected_ = coef != 0
        self._take(coef, float(center_y + scale_y * model.intercept_ - center @ coef))


class LassoRegressor(ElasticNetRegressor):
    r"""Lasso: `ElasticNetRegressor` with :math:`\rho = 1`.

    Parameters
    ----------
    l1_ratio : float in (0, 1]
        1: the lasso.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    selected_ : boolean ndarray of shape (n_columns,)
    """

    def __init__(self, *, l1_ratio: float | tuple[float, ...] = 1.0) -> None:
        self.l1_ratio = l1_ratio


def _folds(rows: Environments) -> list[tuple[Any, Any]]:
    """Return (train, test) rows: each environment left out, or five folds of a single one."""
    if rows.n_environments == 1:
        shuffled = KFold(min(5, len(rows.y)), shuffle=True, random_state=0)
        return list(shuffled.split(rows.X))
    return [(np.flatnonzero(~at), np.flatnonzero(at)) for at in by_environment(rows)]
