"""Plain values, and the one text that stands for each: for seeds, keys and fingerprints."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from elinvar.errors import DataTypeError

Scalar = bool | int | float | str

# two kinds go together in one column if their families are equal
FAMILIES = {"integer": "numbers", "number": "numbers", "text": "text", "boolean": "booleans"}
_EXACT = 2.0**53
_QUICK = {float: "number", bool: "boolean", str: "text", type(None): "nothing"}


def plain(value: object) -> Any:
    """Turn a NumPy scalar into the Python value that it holds."""
    return value.item() if isinstance(value, np.generic) else value


def all_plain(values: list[Any]) -> list[Any]:
    """Turn the NumPy scalars among many values into Python values."""
    if any(issubclass(kind, np.generic) for kind in set(map(type, values))):
        return [plain(value) for value in values]
    return values


def kind_of(value: object) -> str | None:
    """Name the kind of a plain scalar: a key of ``FAMILIES``, "nothing", or None for no scalar."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "number"
    if isinstance(value, int):
        return "integer" if -(2**63) <= value < 2**63 else None
    if isinstance(value, str):
        return "text"
    return "nothing" if value is None else None


def kinds_of(values: list[Any]) -> set[str | None]:
    """Return the kinds among many plain values."""
    types = set(map(type, values))
    if types <= _QUICK.keys():
        return {_QUICK[one] for one in types}
    return {kind_of(value) for value in values}


def families(kinds: Iterable[str]) -> list[str]:
    """Return the families that these kinds belong to; nothing belongs to none."""
    return sorted({FAMILIES[kind] for kind in kinds if kind != "nothing"})


def canonical(value: object, what: str) -> Any:
    """Return plain JSON that is equal for equal values, in every process and version.

    Raises
    ------
    DataTypeError
        If the value is neither a scalar nor made of scalars; ``what`` names it.
    """
    value = plain(value)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float):
        # 1.0 and 1 are one value, as they are for Python: they must give one seed and one key
        whole = abs(value) < _EXACT and value.is_integer()
        return int(value) if whole else float(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": digest, "type": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, list | tuple):
        return [canonical(part, what) for part in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: canonical(part, what) for key, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
        return {kind: canonical(parts, what)}
    raise DataTypeError(
        f"{what} holds a {type(value).__name__}, which cannot be told from others in another run; "
        "use numbers, text, arrays of numbers, or lists, mappings and dataclasses of these."
    )


def text_of(value: object) -> str:
    """Write canonical JSON as the one text that stands for it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
