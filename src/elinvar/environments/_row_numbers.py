"""Columns of numbers that are no amounts: row numbers, names, dates, marks for what is missing."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from elinvar._base._voice import option
from elinvar._base._warn import warn
from elinvar._base._words import listed, some
from elinvar.environments._checks import Floats
from elinvar.environments._column_names import is_nameless
from elinvar.environments._rows import Rows

_COUNTER = re.compile(
    r"(?:level_0|index|idx|n[or]?|obs(?:ervation)?|row.*|rn|seq|(?:s|sl|sr|lfd).{1,3}n[or]|[#\u2116])\W*",
    re.I,
)
_NAMED_ID = re.compile(r".*[a-z](?:ID|Id)|(?:.*[\W_])?(?i:id|uid|row[ ._]?n(?:ames?|r))\W*")
_ENOUGH = 10
_FIRST = 1 << 16
# what surveys, instruments and SPSS write for a missing value
_BELOW = [-8, -9, -88, -97, -98, -99, -888, -997, -998, -999, -8888, -9998, -9999, -99999]
_ABOVE = [99, 999, 9999, 99999, 999999]
_SMALLEST = 1e-160
_LOST = 1e-11
# beyond it not every whole number is a float
_EXACT = 2.0**53


def warn_of_index(names: Iterable[str]) -> None:
    """Say which columns are no features because they have no name, or were an index."""
    shown = [repr(name) if name.strip() else "one without a name" for name in names]
    if shown:
        many = len(shown) > 1
        warn(
            f"{listed(shown)} {'are' if many else 'is'} left out: the index of a frame, or row "
            f"numbers. {'They' if many else 'It'} may be named in {option('features')}."
        )


def warn_of_no_amounts(rows: Rows, *, by_name: bool = True) -> None:
    """Warn of numbers that are probably no amounts.

    Parameters
    ----------
    rows : Rows
        The first ones of a table.
    by_name : bool
        Whether the user can say more of a column by its name.
    """
    if rows.n_rows < _ENOUGH:
        return
    rows = rows if rows.n_rows <= _FIRST else rows.take(np.arange(rows.n_rows) < _FIRST)
    with np.errstate(all="ignore"):
        low, high = np.fmin.reduce(rows.X, axis=0), np.fmax.reduce(rows.X, axis=0)
    _warn_of_marks(rows, np.isin(low, _BELOW) | np.isin(high, _ABOVE), by_name)
    _warn_of_digits(rows.schema.columns, np.asarray(low, float), np.asarray(high, float))
    if not rows.schema.named:
        return
    counters, names, dates = [], [], []
    columns = zip(rows.schema.columns, rows.X.T, low, high, strict=True)
    for k, (name, values, least, most) in enumerate(columns):
        named = _NAMED_ID.fullmatch(name) is not None
        # where programs write row numbers they stand first
        known = k == 0 or _COUNTER.fullmatch(name) is not None
        asked = named or (known and least in (0, 1))
        if asked and _counts(values, least, rows):
            if not is_nameless(name):
                counters.append(name)
        elif _is_whole(values) and (
            _EXACT <= most < 1e25 or (named and len(set(values)) >= _ENOUGH)
        ):
            names.append(name)
        elif 19000101 <= least < most <= 21001231 and _are_dates(values):
            dates.append(name)
    for found, said in (
        (counters, ("counts the rows. If it is only their number", "count the rows. If so only")),
        (names, ("seems to name something by numbers. If so", "seem to name things. If so")),
        (dates, ("seems to hold dates as numbers. If so", "seem to hold dates. If so")),
    ):
        if found:
            way = f": {option('drop', *found)}" if by_name else " of X"
            it = "it" if len(found) == 1 else "them"
            warn(f"{some(found)} {said[len(found) > 1]}, leave {it} out{way}.")


def _warn_of_digits(names: Sequence[str], low: Floats, high: Floats) -> None:
    """Warn of columns that are too small for squares, or too far from 0 for their differences."""
    with np.errstate(all="ignore"):
        size, width = np.maximum(np.abs(low), np.abs(high)), high - low
    found = np.asarray(names, dtype=object)
    if (tiny := (size > 0) & (size < _SMALLEST)).any():
        warn(
            f"{some(list(found[tiny]))}: all values are below {_SMALLEST:g}, and their squares "
            "below what can be computed with: give them in a smaller unit."
        )
    if (far := (width > 0) & (width < _LOST * size)).any():
        warn(
            f"{some(list(found[far]))}: all values agree in their first 11 digits, and few are "
            "left to tell them apart: subtract what they have in common first."
        )


def _counts(values: Floats, least: float, rows: Rows) -> bool:
    """Whether values grow by one from row to row, in more environments than one."""
    several = rows.codes[0] != rows.codes[-1] or not rows.codes.any()
    return bool(several and np.array_equal(values, least + np.arange(rows.n_rows)))


def _is_whole(values: Floats) -> bool:
    return bool(np.all(values == np.floor(values)))


def _are_dates(values: Floats) -> bool:
    month, day = values // 100 % 100, values % 100
    return bool(
        _is_whole(values) and np.all((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31))
    )


def _warn_of_marks(rows: Rows, may_be: NDArray[np.bool_], by_name: bool) -> None:
    """Warn of numbers such as -999 that lie far from all others and occur more than once."""
    found: dict[float, list[str]] = {}
    columns = [(rows.schema.columns[j], rows.X[:, j]) for j in np.flatnonzero(may_be)]
    columns += [] if rows.classes else [(rows.schema.target, rows.y)]
    for name, values in columns:
        for mark in _marks(values):
            found.setdefault(mark, []).append(name)
    for mark, names in list(found.items())[:3]:
        way = f"say {option('na', f'{mark:g}')}" if by_name else "set it to NaN"
        warn(
            f"{some(names)}: {mark:g} lies far from all other values. If it means a missing "
            f"value, {way}."
        )


def _marks(values: NDArray[np.float64]) -> list[float]:
    with np.errstate(all="ignore"):
        least, most = np.fmin.reduce(values), np.fmax.reduce(values)
    marks = []
    for mark, known in ((least, _BELOW), (most, _ABOVE)):
        if mark not in known:
            continue
        rest = values[np.isfinite(values) & ~np.isin(values, known)]
        times = int((values == mark).sum())
        if times < 2 or len(rest) < 2:
            continue
        gap, width = np.abs(rest - mark).min(), np.ptp(rest)
        if gap > width > 0:
            marks.append(float(mark))
    return marks
