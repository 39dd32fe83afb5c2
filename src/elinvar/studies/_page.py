"""One page about all studies of a folder: verdicts, pictures, tables and how they were made."""

import os
from pathlib import Path

from elinvar._base import check_writable
from elinvar._base._numbers import number
from elinvar.report.layout import Table, write_page
from elinvar.studies._explorable import write_explorable_page
from elinvar.studies._records import Record, read_study_records
from elinvar.studies._registry import STUDIES, grouped

_TEMPLATES = Path(__file__).parent / "templates"


def write_studies_page(folder: str | os.PathLike[str], *, title: str | None = None) -> Path:
    """Write ``index.html`` about every study whose record is in ``folder``, question by question.

    The page loads nothing and runs nothing; it follows the reader's light or dark setting. The one
    that it links, ``explore.html`` of `write_explorable_page`, is written beside it.

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
    records = read_study_records(Path(folder))
    claims = [claim for record in records for claim in record["claims"]]
    explorable = write_explorable_page(Path(folder) / "explore.html")
    return write_page(
        path,
        "studies.html.j2",
        _TEMPLATES,
        title=title or "What elinvar reproduces",
        explorable=explorable.name,
        n_claims=len(claims),
        n_hold=sum(claim["holds"] for claim in claims),
        groups=[
            {"words": words, "studies": [_shown(record, Path(folder)) for record in group]}
            for words, group in grouped(records, _question)
        ],
    )


def _question(record: Record) -> int | None:
    """Return the open question that a study answers; none of studies of others."""
    study = STUDIES.get(record["stem"].removesuffix("-quick"))
    return None if study is None else study.question


def _shown(record: Record, folder: Path) -> dict[str, object]:
    """Return what the page says of a study."""
    from markupsafe import Markup

    stem, summary = record["stem"], record["summary"]
    names = (f"{stem}.parquet", f"{stem}-summary.csv", f"{stem}.png")
    kinds = ["text", *summary["kinds"][1:]]  # the first cell of a row is its header
    caption = "What was measured, and is judged."
    return {
        "caption": "",  # records of earlier versions have none
        **record,
        "short": stem.endswith("-quick"),
        "svg": Markup(record["svg"]),
        "table": Table(caption, summary["heads"], summary["rows"], kinds),
        "facts": _facts(record),
        "files": [name for name in names if (folder / name).exists()],
    }


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
