"""What a fitted model found, as paragraphs and tables."""

from typing import TYPE_CHECKING

from elinvar._base._display import ShownTable
from elinvar._base._numbers import count, number, p_value
from elinvar.answer import VERDICTS, Answer
from elinvar.answer.effect_tables import effect_tables
from elinvar.answer.sentences import error_words, forecast_sentence
from elinvar.answer.statements import meaning
from elinvar.answer.tables import MODELS
from elinvar.cli._console import PLAIN_WIDTH

if TYPE_CHECKING:
    from elinvar.cli._console import Printer

_ROWS = 30
_EFFECTS = 60
_OPTIONAL = {"spread", "pooled", "stands out", "of levels"}
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
    """Print what was found, how sure it is, and what to do about it."""
    found = answer.explanation
    for style, text in (("bold", found.lead), (None, " ".join(found.body))):
        printer.text(text, style=style)
        printer.text()
    if found.advice:
        printer.text(f"What to do: {found.advice}", style="bold")
        printer.text()


def print_effects(printer: "Printer", answer: Answer) -> None:
    """Print the effects in the model of all features, then in that of the invariant set."""
    tables = effect_tables(answer)
    for table in tables:
        _print_table(printer, table)
    present = [kind for kind in VERDICTS if any(kind in table.verdicts for table in tables)]
    width = max(map(len, present), default=0) + 2
    for kind in present:
        printer.text(meaning(kind, answer), style="dim", bullet=f"{kind:<{width}}")
    printer.text()


def _print_table(printer: "Printer", table: ShownTable) -> None:
    """Print what one model says, the rows that say most first, as many as fit on a page or two."""
    printer.text(f"{table.title}.", style="bold")
    printer.text()
    rows, right = table.rows[:_EFFECTS], {"spread", "pooled"}
    left_out = printer.table(
        [head.replace(" [", "\n[").replace("stands ", "stands\n") for head in table.header],
        rows,
        align="".join("r" if head in right else "l" for head in table.header),
        optional=sum(head in _OPTIONAL for head in table.header),
        styles=[_STYLES.get(verdict) for verdict in table.verdicts],
        plain_width=PLAIN_WIDTH,
    )
    if len(rows) < len(table.rows):
        more = len(table.rows) - len(rows)
        printer.text(f"{more} more are in the output of --json and on the page.", style="dim")
    if left_out and "of levels" in table.header[-left_out:]:
        levels = [f"{row[0]}, {row[-1]}" for row in rows if row[-1] != "-"]
        printer.text(f"Of levels: {'; '.join(levels)}.", style="dim")
    printer.text()


def print_tests(printer: "Printer", answer: Answer) -> None:
    """Print the p-values of the model's tests on a line."""
    tests = answer.tests.set_index("test")["p_value"].astype(float).to_dict()
    if not tests:
        return
    words = {"scale": "noise"}
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
