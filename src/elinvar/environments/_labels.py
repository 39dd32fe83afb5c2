"""Labels of environments and of categorical levels: one value, one string, one order."""

import datetime as dt
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.errors import DataError

ALL = "all"
MISSING_LEVEL = "(missing)"
JOINER = " / "

_DIGITS = re.compile(r"(\d+)")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A column of labels as codes.

    Attributes
    ----------
    codes : (n,) array of intp
        Index into ``labels``; -1 where the value is missing.
    labels : tuple of str
        Distinct labels, in order of first appearance or of value.
    ranked : bool
        Whether ``labels`` are in an order of their own, as ordered categories are.
    """

    codes: NDArray[np.intp]
    labels: tuple[str, ...]
    ranked: bool = False

    @classmethod
    def constant(cls, n: int) -> "Factor":
        """Return ``n`` rows in one environment, for want of a column that names it."""
        return cls(codes=np.zeros(n, dtype=np.intp), labels=(ALL,))

    def take(self, mask: NDArray[np.bool_]) -> "Factor":
        """Return the rows where ``mask`` is True."""
        return replace(self, codes=self.codes[mask])

    def without(self, missing: Collection[str]) -> "Factor":
        """Return the same column, some of its labels counted as missing values."""
        if not missing:
            return self
        lookup = [-1 if label.strip() in missing else k for k, label in enumerate(self.labels)]
        return replace(self, codes=np.array([*lookup, -1], dtype=np.intp)[self.codes])

    def values(self) -> list[str]:
        """Return the label of each row; none may be missing."""
        return [self.labels[code] for code in self.codes]

    def ordered(self) -> "Factor":
        """Return the same column with its labels in order, their own or else the natural one.

        Those in use only.
        """
        used = np.bincount(self.codes[self.codes >= 0], minlength=len(self.labels)) > 0
        order = [v for v, u in zip(self.labels, used, strict=True) if u]
        if not self.ranked:
            order = natural_order(order)
        position = {value: index for index, value in enumerate(order)}
        lookup = np.array([position.get(value, -1) for value in self.labels] + [-1], dtype=np.intp)
        return replace(self, codes=lookup[self.codes], labels=tuple(order))


def label(value: object) -> str | None:
    """Return the string that stands for one value, or None if it is missing.

    Whole floats read as integers (``2020.0`` is ``"2020"``), dates in ISO form without an
    empty time of day, and everything else as ``str`` writes it.

    Parameters
    ----------
    value : object
        What stands in a column of labels.
    """
    if isinstance(value, str):
        return None if value.strip() in ("", "nan", "NaN") else value
    if isinstance(value, bytes):
        return label(value.decode("utf-8", "replace"))
    if isinstance(value, np.datetime64 | np.timedelta64):
        value = None if np.isnat(value) else value.astype("datetime64[us]").item()
    elif isinstance(value, np.generic):
        value = value.item()
    if is_missing(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time() and value.tzinfo is None:
        return value.date().isoformat()
    return str(value)


def is_missing(value: object) -> bool:
    """Whether a value stands for nothing: None, NaN, NaT, pandas' NA."""
    if value is None:
        return True
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return False


def natural_order(labels: Iterable[str]) -> list[str]:
    """Return labels so sorted that numbers stand in order of size: 2 before 10, x2 before x10.

    English names of months and of weekdays, whole or abbreviated, stand in calendar order where
    all labels are such names; labels of several columns are sorted column by column. The level of
    missing values comes last.

    Parameters
    ----------
    labels : iterable of str
    """
    labels = list(labels)
    columns = [label.split(JOINER) for label in labels]
    if len({len(parts) for parts in columns}) == 1 and len(columns[0]) > 1:
        places = [_places(natural_order(set(column))) for column in zip(*columns, strict=True)]
        return sorted(
            labels,
            key=lambda label: [p[v] for p, v in zip(places, label.split(JOINER), strict=True)],
        )
    calendar = _calendar(labels)
    if calendar is not None:
        return sorted(labels, key=lambda label: (calendar[label], label))
    return sorted(labels, key=_natural_key)


def merged_order(*orders: Sequence[str]) -> list[str]:
    """Return the union of labels that are in order each: the natural one if that is theirs."""
    if all(list(order) == natural_order(order) for order in orders):
        return natural_order({label for order in orders for label in order})
    merged: list[str] = []
    for order in orders:
        at = 0
        for label in order:
            # a label that is new stands behind the one before it
            if label in merged:
                at = merged.index(label) + 1
            else:
                merged.insert(at, label)
                at += 1
    return merged


def _places(order: Sequence[str]) -> dict[str, int]:
    return {label: place for place, label in enumerate(order)}


def _calendar(labels: Sequence[str]) -> dict[str, int] | None:
    """Return the place of each label in the year or the week, if all of them have one."""
    for names in (_MONTHS, _WEEKDAYS):
        known = {name[:k]: at for at, name in enumerate(names) for k in (3, 4, 5, len(name))}
        places = {label: known.get(label.strip(" .").casefold(), -1) for label in labels}
        if MISSING_LEVEL in places:
            places[MISSING_LEVEL] = len(names)
        if min(places.values(), default=-1) >= 0:
            return places
    return None


def _natural_key(value: str) -> tuple[Any, ...]:
    if value == MISSING_LEVEL:
        return (2, value)
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if number == number:
        return (0, number, value)
    parts = tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in _DIGITS.split(value))
    return (1, parts, value)


def factor_from_values(
    codes: NDArray[np.intp], values: Sequence[Any], *, ranked: bool = False
) -> Factor:
    """Turn codes into ``values`` to codes into labels; values of equal label become one."""
    position: dict[str, int] = {}
    lookup = np.empty(len(values) + 1, dtype=np.intp)
    lookup[-1] = -1
    for index, value in enumerate(values):
        text = label(value)
        lookup[index] = -1 if text is None else position.setdefault(text, len(position))
    return Factor(codes=lookup[codes], labels=tuple(position), ranked=ranked)


def categories_of(values: Any) -> Factor | None:
    """Code a pandas categorical, in the order of its categories if it is an ordered one.

    None if ``values`` is no categorical.
    """
    dtype: Any = getattr(values, "dtype", None)
    if not hasattr(dtype, "ordered"):
        return None
    codes = np.asarray(getattr(values, "cat", values).codes, dtype=np.intp)
    return factor_from_values(codes, list(dtype.categories), ranked=bool(dtype.ordered))


def factorize(values: NDArray[Any]) -> Factor:
    """Code a one-dimensional array of any kind by its labels."""
    if values.dtype.kind in "iu" and values.size:
        low, high = int(values.min()), int(values.max())
        # counting whole numbers of a narrow range is many times faster than sorting them
        if high - low <= 4 * values.size + 1000:
            shifted = (values - values.dtype.type(low)).astype(np.intp)
            present = np.flatnonzero(np.bincount(shifted, minlength=high - low + 1))
            lookup = np.zeros(high - low + 1, dtype=np.intp)
            lookup[present] = np.arange(len(present))
            return factor_from_values(lookup[shifted], [int(v) + low for v in present])
    if values.dtype.kind in "iufbM":
        distinct, codes = np.unique(values, return_inverse=True)
        return factor_from_values(codes.astype(np.intp), list(distinct))
    seen: dict[Any, int] = {}
    items: list[Any] = []
    codes = np.empty(len(values), dtype=np.intp)
    for row, value in enumerate(values.tolist()):
        key = label(value) if not isinstance(value, str) else value
        code = seen.get(key, -1)
        if code < 0:
            code = seen[key] = len(items)
            items.append(value)
        codes[row] = code
    return factor_from_values(codes, items)


def join_factors(factors: Sequence[Factor]) -> Factor:
    """Cross several columns of labels into one: ``"Oslo / 2020"``."""
    if len(factors) == 1:
        return factors[0]
    codes = np.zeros_like(factors[0].codes)
    missing = np.zeros(len(codes), dtype=bool)
    for factor in factors:
        codes = codes * max(len(factor.labels), 1) + np.maximum(factor.codes, 0)
        missing |= factor.codes < 0
        # made dense after each column, so that the product of the counts cannot overflow
        distinct, inverse = np.unique(codes, return_inverse=True)
        first = np.full(len(distinct), -1, dtype=np.intp)
        first[inverse[::-1]] = np.arange(len(codes))[::-1]
        codes = inverse.astype(np.intp)
    labels = [
        JOINER.join(f.labels[f.codes[row]] if f.codes[row] >= 0 else "" for f in factors)
        for row in first
    ]
    if len(set(labels)) < len(labels):
        clash = next(name for name in labels if labels.count(name) > 1)
        raise DataError(
            f"Two combinations of environment columns would both be named {clash!r}; rename the "
            f"values that contain {JOINER!r}."
        )
    codes[missing] = -1
    joined = Factor(codes=codes, labels=tuple(labels))
    if not any(factor.ranked for factor in factors):
        return joined
    places = [_places(factor.ordered().labels) for factor in factors]
    rank = {
        label: [p[f.labels[f.codes[row]]] for p, f in zip(places, factors, strict=True)]
        for label, row in zip(labels, first, strict=True)
        if not missing[row]
    }
    order = sorted(rank, key=rank.__getitem__)
    at = _places(order)
    lookup = np.array([*(at.get(label, -1) for label in labels), -1], dtype=np.intp)
    return Factor(codes=lookup[codes], labels=tuple(order), ranked=True)


def concatenate_factors(factors: Sequence[Factor]) -> Factor:
    """Put columns of labels one below the other."""
    if len(factors) == 1:
        return factors[0]
    ranked = any(factor.ranked for factor in factors)
    if ranked:
        labels = merged_order(*dict.fromkeys(factor.labels for factor in factors))
    else:
        labels = list(dict.fromkeys(value for factor in factors for value in factor.labels))
    position = _places(labels)
    codes = []
    for factor in factors:
        lookup = [position[value] for value in factor.labels]
        codes.append(np.array([*lookup, -1], dtype=np.intp)[factor.codes])
    return Factor(codes=np.concatenate(codes), labels=tuple(labels), ranked=ranked)
