"""Logistic regression, over all rows and on the invariant features: rows for two classes."""

from collections.abc import Iterable
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import PeerRegressor
from elinvar.environments import Environments
from elinvar.errors import DataError
from elinvar.estimators import InvariantClassifier


class LogisticRegressor(PeerRegressor):
    r"""Pooled logistic regression: scikit-learn's, on standardised columns.

    .. math:: \min_{b, w} \tfrac12 \lVert w \rVert^2
        + C \sum_i \log(1 + \exp(-(2 y_i - 1)(b + x_i^\top w)))

    Parameters
    ----------
    strength : float > 0
        C: the larger, the less is shrunk.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
        Of the log odds.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "strength": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, strength: float = 1.0) -> None:
        self.strength = strength

    def _learn(self, rows: Environments) -> None:
        _check_classes(rows.y, type(self).__name__)
        scaler = StandardScaler().fit(rows.X)
        model = LogisticRegression(C=float(self.strength), max_iter=2000)
        model.fit(scaler.transform(rows.X), rows.y)
        coef = model.coef_[0] / scaler.scale_
        self._take(coef, float(model.intercept_[0] - scaler.mean_ @ coef))

    def predict(
        self, X: ArrayLike, *, environments: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Return the probability of class 1.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
        environments : array-like, optional
            Ignored: the model is the same everywhere.

        Returns
        -------
        ndarray of shape (n,)
        """
        # 1 / (1 + exp(-t)), without overflow
        probability: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(0.5 * super().predict(X))
        return probability


class InvariantLogisticRegressor(PeerRegressor):
    """`InvariantClassifier` of two classes, with the probability of class 1 as its prediction.

    Deviation: the columns of a categorical feature are features of their own.

    Attributes
    ----------
    model_ : InvariantClassifier
        Its verdicts are this estimator's.
    coef_, intercept_ : ndarray of shape (n_columns,), float
        Of the log odds, before calibration.
    """

    status_: str

    def _learn(self, rows: Environments) -> None:
        _check_classes(rows.y, type(self).__name__)
        names = np.asarray(rows.names)[rows.codes]
        self.model_ = InvariantClassifier().fit(rows.X, rows.y, environments=names)
        self._take(self.model_.coef_, float(self.model_.intercept_[0]))
        self.selected_ = self.model_.selected_
        self.status_ = self.model_.status_

    @property
    def evidence_(self) -> Any:
        """Evidence on every feature."""
        return self.model_.evidence_

    def predict(
        self, X: ArrayLike, *, environments: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Return the probability of class 1.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
        environments : array-like, optional
            Ignored: the model is the same everywhere.

        Returns
        -------
        ndarray of shape (n,)
        """
        columns = self._encode(X)
        probability: NDArray[np.float64] = self.model_.predict_proba(columns)[:, 1]
        return probability


def _check_classes(y: Iterable[float], name: str) -> None:
    """Refuse a target that is not two classes."""
    if not np.isin(np.asarray(y), (0.0, 1.0)).all():
        raise DataError(f"{name} needs a target of 0 and 1; got other values: code classes so.")
