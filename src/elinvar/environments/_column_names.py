"""Column names: those that are absent, those that occur twice, and the nearest that exist."""

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from elinvar._base._words import listed
from elinvar.errors import DataError

# as pandas and readr call a column of CSV that has no name, and pandas an index that has none
_MADE_UP = re.compile(r"Unnamed: [\d.]+(_level_\d+)?|\.\.\.\d+|__index_level_\d+__")


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
    absent = [name for name in wanted if name not in names]
    if absent:
        more = f", nor {listed([repr(name) for name in absent[1:]])}" if absent[1:] else ""
        raise DataError(f"There is no {role} {absent[0]!r}{more}{nearest(absent[0], names)}.")


def as_spelled(name: str, names: Sequence[str]) -> str:
    """Return a name as a table spells it: accents apart or not, with blanks around it or not."""
    if name in names:
        return name
    plain = unicodedata.normalize("NFC", name).strip()
    same = [other for other in names if unicodedata.normalize("NFC", other).strip() == plain]
    return same[0] if len(same) == 1 else name


def duplicates(names: Sequence[str]) -> list[str]:
    """Return the names that occur more than once."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def check_no_duplicates(names: Sequence[str], where: str = "The data") -> None:
    """Refuse column names that occur more than once."""
    repeated = duplicates(names)
    if repeated:
        raise DataError(
            f"{where} have duplicated column names: {', '.join(map(repr, repeated[:5]))}; "
            "rename one of each."
        )


def is_nameless(name: str) -> bool:
    """Whether a column has no name, or one that a program made up for want of one."""
    return not name.strip() or bool(_MADE_UP.fullmatch(name))


def index_columns(schema: Any) -> frozenset[str]:
    """Return the columns of an Arrow schema that were the index of a pandas frame."""
    written = (schema.metadata or {}).get(b"pandas")
    try:
        found = json.loads(written)["index_columns"] if written else []
    except (ValueError, KeyError, TypeError):
        return frozenset()
    return frozenset(name for name in found if isinstance(name, str))
