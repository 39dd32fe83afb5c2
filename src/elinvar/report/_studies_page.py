"""One page about all studies of a folder: verdicts, pictures, tables and how they were made."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elinvar._base import atomic_write, check_writable
from elinvar._base._numbers import number
from elinvar.report._page import templates
from elinvar.report._study_records import Record, read_records
from elinvar.report._tables import Cell, Column, Table

if TYPE_CHECKING:
    from markupsafe import Markup


def write_studies_page(folder: str | os.PathLike[str], *, title: str | None = None) -> Path:
    """Write ``index.html`` about every study whose record is in ``folder``.

    The page loads nothing and runs nothing; it follows the reader's light or dark setting.

    Parameters
    ----------
    folder : str or path
        Where `write_study_record` has written, in this run or in earlier ones.
    title : str, optional
        By default "What elinvar reproduces".

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    FileError
        If the page cannot be written, or a record is of another version.
    """
    path = check_writable(Path(folder) / "index.html")
    records = read_records(Path(folder))
    claims = [claim for record in records for claim in record["claims"]]
    page = (
        templates()
        .get_template("studies.html.j2")
        .render(
            title=title or "What elinvar reproduces",
            n_claims=len(claims),
            n_hold=sum(claim["holds"] for claim in claims),
            studies=[_shown(record, Path(folder)) for record in records],
        )
    )
    with atomic_write(path) as file:
        file.write(page)
    return path


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the page says of a study."""

    stem: str
    title: str
    short: bool
    claim: str
    claims: list[dict[str, object]]
    holds: bool
    says: str
    svg: "Markup"
    table: Table
    command: str | None
    facts: list[tuple[str, str]]
    files: list[str]


def _shown(record: Record, folder: Path) -> Shown:
    from markupsafe import Markup

    stem = record["stem"]
    names = (f"{stem}.parquet", f"{stem}-summary.csv", f"{stem}.png")
    return Shown(
        stem=stem,
        title=record["title"],
        short=stem.endswith("-quick"),
        claim=record["claim"],
        claims=record["claims"],
        holds=all(claim["holds"] for claim in record["claims"]),
        says=record["says"],
        svg=Markup(record["svg"]),
        table=_table(record),
        command=record["command"],
        facts=_facts(record),
        files=[name for name in names if (folder / name).exists()],
    )


def _table(record: Record) -> Table:
    summary = record["summary"]
    kinds = ["text", *summary["kinds"][1:]]  # the first cell of a row is its header
    columns = tuple(
        Column(head, str, "number" if kind == "number" else "text")
        for head, kind in zip(summary["heads"], kinds, strict=True)
    )
    rows = [[Cell(text, False) for text in row] for row in summary["rows"]]
    return Table(caption="What was measured, and is judged.", columns=columns, rows=rows)


def _facts(record: Record) -> list[tuple[str, str]]:
    workers = record["workers"]
    took = f"{number(record['seconds'], digits=3)} s with {workers} worker{'s' * (workers != 1)}"
    parameters = [
        (name.replace("_", " "), _value(value)) for name, value in record["parameters"].items()
    ]
    return [
        *parameters,
        ("took", took),
        ("finished", f"{record['finished']}, elinvar {record['elinvar']}"),
    ]


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return number(value) if isinstance(value, float) else str(value)
