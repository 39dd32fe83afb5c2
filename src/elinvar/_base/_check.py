"""Numbers, choices and seeds at a door: refused in one sentence if they cannot be."""

from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.errors import DataError

# squares and sums of squares of such numbers are finite in double precision
_LARGEST = 1e100


def check_count(name: str, value: Any, meaning: str = "", *, least: int = 1) -> None:
    """Refuse what is not an integer of at least ``least``.

    Raises
    ------
    DataError
        If it is not.
    """
    # to Python True is an integer
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        explained = f" ({meaning})" if meaning else ""
        raise DataError(f"{name} must be an integer of at least {least}{explained}; got {value!r}.")


def is_number(value: Any) -> bool:
    """Tell whether this is a finite number."""
    return not isinstance(value, bool) and isinstance(value, Real) and isfinite(value)


def check_number(name: str, value: Any, *, least: float | None = None, above: bool = False) -> None:
    """Refuse what is not a finite number, or lies below ``least`` (or at it, if ``above``).

    Numbers beyond 1e100 are refused too.

    Raises
    ------
    DataError
        If it is not.
    """
    fits = is_number(value)
    if fits and least is not None:
        fits = value > least if above else value >= least
    if not fits:
        bound = "" if least is None else f" {'above' if above else 'of at least'} {least:g}"
        raise DataError(f"{name} must be a finite number{bound}; got {value!r}.")
    if abs(value) > _LARGEST:
        raise DataError(f"{name} must be at most {_LARGEST:g} in size; got {value!r}.")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the choices.

    Raises
    ------
    DataError
        If it is not.
    """
    if not isinstance(value, str) or value not in choices:
        raise DataError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}.")


def as_numbers(name: str, values: Any) -> NDArray[np.float64]:
    """Return an array of numbers.

    Raises
    ------
    DataError
        If it is ragged, holds something else, or numbers beyond 1e100.
    """
    try:
        given = np.asarray(values)
        numbers = np.asarray(given.real if given.dtype.kind == "c" else given, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"{name} must be numbers in an array, with rows of one length; got "
            f"{type(values).__name__}."
        ) from None
    if given.dtype.kind == "c":
        raise DataError(f"{name} must be real numbers; got complex ones.")
    if (np.abs(numbers[np.isfinite(numbers)]) > _LARGEST).any():
        raise DataError(f"{name} must be at most {_LARGEST:g} in size.")
    return numbers


def as_weights(name: str, values: Any, count: int) -> NDArray[np.float64]:
    """Return what each of ``count`` environments counts for, summing to 1.

    Raises
    ------
    DataError
        If there is not one number for each, or they are negative, not finite or all 0.
    """
    weights = as_numbers(name, values)
    if weights.shape != (count,):
        raise DataError(
            f"{name} must hold one number for each of the {count} environments, in their order; "
            f"got shape {weights.shape}."
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        shown = np.array2string(weights, threshold=8, precision=4)
        raise DataError(f"{name} must be finite, at least 0 and not all 0; got {shown}.")
    return np.asarray(weights / weights.sum())


def generator(rng: Any) -> np.random.Generator:
    """Return the generator of a seed, or the generator itself.

    Raises
    ------
    DataError
        If it is neither.
    """
    if not isinstance(rng, np.random.RandomState):
        try:
            return np.random.default_rng(rng)
        except (TypeError, ValueError):
            pass
    raise DataError(
        f"rng must be an integer of at least 0, a numpy.random.Generator or None; got {rng!r}."
    )


def check_unicode(text: str) -> None:
    """Refuse what no file could give back: halves of letters.

    Raises
    ------
    DataError
        If one is there.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        around = text[max(error.start - 10, 0) : error.end + 10]
        raise DataError(
            f"A name holds half a letter, which no file can keep, in {around!r}: rename it."
        ) from error
