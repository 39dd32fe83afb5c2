"""A column of predictions for each row of a table."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elinvar._base import atomic_write
from elinvar.cli._console import progress
from elinvar.cli._fit import refuse_outputs


def run(model: Path, data: tuple[str, ...], *, out: Path | None, unknown: Any) -> None:
    """Predict, and write CSV with one column to ``out`` or to standard output."""
    refuse_outputs((*data, str(model)), out)
    with progress("Loading ..."):
        from elinvar.estimators import load_model
        from elinvar.estimators._predict_files import predict_files
    batches = predict_files(load_model(model), list(data), unknown=unknown)
    if out is None:
        for text in _lines(batches):
            sys.stdout.write(text)
        return
    with progress("Predicting ..."), atomic_write(out) as file:
        for text in _lines(batches):
            file.write(text)


def _lines(batches: Iterator[Any]) -> Iterator[str]:
    """Yield the header with the first batch, so that a refused table prints nothing."""
    header = "prediction\n"
    for batch in batches:
        yield header + "".join(f"{value!r}\n" for value in batch.tolist())
        header = ""
