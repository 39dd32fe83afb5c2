"""JSON that a person can read and that comes back exactly, and readers that trust nothing."""

import json
import math
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any, TypeVar

import msgspec
import numpy as np

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
