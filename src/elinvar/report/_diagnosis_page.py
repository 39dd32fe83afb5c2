"""A page about a diagnosis: whether these environments can answer, before any fit."""

from pathlib import Path

from elinvar._base._numbers import count
from elinvar.answer import Explanation
from elinvar.answer.figures import diagnosis_figures
from elinvar.inference import Diagnosis
from elinvar.report._sections import data_section, diagnosis_section, making_section
from elinvar.report._tables import environment_table
from elinvar.report._terms import CAPTIONS, WHERE
from elinvar.report.layout import picture, write_page


def write_diagnosis(
    path: Path,
    found: Diagnosis,
    *,
    title: str | None,
    source: str | None,
    command: str | None,
) -> Path:
    """Write the page: the verdict, what to do, a row a feature, and the environments."""
    rows = dict(zip(found.environments, found.rows, strict=True))
    facts = [
        ("Features", count(len(found.features))),
        ("Environments", count(len(rows))),
        ("Rows", count(sum(found.rows))),
    ]
    sections = [
        diagnosis_section(found, told=True),
        data_section(facts, environment_table(rows), source),
        making_section(command, "", "docs/evidence.md"),
    ]
    return write_page(
        path,
        "page.html.j2",
        title=title or "Can these environments answer?",
        status=found.verdict.replace(" ", "-"),
        status_words=found.verdict,
        explanation=Explanation(lead=found.reason, body=found.notes, advice=found.advice),
        sections=sections,
        figures={
            name: picture(ax, name, CAPTIONS[name], where=WHERE[name])
            for name, ax in diagnosis_figures(found).items()
        },
    )
