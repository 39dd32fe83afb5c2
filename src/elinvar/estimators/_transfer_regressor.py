"""Numbers: the forecast for a new environment."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from elinvar.environments import Environments
from elinvar.estimators._environment_estimator import Floats, warn_if_single
from elinvar.estimators._transfer_estimator import Progress, TransferEstimator, refuse_interval


class TransferRegressor(RegressorMixin, TransferEstimator):  # type: ignore[misc]
    r"""The forecast of a number in an environment that was not seen.

    Lines, curves, boosting and trees are fitted without environments, each left out in turn, and
    mixed by their errors there,

    .. math:: \hat y = \sum_m w_m f_m(x),\qquad
              w_m \propto \Bigl(\frac{1}{E} \sum_e \frac{1}{n_e} \sum_{i \in e}
              \bigl(y_i - f_m^{(-e)}(x_i)\bigr)^2\Bigr)^{-1.5 E},

    with E environments of :math:`n_e` rows.

    Numbers, categories of frames and missing values are taken as they are.

    Parameters
    ----------
    premium : float, at least 1
        Features whose relation to the target changes between environments may be left out, if that
        costs less than this factor of the error where environments differ as these do. 1: all
        features are used.
    learners : dict of str to estimator, optional
        Regressors of scikit-learn that join those of elinvar, by name. They get a column for each
        level, means for missing values, and a column that says where a value was missing.
    n_jobs : int, optional
        Fits beside each other, as joblib counts them: -1 for one a core.
    random_state : int
        Seed of all that is drawn.

    Attributes
    ----------
    answer_ : TransferAnswer
        Everything that was found, as one object; other attributes are views of it.
    weights_ : DataFrame
        A row a learner: weight, error in environments left out, error at home.
    left_out_ : DataFrame
        A row an environment: errors of each learner and of the forecast where it is left out.
    shift_share_ : dict of str to float
        Part of the error in a new environment that the same columns there could explain.
    selected_ : boolean ndarray of shape (n_features,)
        Features that the forecast uses.
    curves_ : DataFrame
        What each feature does to the prediction, everywhere and in each environment.
    margin_ : float
        Half-width of prediction intervals in a new environment; NaN if environments are too few.
    notes_ : tuple of str
        What the user should know, in sentences.
    environments_ : tuple of str
    schema_ : Schema
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    Forecasts are for places that differ as those seen do. What holds for certain, whatever the next
    place is like, is the question of `InvariantRegressor`. See docs/forecast.md.

    References
    ----------
    M. J. van der Laan, E. C. Polley, A. E. Hubbard, "Super Learner", 2007, for mixtures by
    cross-validation; Friedman, "Greedy Function Approximation", 2001, for partial dependence.
    That whole environments are left out, and the curves of environments, are own derivations.

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar import TransferRegressor
    >>> rng = np.random.default_rng(0)
    >>> place = np.repeat(["north", "south", "west", "east"], 60)
    >>> X = rng.normal(size=(240, 2))
    >>> y = np.sin(2 * X[:, 0]) + rng.normal(size=240) / 4
    >>> model = TransferRegressor().fit(X, y, environments=place)
    >>> bool(model.left_out_["mixture"].mean() < 0.5 * model.left_out_["constant"].mean())
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
            Target.
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
        return self._learn(self._read(X, y, environments, sample_weight), (), None)

    def fit_rows(self, rows: Environments, *, progress: Progress | None = None) -> Self:
        """Learn to forecast from rows in memory.

        Parameters
        ----------
        rows : Environments
            Read with ``missing="keep"`` if values are missing.
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
        self._take_schema(rows.schema)
        return self._learn(rows, (), progress)

    def predict(self, X: ArrayLike) -> Floats:
        """Predict the target.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training. Levels that training did not have count as
            none of those, with a warning that names them.

        Returns
        -------
        ndarray of shape (n,)
            Predictions, in units of the target.
        """
        return self._predicted(X)[:, 0]

    def predict_interval(self, X: ArrayLike, *, coverage: float = 0.9) -> Floats:
        """Return prediction intervals for rows of a new environment.

        In at least a share ``coverage`` of new environments at least a share ``coverage`` of the
        rows lie within, if new environments are like those seen: conformal over environments left
        out. Rows that are hard to predict have wider intervals; ``margin_`` is one width for all.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
        coverage : float in [0.5, 0.99]
            90% takes nine environments, 80% four.

        Returns
        -------
        ndarray of shape (n, 2)
            Lower and upper ends.

        Raises
        ------
        DataError
            If there are too few environments, or ``coverage`` is out of range.
        """
        refuse_interval(self._answer(), coverage)
        encoded = self._encode(X)
        predicted = self._predict_columns(encoded)[:, 0]
        margin = self._half_widths(encoded, coverage)
        return np.column_stack([predicted - margin, predicted + margin])

    def _predict_encoded(self, encoded: Floats, labels: Sequence[str] | None) -> Floats:
        return self._predict_columns(encoded)[:, 0]
