"""A frame as rows: a survey of its columns, then rows of numbers, piece by piece."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from elinvar.environments._checks import Floats, check_labels, finite
from elinvar.environments._column_names import check_columns
from elinvar.environments._frames import Frame, as_frame
from elinvar.environments._labels import Factor, join_factors
from elinvar.environments._roles import Columns, Missing, Roles, as_tuple
from elinvar.environments._row_numbers import warn_of_no_amounts
from elinvar.environments._rows import Rows, check_no_identifier
from elinvar.environments._schema import Schema, encode_features
from elinvar.environments._survey import counted_rows, survey, surveyed_rows, with_labels
from elinvar.environments._target import target_column
from elinvar.errors import DataError


def read_frame(frame: object, roles: Roles, at_most: int | None = None) -> Iterator[Rows]:
    """Read a pandas or polars frame or pyarrow table, ``at_most`` so many rows at a time.

    Raises
    ------
    DataError
        If a column does not fit its role, or a value cannot be used.
    """
    table = as_frame(frame, notation=roles.notation)
    _check_not_in_index(frame, table, roles)
    columns = roles.find(table.names, table.index)
    if not table.n_rows:
        raise DataError("The table has no rows: 0 sample(s) while a minimum of 1 is required.")
    # before the survey, which would take long over a column of identifiers
    if columns.environment:
        environment = join_factors([table.factor(name) for name in columns.environment])
        check_no_identifier(len(environment.labels), table.n_rows)
    kinds = {name: table.kind(name) for name in columns.names}
    schema = survey(surveyed_rows([table], columns), columns, kinds)
    for k, piece in enumerate(table.pieces(at_most or table.n_rows)):
        rows = rows_of_frame(piece, columns, schema)
        if not k:
            warn_of_no_amounts(rows)
        yield rows


def _check_not_in_index(frame: object, table: Frame, roles: Roles) -> None:
    """Refuse columns that are levels of a pandas index, and say how they become columns."""
    index = [str(name) for name in getattr(getattr(frame, "index", None), "names", ())]
    for name in (roles.target, *as_tuple(roles.environment)):
        if name in index and name not in table.names:
            raise DataError(
                f"{name!r} is no column, but in the index of the frame: give frame.reset_index()."
            )


def rows_of_frame(frame: Frame, columns: Columns, schema: Schema) -> Rows:
    """Turn a frame, or a piece of one, into rows of numbers.

    Raises
    ------
    DataError
        If a value is missing where it may not be, or infinite, or no number.
    """
    whole = frame.n_rows
    frame = with_labels(frame, columns)
    n_unlabelled = whole - frame.n_rows
    frame, weight = counted_rows(frame, columns)
    environment = _environment(frame, columns.environment)
    target, classes = target_column(frame, columns)
    n_rows = frame.n_rows + n_unlabelled
    if columns.missing == "impute":
        # the survey left these rows out, so it knows neither their levels nor what fills them in
        keep = ~np.isnan(target)
        frame, environment, target = frame.take(keep), environment.take(keep), target[keep]
        weight = None if weight is None else weight[keep]
    cluster = None if columns.cluster is None else _labels(frame, [columns.cluster])
    rows = encode_rows(frame, schema, columns.missing, target, environment, weight, cluster)
    return replace(rows, classes=classes, n_dropped=n_rows - rows.n_rows)


def encode_rows(
    frame: Frame,
    schema: Schema,
    missing: Missing,
    y: Floats,
    environment: Factor,
    sample_weight: Floats | None,
    cluster: Factor | None,
) -> Rows:
    """Turn features into numbers and deal with what is missing; the rest is at hand."""
    X = encode_features(frame, schema)
    rows = Rows(
        X=X,
        y=y,
        codes=environment.codes,
        names=environment.labels,
        ranked=environment.ranked,
        schema=schema,
        sample_weight=sample_weight,
        cluster=cluster,
    )
    if finite(X) and finite(y):
        return rows
    # infinity is refused even in rows that would be left out
    rows.check_finite(frame.row, allow_nan=missing != "error")
    if missing == "keep":
        return rows.drop(np.isnan(y))
    return rows.drop(np.isnan(X).any(axis=1) | np.isnan(y))


def _environment(frame: Frame, names: Sequence[str]) -> Factor:
    return _labels(frame, names) if names else Factor.constant(frame.n_rows)


def _labels(frame: Frame, names: Sequence[str]) -> Factor:
    factors = [frame.factor(name) for name in names]
    for name, factor in zip(names, factors, strict=True):
        check_labels(factor, name, frame.row)
    return join_factors(factors)


def environment_labels(frame: object, names: Sequence[str]) -> list[str]:
    """Return the environment of each row of a frame, read from one or several columns.

    Parameters
    ----------
    frame : frame
        pandas, polars or Arrow table.
    names : sequence of str
        Environment columns.

    Raises
    ------
    DataError
        If a column does not exist or a label is missing.
    """
    table = as_frame(frame)
    check_columns(table.names, names, "environment column")
    return _environment(table, names).values()
