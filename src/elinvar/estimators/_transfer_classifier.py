"""Classes: the forecast for a new environment."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._reader import Reader
from elinvar.answer.codec import read_labels
from elinvar.environments import Environments
from elinvar.estimators._environment_classifier import (
    EnvironmentClassifier,
    check_number_of_classes,
)
from elinvar.estimators._environment_estimator import Floats, warn_if_single
from elinvar.estimators._transfer_estimator import Progress, TransferEstimator


class TransferClassifier(EnvironmentClassifier, TransferEstimator):
    r"""The forecast of a class in an environment that was not seen.

    `TransferRegressor` for two classes or more: learners are mixed with the weights whose
    probabilities have the smallest log loss on environments left out,

    .. math:: p_k(x) = \sum_m w_m p_{mk}(x).

    Parameters
    ----------
    premium : float, at least 1
        As in `TransferRegressor`, in log loss.
    learners : dict of str to estimator, optional
        Classifiers of scikit-learn with `predict_proba` that join those of elinvar, by name.
    n_jobs : int, optional
        Fits beside each other, as joblib counts them: -1 for one a core.
    random_state : int
        Seed of all that is drawn.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    answer_ : TransferAnswer
        Everything that was found, as one object; other attributes are views of it.
    weights_, left_out_ : DataFrame
        As in `TransferRegressor`; errors are mean log losses.
    shift_share_ : dict of str to float
        Part of the log loss in a new environment that the same columns there could spare.
    selected_ : boolean ndarray of shape (n_features,)
        Features that the forecast uses.
    curves_ : DataFrame
        What each feature does to the log odds, everywhere and in each environment.
    notes_ : tuple of str
        What the user should know, in sentences.
    environments_ : tuple of str
    schema_ : Schema
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar import TransferClassifier
    >>> rng = np.random.default_rng(0)
    >>> place = np.repeat(["north", "south", "west", "east"], 60)
    >>> X = rng.normal(size=(240, 2))
    >>> y = np.where(np.abs(X[:, 0]) + rng.normal(size=240) / 4 > 0.7, "far", "near")
    >>> model = TransferClassifier().fit(X, y, environments=place)
    >>> bool(model.left_out_["mixture"].mean() < 0.8 * model.left_out_["constant"].mean())
    True
    """

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        environments: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn to forecast.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Features; text columns of a frame are categorical, and values may be missing.
        y : array-like of shape (n,)
            Classes: numbers, text or truth values, two at least.
        environments : array-like of shape (n,), optional
            Label of each row's environment. None, or a single label: weights come from parts of
            the rows, and nothing is said of other places.
        sample_weight : array-like of shape (n,), optional
            Weight of each row within its environment; environments weigh equally.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the data cannot be used.
        """
        self._validate_params()
        warn_if_single(environments)
        return self._learn_classes(self._rows_of(X, y, environments, sample_weight), None)

    def fit_rows(self, rows: Environments, *, progress: Progress | None = None) -> Self:
        """Learn to forecast from rows in memory whose target names classes.

        Parameters
        ----------
        rows : Environments
            From `elinvar.environments.read_classes`, with ``missing="keep"`` if values are missing.
        progress : callable, optional
            Called with the number of fits that are done, and of all.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the rows cannot be used.
        """
        self._validate_params()
        self._take_classes(rows)
        return self._learn_classes(rows, progress)

    def _learn_classes(self, rows: Environments, progress: Progress | None) -> Self:
        check_number_of_classes(rows, self.classes_, "TransferRegressor (elinvar forecast")
        return self._learn(rows, tuple(str(label) for label in self.classes_), progress)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict classes.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training. Levels that training did not have count as
            none of those, with a warning that names them.

        Returns
        -------
        ndarray of shape (n,)
            The likeliest class of each row.
        """
        likeliest = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[likeliest]
        return labels

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Predict probabilities.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of ``classes_``.
        """
        return self._predicted(X)

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Predict logarithms of probabilities.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        with np.errstate(divide="ignore"):
            logs: Floats = np.log(self.predict_proba(X))
        return logs

    def _predict_encoded(self, encoded: Floats, labels: Sequence[str] | None) -> Floats:
        return self._predict_columns(encoded)

    def _file_entries(self) -> dict[str, object]:
        return {**super()._file_entries(), "labels": self.classes_.tolist()}

    def _take_file_entries(self, file: Reader) -> None:
        super()._take_file_entries(file)
        self.classes_ = read_labels(file, self.answer_.classes)
