"""The target, checked in this place alone: it is there, one number a row, and complete if asked."""

import numpy as np

from elinvar._base._numbers import counted
from elinvar.environments._checks import Floats, Numbers, check_no_text, check_vector
from elinvar.environments._frames import Frame
from elinvar.environments._labels import is_missing
from elinvar.environments._roles import Columns
from elinvar.errors import DataError, DataTypeError


def check_target(y: object, *, numbers: bool = True) -> None:
    """Refuse a target that is not there, incomplete, or text where numbers are needed.

    Parameters
    ----------
    y : array-like of shape (n,)
    numbers : bool
        Whether it must hold numbers; False for classes, which may be text.

    Raises
    ------
    DataError
        If it is None, or a value is missing or infinite.
    DataTypeError
        If it holds text, but numbers are needed.
    """
    if y is None:
        raise DataError("This requires y to be passed, but the target y is None.")
    values = np.asarray(y)
    if numbers:
        check_no_text(values, "y")
    missing = np.zeros(values.size, dtype=bool)
    if values.dtype.kind == "f":
        missing = ~np.isfinite(values.ravel())
    elif values.dtype.kind == "O":
        missing = np.array([is_missing(value) for value in values.flat], dtype=bool)
    if missing.any():
        raise DataError(
            f"The target is missing (NaN) or infinite in {counted(int(missing.sum()), 'row')}, "
            f"first in row {missing.argmax() + 1} (the first row is 1): drop these rows."
        )


def target_of_rows(y: object, n: int) -> Numbers:
    """Return the target as (n,) real numbers, in which some may be missing."""
    if y is None:
        raise DataError("This requires y to be passed, but the target y is None.")
    return check_vector(y, "y", n)


def target_column(frame: Frame, columns: Columns) -> tuple[Floats, tuple[str, ...]]:
    """Return a frame's target as numbers, NaN where it is missing, and the classes they count."""
    if columns.classes:
        factor = frame.factor(columns.target)
        return np.where(factor.codes < 0, np.nan, factor.codes), factor.labels
    try:
        return frame.numbers(columns.target), ()
    except DataTypeError:
        raise
    except DataError as error:
        raise DataTypeError(
            f"The target must be a number: {error} Where it names classes, take "
            "InvariantClassifier (elinvar fit --classify)."
        ) from error
