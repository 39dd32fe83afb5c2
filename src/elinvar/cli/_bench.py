"""Every method on every problem: tables, pictures, and what elinvar is held to."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from elinvar._base import atomic_write
from elinvar.cli._console import Printer
from elinvar.cli._long_run import bar, cores, duration, resumable
from elinvar.cli._source import make_folder

if TYPE_CHECKING:
    from elinvar.bench import BenchResult, TextTable

_LEFT_OUT = (
    "runs", "median", "worst environment", "tuned on test (not to be had)", "rank", "F1 < .5",
    "|b - b*|² mean", "|b - b*|² median", "with choice s", "MiB",
)  # fmt: skip


def run(
    suites: list[str],
    *,
    methods: list[str] | None,
    seeds: int | None,
    workers: int | None,
    quick: bool,
    tables: list[Path],
    out: Path,
    resume: bool,
) -> None:
    """Run the suites of these names, or all; print tables, write the rest to out."""
    from elinvar.bench import (
        choose_methods,
        choose_suites,
        leaderboard,
        run_bench,
        table_pictures,
        write_bench_page,
    )
    from elinvar.report import write_picture

    chosen = choose_suites(suites)
    choose_methods(methods or [])
    make_folder(out)
    # real tables have three: methods, and verdicts on tables and on simulations
    parts = sum(3 if suite.real else 1 for suite in chosen)
    command = _command(suites, methods, seeds, quick, tables, out)
    with resumable(out, option="with --resume "), bar(parts) as show:
        result = run_bench(
            suites,
            methods=methods or [],
            seeds=seeds,
            workers=workers or cores(),
            quick=quick,
            tables=tables,
            out=out,
            resume=resume,
            progress=show,
        )
    with atomic_write(out / "leaderboard.md") as file:
        file.write(leaderboard(result, command=command))
    page = write_bench_page(result, out, command=command)
    for task, axes in table_pictures(result):
        make_folder(out / "images")
        write_picture(axes, out / "images" / f"tables-{task}.png")
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
    from elinvar.bench import result_tables

    printer = Printer()
    tables = {table.name: table for table in result_tables(result)}
    last = [tables.pop(name) for name in ("ranks", "targets") if name in tables]
    for table in [*tables.values(), *last]:
        if table.name not in ("verdicts", "methods"):
            _print_table(printer, table)
    printer.text(f"Took {duration(result.seconds)}. All is in {out}.")
    printer.text(f"Open in a browser: {page}")
    printer.flush()


def _print_table(printer: Printer, table: "TextTable") -> None:
    kept = [k for k, head in enumerate(table.heads) if head not in _LEFT_OUT]
    printer.text(table.title, style="bold underline")
    printer.text(table.about)
    printer.text()
    heads = [table.heads[k] for k in kept]
    rows = [[row[k] for k in kept] for row in table.rows]
    align = "".join(table.kinds[k] for k in kept)
    printer.table(heads, rows, align=align, optional=1 if heads[-1] == "note" else 0)
    printer.text()


def _command(
    suites: list[str],
    methods: list[str] | None,
    seeds: int | None,
    quick: bool,
    tables: list[Path],
    out: Path,
) -> str:
    words = ["elinvar", "bench", *suites]
    words += ["--methods", ",".join(methods)] if methods else []
    words += ["--seeds", str(seeds)] if seeds is not None else []
    words += [word for path in tables for word in ("--tables", str(path))]
    return shlex.join([*words, *["--quick"] * quick, "--out", str(out)])
