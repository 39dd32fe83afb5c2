"""What a fitted model found, as paragraphs and tables."""

from typing import TYPE_CHECKING

from elinvar._base._numbers import bracket, count, estimate, number, p_value
from elinvar.answer import Answer
from elinvar.answer.sentences import (
    all_features_title,
    error_words,
    forecast_sentence,
    multiplicity_sentence,
    set_title,
    unit_words,
)
from elinvar.answer.tables import MODELS

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.cli._console import Printer

_ROWS = 30
_STYLES = {
    "invariant": "cyan",
    "nearly invariant": "green",
    "same direction": "blue",
    "varies": "magenta",
    "spurious": "yellow",
    "no effect": "dim",
}


def print_result(printer: "Printer", answer: Answer) -> None:
    """Print the answer in words, the effects, the tests, the errors and the notes."""
    print_answer(printer, answer)
    print_effects(printer, answer)
    print_tests(printer, answer)
    if len(answer.errors):
        print_errors(printer, answer)
        printer.text(forecast_sentence(answer))
        printer.text()
    for note in answer.notes:
        printer.text(note, bullet="- ")
    if answer.notes:
        printer.text()


def print_answer(printer: "Printer", answer: Answer) -> None:
    """Print the paragraph, and what to do about it."""
    found = answer.explanation
    printer.text(" ".join([found.lead, *found.body]))
    printer.text()
    if found.advice:
        printer.text(f"What to do: {found.advice}", style="bold")
        printer.text()


def print_effects(printer: "Printer", answer: Answer) -> None:
    """Print a row a feature from the model of all features, then from that of the invariant set."""
    _print_rows(printer, all_features_title(answer), answer.all_features)
    if len(answer.of_set):
        _print_rows(printer, set_title(answer), answer.of_set)
    legend = f"{unit_words(answer)}. {multiplicity_sentence(answer)}"
    printer.text(legend.strip(), style="dim")
    printer.text()


def _print_rows(printer: "Printer", title: str, table: "pd.DataFrame") -> None:
    rows = [
        [
            str(row["feature"]),
            str(row["verdict"]),
            estimate(row["effect"], row["low"], row["high"]),
            bracket(row["new_low"], row["new_high"]),
            number(row["pooled_effect"], digits=3),
            str(row["odd_environment"]),
        ]
        for row in table.to_dict("records")
    ]
    header = [
        "feature", "verdict", "effect\n[95% interval]", "in a new one\n[90% interval]",
        "pooled\neffect", "stands\nout",
    ]  # fmt: skip
    known = [k for k in range(len(header)) if any(row[k] not in {"", "-"} for row in rows)]
    printer.text(title, style="bold")
    printer.text()
    printer.table(
        [header[k] for k in known],
        [[row[k] for k in known] for row in rows],
        align="".join("llllrl"[k] for k in known),
        optional=sum(k > 3 for k in known),
        styles=[_STYLES.get(str(verdict)) for verdict in table["verdict"]],
    )
    printer.text()


def print_tests(printer: "Printer", answer: Answer) -> None:
    """Print the p-values of the model's tests on a line."""
    tests = answer.tests.set_index("test")["p_value"].astype(float).to_dict()
    if not tests:
        return
    words = {"scale": "residual variance"}
    parts = [f"{words.get(str(name), name)} {p_value(p)}" for name, p in tests.items()]
    printer.text(f"The same in all environments? p-values: {', '.join(parts)}.")
    printer.text()


def print_errors(printer: "Printer", answer: Answer) -> None:
    """Print a row a left-out environment, as many as fit on a page: the error of each model."""
    words = error_words(answer)
    printer.text(f"{words[0].upper()}{words[1:]} in each environment when it is left out:")
    printer.text()
    table = answer.errors
    names = [name for name in MODELS if name in table]
    shown = len(table) if len(table) <= _ROWS else _ROWS - 1
    rows = [
        [row["environment"], count(row["rows"]), *(number(row[name]) for name in names)]
        for row in table.head(shown).to_dict("records")
    ]
    mean = "shares of\nclasses" if answer.classes else "mean of\nthe target"
    heads = {"mean": mean, "used": "chosen\nwithout it"}
    header = ["left out", "rows", *(heads.get(name, name) for name in names)]
    printer.table(header, rows, align="l" + "r" * (len(header) - 1))
    if shown < len(table):
        printer.text(f"{len(table) - shown} more are in the output of --json.", style="dim")
    printer.text()
