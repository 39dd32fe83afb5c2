"""Probabilities of two classes: logistic regression, the invariant model and the forecast."""

from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from elinvar.baselines._regressor import PeerRegressor, check_two_classes
from elinvar.environments import Environments
from elinvar.estimators import InvariantClassifier, TransferClassifier


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
        check_two_classes(rows.y, type(self).__name__)
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


class _OfTwoClasses(PeerRegressor):
    """A classifier of two classes, with the probability of class 1 as its prediction."""

    model_: InvariantClassifier | TransferClassifier

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
        check_is_fitted(self, "model_")
        probability: NDArray[np.float64] = self.model_.predict_proba(X)[:, 1]
        return probability


class InvariantLogisticRegressor(_OfTwoClasses):
    """`InvariantClassifier` of two classes, with the probability of class 1 as its prediction.

    Parameters
    ----------
    predictor : {"auto", "invariant", "pooled"}
        What predicts, as in `InvariantClassifier`.

    Attributes
    ----------
    model_ : InvariantClassifier
        Its verdicts are this estimator's.
    coef_, intercept_ : ndarray of shape (n_columns,), float
        Of the log odds, before calibration.
    """

    status_: str

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "predictor": [StrOptions({"auto", "invariant", "pooled"})],
    }

    def __init__(self, *, predictor: Literal["auto", "invariant", "pooled"] = "auto") -> None:
        self.predictor = predictor

    def _learn(self, rows: Environments) -> None:
        check_two_classes(rows.y, type(self).__name__)
        model = InvariantClassifier(predictor=self.predictor)
        self.model_ = model.fit_rows(replace(rows, classes=("0", "1")))
        self._take(self.model_.coef_, float(self.model_.intercept_[0]))
        self.selected_ = self.model_.selected_
        self.status_ = self.model_.status_

    @property
    def evidence_(self) -> Any:
        """Evidence on every feature."""
        return self.model_.evidence_


class TransferLogisticRegressor(_OfTwoClasses):
    """`TransferClassifier` of two classes, with the probability of class 1 as its prediction.

    Attributes
    ----------
    model_ : TransferClassifier
    """

    _learned_name: ClassVar[str] = "model_"

    def _learn(self, rows: Environments) -> None:
        check_two_classes(rows.y, type(self).__name__)
        self.model_ = TransferClassifier().fit_rows(replace(rows, classes=("0", "1")))
