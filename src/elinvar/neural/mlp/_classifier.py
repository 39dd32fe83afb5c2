"""A network for classes, on the features that HeteroSGD keeps."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from elinvar.estimators import EnvironmentClassifier, check_classes
from elinvar.neural.mlp._agreement import agreement_of_classes
from elinvar.neural.mlp._estimator import NetworkEstimator

Floats = NDArray[np.float64]


class InvariantMLPClassifier(NetworkEstimator, EnvironmentClassifier):
    """`InvariantMLPRegressor` for classes, two or more.

    The loss is that of classes, and the test is one of the log odds. Use `InvariantClassifier`
    where effects on the log odds are linear: it is exact there, and far faster.

    Parameters
    ----------
    hidden, activation, gain, step_size, batch_size, n_steps, refit_steps, tolerance, pooled, device
        As in `InvariantMLPRegressor`; the automatic step size is 1.2 / (1 + gain).
    random_state : int, RandomState, Generator or None
        Of starts and batches. None: different in each fit.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    selected_, gates_, status_, p_value_, disagreement_, notes_, network_, step_size_, environments_
        As in `InvariantMLPRegressor`.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, NeurIPS 2024, arXiv:2403.01420, for HeteroSGD. The gates, the gain and
    the choice are own derivations.

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar.neural import InvariantMLPClassifier
    >>> rng = np.random.default_rng(0)
    >>> place = np.repeat(["north", "south"], 1500)
    >>> X = rng.normal(size=(3000, 2))
    >>> ill = np.abs(X[:, 0]) + rng.logistic(size=3000) / 5 > 0.7
    >>> X[:, 1] += np.where(place == "north", 3, -2) * ill
    >>> model = InvariantMLPClassifier(n_steps=300, refit_steps=150, random_state=0)
    >>> model = model.fit(X, ill, environments=place)
    >>> model.status_, model.selected_
    ('accepted', array([ True, False]))
    """

    _learned_name = "network_"

    def fit(self, X: ArrayLike, y: ArrayLike, *, environments: ArrayLike | None = None) -> Self:
        """Find the features, and train the network.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Features; text columns of a frame are categorical.
        y : array-like of shape (n,)
            Classes: numbers, text or truth values, two at least.
        environments : array-like of shape (n,), optional
            Label of each row's environment. None, or a single label: the pooled network.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the data cannot be used, or torch does not know the device.
        """
        self._validate_params()
        rows = self._rows_of(X, y, environments, None)
        check_classes(rows, self.classes_)
        codes = rows.y.astype(np.intp)
        self._search(
            rows,
            codes,
            len(self.classes_),
            lambda output, used: agreement_of_classes(output, used, codes, rows.codes),
        )
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict classes.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.

        Returns
        -------
        ndarray of shape (n,)
            The likeliest class of each row.
        """
        odds = self._log_odds(X)
        labels: NDArray[Any] = self.classes_[odds.argmax(axis=1)]
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
        probability: Floats = softmax(self._log_odds(X), axis=1)
        return probability

    def _log_odds(self, X: ArrayLike) -> Floats:
        check_is_fitted(self, "network_")
        return self._output(self._encode(X))
