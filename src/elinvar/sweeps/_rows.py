"""What a cell returned, as columns of plain values."""

import json
from collections.abc import Mapping
from typing import Any

from elinvar._base._believe import believe
from elinvar._base._words import listed
from elinvar.errors import DataError, DataTypeError
from elinvar.sweeps._values import Scalar, all_plain, families, kind_of, kinds_of

Columns = dict[str, list[Any]]
Kinds = dict[str, list[str]]


def columns_of(returned: object, axes: Mapping[str, object]) -> tuple[Columns, Kinds]:
    """Turn the rows that a cell returned into columns, and name the kinds of their values.

    Raises
    ------
    DataError
        If these are no rows, differ in their columns, name an axis, or hold other than scalars.
    """
    rows = [returned] if isinstance(returned, Mapping) else returned
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        kind = type(returned).__name__
        raise DataTypeError(f"it returned {kind}; needed a dict, or a list of dicts")
    names = list(rows[0]) if rows else []
    all_names = set(names)
    for row in rows:
        if row.keys() != all_names:
            raise DataError("its rows have different columns; name all of them in every row")
    if rows and not names:
        raise DataError("it returned no columns; needed at least one")
    columns = {name: all_plain([row[name] for row in rows]) for name in names}
    kinds = {}
    for name, values in columns.items():
        if not isinstance(name, str) or name in axes:
            raise DataError(f"its column {name!r} must have a text for a name, and no axis's")
        found = kinds_of(values)
        if None in found:
            odd = next(value for value in values if kind_of(value) is None)
            raise DataTypeError(
                f"its column {name!r} holds a {type(odd).__name__}; "
                "needed numbers of 64 bits, text, booleans or None"
            )
        kinds[name] = sorted(str(kind) for kind in found)
    return columns, joined(kinds, kinds)


def check_cell(kinds: str, columns: str) -> None:
    """Refuse what `columns_of` cannot have returned, written as JSON.

    Raises
    ------
    ValueError
        If it is not.
    """
    values: Columns = believe(json.loads(columns), dict[str, list[Scalar | None]])
    told: Kinds = believe(json.loads(kinds), Kinds)
    if len(set(map(len, values.values()))) > 1:
        raise ValueError("its columns differ in length")
    if told != {name: sorted(map(str, kinds_of(value))) for name, value in values.items()}:
        raise ValueError("its values are not of the kinds that are told of them")


def joined(known: Kinds, more: Kinds) -> Kinds:
    """Return the kinds of the values of two cells together.

    Raises
    ------
    DataError
        If the cells differ in their columns, or a column holds what does not go together.
    """
    if not known or not more:
        return known or more
    if known.keys() != more.keys():
        lacking = sorted(known.keys() ^ more.keys())
        raise DataError(f"only some cells have the column {lacking[0]!r}; return it from all")
    both = {name: sorted({*kinds, *more[name]}) for name, kinds in known.items()}
    for name, kinds in both.items():
        if len(mixed := families(kinds)) > 1:
            raise DataError(f"the column {name!r} mixes {listed(mixed)}; return one from all cells")
    return both
