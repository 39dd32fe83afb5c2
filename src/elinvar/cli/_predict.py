"""Predictions for each row of a table."""

import csv
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np

from elinvar._base import atomic_write
from elinvar.cli._console import progress
from elinvar.cli._source import check_outputs
from elinvar.errors import DataError, printable

if TYPE_CHECKING:
    import pyarrow as pa

    from elinvar.answer import Answer, TransferAnswer
    from elinvar.environments import Notation


def run(
    model: Path,
    data: tuple[str, ...],
    notation: "Notation",
    *,
    out: Path | None,
    interval: bool,
    unknown: Literal["error", "zero", "warn"] | None,
    keep: Sequence[str] | None,
) -> None:
    """Predict, and write CSV or Parquet to ``out``, or CSV to standard output."""
    check_outputs((*data, str(model)), out)
    with progress("Loading ..."):
        from elinvar.estimators import load_model, predict_and_keep
    fitted = load_model(model)
    classes = getattr(getattr(fitted, "answer_", None), "classes", None) or None
    if classes and interval:
        raise DataError("Classes have probabilities and no intervals: leave out --interval.")
    if interval:
        _check_interval(fitted)
    batches = predict_and_keep(
        fitted,
        list(data),
        None if keep == ["all"] else keep or (),
        interval=interval,
        unknown=unknown,
        notation=notation,
    )
    tables = (_beside(kept, _columns(values, classes)) for values, kept in batches)
    if out is None:
        safe = printable if sys.stdout.isatty() else str
        for text in _lines(tables):
            sys.stdout.write(safe(text))
        return
    parquet = out.suffix.lower() in (".parquet", ".pq")
    with progress("Predicting ..."), atomic_write(out, "wb" if parquet else "w") as file:
        if parquet:
            _write_parquet(tables, file)
        else:
            file.writelines(_lines(tables))


def _check_interval(model: object) -> None:
    """Refuse intervals that nobody can give.

    Raises
    ------
    DataError
    """
    answer: Answer | TransferAnswer | None = getattr(model, "answer_", None)
    if answer is None or not hasattr(model, "_half_widths"):
        raise DataError(
            f"A {type(model).__name__} has no prediction intervals; use predict without --interval."
        )
    if np.isnan(answer.margin):
        raise DataError(
            f"There is no prediction interval: {answer.no_margin} Use predict without --interval."
        )


def _columns(values: "np.ndarray[Any, Any]", classes: Sequence[str] | None) -> dict[str, Any]:
    """Return predictions, with their intervals, or with the probability of each class."""
    if classes is not None:
        likeliest = [classes[first] for first in values.argmax(axis=1)]
        shares = {f"probability of {name}": values[:, k] for k, name in enumerate(classes)}
        return {"prediction": likeliest, **shares}
    if values.ndim == 1:
        return {"prediction": values}
    return dict(zip(("prediction", "low", "high"), values.T, strict=True))


def _beside(kept: "pa.Table", columns: dict[str, Any]) -> "pa.Table":
    """Put predictions behind the columns that are kept."""
    import pyarrow as pa

    twice = [name for name in columns if name in kept.column_names]
    if twice:
        raise DataError(
            f"The data have a column {twice[0]!r} already; name the columns to keep without it."
        )
    names = [*kept.column_names, *columns]
    return pa.table([*kept.columns, *map(pa.array, columns.values())], names=names)


def _lines(tables: Iterator["pa.Table"]) -> Iterator[str]:
    """Yield the header with the first batch, so that a refused table prints nothing."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = True
    for table in tables:
        if head:
            _check_flat(table)
            writer.writerow(table.column_names)
        writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
        head = False


def _check_flat(table: "pa.Table") -> None:
    import pyarrow.types as t

    nested = [field.name for field in table.schema if t.is_nested(field.type)]
    if nested:
        raise DataError(
            f"{nested[0]} holds lists or records, which CSV cannot; write Parquet (--out "
            "FILE.parquet), or keep other columns."
        )


def _write_parquet(tables: Iterator["pa.Table"], file: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(tables)
    with pq.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            try:
                writer.write_table(table.cast(first.schema))
            except (pa.ArrowInvalid, ValueError) as error:
                raise DataError(
                    "Columns to keep are of other types in one file than in another; write CSV, "
                    "or keep others."
                ) from error
