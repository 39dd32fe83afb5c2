"""Arrays at the door: shape, kind, length and finiteness, refused in one sentence each."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._numbers import counted
from elinvar._base._voice import flag, on_command_line, option
from elinvar._base._words import listed
from elinvar.environments._frames import factor_from_arrow
from elinvar.environments._labels import Factor, categories_of, factorize, join_factors
from elinvar.errors import DataError, DataTypeError

Floats = NDArray[np.float64]
Numbers = NDArray[Any]
RowName = Callable[[int], str]


def counted_from(first_row: int = 0) -> RowName:
    """Return how to name a row in a sentence: its number, the first of all rows is 1."""
    return lambda index: str(first_row + index + 1)


def check_matrix(X: object) -> Numbers:
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
    array = real_numbers(X, "X")
    if array.ndim != 2:
        shape = "scalar array" if array.ndim == 0 else f"{array.ndim}D array"
        raise DataError(
            f"X must have two dimensions (rows, features); got {array.ndim}: expected 2D array, "
            f"got {shape} instead. Reshape your data either using array.reshape(-1, 1) if it has a "
            "single feature or array.reshape(1, -1) if it is a single row."
        )
    for axis, what in ((1, "feature"), (0, "sample")):
        if array.shape[axis] == 0:
            raise DataError(
                f"Found array with 0 {what}(s) (shape={array.shape}) while a minimum of 1 is "
                "required."
            )
    return array


def check_vector(values: object, name: str, n: int) -> Numbers:
    """Return ``values`` as a vector of ``n`` real numbers; an (n, 1) column is flattened."""
    array = real_numbers(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{name} must be one-dimensional, a number a row; got shape {array.shape}.")
    check_length(array, name, n)
    return array


def check_length(array: Numbers, name: str, n: int) -> None:
    """Refuse what has not one entry for each of ``n`` rows."""
    if len(array) != n:
        raise DataError(
            f"X and {name} must have one entry a row each: X has {n} rows, {name} has "
            f"{len(array)}; inconsistent numbers of samples."
        )


def check_same_order(**given: object) -> None:
    """Refuse pandas objects that hold the same rows, by their index, in different orders.

    Others are taken by position, as scikit-learn does: an index that shares no more than a few
    labels, or none, says nothing of which rows belong together.

    Parameters
    ----------
    **given : objects by name
        The first with an index sets the order.

    Raises
    ------
    DataError
        If a later one has the same labels in another order.
    """
    indexed: dict[str, Any] = {
        name: index
        for name, values in given.items()
        if hasattr(index := getattr(values, "index", None), "equals")
    }
    first, *others = indexed or [""]
    for name in others:
        index, wanted = indexed[name], indexed[first]
        if len(index) != len(wanted) or index.equals(wanted):
            continue
        if Counter(index) == Counter(wanted):
            at = next(k for k, (a, b) in enumerate(zip(wanted, index, strict=True)) if a != b)
            raise DataError(
                f"{name} has the rows of {first} in another order: row {at + 1} (the first is 1) "
                f"is {wanted.tolist()[at]!r} in the index of {first} and "
                f"{index.tolist()[at]!r} in that of {name}. "
                f"Put it in order with {name}.loc[{first}.index], or give {name}.to_numpy() if "
                "rows belong together by position."
            )


def real_numbers(values: object, name: str) -> Numbers:
    """Return an array of real numbers, None in it as NaN; refuse text, complex and other kinds."""
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataTypeError(f"{name} cannot be read as an array of numbers: {error}") from error
    kind = array.dtype.kind
    if kind == "c":
        raise DataTypeError(
            f"Complex data not supported: {name} is of type {array.dtype}, real numbers are needed."
        )
    check_no_text(array, name)
    if kind == "O":
        if any(isinstance(value, complex) for value in array.flat):
            raise DataTypeError(f"Complex data not supported: {name} holds complex numbers.")
        try:
            return np.asarray(np.where(array == None, np.nan, array), dtype=np.float64)  # noqa: E711
        except (TypeError, ValueError) as error:
            # scikit-learn's own checks ask for these words
            frame = f"; give a frame, such as pandas.DataFrame({name})" if name == "X" else ""
            raise DataTypeError(f"{name} must hold numbers only: {error}{frame}.") from error
    if kind not in "biuf":
        raise DataTypeError(f"{name} must hold numbers; got an array of type {array.dtype}.")
    return array


def check_no_text(array: Numbers, name: str) -> None:
    """Refuse text where numbers are needed."""
    if array.dtype.kind not in "OUS":
        return
    text = next((value for value in array.flat if isinstance(value, str | bytes)), None)
    if text is not None or array.dtype.kind in "US":
        advice = "turn it into numbers first"
        if name == "X":
            advice = "give text columns in a pandas or polars frame"
        elif name == "y":
            advice += " (a two-way outcome can be given as 0/1)"
        raise DataTypeError(
            f"{name} holds text (such as {str(text or '')!r}), but numbers are needed; {advice}."
        )


def code_environments(
    environments: object,
    n: int,
    first_row: int = 0,
    *,
    name: str = "environments",
    missing: bool = False,
) -> Factor:
    """Code one environment label a row; ``None`` puts all rows in one environment.

    Parameters
    ----------
    environments : labels of any kind, or None
        Several columns, or tuples, are environments together.
    n : int
        Rows that need one.
    first_row : int
        What messages count rows from.
    name : str
        What messages call the labels.
    missing : bool
        Whether some may be; their code is -1 then.

    Returns
    -------
    Factor

    Raises
    ------
    DataError
        If the length is wrong or a label is missing.
    """
    if environments is None:
        return Factor.constant(n)
    if isinstance(environments, str):
        raise DataTypeError(
            f"{name} must hold one label a row; got shape (), the text {environments!r}. "
            f"Give the column itself, such as X[{environments!r}], and leave it out of X."
        )
    factor = categories_of(environments)
    dtype = getattr(environments, "dtype", None)
    if factor is None and hasattr(dtype, "categories"):
        array = environments.to_arrow()  # type: ignore[attr-defined]
        factor = factor_from_arrow(array, ranked=type(dtype).__name__ == "Enum")
    if factor is None:
        factor = _factor_of_array(environments, n, name)
    check_length(factor.codes, name, n)
    if not missing:
        check_labels(factor, name, counted_from(first_row))
    return factor


def _factor_of_array(environments: object, n: int, name: str) -> Factor:
    try:
        array = np.asarray(environments)
        if isinstance(environments, list | tuple):
            # numpy would turn [1, "a"] into text before its elements can be labelled
            array = np.array(environments, dtype=object)
    except (ValueError, TypeError) as error:
        raise DataTypeError(f"{name} cannot be read as an array: {error}") from error
    if array.ndim not in (1, 2):
        raise DataError(f"{name} must hold one label a row; got shape {array.shape}.")
    check_length(array, name, n)
    columns = [array] if array.ndim == 1 else list(array.T)
    if not columns:
        raise DataError(f"{name} has no columns; one label a row is needed.")
    return join_factors([factorize(column) for column in columns])


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
    return code_environments(environments, n).values()


def numbers_by_label(
    name: str, given: Mapping[Any, float], environments: Sequence[str]
) -> list[float]:
    """Return the numbers of a mapping from labels, in the order of the environments.

    Parameters
    ----------
    name : str
        Of the parameter, for messages.
    given : mapping of labels to numbers
        Labels of any kind that environments may have.
    environments : sequence of str

    Raises
    ------
    DataError
        If it names others, or lacks one.
    """
    by_label = dict(zip(labels_of_rows(list(given), len(given)), given.values(), strict=True))
    strangers = [label for label in by_label if label not in environments]
    lacking = [label for label in environments if label not in by_label]
    if strangers or lacking:
        word, which = ("names", strangers) if strangers else ("has no number for", lacking)
        raise DataError(
            f"{name} {word} {listed([repr(label) for label in which[:5]])}; give one number for "
            f"each of the environments: {listed([repr(label) for label in environments[:9]])}."
        )
    return [by_label[label] for label in environments]


def check_labels(factor: Factor, name: str, row: RowName) -> None:
    """Refuse rows without an environment."""
    missing = factor.codes < 0
    if missing.any():
        raise DataError(
            f"{name}: the environment label is missing in {counted(int(missing.sum()), 'row')}, "
            f"first in row {row(int(missing.argmax()))} (the first row is 1); every row needs "
            f"one. Fill it in, or drop these rows ({option('missing', 'drop')}); where NA, null or "
            f"the like is a code in a CSV file, say {flag('no_na')}."
        )


def weights_of_rows(values: object, n: int, first_row: int = 0) -> Floats:
    """Return frequency weights (n,): finite and not negative."""
    array = np.asarray(values)
    if array.ndim == 0 and array.dtype.kind in "biuf":
        array = np.full(n, float(array))
    if array.ndim > 1 and array.shape[1:] != (1,):
        raise DataError(
            "Sample weights must be 1D array or scalar: "
            f"sample_weight must hold one weight a row; got shape {array.shape}."
        )
    weights = check_vector(array, "sample_weight", n).astype(np.float64)
    check_weights(weights, "sample_weight", counted_from(first_row))
    return weights


def check_weights(weights: Floats, name: str, row: RowName) -> None:
    """Refuse weights that are missing, infinite or negative, or that no square can hold."""
    bad = ~((weights == 0) | (weights >= 1e-100) & (weights <= 1e100))
    if bad.any():
        first = int(bad.argmax())
        raise DataError(
            f"{name}: weights must be finite and not negative; {counted(int(bad.sum()), 'row')} "
            f"{'is' if bad.sum() == 1 else 'are'} not, first row {row(first)} with "
            f"{weights[first]:g} (the first row is 1). Positive ones are from 1e-100 to 1e100."
        )


def finite(array: Numbers) -> bool:
    """Whether every entry is finite, from one pass of sums."""
    if array.dtype.kind in "biu":
        return True
    # a sum is finite only if all entries are; finite entries may overflow it, so look again then
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return True
    return bool(np.isfinite(array).all())


def check_finite(
    X: Floats, y: Floats, names: Sequence[str], row: RowName, *, allow_nan: bool = False
) -> None:
    """Raise the sentence that says where ``X`` or ``y`` is infinite or NaN, if anywhere.

    Infinity goes first: it can never be dropped or filled in.
    """
    for infinite in (True,) if allow_nan else (True, False):
        test = np.isinf if infinite else np.isnan
        counts = np.zeros(X.shape[1] + 1, dtype=np.intp)
        first = len(y)
        for j in range(X.shape[1] + 1):
            bad = test(X[:, j] if j < X.shape[1] else y)
            if bad.any():
                counts[j], first = bad.sum(), min(first, int(bad.argmax()))
        if counts.any():
            raise DataError(_nonfinite(names, counts, row(first), infinite))


def _nonfinite(columns: Sequence[str], counts: NDArray[np.intp], row: str, infinite: bool) -> str:
    shown = listed([f"{c} ({k:,})" for c, k in zip(columns, counts, strict=True) if k])
    if infinite:
        return (
            f"Input contains infinity in {shown}; first in row {row} (the first row is 1). "
            "Replace it or drop these rows."
        )
    if on_command_line():
        return (
            f"Input contains missing values (NaN) in {shown}; first in row {row} (the first row is "
            "1). Drop these rows with --missing drop, or fill them in with --missing impute."
        )
    return (
        f"Input contains missing values (NaN) in {shown}; first in row {row} (the first row is 1). "
        "Drop these rows or fill them in: Environments, Moments and the command line do so with "
        "missing='drop' or missing='impute' (--missing drop|impute)."
    )
