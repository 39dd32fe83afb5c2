"""JSON that a person can read and that comes back exactly, and readers that trust nothing."""

import json
import math
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any, NoReturn, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from elinvar._base._believe import believe
from elinvar.errors import ModelFileError

Word = TypeVar("Word", bound=str)

_WIDTH = 100
_INFINITE = {"inf": math.inf, "-inf": -math.inf}


def plain(value: object) -> Any:
    """Return ``value`` as what JSON can hold: NaN as null, infinities as text.

    Raises
    ------
    TypeError
        If it has no such form.
    """
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no form in JSON.")


def write(value: object, indent: int = 0) -> str:
    """Return JSON text: an entry a line, a record of a list a line, long lists of numbers filled.

    Parameters
    ----------
    value : str, number, bool, None, dict or list
        What `plain` returned.
    indent : int
        Columns to the left.

    Returns
    -------
    str
        The text.
    """
    end = "\n" + " " * indent
    pad = " " * (indent + 2)
    if isinstance(value, dict) and value:
        rows = [f"{pad}{_flat(key)}: {write(item, indent + 2)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + end + "}"
    flat = _flat(value)
    if not isinstance(value, list) or not value:
        return flat
    if any(isinstance(item, dict | list) for item in value):
        return "[\n" + ",\n".join(pad + _flat(item) for item in value) + end + "]"
    if len(flat) + indent <= _WIDTH:
        return flat
    if any(isinstance(item, str) for item in value):
        return "[\n" + ",\n".join(pad + _flat(item) for item in value) + end + "]"
    body = fill(flat[1:-1], _WIDTH, initial_indent=pad, subsequent_indent=pad)
    return "[\n" + body + end + "]"


def _flat(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def parse(text: str) -> Any:
    """Parse JSON; infinities, numbers beyond them and halves of letters are refused.

    Raises
    ------
    ValueError
        If the text is not JSON, or is nested too deeply.
    """
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


class Reader:
    """A mapping of a model file whose entries are checked as they are taken.

    Parameters
    ----------
    values : object
        What was parsed; a mapping is needed.
    place : str
        Where it stands in the file, for messages.
    """

    def __init__(self, values: object, place: str = "") -> None:
        self.place = place
        if not isinstance(values, dict):
            self.refuse("", "an object with named entries")
        self.values: dict[str, Any] = values

    def refuse(self, key: str, needed: str, *, verb: str = "be") -> NoReturn:
        """Raise the error that says which entry is not what it must be."""
        where = ".".join(part for part in (self.place, key) if part) or "the top level"
        raise ModelFileError(f"The model file is damaged: {where} must {verb} {needed}.")

    def take(self, key: str) -> Any:
        """Return an entry that must be there."""
        if key not in self.values:
            self.refuse(key, "there, and it is missing")
        return self.values[key]

    def get(self, key: str, kind: Any) -> Any:
        """Return an entry as ``kind``, an annotation that `believe` knows."""
        try:
            return believe(self.take(key), kind)
        except ValueError as error:
            self.refuse(key, f"what it was ({error})")

    def inner(self, key: str) -> "Reader":
        """Return an entry that is itself a mapping."""
        return Reader(self.take(key), f"{self.place}.{key}" if self.place else key)

    def records(self, key: str) -> list["Reader"]:
        """Return a list of mappings."""
        items = self._list(key)
        return [Reader(item, f"{key}[{i}]") for i, item in enumerate(items)]

    def text(self, key: str) -> str:
        """Return a string."""
        value = self.take(key)
        if not isinstance(value, str):
            self.refuse(key, "text")
        return value

    def choice(self, key: str, choices: Sequence[Word]) -> Word:
        """Return one of these strings."""
        value = self.take(key)
        for choice in choices:
            if value == choice:
                return choice
        self.refuse(key, "one of " + ", ".join(choices))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        items = self._list(key)
        if not all(isinstance(item, str) for item in items):
            self.refuse(key, "a list of texts")
        return tuple(items)

    def number(self, key: str, *, finite: bool = True) -> float:
        """Return a number; null is NaN where it need not be finite."""
        value = _number(self.take(key))
        if value is None or (finite and not math.isfinite(value)):
            self.refuse(key, "a finite number" if finite else "a number or null")
        return value

    def whole(self, key: str) -> int:
        """Return a whole number that is not negative."""
        value = self.take(key)
        # true is an integer to Python, and what does not fit into 64 bits to no array
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            self.refuse(key, "a whole number")
        return value

    def numbers_by_name(self, key: str) -> dict[str, float]:
        """Return a mapping of names to finite numbers."""
        inner = self.inner(key)
        return {name: inner.number(name) for name in inner.values}

    def array(
        self, key: str, shape: tuple[int, ...], *, finite: bool = True
    ) -> NDArray[np.float64]:
        """Return an array of numbers of this shape; null is NaN where they need not be finite."""
        value = self.take(key)
        kind = "finite number" if finite else "number or null"
        if not _has_shape(value, shape, finite):
            self.refuse(key, f"{kind}s of shape {shape}" if shape else f"a {kind}")
        return np.array(_numbers(value), dtype=np.float64).reshape(shape)

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self.take(key)
        if not isinstance(value, bool):
            self.refuse(key, "true or false")
        return value

    def flags(self, key: str, n: int) -> NDArray[np.bool_]:
        """Return ``n`` truth values."""
        items = self._list(key)
        if len(items) != n or not all(isinstance(item, bool) for item in items):
            self.refuse(key, f"{n} times true or false")
        return np.array(items, dtype=bool)

    def _list(self, key: str) -> list[Any]:
        value = self.take(key)
        if not isinstance(value, list):
            self.refuse(key, "a list")
        return value


def _number(value: object) -> float | None:
    """Return the float that `plain` has written, or None if this is none."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        return _INFINITE.get(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        # JSON has integers of any length
        return float(value)
    except OverflowError:
        return None


def _numbers(value: object) -> Any:
    """Return nested lists of what `_number` can read."""
    return [_numbers(item) for item in value] if isinstance(value, list) else _number(value)


def _has_shape(value: object, shape: tuple[int, ...], finite: bool) -> bool:
    if not shape:
        number = _number(value)
        return number is not None and (math.isfinite(number) or not finite)
    return (
        isinstance(value, list)
        and len(value) == shape[0]
        and all(_has_shape(item, shape[1:], finite) for item in value)
    )
