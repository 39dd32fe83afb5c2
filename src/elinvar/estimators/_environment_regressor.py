"""The scikit-learn face that every regressor on environments shares."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from elinvar._base._check import as_weights
from elinvar.environments import check_same_order, numbers_by_label
from elinvar.estimators._environment_estimator import EnvironmentEstimator, Floats


class EnvironmentRegressor(RegressorMixin, EnvironmentEstimator):  # type: ignore[misc]
    r"""A regressor that is fitted on rows gathered in several environments.

    A subclass learns ``coef_`` and ``intercept_`` (or says what stands for the linear part), and
    this class predicts

    .. math:: \hat y = x^\top \text{coef\_} + b_e,

    where :math:`b_e` is the environment's own intercept if the model has one for it
    (``environment_intercepts_``), and the average ``intercept_`` otherwise.

    ``predict`` and ``score`` are handed ``environments`` as ``fit`` is.
    """

    coef_: Floats
    intercept_: float
    environment_intercepts_: dict[str, float] | None
    __metadata_request__predict: ClassVar[dict[str, bool]] = {"environments": True}
    __metadata_request__score: ClassVar[dict[str, bool]] = {"environments": True}

    def predict(self, X: ArrayLike, *, environments: ArrayLike | None = None) -> Floats:
        """Predict the target.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.
        environments : array-like of shape (n,), optional
            The environment of each row. A known environment's own intercept is used where the
            model has one; any other label gets the average intercept, with a warning where it is
            nearly that of a known one ("Day 6" for "day 6").

        Returns
        -------
        ndarray of shape (n,)
            Predictions, in units of the target.
        """
        encoded = self._encode(X)
        return self._predict_encoded(encoded, self._labels_for(encoded, X, environments))

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        environments: ArrayLike | None = None,
    ) -> float:
        """Return the share of the target's variance that ``predict`` explains.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.
        y : array-like of shape (n,)
            Their true target.
        sample_weight : array-like of shape (n,), optional
            Weight of each row.
        environments : array-like of shape (n,), optional
            The environment of each row, as for `predict`.

        Returns
        -------
        float
            :math:`R^2`, at most 1.
        """
        from sklearn.metrics import r2_score

        check_same_order(X=X, y=y, sample_weight=sample_weight)

        prediction = self.predict(X, environments=environments)
        return float(r2_score(y, prediction, sample_weight=sample_weight))

    def _predict_encoded(self, encoded: Floats, labels: Sequence[str] | None) -> Floats:
        """Predict encoded rows (n, n_columns), of the environments ``labels`` if they are known."""
        return self._without_intercept(encoded) + self._intercepts(labels)

    def _without_intercept(self, encoded: Floats) -> Floats:
        """Return what the model makes of encoded rows (n, n_columns), before any intercept."""
        slopes: Floats = encoded @ self.coef_
        return slopes

    def _intercepts(self, labels: Sequence[str] | None) -> float | Floats:
        if labels is None:
            return self.intercept_
        own = self.environment_intercepts_ or {}
        return np.array([own.get(label, self.intercept_) for label in labels], dtype=np.float64)


def resolve_environment_weights(
    spec: str | ArrayLike | Mapping[str, float],
    names: tuple[str, ...],
    count: Floats,
) -> Floats:
    """Return what each environment counts for, summing to 1.

    Parameters
    ----------
    spec : "size", "equal", array-like of shape (E,) or mapping
        "size": in proportion to ``count``; "equal": the same for all; otherwise a value for each
        environment, in the order of ``names`` or by name.
    names : tuple of str
        The environments.
    count : ndarray of shape (E,)
        Rows of each environment (or the sum of their frequency weights).

    Returns
    -------
    ndarray of shape (E,)
        Weights.

    Raises
    ------
    DataError
        If a value is missing, negative or not finite, all are zero, or a mapping names others.
    """
    values: object = spec
    if isinstance(spec, str):
        values = count if spec == "size" else np.ones(len(names))
    elif isinstance(spec, Mapping):
        values = numbers_by_label("environment_weights", spec, names)
    return as_weights("environment_weights", values, len(names))
