"""What a fitted model found, as paragraphs and tables."""

from typing import TYPE_CHECKING, Any

from elinvar._base._numbers import count, number, p_value
from elinvar.cli._cells import bracket, estimate, span
from elinvar.estimators._words import differs
from elinvar.report._words import margin_sentence

if TYPE_CHECKING:
    from elinvar.cli._console import Printer

_ADVICE = "What to do:"
_ROWS = 30
_STYLES = {
    "invariant": "cyan",
    "approximately invariant": "green",
    "spurious": "yellow",
    "no effect": "dim",
}


def print_result(printer: "Printer", model: Any) -> None:
    """Print the answer in words, the effects, the tests, the errors and the notes."""
    print_answer(printer, model)
    print_effects(printer, model)
    print_tests(printer, model)
    if len(model.errors_):
        print_errors(printer, model)
        printer.text(margin_sentence(model))
        printer.text()
    for note in model.notes_:
        printer.text(note, bullet="- ")
    if model.notes_:
        printer.text()


def print_answer(printer: "Printer", model: Any) -> None:
    """Print the paragraph, and what to do about it."""
    answer, _, advice = model.explain().partition(_ADVICE)
    printer.text(answer.strip())
    printer.text()
    if advice:
        printer.text(f"{_ADVICE}{advice}", style="bold")
        printer.text()


def print_effects(printer: "Printer", model: Any) -> None:
    """Print a row a feature: its common effect, or the range of effects where there is none."""
    table, own = model.evidence_, model.effects_.groupby("feature")["effect"]
    least, most = own.min(), own.max()
    rows, ranges = [], False
    for row in table.to_dict("records"):
        name = row["feature"]
        effect = estimate(row["effect"], row["low"], row["high"])
        if differs(row) and name in least.index:
            effect, ranges = span(least[name], most[name]), True
        rows.append(
            [
                str(name),
                str(row["verdict"]),
                effect,
                bracket(row["new_low"], row["new_high"]),
                number(row["pooled_effect"], digits=3),
                str(row["odd_environment"]),
            ]
        )
    header = [
        "feature", "verdict", "effect\n[95% interval]", "in a new one\n[90% interval]",
        "pooled\neffect", "stands\nout",
    ]  # fmt: skip
    known = [k for k in range(len(header)) if any(row[k] not in {"", "-"} for row in rows)]
    printer.table(
        [header[k] for k in known],
        [[row[k] for k in known] for row in rows],
        align="".join("llllrl"[k] for k in known),
        optional=sum(k > 3 for k in known),
        styles=[_STYLES.get(str(verdict)) for verdict in table["verdict"]],
    )
    printer.text(_legend(model, ranges), style="dim")
    printer.text()


def _legend(model: Any, ranges: bool) -> str:
    legend = f"Effects in units of {model.schema_.target} per unit of the feature"
    if model.schema_.levels:
        legend += "; of a category, the largest difference between two levels"
    if ranges:
        legend += ". From ... to: environments' own effects, which differ"
    if model.standing_ in ("rejected", "approximate"):
        # no model measures an effect that all environments share
        legend += "; the other effects are averages" if ranges else ". The effects are averages"
    return f"{legend}."


def print_tests(printer: "Printer", model: Any) -> None:
    """Print the p-values of the model's tests on a line."""
    tests = {str(row.test): row for row in model.tests_.itertuples(index=False)}
    if not tests:
        return
    words = {"scale": "residual variance"}
    parts = [f"{words.get(name, name)} {p_value(row.p_value)}" for name, row in tests.items()]
    printer.text(f"The same in all environments? p-values: {', '.join(parts)}.")
    printer.text()


def print_errors(printer: "Printer", model: Any) -> None:
    """Print a row a left-out environment, as many as fit on a page: the error of each model."""
    printer.text(
        f"Mean squared error of {model.schema_.target} in each environment when it is left out:"
    )
    printer.text()
    names = ("invariant", "pooled", "lasso", "mean", "used")
    table = model.errors_
    shown = len(table) if len(table) <= _ROWS else _ROWS - 1
    rows = [
        [row["environment"], count(row["rows"]), *(number(row[name]) for name in names)]
        for row in table.head(shown).to_dict("records")
    ]
    header = (
        "left out", "rows", "invariant", "pooled", "lasso", "mean of\nthe target",
        "chosen\nwithout it",
    )  # fmt: skip
    printer.table(header, rows, align="lrrrrrr")
    if shown < len(table):
        printer.text(f"{len(table) - shown} more are in the output of --json.", style="dim")
    printer.text()
