"""Every method on every problem: tables, pictures, and what elinvar is held to."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from elinvar._base import atomic_write
from elinvar.cli._console import Printer
from elinvar.cli._reproduce import _cores, _duration
from elinvar.cli._source import make_folder

if TYPE_CHECKING:
    from elinvar.bench import BenchResult
    from elinvar.bench._tables import TextTable

_SHOWN = ("method", "mean", "worst run", "against elinvar", "failures", "F1", "fit s", "note")


def run(
    suites: list[str],
    *,
    methods: list[str] | None,
    seeds: int | None,
    workers: int | None,
    quick: bool,
    out: Path,
    resume: bool,
) -> None:
    """Run the suites of these names, or all; print tables, write the rest to out."""
    from elinvar.bench import choose_methods, choose_suites, leaderboard, run_bench
    from elinvar.report import write_bench_page

    chosen = choose_suites(suites)
    choose_methods(methods or [])
    make_folder(out)
    command = _command(suites, methods, seeds, quick, out)
    with _resumable(out), _bar(len(chosen)) as progress:
        result = run_bench(
            suites,
            methods=methods or [],
            seeds=seeds,
            workers=workers or _cores(),
            quick=quick,
            out=out,
            resume=resume,
            progress=progress,
        )
    with atomic_write(out / "leaderboard.md") as file:
        file.write(leaderboard(result, command=command))
    page = write_bench_page(result, out, command=command)
    _print(result, out, page)


def list_suites(suites: list[str], methods: list[str] | None) -> None:
    """Print what each suite asks, and who the methods are."""
    from elinvar.baselines import BASELINES
    from elinvar.bench import choose_methods, choose_suites

    chosen, names = choose_suites(suites), choose_methods(methods or [])
    printer = Printer()
    for suite in chosen:
        printer.text(suite.name, style="bold")
        printer.text(suite.about, bullet="  ")
        sizes = f"{len(suite.problems)} problems, up to {suite.seeds} seeds each"
        shorter = f"{len(suite.shown(quick=True))} and {suite.quick_seeds} with --quick"
        printer.text(f"{sizes}; {shorter}.", bullet="  ", style="dim")
        printer.text()
    rows = [[name, BASELINES[name].title, BASELINES[name].package] for name in names]
    printer.table(("method", "what", "package"), rows, align="lll")
    printer.flush()


def _print(result: "BenchResult", out: Path, page: Path) -> None:
    from elinvar.bench._tables import rank_table, suite_tables, target_table

    printer = Printer()
    for table in (*suite_tables(result), rank_table(result), target_table(result)):
        if table is not None and table.rows:
            _print_table(printer, table)
    printer.text(f"Took {_duration(result.seconds)}. All is in {out}.")
    printer.text(f"Open in a browser: {page}")
    printer.flush()


def _print_table(printer: Printer, table: "TextTable") -> None:
    kept = [k for k, head in enumerate(table.heads) if head in _SHOWN]
    if table.name in ("ranks", "targets"):
        kept = list(range(len(table.heads)))
    printer.text(table.title, style="bold underline")
    printer.text(table.about)
    printer.text()
    heads = [table.heads[k] for k in kept]
    rows = [[row[k] for k in kept] for row in table.rows]
    align = "".join(table.kinds[k] for k in kept)
    printer.table(heads, rows, align=align, optional=1 if heads[-1] == "note" else 0)
    printer.text()


@contextmanager
def _bar(n_suites: int) -> Iterator[Any]:
    """Show on a terminal which suite runs, its cells done, and how long the others will take."""
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
        task = bar.add_task("", total=None, left="")
        seen: list[str] = []

        def progress(suite: str, done: int, total: int, seconds_left: float | None) -> None:
            if suite not in seen:
                seen.append(suite)
            unknown = seconds_left is None or done == total
            left = "" if unknown else f"{_duration(seconds_left or 0.0)} left in this suite"
            bar.update(
                task,
                description=f"{suite} ({len(seen)} of {n_suites})",
                completed=done,
                total=total,
                left=left,
            )

        yield progress


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print(
            f"interrupted: the runs that have finished are kept in {out}; the same command with "
            "--resume goes on from there",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None


def _command(
    suites: list[str], methods: list[str] | None, seeds: int | None, quick: bool, out: Path
) -> str:
    words = ["elinvar", "bench", *suites]
    words += ["--methods", ",".join(methods)] if methods else []
    words += ["--seeds", str(seeds)] if seeds is not None else []
    return shlex.join([*words, *["--quick"] * quick, "--out", str(out)])
