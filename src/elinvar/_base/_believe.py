"""Values from files, checked by the type that declares what they must be."""

import re
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object with named entries",
    "null": "null",
}


def believe(values: object, kind: type[T] | Any) -> T:
    """Return plain values as ``kind``: a dataclass, or any annotation that msgspec knows.

    Raises
    ------
    ValueError
        If they are something else; it says which entry must be what.
    """
    try:
        found: T = msgspec.convert(values, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(_sentence(str(error))) from error
    return found


def _sentence(words: str) -> str:
    """Say what msgspec says as a sentence about an entry: "levels.sex must be a list"."""
    said, _, place = words.partition(" - at `$")
    place = place.strip("`").lstrip(".") or "it"
    if missing := re.fullmatch("Object missing required field `(.*)`", said):
        inside = f"{place}.{missing[1]}" if place != "it" else missing[1]
        return f"{inside} must be there, and it is missing"
    said = re.sub("`(.*?)`", lambda found: _in_words(found[1]), said)
    if expected := re.fullmatch("Expected (.*?)(?:, got (.*))?", said):
        came = f", and it is {expected[2]}" if expected[2] else ""
        return f"{place} must be {expected[1]}{came}"
    return said if place == "it" else f"{place}: {said}"


def _in_words(kinds: str) -> str:
    parts = [_WORDS.get(kind, kind) for kind in kinds.split(" | ")]
    return " or ".join(parts)
