"""The sections of a page about a forecast: what to expect, and beside it what holds."""

from typing import Any

from elinvar._base._display import ShownTable
from elinvar._base._numbers import count
from elinvar.answer import Answer, TransferAnswer
from elinvar.answer.effect_tables import effect_tables
from elinvar.answer.sentences import multiplicity_sentence
from elinvar.answer.transfer_tables import forecast_tables, left_out_texts
from elinvar.report import _tables as tables
from elinvar.report._sections import Section, call_of, few_rows, made_facts
from elinvar.report.layout import Table, text_table

_TEXTS = ("learner", "feature", "class", "left out", "what it can learn")


def forecast_sections(
    answer: TransferAnswer, holds: Answer | None, *, source: str | None, command: str | None
) -> list[Section]:
    """Return what a page about a forecast says, without its figures."""
    learners, *features = [_table(table) for table in forecast_tables(answer)]
    found = [
        Section(
            name="expect",
            heading="What carries the forecast",
            link="Learners",
            parts={"table": learners},
        )
    ]
    if features:
        found.append(
            Section(
                name="curves",
                heading="What each feature does, here and there",
                link="Curves",
                parts={"table": features[0]},
            )
        )
    if len(answer.left_out):
        found.append(
            Section(
                name="forecast_errors",
                heading="Environments left out, and forecast",
                link="Left-out environments",
                parts={"table": _table(left_out_texts(answer))},
            )
        )
    found += few_rows(answer)
    if holds is not None:
        found.append(
            Section(
                name="holds",
                heading="What holds: the linear model",
                link="What holds",
                parts={
                    "tables": [tables.of_effects(table) for table in effect_tables(holds)],
                    "statements": multiplicity_sentence(holds),
                },
            )
        )
    notes = Section(name="notes", heading="Notes", link="Notes", parts={"notes": answer.notes})
    return [*found, notes, _data(answer, source), _making(answer, command)]


def _table(table: ShownTable) -> Table:
    kinds: list[Any] = ["text" if head in _TEXTS else "number" for head in table.header]
    return text_table(f"{table.title}.", table.header, table.rows, kinds)


def _data(answer: TransferAnswer, source: str | None) -> Section:
    schema = answer.schema
    facts = [
        *[("Source", source)] * bool(source),
        ("Target", schema.target),
        ("Features", f"{len(schema.features)}"),
        ("Environments", f"{len(answer.rows)} by {', '.join(schema.environment)}"),
        ("Rows", count(sum(answer.rows.values()))),
    ]
    rows = [(name, count(weight)) for name, weight in answer.rows.items()]
    table = text_table("Environments.", ("environment", "rows"), rows, ["text", "number"])
    return Section(name="data", heading="Data", link="Data", parts={"facts": facts, "table": table})


def _making(answer: TransferAnswer, command: str | None) -> Section:
    return Section(
        name="making",
        heading="How to repeat this",
        link="How to repeat this",
        parts={
            "command": command,
            "call": call_of(answer.estimator, answer.parameters),
            "facts": made_facts("docs/forecast.md"),
        },
    )
