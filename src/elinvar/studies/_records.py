"""What a finished study leaves for the page: its verdict, picture, table and settings, as JSON."""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar._base import atomic_write
from elinvar._base._version import __version__
from elinvar.errors import FileError
from elinvar.plots import to_svg
from elinvar.report.layout import take_finding
from elinvar.studies._registry import STUDIES
from elinvar.studies._types import DataFrame

if TYPE_CHECKING:
    from elinvar.studies._run import StudyResult

FORMAT = "elinvar study"
VERSION = 1
_NEEDED = {
    "stem", "title", "claim", "claims", "parameters", "summary", "says", "svg", "command",
    "workers", "seconds", "finished",
}  # fmt: skip

Record = dict[str, Any]


def write_study_record(
    result: "StudyResult",
    folder: str | os.PathLike[str],
    *,
    command: str | None = None,
    workers: int = 1,
) -> Path:
    """Write what `write_studies_page` shows of a finished study, as ``NAME.json``.

    The title of the picture becomes a heading of the page, and is taken off ``result.axes``.

    Parameters
    ----------
    result : StudyResult
        Of `elinvar.studies.run_study`.
    folder : str or path
        Where to; it must exist.
    command : str, optional
        The command that ran it.
    workers : int
        How many cells ran at the same time.

    Returns
    -------
    Path
        Where the record is.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    path = Path(folder) / f"{result.stem}.json"
    # through JSON, so that they can be compared with those of an earlier record
    parameters = json.loads(json.dumps(asdict(result.config), default=str))
    del parameters["core_seconds"]
    heads, cells, kinds = summary_texts(result.summary)
    says = take_finding(result.axes)
    record: Record = {
        "format": FORMAT,
        "version": VERSION,
        "elinvar": __version__,
        "stem": result.stem,
        "title": result.study.title,
        "claim": result.study.claim,
        "caption": result.config.caption,
        "claims": [asdict(claim) for claim in result.claims],
        "parameters": parameters,
        "summary": {"heads": heads, "kinds": kinds, "rows": cells},
        "says": says,
        "svg": to_svg(result.axes, prefix=result.stem, alt=says),
        "command": command,
        "workers": workers,
        "seconds": result.seconds,
        "finished": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    earlier = _read(path)
    if earlier is not None and earlier["parameters"] == parameters:
        slower = max((record, earlier), key=lambda one: float(one["seconds"]))
        # a run that found all cells finished took no time, and says nothing of how long they take
        record |= {key: slower[key] for key in ("seconds", "workers")}
    with atomic_write(path) as file:
        json.dump(record, file, ensure_ascii=False)
    return path


def read_study_records(folder: Path) -> list[Record]:
    """Return the records in a folder: known studies in their order, whole ones first.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of dict
        What `write_study_record` has written.

    Raises
    ------
    FileError
        If one is of another version.
    """
    found = [record for path in folder.glob("*.json") if (record := _read(path)) is not None]
    order = {name: k for k, name in enumerate(STUDIES)}

    def place(record: Record) -> tuple[bool, int, str]:
        stem = record["stem"]
        name = stem.removesuffix("-quick")
        return (name != stem, order.get(name, len(order)), stem)

    return sorted(found, key=place)


def _read(path: Path) -> Record | None:
    """Return the record at ``path``; nothing if there is none, or it is some other file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    if content.get("version") == VERSION and not content.keys() >= _NEEDED:
        return None  # damaged
    if content.get("version") != VERSION:
        raise FileError(
            f"{path} was written by another version of elinvar ({content.get('elinvar')}); "
            "name another folder, or remove that file."
        )
    return content


def summary_texts(frame: DataFrame) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the summary of a study as texts, as terminal and page show it.

    Parameters
    ----------
    frame : DataFrame
        Of `StudyResult`.

    Returns
    -------
    heads : list of str
    rows : list of list of str
    kinds : list of {"number", "text"}
        Of the columns.
    """
    heads = [str(name).replace("_", " ") for name in frame.columns]
    kinds = ["number" if kind.kind in "iuf" else "text" for kind in frame.dtypes]
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    return heads, rows, kinds


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return "-" if isnan(value) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
