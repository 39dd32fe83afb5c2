"""The paper's claims, one study each: tables, pictures, verdicts and a page."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from elinvar._base._words import did_you_mean
from elinvar.cli._console import Printer
from elinvar.cli._source import make_folder
from elinvar.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from elinvar.studies import Study, StudyResult, Verdict


def run(
    names: list[str],
    *,
    out: Path,
    workers: int | None,
    quick: bool,
    cluster: str | None,
) -> None:
    """Run the studies of these names, or all; print tables and verdicts, write the rest to out."""
    from elinvar.report._study_records import read_records

    studies, left_out = runnable(choose(names), named=bool(names))
    workers = workers or _cores()
    make_folder(out)
    read_records(out)  # of another version? say so before any work
    printer = Printer()
    command = _command(names, out=out, quick=quick)
    verdicts = []
    with _resumable(out):
        for study in studies:
            verdicts.append(_run_one(printer, study, out, workers, quick, cluster, command))
    n_claims = sum(len(verdict.claims) for verdict in verdicts)
    n_hold = sum(claim.holds for verdict in verdicts for claim in verdict.claims)
    printer.text(f"{n_hold} of {n_claims} claims hold.", style="bold")
    if left_out:
        printer.text(left_out)
    printer.text(f"All is in {out}. Open in a browser: {out / 'index.html'}")
    printer.flush()


def choose(names: list[str]) -> "list[Study[Any]]":
    """Return the studies of these names in the order of the registry; all if there are none.

    Raises
    ------
    DataError
        If a name is not known.
    """
    from elinvar.studies import STUDIES

    for name in names:
        if name not in STUDIES:
            raise DataError(
                f"There is no study {name!r}.{did_you_mean(name, STUDIES)} "
                f"The studies are {', '.join(STUDIES)}."
            )
    return [study for name, study in STUDIES.items() if not names or name in names]


def runnable(studies: "list[Study[Any]]", *, named: bool) -> "tuple[list[Study[Any]], str]":
    """Return the studies that can run here, and a sentence on those that cannot.

    Parameters
    ----------
    studies : list of Study
        That were asked for.
    named : bool
        Whether by name: then none is left out.

    Raises
    ------
    MissingExtraError
        If a study that was named, or every study, needs packages that are not installed.
    """
    from elinvar.studies._study import install_command

    lacking = [study for study in studies if study.missing]
    if not lacking:
        return studies, ""
    them = "its optional packages are" if len(lacking) == 1 else "their optional packages are"
    sentence = (
        f"{', '.join(study.name for study in lacking)} cannot run, because {them} not installed; "
        f"install them with: {install_command(lacking)}"
    )
    if named or len(lacking) == len(studies):
        raise MissingExtraError(sentence)
    return [study for study in studies if not study.missing], f"Left out: {sentence}"


def list_studies(names: list[str], *, workers: int | None) -> None:
    """Print what each study shows, and how long it takes."""
    from elinvar.studies._study import install_command

    workers = workers or _cores()
    printer = Printer()
    studies = choose(names)
    for study in studies:
        times = ", ".join(
            f"{_duration(study.config(quick=quick).core_seconds / workers)}{word}"
            for quick, word in ((False, ""), (True, " with --quick"))
        )
        printer.text(study.name, style="bold")
        printer.text(study.claim, bullet="  ")
        printer.text(f"Takes {times}.", bullet="  ", style="dim")
        if study.missing:
            needs = f"Needs what is not installed: {install_command([study])}"
            printer.text(needs, bullet="  ", style="dim")
        printer.text()
    whole, short = (
        _duration(sum(study.config(quick=quick).core_seconds for study in studies) / workers)
        for quick in (False, True)
    )
    cores = "1 core" if workers == 1 else f"{workers} cores"
    printer.text(
        f"All together: {whole}, {short} with --quick; estimated for {cores} from runs on another "
        "machine. The first run also compiles, which takes some ten seconds more."
    )
    printer.flush()


def _run_one(
    printer: Printer,
    study: "Study[Any]",
    out: Path,
    workers: int,
    quick: bool,
    cluster: str | None,
    command: str,
) -> "Verdict":
    from elinvar.report import write_studies_page, write_study_record
    from elinvar.studies import run_study

    printer.text(f"{study.name}: {study.title}", style="bold underline")
    printer.text(study.claim)
    printer.text()
    printer.flush()
    with _bar(study.name) as progress:
        result = run_study(
            study,
            study.config(quick=quick),
            out=out,
            workers=workers,
            cluster=cluster,
            progress=progress,
        )
    write_study_record(result, out, command=command, workers=workers)
    write_studies_page(out)
    _print(printer, result, out)
    return result.verdict


def _print(printer: Printer, result: "StudyResult", out: Path) -> None:
    from elinvar.report._study_records import written

    heads, rows, kinds = written(result.summary)
    align = "".join("r" if kind == "number" else "l" for kind in kinds)
    left_out = printer.table(heads, rows, align=align, optional=len(heads) - 1, fold=True)
    if left_out:
        columns = "1 more column is" if left_out == 1 else f"{left_out} more columns are"
        printer.text(f"{columns} in {out / result.stem}-summary.csv", style="dim")
    printer.text()
    for claim in result.verdict.claims:
        word, style = ("holds", "green") if claim.holds else ("fails", "red")
        printer.text(claim.sentence, bullet=f"{word}: ", style=style)
    printer.text()
    printer.text(f"Picture: {out / result.stem}.png")
    printer.text(f"Rows:    {out / result.stem}.parquet")
    printer.text(f"Took:    {_duration(result.seconds)}")
    printer.text()
    printer.flush()


@contextmanager
def _bar(name: str) -> Iterator[Any]:
    """Show on a terminal how many cells are done and how long the others will take."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, left="")

        def progress(done: int, total: int, seconds_left: float | None) -> None:
            unknown = seconds_left is None or done == total
            left = "" if unknown else f"{_duration(seconds_left or 0.0)} left"
            bar.update(task, completed=done, total=total, left=left)

        yield progress


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print(
            f"interrupted: the runs that have finished are kept in {out}; the same command goes "
            "on from there",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None


def _command(names: list[str], *, out: Path, quick: bool) -> str:
    words = ["elinvar", "reproduce", *names, *["--quick"] * quick, "--out", str(out)]
    return shlex.join(words)


def _cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())


def _duration(seconds: float) -> str:
    """Return a time as a reader wants it: no finer than it is known."""
    if seconds < 1.5:
        return "1 s" if seconds >= 0.5 else "less than 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
