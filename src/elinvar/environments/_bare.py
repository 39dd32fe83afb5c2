"""Bare arrays, checked and made ready: the way in for ``from_arrays`` and array batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.environments._accumulate import refuse_row_identifier
from elinvar.environments._arrays import (
    check_environments_array,
    check_feature_names,
    check_matrix,
    check_vector,
    check_weights,
    finite,
    refuse_no_weight,
    refuse_nonfinite,
)
from elinvar.environments._labels import Factor
from elinvar.environments._recipe import Missing, check_missing, refuse_no_rows
from elinvar.environments._schema import Schema
from elinvar.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """Checked arrays, as they came; environments in natural order."""

    X: NDArray[Any]
    y: NDArray[Any]
    environment: Factor
    weight: NDArray[np.float64] | None
    schema: Schema
    n_dropped: int = 0
    first_row: int = 0

    def refuse(self) -> None:
        """Say why the sums of these rows are not finite."""
        X, y = np.asarray(self.X, dtype=np.float64), np.asarray(self.y, dtype=np.float64)
        names, target = self.schema.features, self.schema.target
        refuse_nonfinite(X, y, names, target, lambda row: str(self.first_row + row + 1))
        refuse_overflow()


def refuse_overflow() -> None:
    """Refuse finite values whose products are not."""
    raise DataError("The values are so large that their squares overflow: rescale the columns.")


def check_arrays(
    X: Any,
    y: Any,
    environments: Any = None,
    sample_weight: Any = None,
    *,
    feature_names: Sequence[str] | None = None,
    target: str = "target",
    missing: Missing = "error",
) -> Arrays:
    """Check arrays at the door; ``X`` is copied only if rows or values must change.

    Raises
    ------
    DataError
        If shapes, lengths, labels or weights cannot be used, or no row counts.
    """
    arrays = check_part(
        X,
        y,
        environments,
        sample_weight,
        feature_names=feature_names,
        target=target,
        missing=missing,
    )
    if sample_weight is not None:
        refuse_no_weight(arrays.weight)
    refuse_no_rows(len(arrays.y))
    refuse_row_identifier(len(arrays.environment.labels), len(arrays.y))
    return arrays


def check_part(
    X: Any,
    y: Any,
    environments: Any,
    sample_weight: Any,
    *,
    feature_names: Sequence[str] | None,
    target: str,
    missing: Missing,
    first_row: int = 0,
) -> Arrays:
    """Check arrays that may be a part of the whole: no row of it needs to count."""
    check_missing(missing)
    X = check_matrix(X)
    n = len(X)
    y = check_vector(y, "y", n)
    environment = check_environments_array(environments, n, first_row)
    weight = None if sample_weight is None else check_weights(sample_weight, n, first_row)
    names, named = check_feature_names(feature_names, X.shape[1])
    keep = np.ones(n, dtype=bool) if weight is None else weight > 0
    n_dropped = 0
    if missing != "error" and not (finite(X) and finite(y)):
        present = ~np.isnan(y.astype(np.float64))
        if missing == "drop":
            present &= ~np.isnan(X.astype(np.float64)).any(axis=1)
        n_dropped = int((keep & ~present).sum())
        keep &= present
    if not keep.all():
        X, y = X[keep], y[keep]
        environment = Factor(codes=environment.codes[keep], labels=environment.labels)
        weight = None if weight is None else weight[keep]
    fill: dict[str, float | str] = {}
    if missing == "impute":
        X, fill = _impute(X, weight, names)
    return Arrays(
        X=X,
        y=y,
        environment=environment.ordered(),
        weight=weight,
        schema=Schema(features=names, target=target, named=named, fill=fill),
        n_dropped=n_dropped,
        first_row=first_row,
    )


def _impute(
    X: NDArray[Any], weight: NDArray[np.float64] | None, names: tuple[str, ...]
) -> tuple[NDArray[np.float64], dict[str, float | str]]:
    filled = X.astype(np.float64)
    fill: dict[str, float | str] = {}
    for j, name in enumerate(names):
        absent = np.isnan(filled[:, j])
        if absent.all():
            raise DataError(f"{name} has no values to take a mean of; drop it.")
        used = None if weight is None else weight[~absent]
        with np.errstate(all="ignore"):
            mean = float(np.average(filled[~absent, j], weights=used))
        # A mean that is not finite stands for values that are refused when they are added up.
        if np.isfinite(mean):
            fill[name] = mean
            filled[absent, j] = mean
    return filled, fill
