"""Numbers as people write them: decimal commas, thousands apart, signs and units."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from elinvar._base._voice import option
from elinvar.errors import DataError

# the minus sign of typography and its kin, where a keyboard has a hyphen; decimal signs of Arabic
# and full width; signs that no one sees
_PLAINLY = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2012\u2013\ufe63\uff0d", "-"),
        **{"\u066b": ".", "\uff0e": ".", "\uff0c": ","},
        **dict.fromkeys("\u066c\u200b\u200e\u200f\u2060\ufeff"),
    }
)
_BLANKS = " \u00a0\u2009\u202f"
_APOSTROPHES = "'\u2019"
_CODES = (
    r"(?:USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RUB|TRY|BRL|MXN|ZAR|KRW|"
    r"SGD|HKD|THB|IDR|ILS|Rs\.?|Rp\.?|Fr\.|kr\.?)(?![A-Za-z])"
)
_CURRENCY = rf"[$\u00a2-\u00a5\u20a0-\u20bf]|[A-Z]{{1,3}}\$|{_CODES}"
_UNIT = r"(?:[%\u2030\u00b0\u00b5\u03bc]|[^\W\d_])[\w/%\u00b0\u00b2\u00b3^.*\u00b7-]{0,11}"
# of what could be measured, or about so much
_LIMIT = r"[<>~\u2248\u2264\u2265]=?"
_WRITTEN = re.compile(
    rf"(?P<outer>\()?(?P<sign>[+-]?)\s*(?P<before>{_CURRENCY}|{_LIMIT}|='?\"?|')?\s*"
    rf"(?P<inner>\()?(?P<core>[+-]?[.,]?\d(?:[\d.,{_APOSTROPHES}{_BLANKS}]*\d)?[.,]?(?:[eE][+-]?\d+)?)"
    rf"\s*(?P<after>{_CURRENCY}|{_UNIT}|-|\")?(?P<close>\))?"
)
# what changes the size or, as in ledgers, the sign of a number
_SCALES = {
    *("k", "K", "M", "m", "B", "bn", "Bn", "T", "Mio", "Mio.", "Mrd", "Mrd.", "mn", "tn"),
    *("CR", "DR", "Cr", "Dr"),
}
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME = r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?: ?[ap]m)?(?: ?Z| ?[+-]\d\d:?\d\d)?"
_DATE = re.compile(
    r"(?:\d{4}([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2\d{4}|\d{1,2}([-/])\d{1,2}\3\d\d|"
    rf"\d{{1,2}}[-./ ]{{1,2}}{_MONTH}[-./ ,]*\d{{2,4}}|{_MONTH} \d{{1,2}},? \d{{4}})"
    rf"(?:[ T]{_TIME})?|{_TIME}"
    # quarters, halves and weeks of a year: 1979 Q3, 2020-W05, Q3/1979
    r"|\d{4}[-/ ]?(?:Q[1-4]|H[12]|W\d\d?)|(?:Q[1-4]|H[12]|W\d\d?)[-/ ]?\d{4}",
    re.I,
)
_MARK = re.compile(
    r"[^\w+]+|_+|n\.?\s*[ad]\.?|#?n/?a!?|null|none|missing|unknown|unk|not available|#.*[!?]", re.I
)
# a sign that stands apart from its number
_APART = re.compile(r"^([+-])\s+")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+")
# decimal sign and what keeps thousands apart, the most common first
_WAYS = ((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"))


def _same(separator: str) -> str:
    """Return all signs that look like a separator of thousands, as the inside of a class."""
    if separator and separator in _BLANKS:
        return _BLANKS
    return _APOSTROPHES if separator and separator in _APOSTROPHES else re.escape(separator)


@dataclass(frozen=True, kw_only=True)
class Notation:
    """How numbers and missing values are written in text.

    Parameters
    ----------
    decimal : {".", ","}
        What parts whole from broken. With a comma, points are still read where they cannot be
        meant to keep thousands apart.
    thousands : str
        What keeps thousands apart; empty: nothing does.
    na : frozenset of str
        Further texts that mean a missing value.
    no_na : bool
        Whether names such as NA are labels like others, and only empty cells are missing.
    numeric : frozenset of str
        Columns whose numbers stand beside a sign or a unit, which is left out.
    """

    decimal: str = "."
    thousands: str = ""
    na: frozenset[str] = frozenset()
    no_na: bool = False
    numeric: frozenset[str] = frozenset()
    _form: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise DataError(f"The decimal sign must be a point or a comma; got {self.decimal!r}.")
        if len(self.thousands) > 1 or self.thousands.isalnum():
            raise DataError(
                "Thousands must be kept apart by one sign, such as a comma, a point, a blank or "
                f"an apostrophe; got {self.thousands!r}."
            )
        if self.thousands == self.decimal:
            raise DataError(
                f"The decimal sign and what keeps thousands apart cannot both be {self.decimal!r}."
            )
        apart = f"[{_same(self.thousands)}]"
        # in India groups above the first have two digits
        groups = rf"\d{{1,3}}(?:{apart}\d{{2,3}})*{apart}\d{{3}}|" if self.thousands else ""
        point = re.escape(self.decimal)
        object.__setattr__(
            self,
            "_form",
            re.compile(rf"[+-]?(?:(?:{groups}\d+)(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"),
        )

    @classmethod
    def of(
        cls,
        *,
        decimal: str,
        thousands: str | None,
        na: Sequence[str] | None,
        no_na: bool,
        numeric: Sequence[str] | None,
    ) -> "Notation":
        """Return how numbers are written, as a user says it: one name or several, or none.

        Parameters
        ----------
        decimal, thousands, na, no_na, numeric
            As above; None stands for nothing.
        """
        return cls(
            decimal=decimal,
            thousands=thousands or "",
            na=frozenset([na] if isinstance(na, str) else na or ()),
            no_na=no_na,
            numeric=frozenset([numeric] if isinstance(numeric, str) else numeric or ()),
        )

    @property
    def plain(self) -> bool:
        """Whether numbers are written as programs write them."""
        return self.decimal == "." and not self.thousands

    def is_number(self, text: str) -> bool:
        """Return whether a text is a number in this way of writing and no other.

        Parameters
        ----------
        text : str
        """
        return self._form.fullmatch(text) is not None

    def number(self, text: str) -> float | None:
        """Return the number that a text stands for, or None.

        Parameters
        ----------
        text : str
        """
        # Python reads 1_0 as 10; in a table it is a code
        if "_" in text:
            return None
        text = _APART.sub(r"\1", text.strip().translate(_PLAINLY))
        if not self.plain and self.is_number(text):
            if self.thousands:
                text = re.sub(f"[{_same(self.thousands)}]", "", text)
            text = text.replace(self.decimal, ".")
        elif self.thousands == "." and "." in text:
            return None
        try:
            return float(text)
        except ValueError:
            return None

    def is_unclear(self, text: str) -> bool:
        """Return whether a point in a text may keep thousands apart as well.

        Parameters
        ----------
        text : str
        """
        return self.decimal == "," and not self.thousands and bool(_GROUPED.fullmatch(text.strip()))

    def reader(self, name: str) -> Callable[[str], float | None]:
        """Return what reads the numbers of a column.

        Parameters
        ----------
        name : str
        """
        return self._bare_number if name in self.numeric else self.number

    def _bare_number(self, text: str) -> float | None:
        value = self.number(text)
        found = None if value is not None else _written(text)
        if found is None:
            return value
        # 1.5k is not 1.5
        value = None if found["after"] in _SCALES else self.number(found["core"])
        negative = "-" in (found["sign"], found["after"]) or _in_brackets(found)
        return -value if value is not None and negative else value


PLAIN = Notation()


def _written(text: str) -> re.Match[str] | None:
    """Return the parts of a text that could be a number; None if it could be none."""
    found = _WRITTEN.fullmatch(text.strip().translate(_PLAINLY))
    if found is None or (_in_brackets(found) != bool(found["close"])):
        return None
    return None if found["outer"] and found["inner"] else found


def _in_brackets(found: re.Match[str]) -> bool:
    """Whether a number stands in brackets, as accounts write a loss."""
    return bool(found["outer"] or found["inner"])


def unit_of(text: str) -> str:
    """Return the unit, currency or percent sign beside a number; "" if there is none."""
    found = _written(text)
    beside = "" if found is None else found["before"] or found["after"] or ""
    return beside if re.fullmatch(f"{_CURRENCY}|{_UNIT}", beside) else ""


@dataclass(kw_only=True)
class Writing:
    """How the texts of a column are written that are no numbers as they stand.

    Attributes
    ----------
    ways : list of (decimal, thousands)
        Ways of writing that make numbers of all that could be some.
    units : list of str
        What stands beside numbers, the first few.
    signed : bool
        Whether some are negative by brackets, or by a sign behind them.
    marks : list of str
        Texts that often stand for a missing value, the first few.
    n_written, n_marked, n_dates : int
        Values that could be numbers; values that could be missing; dates.
    distinct : set of str
        Those that could be numbers, up to a hundred.
    points : set of bool
        Of numbers with a point: whether it could keep thousands apart.
    """

    ways: list[tuple[str, str]] = field(default_factory=lambda: list(_WAYS))
    units: list[str] = field(default_factory=list)
    signed: bool = False
    marks: list[str] = field(default_factory=list)
    n_written: int = 0
    n_marked: int = 0
    n_dates: int = 0
    distinct: set[str] = field(default_factory=set)
    points: set[bool] = field(default_factory=set)

    def add(self, text: str, times: int) -> bool:
        """Take one distinct text that is no number; return whether it could be one."""
        text = text.strip().translate(_PLAINLY)
        if _MARK.fullmatch(text):
            self.n_marked += times
            _keep(self.marks, text)
            return False
        if _DATE.fullmatch(text):
            self.n_dates += times
            return False
        found = _written(text)
        if found is None:
            return False
        ways = [way for way in self.ways if _NOTATIONS[way].is_number(found["core"])]
        if not ways:
            return False
        self.ways = ways
        self.n_written += times
        self.signed |= _in_brackets(found) or found["after"] == "-"
        unit = found["before"] or (found["after"] or "").strip("-")
        _keep(self.units, "<" if re.fullmatch(_LIMIT, unit) else unit)
        if len(self.distinct) < 100:
            self.distinct.add(text)
        return True

    def see_number(self, text: str) -> None:
        """Take one text that is a number as it stands, but may be another."""
        if "." in text:
            self.points.add(bool(_GROUPED.fullmatch(text.strip())))

    @property
    def unit(self) -> str | None:
        """The one unit of all values; "" for none, None for several."""
        return self.units[0] if len(self.units) == 1 else None

    @property
    def key(self) -> tuple[object, ...]:
        """What columns have in common that the same words of :meth:`way_out` serve."""
        return (*self.ways, bool(self.unit), self.signed, self.points == {True})

    @property
    def is_plain(self) -> bool:
        """Whether programs write numbers like these; another way of writing may refuse them."""
        return not self.unit and not self.signed and self.ways[0] == _WAYS[0]

    def way_out(self, names: Sequence[str], example: str) -> tuple[str, str]:
        """Say how the numbers of columns are written, and what reads them."""
        decimal, thousands = self.ways[0]
        if self.unit in _SCALES:
            return f"with {self.unit!r} behind them", "write them in full"
        if self.is_plain:
            return "with a decimal point", (
                f"write all columns in one way, or leave out {option('thousands', '.')}"
            )
        if decimal == "," and not thousands and self.points == {True}:
            thousands = "."
        options = [option("numeric", *names)] if self.unit or self.signed else []
        if not self.unit and {(",", ""), (".", ",")} <= set(self.ways):
            core = (_written(example) or {"core": example})["core"]
            small, large = (_NOTATIONS[way].number(core) for way in ((",", ""), (".", ",")))
            also = f", beside {options[0]}" if options else ""
            return "with commas", (
                f"say whether {core!r} is {large:.0f} ({option('thousands', ',')}) or "
                f"{small:g} ({option('decimal', ',')}){also}"
            )
        said = ["with a decimal comma"] if decimal == "," else []
        said += ["with thousands apart"] if thousands else []
        said += ["with a sign or a unit"] if self.unit or self.signed else []
        options += [option("decimal", decimal)] if decimal != "." else []
        options += [option("thousands", thousands)] if thousands else []
        return " and ".join(said), f"read them with {' '.join(options)}"


_NOTATIONS = {way: Notation(decimal=way[0], thousands=way[1]) for way in _WAYS}


def _keep(items: list[str], item: str) -> None:
    if item not in items and len(items) < 3:
        items.append(item)


def hint(name: str, text: str) -> str:
    """Return how to read a text that should be a number, to end a sentence with."""
    writing = Writing()
    if writing.add(text, 1) and not writing.is_plain:
        return f"; {writing.way_out([name], text)[1]}"
    if writing.marks:
        return f"; if that means missing, say {option('na', text)}"
    return ""
