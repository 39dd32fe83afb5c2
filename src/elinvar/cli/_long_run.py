"""What commands that run for minutes share: a bar, the time left, and how to go on later."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from elinvar.cli._streams import say
from elinvar.errors import printable

Show = Callable[[str, int, int, float | None], None]


@contextmanager
def bar(n_parts: int = 1) -> Iterator[Show | None]:
    """Show on a terminal how many runs of a part are done and how long the others will take."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, left="")
        seen: list[str] = []

        def show(part: str, done: int, total: int, seconds_left: float | None) -> None:
            if part not in seen:
                seen.append(part)
            unknown = seconds_left is None or done == total
            left = "" if unknown else f"{duration(seconds_left or 0.0)} left"
            name = part if n_parts == 1 else f"{part} ({len(seen)} of {n_parts})"
            progress.update(
                task, description=printable(name), completed=done, total=total, left=left
            )

        yield show


@contextmanager
def resumable(out: Path, *, option: str = "") -> Iterator[None]:
    """Say, when interrupted, how to go on; ``option`` is what the same command needs for that."""
    try:
        yield
    except KeyboardInterrupt:
        say(
            f"interrupted: the runs that have finished are kept in {out}; the same command "
            f"{option}goes on from there"
        )
        raise typer.Exit(130) from None


def cores() -> int:
    """Return how many runs go at the same time if nobody says."""
    from joblib import cpu_count

    return int(cpu_count())


def duration(seconds: float) -> str:
    """Return a time as a reader wants it: no finer than it is known."""
    if seconds < 1.5:
        return "1 s" if seconds >= 0.5 else "less than 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
