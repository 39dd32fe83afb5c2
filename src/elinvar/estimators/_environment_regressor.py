"""The scikit-learn face that every regressor on environments shares."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

from elinvar._base import DataError, DataTypeError
from elinvar.environments import Environments, Moments, Schema


class EnvironmentRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    r"""A linear regressor that is fitted on rows gathered in several environments.

    A subclass learns ``coef_`` and ``intercept_``, and this class predicts

    .. math:: \hat y = x^\top \text{coef\_} + b_e,

    where :math:`b_e` is the environment's own intercept if the model has one for it
    (``environment_intercepts_``), and the average ``intercept_`` otherwise.

    The environments of the rows are metadata in scikit-learn's sense: with
    ``sklearn.set_config(enable_metadata_routing=True)`` every meta-estimator hands
    ``environments`` on to ``fit``, ``predict`` and ``score`` without being asked;
    ``set_fit_request(environments=False)`` and its siblings change that.

    Attributes
    ----------
    schema_ : Schema
        What the columns mean, and how a frame becomes numbers.
    n_features_in_ : int
        Number of input features.
    feature_names_in_ : ndarray of str
        Names of the features, where they have any.
    """

    coef_: NDArray[np.float64]
    intercept_: float
    environment_intercepts_: dict[str, float] | None
    schema_: Schema
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"environments": True}
    __metadata_request__predict: ClassVar[dict[str, bool]] = {"environments": True}
    __metadata_request__score: ClassVar[dict[str, bool]] = {"environments": True}

    def predict(
        self, X: ArrayLike, *, environments: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Predict the target.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.
        environments : array-like of shape (n,), optional
            The environment of each row. A known environment's own intercept is used where the
            model has one; any other label gets the average intercept.

        Returns
        -------
        ndarray of shape (n,)
            Predictions, in units of the target.
        """
        encoded = self._encode(X)
        prediction: NDArray[np.float64] = encoded @ self.coef_
        return prediction + self._intercepts(environments, encoded.shape[0])

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

        prediction = self.predict(X, environments=environments)
        return float(r2_score(y, prediction, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = False
        return tags

    def _read(
        self,
        X: ArrayLike,
        y: ArrayLike,
        environments: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        reset: bool = True,
        min_rows: int = 2,
    ) -> Environments:
        """Validate rows as scikit-learn does, and see them as environments.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Features. A frame with text or categorical columns is encoded by a `Schema`.
        y : array-like of shape (n,)
            Target.
        environments : array-like of shape (n,), optional
            Label of each row's environment; None: all rows come from one.
        sample_weight : array-like of shape (n,), optional
            Frequency weights.
        reset : bool
            Learn the features from ``X`` (True), or require those learned before.
        min_rows : int
            The fewest rows to accept.

        Returns
        -------
        Environments
            The rows. ``schema_``, ``n_features_in_`` and ``feature_names_in_`` are set.

        Raises
        ------
        DataError
            If the rows cannot be used.
        """
        with _own_errors():
            if _has_text(X) or (not reset and self.schema_.levels):
                rows = self._read_frame(X, y, environments, sample_weight, reset=reset)
            else:
                values, target = validate_data(
                    self,
                    X,
                    y,
                    reset=reset,
                    dtype=np.float64,
                    y_numeric=True,
                    ensure_min_samples=min_rows,
                )
                names = getattr(self, "feature_names_in_", None)
                n = values.shape[0]
                rows = Environments.from_arrays(
                    values,
                    target,
                    None if environments is None else as_labels(environments, n),
                    feature_names=None if names is None else [str(name) for name in names],
                    sample_weight=_weights(sample_weight, n),
                )
        if rows.n_rows < min_rows:
            raise DataError(f"X has {rows.n_rows} sample(s); at least {min_rows} are needed.")
        if reset:
            self.schema_ = rows.schema
        return rows

    def _read_frame(
        self,
        X: ArrayLike,
        y: ArrayLike,
        environments: ArrayLike | None,
        sample_weight: ArrayLike | None,
        *,
        reset: bool,
    ) -> Environments:
        validate_data(self, X, y, reset=reset, skip_check_array=True)
        frame = nw.from_native(X, eager_only=True)  # type: ignore[call-overload]
        n = len(frame)
        target = _target(y, n)
        labels = as_labels(environments, n) if environments is not None else ["all"] * n
        target_name, environment_name = _free_names(frame.columns, "target", "environment")
        backend = frame.implementation
        frame = frame.with_columns(
            nw.new_series(target_name, target, backend=backend),
            nw.new_series(environment_name, labels, backend=backend),
        )
        return Environments.from_frame(
            frame.to_native(),
            target=target_name,
            environment=environment_name,
            sample_weight=_weights(sample_weight, n),
        )

    def _take_schema(self, moments: Moments) -> None:
        """Learn the features from ``moments``, as `_read` does from rows."""
        self.schema_ = moments.schema
        self.n_features_in_ = len(moments.schema.features)
        if moments.schema.named:
            self.feature_names_in_ = np.asarray(moments.schema.features, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _encode(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return ``X`` as numbers of shape (n, n_columns), its features checked."""
        check_is_fitted(self, "coef_")
        with _own_errors():
            if self.schema_.levels:
                validate_data(self, X, reset=False, skip_check_array=True)
                return self.schema_.encode(X)
            encoded: NDArray[np.float64] = validate_data(self, X, reset=False, dtype=np.float64)
            return encoded

    def _intercepts(self, environments: ArrayLike | None, n: int) -> float | NDArray[np.float64]:
        if environments is None:
            return self.intercept_
        labels = as_labels(environments, n)
        own = self.environment_intercepts_ or {}
        return np.array([own.get(label, self.intercept_) for label in labels], dtype=np.float64)


def resolve_environment_weights(
    spec: str | ArrayLike | Mapping[str, float],
    names: tuple[str, ...],
    count: NDArray[np.float64],
) -> NDArray[np.float64]:
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
        Shares.

    Raises
    ------
    DataError
        If a value is missing, negative or not finite, or all are zero.
    """
    if isinstance(spec, str):
        values = np.asarray(count if spec == "size" else np.ones(len(names)), dtype=np.float64)
    elif isinstance(spec, Mapping):
        by_name = {str(key): value for key, value in spec.items()}
        missing = [name for name in names if name not in by_name]
        if missing:
            raise DataError(f"environment_weights has no value for environment {missing[0]!r}.")
        values = np.array([by_name[name] for name in names], dtype=np.float64)
    else:
        values = np.asarray(spec, dtype=np.float64)
        if values.shape != (len(names),):
            raise DataError(
                f"environment_weights has shape {values.shape}, but there are {len(names)} "
                f"environments: give one value for each of {', '.join(names[:10])}."
            )
    if not np.all(np.isfinite(values)) or np.any(values < 0) or not np.any(values > 0):
        raise DataError(
            "environment_weights must be finite and not negative, with one above 0; "
            f"got {values.tolist()}."
        )
    return values / values.sum()


def as_labels(environments: ArrayLike, n: int) -> list[str]:
    """Return the environment of each of ``n`` rows as text.

    Raises
    ------
    DataError
        If the length is not ``n``, there is more than one dimension, or a label is missing.
    """
    values = (
        nw.from_native(environments, series_only=True).to_numpy()  # type: ignore[call-overload]
        if nw.dependencies.is_into_series(environments)
        else np.asarray(environments)
    )
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(
            f"environments must have one label for each row, shape ({n},); got shape "
            f"{values.shape}."
        )
    if len(values) != n:
        raise DataError(f"environments has {len(values)} labels, but X has {n} rows.")
    unique, codes = _unique(values)
    texts = [_as_text(label) for label in unique]
    for code, text in enumerate(texts):
        if text is None:
            row = int(np.flatnonzero(codes == code)[0])
            raise DataError(
                f"environments has {int(np.sum(codes == code))} missing label(s), the first in "
                f"row {row}. Give every row a label, or drop these rows."
            )
    return [texts[code] or "" for code in codes]


def _unique(values: NDArray[Any]) -> tuple[list[Any], NDArray[np.intp]]:
    index: dict[Any, int] = {}
    try:
        codes = [index.setdefault(value, len(index)) for value in values.tolist()]
    except TypeError as error:
        raise DataTypeError(
            "environments must be labels such as text, numbers or dates."
        ) from error
    if values.dtype.kind == "M":
        return list(np.array(list(index), dtype=values.dtype)), np.asarray(codes, dtype=np.intp)
    return list(index), np.asarray(codes, dtype=np.intp)


def _as_text(label: Any) -> str | None:
    if label is None or label != label or str(label) in {"NaT", "<NA>"}:
        return None
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def _has_text(X: object) -> bool:
    """Tell whether ``X`` is a frame with a column that is neither a number nor a truth value."""
    if not nw.dependencies.is_into_dataframe(X):
        return False
    frame = nw.from_native(X, eager_only=True)  # type: ignore[call-overload]
    return any(
        isinstance(dtype, nw.String | nw.Categorical | nw.Enum) or not _is_number(frame, name)
        for name, dtype in frame.schema.items()
    )


def _is_number(frame: Any, name: str) -> bool:
    dtype = frame.schema[name]
    if dtype.is_numeric() or dtype == nw.Boolean:
        return True
    if dtype != nw.Object:
        return False
    values = frame[name].to_list()
    return not any(isinstance(value, str) for value in values)


def _target(y: ArrayLike, n: int) -> NDArray[np.float64]:
    target: NDArray[np.float64] = check_array(
        column_or_1d(y, warn=True), ensure_2d=False, dtype=np.float64, input_name="y"
    )
    if len(target) != n:
        raise DataError(f"y has {len(target)} values, but X has {n} rows.")
    return target


def _weights(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64] | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.ndim == 0:
        weight = np.full(n, float(weight))
    if weight.ndim != 1:
        raise DataError(f"Sample weights must be 1D array or scalar, got {weight.ndim}D array.")
    if len(weight) != n:
        raise DataError(f"sample_weight has {len(weight)} values, but X has {n} rows.")
    return weight


def _free_names(taken: list[str], *wanted: str) -> list[str]:
    names = []
    for name in wanted:
        while name in taken:
            name += "_"
        names.append(name)
    return names


@contextmanager
def _own_errors() -> Iterator[None]:
    """Let what scikit-learn refuses be one of our own errors, its message kept."""
    try:
        yield
    except DataError:
        raise
    except TypeError as error:
        raise DataTypeError(str(error)) from error
    except ValueError as error:
        raise DataError(str(error)) from error
