"""Column names: duplicates, nearest matches."""

import difflib
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


def refuse_duplicates(names: Sequence[str], where: str = "The data") -> None:
    """Refuse column names that occur more than once."""
    seen: set[str] = set()
    repeated = sorted({name for name in names if name in seen or seen.add(name)})  # type: ignore[func-returns-value]
    if repeated:
        raise DataError(
            f"{where} have duplicated column names: {', '.join(map(repr, repeated[:5]))}; "
            "rename or drop one of each."
        )
