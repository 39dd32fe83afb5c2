"""The face that every peer method wears."""

from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar.environments import Environments, check_environments
from elinvar.errors import DataError
from elinvar.estimators import EnvironmentRegressor

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Weights = Literal["equal", "size"]


class PeerRegressor(EnvironmentRegressor):
    """A peer method behind the face of this library's own estimators.

    A subclass learns in ``_learn`` from rows that have been checked. A classification target is
    given as 0/1 and regressed on, unless the subclass says otherwise.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
        Where the model is linear.
    selected_ : boolean ndarray of shape (n_columns,), or None
        Columns that the method holds to be invariant; None where it selects nothing.
    environments_ : tuple of str
        The environments seen.
    """

    selected_: Mask | None
    environments_: tuple[str, ...]

    # the fewest environments that the method can work with
    _fewest: ClassVar[int] = 1
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def fit(self, X: ArrayLike, y: ArrayLike, *, environments: ArrayLike | None = None) -> Self:
        """Learn from rows gathered in several environments.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Features; text columns of a frame are categorical.
        y : array-like of shape (n,)
            Target; 0 and 1 for two classes.
        environments : array-like of shape (n,), optional
            Label of each row's environment. None: all rows come from one.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the data cannot be used, or there are too few environments.
        MissingExtraError
            If the package behind the method is not installed.
        """
        self._validate_params()
        rows = self._read(X, y, environments)
        check_environments(rows.moments())
        if rows.n_environments < self._fewest:
            raise DataError(
                f"{type(self).__name__} needs at least {self._fewest} environments; got "
                f"{rows.n_environments}: give the environment of each row."
            )
        self.environments_ = rows.names
        self.environment_intercepts_ = None
        self.selected_ = None
        self._learn(rows)
        return self

    def _learn(self, rows: Environments) -> None:
        """Set what the method learns from checked rows."""

    def _take(self, coef: ArrayLike, intercept: float) -> None:
        """Set the linear model."""
        self.coef_ = np.asarray(coef, dtype=np.float64).ravel()
        self.intercept_ = float(intercept)

    def _take_selection(self, rows: Environments, selected: Mask) -> None:
        """Set the selection and, as the model, pooled least squares on it."""
        self.selected_ = selected
        coef = np.zeros(selected.size)
        coef[selected], intercept = least_squares(rows.X[:, selected], rows.y)
        self._take(coef, intercept)


def least_squares(X: Floats, y: Floats) -> tuple[Floats, float]:
    """Return slopes and intercept of least squares over all rows.

    Parameters
    ----------
    X : (n, p) array
    y : (n,) array
    """
    center, center_y = X.mean(axis=0), float(y.mean())
    coef: Floats = np.linalg.lstsq(X - center, y - center_y, rcond=None)[0]
    return coef, float(center_y - center @ coef)


def by_environment(rows: Environments) -> list[Mask]:
    """Return which rows belong to each environment, in the order of ``rows.names``."""
    return [rows.codes == code for code in range(rows.n_environments)]


def check_two_classes(y: Floats, name: str) -> None:
    """Refuse a target that is not two classes."""
    if not np.isin(y, (0.0, 1.0)).all():
        raise DataError(f"{name} needs a target of 0 and 1; got other values: code classes so.")
