"""The sections of a page about a forecast: what to expect, and beside it what holds."""

from elinvar._base._display import ShownTable
from elinvar._base._numbers import count
from elinvar.answer import Answer, TransferAnswer
from elinvar.answer.effect_tables import effect_tables
from elinvar.answer.sentences import multiplicity_sentence
from elinvar.answer.transfer_tables import forecast_tables, left_out_texts
from elinvar.report import _tables as tables
from elinvar.report._sections import (
    Section,
    call_of,
    data_section,
    few_rows,
    making_section,
    notes_section,
)
from elinvar.report._tables import environment_table
from elinvar.report.layout import Kind, Table

_TEXTS = ("learner", "feature", "class", "left out", "what it can learn")


def forecast_sections(
    answer: TransferAnswer, holds: Answer | None, *, source: str | None, command: str | None
) -> list[Section]:
    """Return what a page about a forecast says, without its figures."""
    learners, *features = [_table(table) for table in forecast_tables(answer)]
    found = [Section("expect", "What carries the forecast", "Learners", {"table": learners})]
    if features:
        heading = "What each feature does, here and there"
        found.append(Section("curves", heading, "Curves", {"table": features[0]}))
    if len(answer.left_out):
        heading, table = "Environments left out, and forecast", _table(left_out_texts(answer))
        found.append(Section("forecast_errors", heading, "Left-out environments", {"table": table}))
    found += few_rows(answer)
    if holds is not None:
        parts = {
            "tables": [tables.of_effects(table) for table in effect_tables(holds)],
            "statements": multiplicity_sentence(holds),
        }
        found.append(Section("holds", "What holds: the linear model", "What holds", parts))
    call = call_of(answer.estimator, answer.parameters)
    data = data_section(_facts(answer), environment_table(answer.rows), source)
    making = making_section(command, call, "docs/forecast.md")
    return [*found, notes_section(answer.notes), data, making]


def _table(table: ShownTable) -> Table:
    kinds: list[Kind] = ["text" if head in _TEXTS else "number" for head in table.header]
    return Table(f"{table.title}.", table.header, table.rows, kinds)


def _facts(answer: TransferAnswer) -> list[tuple[str, str]]:
    schema = answer.schema
    return [
        ("Target", schema.target),
        ("Features", f"{len(schema.features)}"),
        ("Environments", f"{len(answer.rows)} by {', '.join(schema.environment)}"),
        ("Rows", count(sum(answer.rows.values()))),
    ]
