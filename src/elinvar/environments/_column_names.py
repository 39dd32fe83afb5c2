"""Column names: those that are absent, those that occur twice, and the nearest that exist."""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence

from elinvar.errors import DataError


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a hint with the names closest to ``name``, to end a sentence with."""
    names = list(names)
    folded = {n.casefold().strip(): n for n in reversed(names)}
    close = difflib.get_close_matches(name.casefold().strip(), list(folded), n=3, cutoff=0.6)
    if close:
        return "; did you mean " + " or ".join(repr(folded[c]) for c in close) + "?"
    shown = ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")
    return f"; there are {shown}" if names else "; there are none"


def check_columns(names: Sequence[str], wanted: Sequence[str], role: str = "column") -> None:
    """Refuse columns that do not exist, naming the nearest that do."""
    for name in wanted:
        if name not in names:
            raise DataError(f"There is no {role} {name!r}{nearest(name, names)}.")


def duplicates(names: Sequence[str]) -> list[str]:
    """Return the names that occur more than once."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def check_no_duplicates(names: Sequence[str], where: str = "The data") -> None:
    """Refuse column names that occur more than once."""
    repeated = duplicates(names)
    if repeated:
        raise DataError(
            f"{where} have duplicated column names: {', '.join(map(repr, repeated[:5]))}; "
            "rename or drop one of each."
        )
