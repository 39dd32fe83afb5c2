"""Labels that were probably meant to be one: written otherwise, or a slip of the pen apart."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from elinvar._base._numbers import counted
from elinvar._base._warn import warn
from elinvar._base._words import listed

# numbers, words, and signs that tell labels apart (A+ and A-); blanks and joining dashes do not
_PARTS = re.compile(r"\d+|[^\W\d_]+|[^\w\s]")
_JOINS = re.compile(r"(?<=\w)-(?=\w)")
_WHOLE = re.compile(r"([+-]?\d+)\.0*")
# the letters of the longer of two words that may be a slip apart
_LONG = 5
_SUMS = {"total", "totals", "subtotal", "grand total", "sum", "average", "mean", "overall"}
# beyond so many pairs of labels slips are not sought: each is compared with each
_MANY = 50_000


def _folded(text: str) -> str:
    """Return a label without case, blanks at its ends and signs that no one sees."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c for c in plain if unicodedata.category(c) != "Cf").split())


def spelling(text: str) -> tuple[str, ...]:
    """Return what is left of a label but for case, blanks, unicode form and leading zeros.

    Parameters
    ----------
    text : str
    """
    plain = _folded(text)
    whole = _WHOLE.fullmatch(plain)
    parts = _PARTS.findall(_JOINS.sub(" ", whole[1] if whole else plain))
    return tuple(part.lstrip("0") or "0" if part.isdecimal() else part for part in parts)


class Known:
    """Known labels, among which the one is sought that was probably meant by another.

    Parameters
    ----------
    labels : sequence of str
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._spelled = {spelling(label): label for label in reversed(labels)}

    def nearest(self, text: str, *, slips: bool = True) -> str | None:
        """Return the label that was probably meant, or None.

        That is one of the same spelling, or else one that a single slip (a letter too many, too
        few, wrong or swapped) parts from it. Numbers are never slips: day 7 is not day 6.
        """
        wanted = spelling(text)
        if wanted in self._spelled or not slips:
            return self._spelled.get(wanted)
        return next((n for key, n in self._spelled.items() if _one_slip_apart(wanted, key)), None)


def _one_slip_apart(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    if _numbers(a) == _numbers(b) and _unaccented(a) == _unaccented(b):
        return True
    apart = [pair for pair in zip(a, b, strict=False) if pair[0] != pair[1]]
    if len(a) != len(b) or len(apart) != 1:
        return False
    one, other = apart[0]
    # single letters and short names are codes, as numbers are: site a and site d, Iran and Iraq
    if not (one + other).isalpha() or max(len(one), len(other)) < _LONG:
        return False
    head = next((k for k, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), None)
    head = min(len(one), len(other)) if head is None else head
    one, other = one[head:], other[head:]
    return (
        one[1:] == other[1:]
        or one[1:] == other
        or one == other[1:]
        or (one[1::-1] == other[:2] and one[2:] == other[2:])
    )


def _numbers(parts: tuple[str, ...]) -> list[str]:
    return [part for part in parts if part.isdecimal()]


def _unaccented(parts: tuple[str, ...]) -> str:
    """Return parts in one, without blanks between and accents on them."""
    letters = unicodedata.normalize("NFKD", "".join(parts))
    return "".join(c for c in letters if not unicodedata.combining(c))


def warn_of_strangers(labels: Iterable[str], known: Sequence[str], what: str, fate: str) -> None:
    """Warn of labels that training did not have, where a known one was probably meant.

    Labels that are like no other are left alone: new environments are what models are for.

    Parameters
    ----------
    labels : iterable of str
    known : sequence of str
        The labels of training.
    what : str
        What they name.
    fate : str
        What becomes of their rows.
    """
    seen = set(known)
    strangers = [label for label in dict.fromkeys(labels) if label not in seen]
    if not strangers:
        return
    among, slips = Known(known), len(strangers) * len(known) <= _MANY
    nearest = {label: among.nearest(label, slips=slips) for label in strangers}
    asked = [
        f"{label!r} was not seen in training; did you mean {near!r}?"
        for label, near in nearest.items()
        if near is not None
    ]
    if asked:
        more = f" So with {counted(len(asked) - 3, 'more label')}." if len(asked) > 3 else ""
        warn(f"{what}: {' '.join(asked[:3])}{more} {fate}")


def warn_of_twins(labels: Iterable[str], what: str) -> None:
    """Warn of labels that differ in nothing but case, blanks or unicode form.

    Parameters
    ----------
    labels : iterable of str
        Those of one column.
    what : str
        What they name.
    """
    twins: dict[str, list[str]] = {}
    for label in labels:
        twins.setdefault(_folded(label), []).append(label)
    pairs = [names for names in twins.values() if len(names) > 1]
    if pairs:
        shown = "; ".join(listed([repr(name) for name in names]) for names in pairs[:3])
        more = f"; and so in {counted(len(pairs) - 3, 'more case')}" if len(pairs) > 3 else ""
        warn(
            f"{what}: {shown}{more}: they count as different, though only case or blanks tell them "
            "apart. If they are one, write them in one way."
        )


def warn_of_sums(labels: Iterable[str], what: str) -> None:
    """Warn of labels that name sums or means of the others, as below the tables of spreadsheets.

    Parameters
    ----------
    labels : iterable of str
        Those of one column.
    what : str
        What they name.
    """
    found = [label for label in labels if _folded(label) in _SUMS]
    if found:
        warn(
            f"{what}: {found[0]!r} seems to name a sum or mean of other rows; leave such rows out."
        )
