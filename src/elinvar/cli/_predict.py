"""Predictions for each row of a table."""

import csv
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base import atomic_write
from elinvar.cli._console import progress
from elinvar.cli._source import check_outputs
from elinvar.errors import DataError

if TYPE_CHECKING:
    from elinvar.answer import Answer, TransferAnswer


def run(
    model: Path,
    data: tuple[str, ...],
    *,
    out: Path | None,
    interval: bool,
    unknown: Literal["error", "zero", "warn"] | None,
    written: dict[str, Any],
) -> None:
    """Predict, and write CSV to ``out`` or to standard output."""
    check_outputs((*data, str(model)), out)
    with progress("Loading ..."):
        from elinvar.environments import Notation
        from elinvar.estimators import load_model, predict_files
    notation = Notation.of(**written)
    fitted = load_model(model)
    batches = predict_files(fitted, list(data), unknown=unknown, notation=notation)
    if hasattr(fitted, "predict_proba"):
        if interval:
            raise DataError("Classes have probabilities and no intervals: leave out --interval.")
        lines = _class_lines(batches, fitted.answer_.classes)
    else:
        lines = _lines(batches, _margin(fitted) if interval else None)
    if out is None:
        for text in lines:
            sys.stdout.write(text)
        return
    with progress("Predicting ..."), atomic_write(out) as file:
        for text in lines:
            file.write(text)


def _margin(model: object) -> float:
    """Return the half-width of intervals, as `predict_interval` does."""
    answer: Answer | TransferAnswer | None = getattr(model, "answer_", None)
    if answer is None:
        raise DataError(
            f"A {type(model).__name__} has no prediction intervals; use predict without --interval."
        )
    if np.isnan(answer.margin):
        raise DataError(
            f"There is no prediction interval: {answer.no_margin} Use predict without --interval."
        )
    return answer.margin


def _lines(batches: Iterator[NDArray[np.float64]], margin: float | None) -> Iterator[str]:
    """Yield the header with the first batch, so that a refused table prints nothing."""
    header = "prediction\n" if margin is None else "prediction,low,high\n"
    for batch in batches:
        if margin is None:
            text = "".join(f"{value!r}\n" for value in batch.tolist())
        else:
            text = "".join(
                f"{value!r},{value - margin!r},{value + margin!r}\n" for value in batch.tolist()
            )
        yield header + text
        header = ""


def _class_lines(batches: Iterator[NDArray[np.float64]], classes: Sequence[str]) -> Iterator[str]:
    """Yield the likeliest class of each row, and the probability of each."""
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    head: list[list[str]] = [["prediction", *(f"probability of {name}" for name in classes)]]
    for batch in batches:
        likeliest = batch.argmax(axis=1)
        table.writerows(head)
        table.writerows(
            [classes[first], *row] for first, row in zip(likeliest, batch.tolist(), strict=True)
        )
        yield text.getvalue()
        text.seek(0)
        text.truncate()
        head = []
