"""From a table in files to a forecast for a new environment, and what it is worth."""

from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from elinvar.cli._console import PLAIN_WIDTH, Printer, progress
from elinvar.cli._fit import Request, print_json, print_written, write_outputs
from elinvar.cli._long_run import bar
from elinvar.cli._source import check_folder, check_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elinvar._base._display import ShownTable
    from elinvar.answer import Answer, TransferAnswer
    from elinvar.cli._fit import TransferModel

_ROWS = 30


def run(request: Request) -> None:
    """Fit, print what the forecast is worth, and write what was asked for."""
    check_outputs(request.source.data, request.model, report=request.report)
    check_folder(request.figures)
    with progress("Loading ..."):
        from elinvar.estimators import TransferClassifier, TransferRegressor
    kind = TransferClassifier if request.classify else TransferRegressor
    model: TransferModel = kind(**request.parameters)
    with progress("Reading ..."):
        rows = request.source.classes() if request.classify else request.source.rows()
    with _fits() as done:
        model.fit_rows(rows, progress=done)
    holds = _what_holds(request) if request.report is not None else None
    with progress("Writing ..."):
        written = write_outputs(model, request, holds=holds)
    if request.json:
        from elinvar.estimators import describe_model

        result = {
            "explanation": str(model.answer_.explanation),
            "notes": model.notes_,
        } | describe_model(model)
        for key in ("schema", "class", "forecast"):
            del result[key]
        print_json(result, written)
        return
    printer = Printer()
    print_forecast(printer, model.answer_)
    print_written(printer, written)
    printer.flush()


@contextmanager
def _fits() -> "Iterator[Callable[[int, int], None] | None]":
    """Show how many of the fits are done, and how long the others will take."""
    start = monotonic()
    with bar() as show:
        if show is None:
            yield None
            return

        def done(fits: int, total: int) -> None:
            left = (monotonic() - start) / fits * (total - fits) if fits else None
            show("Leaving out environments", fits, total, left)

        yield done


def _what_holds(request: Request) -> "Answer":
    """Return the answer of the linear model, which needs values for those that are missing."""
    from elinvar.estimators import InvariantClassifier, InvariantRegressor

    source = replace(request.source, roles=replace(request.source.roles, missing="impute"))
    with progress("Asking what holds ..."):
        if request.classify:
            answer = InvariantClassifier().fit_rows(source.classes()).answer_
        else:
            answer = InvariantRegressor().fit_moments(source.moments()).answer_
        _ = answer.evidence, answer.errors
    return answer


def print_forecast(printer: Printer, answer: "TransferAnswer") -> None:
    """Print what the forecast is worth: words, learners, features, environments and notes."""
    from elinvar.answer.transfer_tables import forecast_tables, left_out_texts

    found = answer.explanation
    for style, text in (("bold", found.lead), (None, " ".join(found.body))):
        printer.text(text, style=style)
        printer.text()
    printer.text(f"What to do: {found.advice}", style="bold")
    printer.text()
    tables = forecast_tables(answer)
    if len(answer.left_out):
        tables.append(left_out_texts(answer))
    for table in tables:
        _print_table(printer, table)
    for note in answer.notes:
        printer.text(note, bullet="- ")
    printer.text()


def _print_table(printer: Printer, table: "ShownTable") -> None:
    printer.text(f"{table.title}.", style="bold")
    printer.text()
    rows = table.rows if len(table.rows) <= _ROWS else table.rows[: _ROWS - 1]
    last = "l" if table.header[-1] == "what it can learn" else "r"
    printer.table(
        [head.replace(" between ", "\nbetween ") for head in table.header],
        rows,
        align="l" + "r" * (len(table.header) - 2) + last,
        optional=max(len(table.header) - 4, 0),
        plain_width=PLAIN_WIDTH,
    )
    if len(rows) < len(table.rows):
        printer.text(f"{len(table.rows) - len(rows)} more are on the page.", style="dim")
    printer.text()
