"""The sections of a page, in order: each has a template of its name and what that lays out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from elinvar._base._version import versions
from elinvar.answer import VERDICTS, Answer, TransferAnswer
from elinvar.answer.effect_tables import HEADS, effect_tables, in_order
from elinvar.answer.sentences import (
    acceptance_sentence,
    data_facts,
    error_words,
    forecast_sentence,
    multiplicity_sentence,
)
from elinvar.answer.statements import meaning, shown_name, statement
from elinvar.inference import Diagnosis
from elinvar.report import _tables as tables
from elinvar.report.layout import Table

_PACKAGES = (
    "numpy", "scipy", "scikit-learn", "numba", "pandas", "pyarrow", "matplotlib", "jinja2",
    "lightgbm",
)  # fmt: skip
# Effects beyond these are in the tables, and have no sentence each.
_SAID = 40
# numbers of labelled rows that a table shows
_LABELLED = (0, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Section:
    """A section; ``name`` is its template and its anchor, ``link`` its line of contents."""

    name: str
    heading: str
    link: str
    parts: dict[str, Any] = field(default_factory=dict)


def sections(answer: Answer, *, source: str | None, command: str | None) -> list[Section]:
    """Return what a page about an answer says, without its figures."""
    if answer.status == "pooled_only":
        found = [_verdicts(answer), Section("effects", "Side by side", "Effects")]
    else:
        path = Section("path", "What leaves when disagreement is punished", "Path")
        found = [_verdicts(answer), _effects(answer), path, _left_out(answer), _tests(answer)]
        found += few_rows(answer)
    notes = notes_section(answer.notes)
    found += [diagnosis_section(answer.diagnosis), *[notes] * bool(answer.notes)]
    call = call_of(answer.estimator, answer.parameters)
    paper = "Xu, Gu and Fang, NeurIPS 2024, arXiv:2403.01420"
    data = data_section(data_facts(answer), _environments(answer), source)
    return [*found, data, making_section(command, call, paper)]


def few_rows(answer: Answer | TransferAnswer) -> list[Section]:
    """Return what labelled rows of a new place would buy, where it is known."""
    if answer.adaptation is None:
        return []
    table = answer.adaptation_
    shown = tables.table(
        table[table["rows"].isin(_LABELLED)],
        tables.FEW_ROWS,
        caption="Labelled rows from a new place, and the error to expect there.",
    )
    heading = "What rows from a new place would buy"
    return [Section("few_rows", heading, "Labelled rows", {"table": shown})]


def _verdicts(answer: Answer) -> Section:
    """Show the tables that the terminal prints, and say what their words mean."""
    known = effect_tables(answer)
    present = {kind for table in known for kind in table.verdicts}
    heads = {head for table in known for head in table.header}
    several = answer.status != "pooled_only"
    return Section(
        name="verdicts",
        heading="What can be carried to a new place" if several else "Effects of the pooled model",
        link="Verdicts",
        parts={
            "tables": [tables.of_effects(table) for table in known],
            "statements": multiplicity_sentence(answer),
            "meaning": {kind: meaning(kind, answer) for kind in VERDICTS if kind in present},
            "terms": {head: HEADS[head] for head in HEADS if several and head in heads},
            "said": [
                (shown_name(row), row["verdict"], statement(row))
                for row in in_order(answer.evidence.to_dict("records"))[:_SAID]
                if several
            ],
            "more": tables.table(
                answer.all_features,
                tables.MORE_VERDICTS,
                caption="All features together: whether effects agree and were put to the test.",
            )
            if several
            else None,
            "more_terms": tables.meanings(tables.MORE_VERDICTS),
        },
    )


def _effects(answer: Answer) -> Section:
    caption = "Each effect in each environment that can tell it."
    table = tables.table(answer.effects, tables.EFFECTS, caption=caption)
    return Section("effects", "Effects, environment by environment", "Effects", {"table": table})


def _left_out(answer: Answer) -> Section:
    what = f"shares of {answer.schema.target}" if answer.classes else answer.schema.target
    words = error_words(answer)
    return Section(
        name="left_out",
        heading="Environments left out, and predicted",
        link="Left-out environments",
        parts={
            "margin": forecast_sentence(answer),
            "errors": tables.table(
                answer.errors,
                tables.CLASS_ERRORS
                if answer.classes
                else tables.filled(answer.errors, tables.ERRORS),
                caption=f"{words[0].upper()}{words[1:]}.",
            ),
            "levels": tables.table(
                answer.left_out,
                tables.filled(answer.left_out, tables.LEVELS),
                caption=f"Predicted and true {what}.",
            ),
        },
    )


def _tests(answer: Answer) -> Section:
    of = ", class less probability," if answer.classes else ""
    caption = (
        f"Residuals of the invariant model{of} in each environment. A mean of 0 and a slope of 1 "
        "say that level and size of the predictions are right there."
    )
    residuals = tables.table(
        answer.residuals, tables.filled(answer.residuals, tables.RESIDUALS), caption=caption
    )
    return Section(
        name="tests",
        heading="Does the invariant model fit?",
        link="Tests",
        parts={
            "sentence": acceptance_sentence(answer),
            "tests": tables.table(answer.tests, tables.TESTS, caption="Tests of invariance."),
            "residuals": residuals,
        },
    )


def diagnosis_section(diagnosis: Diagnosis, *, told: bool = False) -> Section:
    """Return what data could show, feature by feature; its verdict unless that is ``told``."""
    return Section(
        name="diagnosis",
        heading="What could these data show?",
        link="Diagnosis",
        parts={
            "told": told,
            "verdict": diagnosis.verdict,
            "reason": diagnosis.reason,
            "advice": diagnosis.advice,
            "notes": diagnosis.notes,
            "table": tables.table(
                diagnosis.in_words(), tables.DIAGNOSIS, caption="What each feature offers."
            ),
            "more": tables.table(
                diagnosis.features,
                tables.MORE_DIAGNOSIS,
                caption="The numbers behind, feature by feature; slopes and spreads in sd per sd.",
            ),
            "terms": tables.meanings(tables.DIAGNOSIS),
            "more_terms": tables.meanings(tables.MORE_DIAGNOSIS),
        },
    )


def notes_section(notes: Sequence[str]) -> Section:
    """Return what the reader should know."""
    return Section("notes", "Notes", "Notes", {"notes": notes})


def data_section(facts: list[tuple[str, str]], table: Table, source: str | None) -> Section:
    """Return what the data are, with a table of environments."""
    facts = [*[("Source", source or "")] * bool(source), *facts]
    return Section("data", "Data", "Data", {"facts": facts, "table": table})


def _environments(answer: Answer) -> Table:
    """Rows of each environment, and the target's mean and sd or its classes' shares there."""
    import pandas as pd

    rows = answer.rows
    frame = pd.DataFrame({"environment": list(rows), "rows": list(rows.values())})
    truth = answer.left_out.drop_duplicates(["environment", "outcome"])
    outcomes = list(dict.fromkeys(truth["outcome"]))
    for outcome in outcomes:
        of_it = truth[truth["outcome"] == outcome].set_index("environment")
        for name in ("mean", "sd"):
            values = frame["environment"].map(of_it[f"truth_{name}"]).astype(float)
            frame[f"{name}_{outcome}"] = values
    columns = (*tables.ENVIRONMENTS, *tables.target_columns(answer.schema.target, outcomes))
    return tables.table(frame, columns, caption="Environments.")


def making_section(command: str | None, call: str, method: str) -> Section:
    """Say when, with what and by which call and method a page was made."""
    facts = [
        ("Made on", datetime.now(UTC).date().isoformat()),
        ("Versions", ", ".join(versions(*_PACKAGES))),
        ("Method", method),
    ]
    heading = "How to repeat this"
    return Section("making", heading, heading, {"command": command, "call": call, "facts": facts})


def call_of(estimator: str, parameters: Mapping[str, object]) -> str:
    """Write the estimator with all its parameters: defaults may change."""
    given = "".join(f"    {name}={value!r},\n" for name, value in parameters.items())
    return f"{estimator}(\n{given})"
