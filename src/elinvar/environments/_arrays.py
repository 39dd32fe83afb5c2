"""Bare arrays at the door: shape, kind and length, refused in one sentence each."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._words import listed
from elinvar.environments._labels import Factor, factorize, join_factors
from elinvar.errors import DataError, DataTypeError

ALL = "all"


def check_matrix(X: Any) -> NDArray[Any]:
    """Return ``X`` as a two-dimensional array of real numbers, copied only if it must be.

    Raises
    ------
    DataTypeError
        If ``X`` is sparse, complex, text, or holds anything that is not a number.
    DataError
        If ``X`` is not two-dimensional, or has no rows or no columns.
    """
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise DataTypeError(
            "Sparse data are not supported: X is a sparse matrix, a dense array is needed; "
            "use X.toarray()."
        )
    array = _real(X, "X")
    if array.ndim != 2:
        raise DataError(
            f"X must have two dimensions (rows, features); got {array.ndim}: expected 2D array, "
            f"got {_shape_word(array.ndim)} instead. Reshape your data either using "
            "array.reshape(-1, 1) if it has a single feature or array.reshape(1, -1) if it is a "
            "single row."
        )
    n, p = array.shape
    if p == 0:
        raise DataError(
            f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is required."
        )
    if n == 0:
        raise DataError(
            f"Found array with 0 sample(s) (shape={array.shape}) while a minimum of 1 is required."
        )
    return array


def _shape_word(ndim: int) -> str:
    return "scalar array" if ndim == 0 else f"{ndim}D array"


def check_vector(values: Any, name: str, n: int) -> NDArray[Any]:
    """Return ``values`` as a vector of ``n`` real numbers; an (n, 1) column is flattened."""
    if values is None:
        raise DataError(f"This requires y to be passed, but the target {name} is None.")
    array = _real(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{name} must be one-dimensional, a number a row; got shape {array.shape}.")
    if len(array) != n:
        raise DataError(
            f"X and {name} must have one entry a row each: X has {n} rows, {name} has "
            f"{len(array)}; inconsistent numbers of samples."
        )
    return array


def _real(values: Any, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataTypeError(f"{name} cannot be read as an array of numbers: {error}") from error
    kind = array.dtype.kind
    if kind == "c":
        raise DataTypeError(
            f"Complex data not supported: {name} is of type {array.dtype}, real numbers are needed."
        )
    if kind in "US":
        raise DataTypeError(_text_advice(name, array))
    if kind == "O":
        if any(isinstance(value, complex) for value in array.flat):
            raise DataTypeError(f"Complex data not supported: {name} holds complex numbers.")
        if any(isinstance(value, str | bytes) for value in array.flat):
            raise DataTypeError(_text_advice(name, array))
        try:
            return np.asarray(np.where(array == None, np.nan, array), dtype=np.float64)  # noqa: E711
        except (TypeError, ValueError) as error:
            raise DataTypeError(f"{name} must hold numbers only: {error}.") from error
    if kind not in "biuf":
        raise DataTypeError(f"{name} must hold numbers; got an array of type {array.dtype}.")
    return array


def _text_advice(name: str, array: NDArray[Any]) -> str:
    value = next((v for v in array.flat if isinstance(v, str | bytes)), "")
    advice = (
        "give text columns in a pandas or polars frame"
        if name == "X"
        else "turn it into numbers first"
    )
    return f"{name} holds text (such as {str(value)!r}), but numbers are needed; {advice}."


def check_environments_array(environments: Any, n: int, first_row: int = 0) -> Factor:
    """Code one environment label a row; ``None`` puts all rows in one environment.

    Raises
    ------
    DataError
        If the length is wrong or a label is missing.
    """
    if environments is None:
        return Factor(codes=np.zeros(n, dtype=np.intp), labels=(ALL,))
    try:
        array = np.asarray(environments)
        if isinstance(environments, list | tuple):
            # numpy would turn [1, "a"] into text before its elements can be labelled
            array = np.array(environments, dtype=object)
    except (ValueError, TypeError) as error:
        raise DataTypeError(f"environments cannot be read as an array: {error}") from error
    if array.ndim not in (1, 2):
        raise DataError(f"environments must hold one label a row; got shape {array.shape}.")
    if len(array) != n:
        raise DataError(
            f"X and environments must have one entry a row each: X has {n} rows, environments "
            f"has {len(array)}; inconsistent numbers of samples."
        )
    columns = [array] if array.ndim == 1 else list(array.T)
    if not columns:
        raise DataError("environments has no columns; one label a row is needed.")
    factor = join_factors([factorize(column) for column in columns])
    refuse_missing_label(factor, "environments", lambda row: str(first_row + row + 1))
    return factor


def labels_of_rows(environments: ArrayLike, n: int) -> list[str]:
    """Return the environment of each of ``n`` rows as text.

    Parameters
    ----------
    environments : (n,) array of labels
    n : int
        Rows that need one.

    Raises
    ------
    DataError
        If there is not one label a row.
    """
    factor = check_environments_array(environments, n)
    return [factor.labels[code] for code in factor.codes]


def _counted_from_one(index: int) -> str:
    return str(index + 1)


def refuse_missing_label(
    factor: Factor, name: str, row: Callable[[int], str] = _counted_from_one
) -> None:
    """Refuse rows without an environment."""
    missing = factor.codes < 0
    if missing.any():
        raise DataError(
            f"{name}: the environment label is missing in {_rows(int(missing.sum()))}, first in "
            f"row {row(int(missing.argmax()))} (the first row is 1); every row needs "
            "one. Fill it in or drop these rows."
        )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def check_weights(
    values: ArrayLike, n: int, first_row: int = 0, name: str = "sample_weight"
) -> NDArray[np.float64]:
    """Return frequency weights (n,): finite and nonnegative."""
    array = np.asarray(values)
    if array.ndim == 0 and array.dtype.kind in "biuf":
        array = np.full(n, float(array))
    if array.ndim > 1 and array.shape[1:] != (1,):
        raise DataError(
            "Sample weights must be 1D array or scalar: "
            f"{name} must hold one weight a row; got shape {array.shape}."
        )
    weights = check_vector(array, name, n).astype(np.float64)
    refuse_bad_weights(weights, name, lambda row: str(first_row + row + 1))
    return weights


def refuse_no_weight(weights: NDArray[np.float64] | None) -> None:
    """Refuse weights that are all zero."""
    if weights is not None and not weights.any():
        raise DataError("sample_weight: all weights are zero, so no row would count.")


def refuse_bad_weights(
    weights: NDArray[np.float64], name: str, row: Callable[[int], str] = _counted_from_one
) -> None:
    """Refuse weights that are missing, infinite or negative."""
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        first = int(bad.argmax())
        raise DataError(
            f"{name}: weights must be finite and not negative; {_rows(int(bad.sum()))} "
            f"{'is' if bad.sum() == 1 else 'are'} not, first row {row(first)} with "
            f"{weights[first]:g} (the first row is 1)."
        )


def check_feature_names(names: Sequence[str] | None, p: int) -> tuple[tuple[str, ...], bool]:
    """Return (names, whether they were given); ``x0, x1, ...`` when they were not."""
    if names is None:
        return tuple(f"x{j}" for j in range(p)), False
    result = tuple(str(name) for name in names)
    if len(result) != p:
        raise DataError(f"feature_names has {len(result)} names, but X has {p} columns.")
    return result, True


def finite(array: NDArray[Any]) -> bool:
    """Whether every entry is finite, from one pass of sums."""
    if array.dtype.kind in "biu":
        return True
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return True
    return bool(np.isfinite(array).all())


def refuse_nonfinite(
    X: NDArray[Any],
    y: NDArray[Any],
    columns: Sequence[str],
    target: str,
    row: Callable[[int], str] = _counted_from_one,
) -> None:
    """Raise the sentence that says where ``X`` or ``y`` is NaN or infinite, if anywhere.

    Infinity goes first: it can never be dropped or filled in.
    """
    for infinite in (True, False):
        test = np.isinf if infinite else np.isnan
        counts = np.zeros(X.shape[1] + 1, dtype=np.intp)
        first = len(y)
        for j in range(X.shape[1] + 1):
            bad = test(X[:, j] if j < X.shape[1] else y)
            if bad.any():
                counts[j], first = bad.sum(), min(first, int(bad.argmax()))
        if counts.any():
            raise DataError(_nonfinite_message([*columns, target], counts, row(first), infinite))


def _nonfinite_message(
    columns: Sequence[str], counts: NDArray[np.intp], row: str, infinite: bool
) -> str:
    named = [f"{c} ({k:,})" for c, k in zip(columns, counts, strict=True) if k]
    shown = listed(named)
    if infinite:
        return (
            f"Input contains infinity in {shown}; first in row {row} (the first row is 1). "
            "Replace it or drop these rows."
        )
    return (
        f"Input contains missing values (NaN) in {shown}; first in row {row} (the first row is 1). "
        "Drop these rows or fill them in: Environments, Moments and the command line do so with "
        "missing='drop' or missing='impute' (--missing drop|impute)."
    )
