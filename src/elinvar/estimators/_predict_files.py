"""Predictions for tables larger than memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from elinvar.environments import Notation, Paths, Schema, Unknown, encode_and_keep
from elinvar.errors import DataError
from elinvar.estimators._environment_estimator import warn_of_unknown

# share of rows, and of new environments, that intervals are for
_COVERAGE = 0.9


class _Predictor(Protocol):
    """What a model file holds, and what it makes of encoded rows."""

    schema_: Schema
    environment_intercepts_: Any
    _unknown: ClassVar[Unknown]

    def _predict_encoded(
        self, encoded: NDArray[np.float64], labels: Sequence[str] | None
    ) -> NDArray[np.float64]: ...

    def _half_widths(
        self, encoded: NDArray[np.float64], coverage: float
    ) -> NDArray[np.float64]: ...


def predict_files(
    model: _Predictor,
    path: Paths,
    *,
    unknown: Unknown | None = None,
    notation: Notation | None = None,
) -> Iterator[NDArray[np.float64]]:
    """Predict the rows of files, a bounded number at a time.

    A model with an intercept for each environment uses the environment columns where the files
    have all of them, and the average intercept otherwise.

    Parameters
    ----------
    model : InvariantRegressor, InvariantClassifier or another that a model file holds
        Fitted.
    path : path, pattern or list of paths
        CSV, Parquet or Arrow files.
    unknown : {"error", "zero", "warn"}, optional
        What to do with a level not seen in training: refuse it, count it as of no level, or do that
        with a warning that names it. None: a warning of forecasts, and an error of all others.
    notation : Notation, optional
        How numbers and missing values are written in CSV files.

    Yields
    ------
    ndarray of shape (n,) or (n, n_classes)
        Predictions for the next n rows, in the order of the files; of a classifier probabilities.

    Raises
    ------
    FileError
        If a file cannot be read.
    DataError
        If a feature is missing, or its values cannot be used.
    """
    for prediction, _ in predict_and_keep(model, path, (), unknown=unknown, notation=notation):
        yield prediction


def predict_and_keep(
    model: _Predictor,
    path: Paths,
    keep: Sequence[str] | None,
    *,
    interval: bool = False,
    unknown: Unknown | None = None,
    notation: Notation | None = None,
) -> Iterator[tuple[NDArray[np.float64], Any]]:
    """Predict the rows of files, and pass on some of their columns beside the predictions.

    Parameters
    ----------
    model, path, unknown, notation
        As in :func:`predict_files`.
    keep : sequence of str, or None
        Columns to pass on; None: all of them.
    interval : bool
        Whether to yield the ends of intervals, too, of a regressor that has a margin.

    Yields
    ------
    ndarray of shape (n,), (n, 3) with intervals or (n, n_classes), and pyarrow table of n rows
        In the order of the files.

    Raises
    ------
    FileError
        If a file cannot be read.
    DataError
        If a feature is missing, or its values cannot be used.
    """
    own: Mapping[str, Any] | None = model.environment_intercepts_
    files = encode_and_keep(
        path,
        model.schema_,
        keep,
        unknown=unknown or model._unknown,
        environments=own is not None,
        notation=notation or Notation(),
    )
    for X, labels, kept in files:
        warn_of_unknown(labels or (), own)
        with np.errstate(over="ignore", invalid="ignore"):
            prediction = model._predict_encoded(X, labels)
        if not np.isfinite(prediction).all():
            raise DataError("Values are so large that predictions overflow: check their units.")
        if interval:
            half = model._half_widths(X, _COVERAGE)
            prediction = np.column_stack([prediction, prediction - half, prediction + half])
        yield prediction, kept
