"""A page about a diagnosis: whether these environments can answer, before any fit."""

from pathlib import Path

from elinvar._base._numbers import count
from elinvar.answer import Explanation
from elinvar.answer.figures import diagnosis_figures
from elinvar.inference import Diagnosis
from elinvar.report._sections import Section, diagnosis_section, made_facts
from elinvar.report._terms import CAPTIONS, WHERE
from elinvar.report.layout import picture, text_table, write_page


def write_diagnosis(
    path: Path,
    found: Diagnosis,
    *,
    title: str | None,
    source: str | None,
    command: str | None,
) -> Path:
    """Write the page: the verdict, what to do, a row a feature, and the environments."""
    return write_page(
        path,
        "page.html.j2",
        title=title or "Can these environments answer?",
        status=found.verdict.replace(" ", "-"),
        status_words=found.verdict,
        explanation=Explanation(lead=found.reason, body=found.notes, advice=found.advice),
        sections=[diagnosis_section(found, told=True), _data(found, source), _making(command)],
        figures={
            name: picture(ax, name, CAPTIONS[name], where=WHERE[name])
            for name, ax in diagnosis_figures(found).items()
        },
    )


def _data(found: Diagnosis, source: str | None) -> Section:
    facts = [
        *[("Source", source)] * bool(source),
        ("Features", count(len(found.features))),
        ("Environments", count(len(found.environments))),
        ("Rows", count(sum(found.rows))),
    ]
    rows = [(name, count(n)) for name, n in zip(found.environments, found.rows, strict=True)]
    table = text_table("Environments.", ("environment", "rows"), rows, ["text", "number"])
    return Section(name="data", heading="Data", link="Data", parts={"facts": facts, "table": table})


def _making(command: str | None) -> Section:
    return Section(
        name="making",
        heading="How to repeat this",
        link="How to repeat this",
        parts={"command": command, "call": "", "facts": made_facts("docs/evidence.md")},
    )
