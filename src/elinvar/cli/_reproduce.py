"""The paper's claims, one study each: tables, pictures, verdicts and a page."""

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar._base import PAGES
from elinvar.cli._console import Printer
from elinvar.cli._long_run import bar, cores, duration, resumable
from elinvar.cli._source import make_folder
from elinvar.errors import DataError

if TYPE_CHECKING:
    from elinvar.studies import Claim, Study, StudyResult


def run(
    names: list[str],
    *,
    out: Path,
    workers: int | None,
    quick: bool,
    cluster: str | None,
) -> None:
    """Run the studies of these names, or all; print tables and verdicts, write the rest to out."""
    from elinvar.studies import choose_studies, read_study_records, runnable_studies

    studies, left_out = runnable_studies(choose_studies(names), named=bool(names))
    workers = workers or cores()
    make_folder(out)
    read_study_records(out)  # of another version? say so before any work
    printer = Printer()
    command = _command(names, out=out, quick=quick)
    claims: list[Claim] = []
    with resumable(out):
        for study in studies:
            claims += _run_one(printer, study, out, workers, quick, cluster, command)
    n_hold = sum(claim.holds for claim in claims)
    short = ", in short runs of few repetitions" if quick else ""
    printer.text(f"{n_hold} of {len(claims)} claims hold{short}.", style="bold")
    if left_out:
        printer.text(left_out)
    printer.text(f"All is in {out}. Open in a browser: {out / 'index.html'}")
    printer.flush()


def list_studies(names: list[str], *, workers: int | None) -> None:
    """Print what each study shows, by the question that it answers, and how long it takes."""
    from elinvar.studies import by_question, choose_studies

    workers = workers or cores()
    printer = Printer()
    studies = choose_studies(names)
    for question, answers in by_question(studies):
        if question:
            printer.text(f"Question {question}", style="bold underline")
            printer.text()
        for study in answers:
            _list_one(printer, study, workers)
    whole, short = (
        duration(sum(study.config(quick=quick).core_seconds for study in studies) / workers)
        for quick in (False, True)
    )
    machine = "1 core" if workers == 1 else f"{workers} cores"
    printer.text(
        f"All together: {whole}, {short} with --quick; estimated for {machine} from runs on "
        "another machine. The first run also compiles, which takes some ten seconds more."
    )
    printer.flush()


def _list_one(printer: Printer, study: "Study[Any]", workers: int) -> None:
    from elinvar.studies import install_command

    times = ", ".join(
        f"{duration(study.config(quick=quick).core_seconds / workers)}{word}"
        for quick, word in ((False, ""), (True, " with --quick"))
    )
    printer.text(study.name, style="bold")
    printer.text(study.claim, bullet="  ")
    printer.text(f"Takes {times}.", bullet="  ", style="dim")
    if study.missing:
        needs = f"Needs what is not installed: {install_command([study])}"
        printer.text(needs, bullet="  ", style="dim")
    printer.text()


def write_page(out: Path, *, others: list[str]) -> None:
    """Write the page to play with; ``others`` was asked for beside it, and does not go with it."""
    from elinvar.studies import write_explorable_page

    if others:
        raise DataError(
            f"--page runs no study: leave out {', '.join(others)}, or leave out --page."
        )
    if out.suffix.lower() not in PAGES:
        make_folder(out)
        out = out / "explore.html"
    write_explorable_page(out)
    printer = Printer()
    printer.text(f"Open in a browser: {out}")
    printer.flush()


def _run_one(
    printer: Printer,
    study: "Study[Any]",
    out: Path,
    workers: int,
    quick: bool,
    cluster: str | None,
    command: str,
) -> "tuple[Claim, ...]":
    from elinvar.studies import run_study, write_studies_page, write_study_record

    printer.text(f"{study.name}: {study.title}", style="bold underline")
    printer.text(study.claim)
    printer.text()
    printer.flush()
    with bar() as show:
        result = run_study(
            study,
            study.config(quick=quick),
            out=out,
            workers=workers,
            cluster=cluster,
            progress=None if show is None else partial(show, study.name),
        )
    write_study_record(result, out, command=command, workers=workers)
    write_studies_page(out)
    _print(printer, result, out)
    return result.claims


def _print(printer: Printer, result: "StudyResult", out: Path) -> None:
    from elinvar.studies import summary_texts

    heads, rows, kinds = summary_texts(result.summary)
    align = "".join("r" if kind == "number" else "l" for kind in kinds)
    left_out = printer.table(heads, rows, align=align, optional=len(heads) - 1, fold=True)
    if left_out:
        columns = "1 more column is" if left_out == 1 else f"{left_out} more columns are"
        printer.text(f"{columns} in {out / result.stem}-summary.csv", style="dim")
    printer.text(result.config.caption, style="dim")
    printer.text()
    for claim in result.claims:
        word, style = ("holds", "green") if claim.holds else ("fails", "red")
        printer.text(claim.sentence, bullet=f"{word}: ", style=style)
    printer.text()
    printer.text(f"Picture: {out / result.stem}.png")
    printer.text(f"Rows:    {out / result.stem}.parquet")
    printer.text(f"Took:    {duration(result.seconds)}")
    printer.text()
    printer.flush()


def _command(names: list[str], *, out: Path, quick: bool) -> str:
    words = ["elinvar", "reproduce", *names, *["--quick"] * quick, "--out", str(out)]
    return shlex.join(words)
