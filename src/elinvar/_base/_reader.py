"""Entries of a model file, each checked by the type that it is asked for as."""

import math
from collections.abc import Sequence
from typing import Any, Literal, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from elinvar._base._believe import believe
from elinvar.errors import ModelFileError

Word = TypeVar("Word", bound=str)

# NaN is written as null, and infinities as text
_NUMBER = float | None | Literal["inf", "-inf"]


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

    def must(self, fits: Any, key: str, needed: str) -> None:
        """Refuse an entry that does not fit."""
        if not fits:
            self.refuse(key, needed)

    def take(self, key: str) -> Any:
        """Return an entry that must be there."""
        self.must(key in self.values, key, "there, and it is missing")
        return self.values[key]

    def get(self, key: str, kind: Any, needed: str) -> Any:
        """Return an entry as ``kind``, an annotation that `believe` knows, which is ``needed``."""
        value = self.take(key)
        try:
            return believe(value, kind)
        except ValueError:
            self.refuse(key, needed)

    def inner(self, key: str) -> "Reader":
        """Return an entry that is itself a mapping."""
        return Reader(self.take(key), f"{self.place}.{key}" if self.place else key)

    def records(self, key: str, *, length: int | None = None) -> list["Reader"]:
        """Return a list of mappings."""
        items = self.get(key, list, "a list")
        self.must(length in (None, len(items)), key, f"a list of {length}")
        return [Reader(item, f"{key}[{i}]") for i, item in enumerate(items)]

    def text(self, key: str) -> str:
        """Return a string."""
        return str(self.get(key, str, "text"))

    def choice(self, key: str, choices: Sequence[Word]) -> Word:
        """Return one of these strings."""
        value = self.take(key)
        for choice in choices:
            if isinstance(value, str) and value == choice:
                return choice
        self.refuse(key, "one of " + ", ".join(choices))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        return tuple(self.get(key, list[str], "a list of texts"))

    def number(self, key: str, *, finite: bool = True) -> float:
        """Return a number; null is NaN where it need not be finite."""
        return float(self.array(key, (), finite=finite))

    def whole(self, key: str, *, least: int = 0) -> int:
        """Return a whole number."""
        needed = f"a whole number from {least} on"
        value = int(self.get(key, int, needed))
        # what does not fit into 64 bits, fits into no array
        self.must(least <= value < 2**63, key, needed)
        return value

    def wholes(self, key: str, *, length: int | None = None) -> NDArray[np.intp]:
        """Return a list of whole numbers."""
        needed = "a list of whole numbers"
        values = self.get(key, list[int], needed)
        self.must(all(abs(value) < 2**40 for value in values), key, needed)
        self.must(length in (None, len(values)), key, f"a list of {length}")
        return np.array(values, dtype=np.intp)

    def sets(self, key: str) -> dict[int, tuple[int, ...]]:
        """Return a list of pairs of a whole number and a list of whole numbers."""
        pairs = self.get(key, list[tuple[int, list[int]]], "a list of pairs")
        numbers = [value for place, inside in pairs for value in (place, *inside)]
        self.must(all(0 <= value < 2**40 for value in numbers), key, "pairs of numbers from 0 on")
        return {place: tuple(inside) for place, inside in pairs}

    def numbers_by_name(self, key: str) -> dict[str, float]:
        """Return a mapping of names to finite numbers."""
        inner = self.inner(key)
        return {name: inner.number(name) for name in inner.values}

    def numbers(
        self, key: str, *, length: int | None = None, missing: bool = False
    ) -> NDArray[np.float64]:
        """Return a list of finite numbers; null, where it may be missing, becomes NaN."""
        values = self.get(key, list[float | None] if missing else list[float], "a list of numbers")
        found = self.array(key, (len(values) if length is None else length,), finite=not missing)
        self.must(not np.isinf(found).any(), key, "a list of finite numbers")
        return found

    def array(
        self, key: str, shape: tuple[int, ...], *, finite: bool = True
    ) -> NDArray[np.float64]:
        """Return an array of numbers of this shape; null is NaN where they need not be finite."""
        kind: Any = float if finite else _NUMBER
        for _ in shape:
            kind = list[kind]
        word = "finite number" if finite else "number or null"
        needed = f"{word}s of shape {shape}" if shape else f"a {word}"
        values = self.get(key, kind, needed)
        try:
            found = np.array(values, dtype=np.float64)
        except ValueError:
            self.refuse(key, needed)
        # NumPy does not know how wide rows would be where there are none
        empty = not found.size and not math.prod(shape) and len(values) == shape[0]
        self.must(found.shape == shape or empty, key, needed)
        self.must(not finite or np.isfinite(found).all(), key, needed)
        return found.reshape(shape)

    def flag(self, key: str) -> bool:
        """Return true or false."""
        return bool(self.get(key, bool, "true or false"))

    def flags(self, key: str, length: int | None = None) -> NDArray[np.bool_]:
        """Return truth values."""
        values = self.get(key, list[bool], "a list of true and false")
        self.must(length in (None, len(values)), key, f"{length} times true or false")
        return np.array(values, dtype=bool)
