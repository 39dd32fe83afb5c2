"""Lists in words: the one place that joins names into a sentence."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from elinvar.errors import DataError


def listed(names: Sequence[str], *, most: int = 8, last: str = "and") -> str:
    """Return names as words: "a, b and c", the tail of a list of more than ``most`` counted.

    Parameters
    ----------
    names : sequence of str
    most : int
        How many parts the list has at the most, the count of the rest among them.
    last : str
        The word before the last part: "and" or "or".
    """
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
        last = "and"
    head, tail = ", ".join(names[:-1]), "".join(names[-1:])
    return f"{head} {last} {tail}" if head else tail


def some(names: Sequence[str]) -> str:
    """Name the first few, and count the rest."""
    return listed(names, most=4)


def check_names(names: Sequence[str], known: Sequence[str], what: str, plural: str = "") -> None:
    """Refuse a name that is not known, with those nearest to it.

    Raises
    ------
    DataError
        If one is not.
    """
    for name in names:
        if name not in known:
            raise DataError(
                f"There is no {what} {name!r}.{did_you_mean(name, known)} "
                f"The {plural or what + 's'} are {', '.join(known)}."
            )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question with the names nearest to ``name``, after a space; "" if none is near."""
    near = get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f" Did you mean {listed(near, last='or')}?" if near else ""
