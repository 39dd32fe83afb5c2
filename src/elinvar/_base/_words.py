"""Lists in words."""

from collections.abc import Sequence

_MANY = 8
_NAMED = 3


def listed(names: Sequence[str]) -> str:
    """Return names as words: "a, b and c", the tail of a long list counted."""
    if len(names) > _MANY:
        names = [*names[: _MANY - 1], f"{len(names) - _MANY + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def some(names: Sequence[str]) -> str:
    """Name the first few, and count the rest."""
    if len(names) <= _NAMED + 1:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
