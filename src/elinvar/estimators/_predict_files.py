"""Predictions for tables larger than memory."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.environments import Paths, encode_files
from elinvar.errors import DataError
from elinvar.estimators._environment_regressor import EnvironmentRegressor


def predict_files(
    model: EnvironmentRegressor, path: Paths, *, unknown: Literal["error", "zero"] = "error"
) -> Iterator[NDArray[np.float64]]:
    """Predict the rows of files, a bounded number at a time.

    A model with an intercept for each environment uses the environment columns where the files
    have all of them, and the average intercept otherwise.

    Parameters
    ----------
    model : InvariantRegressor, HeteroSGDRegressor or QuadraticInvariantRegressor
        Fitted.
    path : path, pattern or list of paths
        CSV, Parquet or Arrow files.
    unknown : {"error", "zero"}
        What to do with a level not seen in training.

    Yields
    ------
    ndarray of shape (n,)
        Predictions for the next n rows, in the order of the files.

    Raises
    ------
    FileError
        If a file cannot be read.
    DataError
        If a feature is missing, or its values cannot be used.
    """
    own = model.environment_intercepts_ is not None
    for X, labels in encode_files(path, model.schema_, unknown=unknown, environments=own):
        with np.errstate(over="ignore", invalid="ignore"):
            prediction = model._without_intercept(X) + model._intercepts(labels, len(X))
        if not np.isfinite(prediction).all():
            raise DataError("Values are so large that predictions overflow: check their units.")
        yield prediction
