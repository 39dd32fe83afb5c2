"""What is believed of a model file's entries: lists of numbers of the right kind and length."""

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from elinvar.errors import ModelFileError
from elinvar.forecast._sample import Floats, Mask, Places

# larger ones are no numbers of rows, features or nodes
_MANY = 1 << 40


def refuse(key: str, wanted: str) -> NoReturn:
    """Say what an entry must be.

    Raises
    ------
    ModelFileError
        Always.
    """
    raise ModelFileError(f"The model file is damaged: {key} must be {wanted}.")


def must(fits: Any, key: str, wanted: str) -> None:
    """Refuse an entry that does not fit."""
    if not fits:
        refuse(key, wanted)


def take(entries: Mapping[str, object], key: str) -> Any:
    """Return an entry that must be there."""
    must(isinstance(entries, Mapping) and key in entries, key, "there")
    return entries[key]


def inner(entries: Mapping[str, object], key: str) -> dict[str, object]:
    """Return an entry with entries of its own."""
    value = take(entries, key)
    must(isinstance(value, dict), key, "an object")
    found: dict[str, object] = value
    return found


def text(entries: Mapping[str, object], key: str) -> str:
    """Return a text."""
    value = take(entries, key)
    must(isinstance(value, str), key, "a text")
    return str(value)


def texts(entries: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return a list of texts."""
    values = _list(entries, key, None)
    must(all(isinstance(value, str) for value in values), key, "a list of texts")
    return tuple(values)


def objects(entries: Mapping[str, object], key: str, *, length: int) -> list[dict[str, object]]:
    """Return a list of entries with entries of their own."""
    values = _list(entries, key, length)
    must(all(isinstance(value, dict) for value in values), key, "a list of objects")
    return values


def whole(entries: Mapping[str, object], key: str, *, least: int = 0) -> int:
    """Return a whole number."""
    value = take(entries, key)
    must(type(value) is int and least <= value < _MANY, key, f"a whole number from {least} on")
    return int(value)


def number(entries: Mapping[str, object], key: str) -> float:
    """Return a finite number."""
    return float(numbers({key: [take(entries, key)]}, key)[0])


def wholes(entries: Mapping[str, object], key: str, *, length: int | None = None) -> Places:
    """Return a list of whole numbers."""
    values = _list(entries, key, length)
    fits = all(type(value) is int and abs(value) < _MANY for value in values)
    must(fits, key, "a list of whole numbers")
    return np.array(values, dtype=np.intp)


def flags(entries: Mapping[str, object], key: str, *, length: int | None = None) -> Mask:
    """Return a list of true and false."""
    values = _list(entries, key, length)
    must(all(type(value) is bool for value in values), key, "a list of true and false")
    return np.array(values, dtype=np.bool_)


def numbers(
    entries: Mapping[str, object], key: str, *, length: int | None = None, missing: bool = False
) -> Floats:
    """Return a list of finite numbers; null, where it may be missing, becomes NaN."""
    values = _list(entries, key, length)
    fits = all(type(v) in (int, float) or (missing and v is None) for v in values)
    must(fits, key, "a list of numbers")
    try:
        found = np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
    except OverflowError:
        refuse(key, "a list of finite numbers")
    asked = np.array([v is not None for v in values], dtype=np.bool_)
    must(np.isfinite(found[asked]).all(), key, "a list of finite numbers")
    return found


def table(entries: Mapping[str, object], key: str, shape: tuple[int, int]) -> Floats:
    """Return a list of lists of finite numbers."""
    rows = _list(entries, key, shape[0])
    found = [numbers({key: row}, key, length=shape[1]) for row in rows]
    return np.array(found, dtype=np.float64).reshape(shape)


def sets(entries: Mapping[str, object], key: str) -> dict[int, tuple[int, ...]]:
    """Return a list of pairs of a whole number and a list of whole numbers."""
    found: dict[int, tuple[int, ...]] = {}
    for pair in _list(entries, key, None):
        must(isinstance(pair, list) and len(pair) == 2, key, "a list of pairs")
        place = whole({key: pair[0]}, key)
        found[place] = tuple(wholes({key: pair[1]}, key).tolist())
    return found


def _list(entries: Mapping[str, object], key: str, length: int | None) -> list[Any]:
    values = take(entries, key)
    must(isinstance(values, list), key, "a list")
    must(length is None or len(values) == length, key, f"a list of {length}")
    found: list[Any] = values
    return found
