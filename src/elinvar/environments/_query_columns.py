"""What the columns of a table in a database mean: weights, labels, levels, and what is missing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar._base._voice import option
from elinvar.environments._databases import answered
from elinvar.environments._frames import as_frame
from elinvar.environments._raw_moments import MAX_BYTES, check_size
from elinvar.environments._roles import Columns
from elinvar.environments._rows import MANY_ENVIRONMENTS, check_no_identifier, check_some_rows
from elinvar.environments._schema import MAX_LEVELS
from elinvar.errors import DataError


def value_of(expression: Any) -> Any:
    return answered(lambda: expression.as_table().to_pyarrow()).column(0)[0].as_py()


def number_of(column: Any) -> Any:
    """Return a column as float64; truth values count 0 and 1."""
    dtype = column.type()
    # some engines turn truth values into whole numbers only
    if dtype.is_boolean():
        column = column.cast("int32")
    return column if dtype.is_float64() else column.cast("float64")


def check_weights(rows: Any, name: str) -> bool:
    """Refuse weights that cannot be used; return whether some are not whole."""
    w = number_of(rows[name])
    sound = (w == 0) | ((w >= 1e-100) & (w <= 1e100))
    asked = rows.aggregate(
        bad=(~sound.fill_null(False)).sum(),
        broken=(w != w.round().cast("float64")).sum(),
        rows=rows.count(),
        used=(w > 0).sum(),
    )
    (found,) = answered(asked.to_pyarrow).to_pylist()
    if found["bad"]:
        raise DataError(
            f"{name}: weights must be finite and not negative; {int(found['bad']):,} of "
            f"{found['rows']:,} are not. Positive ones are from 1e-100 to 1e100."
        )
    check_some_rows(int(found["used"] or 0))
    return bool(found["broken"])


def check_environments(rows: Any, columns: Columns) -> dict[str, list[Any]]:
    """Refuse environments that are single rows or without a label; return what stands for none."""
    if not columns.environment:
        return {}
    p = len(columns.features)
    most = min(100 * MANY_ENVIRONMENTS, int(MAX_BYTES / (8 * (p + 2) ** 2)))
    distinct = rows.select(*columns.environment).distinct()
    table = answered(distinct.limit(most + 1).to_pyarrow)
    if table.num_rows > most:
        n_environments, n_rows = int(value_of(distinct.count())), int(value_of(rows.count()))
        check_no_identifier(n_environments, n_rows)
        check_size(n_environments, n_rows, p)
        raise DataError(
            f"{n_environments:,} environments are too many: at most {most:,} can be told apart. "
            "Name a coarser column."
        )
    frame = as_frame(table)
    absent = {}
    for name in columns.environment:
        nothing = frame.factor(name).codes < 0
        if nothing.any() and columns.missing != "drop":
            raise DataError(
                f"{name}: the environment label is missing in some rows; every row needs one. "
                f"Leave these rows out with {option('missing', 'drop')}, or by a query."
            )
        absent[name] = _values_at(table, name, nothing)
    return absent


def _values_at(table: Any, name: str, at: NDArray[np.bool_]) -> list[Any]:
    """Return the distinct values, but for null, in some rows."""
    values = zip(table.column(name).to_pylist(), at, strict=True)
    return list(dict.fromkeys(value for value, use in values if use and value is not None))


def levels_of(
    rows: Any, name: str, columns: Columns
) -> tuple[dict[str, float], dict[str, list[Any]], list[Any]]:
    """Return the levels of a feature with their rows, with the values each has, and none's."""
    column = rows.select(value=rows[name])
    counted = column.group_by("value").aggregate(times=column.count())
    table = answered(counted.limit(2 * MAX_LEVELS).to_pyarrow)
    factor = as_frame(table.select(["value"])).factor("value")
    times = table.column("times").to_pylist()
    found: dict[str, float] = dict.fromkeys(factor.labels, 0.0)
    values: dict[str, list[Any]] = {label: [] for label in factor.labels}
    for code, value, n in zip(factor.codes, table.column("value").to_pylist(), times, strict=True):
        if code >= 0:
            found[factor.labels[code]] += n
            values[factor.labels[code]].append(value)
    nothing = factor.codes < 0
    if nothing.any() and columns.missing != "drop":
        missing = sum(k for k, use in zip(times, nothing, strict=True) if use)
        raise DataError(
            f"Input contains missing values (NULL) in {name} ({missing:,}). Drop these rows with "
            f"{option('missing', 'drop')}, or fill them in by a query (COALESCE)."
        )
    if not found:
        raise DataError(f"{name} has no values; leave it out{columns.way_to_drop([name])}.")
    return found, values, _values_at(table, "value", nothing)


def present(rows: Any, columns: Columns, absent: Mapping[str, list[Any]]) -> list[Any]:
    """Return the conditions of a row in which nothing is missing."""
    conditions = []
    for name in dict.fromkeys((*columns.features, columns.target, *columns.environment)):
        column = rows[name]
        conditions.append(column.notnull())
        if column.type().is_floating():
            conditions.append(~column.isnan())
        elif absent.get(name):
            conditions.append(column.notin(absent[name]))
    return conditions
