"""One table of figures against targets."""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure, and the target it should meet; without a target it is there to compare with."""

    what: str
    figure: str
    target: str = ""
    passed: bool | None = None
    reference: str = ""


Suite = Callable[[argparse.Namespace], Iterable[Row]]


def at_most(what: str, value: float, limit: float, *, digits: int = 3, reference: str = "") -> Row:
    """Return the row of a figure that should not exceed ``limit``."""
    return Row(
        what=what,
        figure=f"{value:.{digits}f}",
        target=f"<= {limit:g}",
        passed=value <= limit,
        reference=reference,
    )


def at_least(what: str, value: float, limit: float, *, digits: int = 3, reference: str = "") -> Row:
    """Return the row of a figure that should not fall below ``limit``."""
    return Row(
        what=what,
        figure=f"{value:.{digits}f}",
        target=f">= {limit:g}",
        passed=value >= limit,
        reference=reference,
    )


def parser(description: str, suites: dict[str, Suite]) -> argparse.ArgumentParser:
    """Return the options that all benchmarks share."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--only", nargs="+", choices=sorted(suites), help="run these suites only")
    options.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    return options


def run(title: str, suites: dict[str, Suite], options: argparse.Namespace) -> None:
    """Run the chosen suites and print their rows as one table."""
    console, progress = Console(), Console(stderr=True)
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("what", "target", "figure", "", "reference"):
        table.add_column(column, justify="right" if column in ("target", "figure") else "left")
    rows: list[Row] = []
    for name in options.only or suites:
        start = time.perf_counter()
        found = list(suites[name](options))
        progress.print(f"{name}: {time.perf_counter() - start:.1f} s", style="dim")
        for row in found:
            table.add_row(row.what, row.target, row.figure, _verdict(row), row.reference)
        table.add_section()
        rows += found
    if not console.is_terminal:
        console = Console(width=150)
    console.print(table)
    console.print(_summary(rows))


def _verdict(row: Row) -> str:
    return "" if row.passed is None else "[green]pass[/]" if row.passed else "[red]FAIL[/]"


def _summary(rows: Sequence[Row]) -> str:
    judged = [row for row in rows if row.passed is not None]
    return f"{sum(bool(row.passed) for row in judged)} of {len(judged)} targets met."
