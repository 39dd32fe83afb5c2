"""Results on standard output, progress and refusals on standard error."""

import errno
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import typer

from elinvar._base._voice import command_line
from elinvar._base._watch import watching
from elinvar.cli._long_run import duration
from elinvar.cli._streams import lose, say, show, status
from elinvar.errors import ElinvarError, ElinvarWarning, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PLAIN_WIDTH = 100
_LONG = 5.0
_WIDE = 10_000


@contextmanager
def guarded() -> Iterator[None]:
    """Turn errors into one line on standard error and an exit status."""
    try:
        with warnings.catch_warnings(), command_line():
            # libraries warn programmers, elinvar whoever runs the command
            warnings.simplefilter("ignore")
            # "default": once, though every batch of a file may have reason for it
            warnings.simplefilter("default", ElinvarWarning)
            warnings.showwarning = _show_warning
            yield
    except ElinvarError as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        say("interrupted: nothing more was written")
        # 128 + SIGINT, as a shell says it
        raise typer.Exit(130) from None
    except MemoryError:
        _refuse("The memory of this machine is not enough.")
    except OSError as error:
        if error.errno == errno.EPIPE:
            lose(error)
        else:
            where = f"{error.filename}: " if error.filename else ""
            _refuse(f"{where}{error.strerror or error}.")
    if lost := status():
        raise typer.Exit(lost)


def _refuse(reason: str) -> None:
    line = " ".join(reason.split()).replace("?.", "?")
    say(f"error: {line}")
    raise typer.Exit(1) from None


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"note: {' '.join(str(message).split())}")


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show on a terminal what is going on, and a bar of its parts, until it is done.

    Elsewhere a line is printed before work that will take longer than five seconds by its first
    part.
    """
    if not sys.stderr.isatty():
        with watching(_Announcer(text)):
            yield
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
    )
    with Progress(*columns, console=_error_console(), transient=True) as shown:
        task, clock = shown.add_task(text, total=None), _Clock()

        def show(what: str, done: int, total: int) -> None:
            left = clock.left(done, total)
            words = f"{text} {what} {done} of {total}" + f", {duration(left)} left" * (left > 0)
            shown.update(task, description=printable(words), completed=done, total=total)

        with watching(show):
            yield


def _error_console() -> "Console":
    from rich.console import Console

    return Console(stderr=True)


class _Clock:
    """How long the parts that are left will take, by those that are done."""

    def __init__(self) -> None:
        self._started = monotonic()

    def left(self, done: int, total: int) -> float:
        """Return seconds; 0 before the first part is done."""
        if not done:
            self._started = monotonic()
            return 0.0
        return (monotonic() - self._started) / done * (total - done)


class _Announcer:
    """Prints one line where parts of work will take long."""

    def __init__(self, text: str) -> None:
        self._text, self._clock, self._said = text, _Clock(), False

    def __call__(self, what: str, done: int, total: int) -> None:
        left = self._clock.left(done, total)
        if left > _LONG and not self._said:
            self._said = True
            line = f"{self._text} {what}: {done} of {total} done, about {duration(left)} left"
            say(line)


class Printer:
    """Collect paragraphs and tables, and print them at once.

    Without a terminal there are no colours, text is filled to 100 columns, and tables are as wide
    as their longest names.
    """

    def __init__(self) -> None:
        from rich.console import Console

        # a pipe has no width: no line may break that a program is to read
        plain: dict[str, Any] = {"width": _WIDE, "force_terminal": False, "no_color": True}
        self._plain = not sys.stdout.isatty()
        given = plain if self._plain else {}
        self._console = Console(markup=False, emoji=False, highlight=False, **given)
        self._parts: list[str] = []

    def text(self, text: str = "", *, style: str | None = None, bullet: str = "") -> None:
        """Add a paragraph, indented under its ``bullet`` if it has one."""
        from textwrap import fill

        width = min(self._console.width, PLAIN_WIDTH)
        filled = fill(
            printable(text),
            width,
            initial_indent=printable(bullet),
            subsequent_indent=" " * len(bullet),
            break_long_words=False,
            break_on_hyphens=False,
        )
        self._add(filled, style=style, soft_wrap=True)

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        align: str,
        optional: int = 0,
        fold: bool = False,
        styles: Sequence[str | None] | None = None,
        plain_width: int = _WIDE,
    ) -> int:
        """Add a table; ``align`` has a letter a column, l or r.

        Where a terminal is too narrow, the texts of the second column break between words, then
        the headings do if they ``fold``, then the last ``optional`` columns are left out, one by
        one, then names are folded. Without a terminal nothing breaks, but ``optional`` columns are
        left out beyond ``plain_width`` characters. Returns how many columns were left out.
        """
        # measured at the terminal's own width, nothing would ever be too wide
        unbounded = self._console.options.update(width=_WIDE)
        for left_out in range(optional + 1):
            shown = len(header) - left_out
            cells = [[_in_line(cell) for cell in row[:shown]] for row in rows]
            folded = [_folded(name, [row[k] for row in rows]) for k, name in enumerate(header)]
            ways = ((header, False), (header, True), (folded, True))
            for heads, broken in ways[: 1 if self._plain else 2 + fold]:
                table = _build(heads[:shown], cells, align, styles, broken)
                width = plain_width if self._plain else self._console.width
                spare = width - self._console.measure(table, options=unbounded).maximum
                if spare >= 0:
                    if broken and (narrow := table.columns[1]).max_width is not None:
                        narrow.max_width += spare
                    self._add(table)
                    return left_out
        self._add(table)
        return left_out

    def flush(self) -> None:
        """Write everything to standard output."""
        show("".join(self._parts))
        self._parts.clear()

    def _add(self, thing: Any, **options: Any) -> None:
        with self._console.capture() as capture:
            self._console.print(thing, **options)
        lines = capture.get().splitlines()
        self._parts.append("\n".join(line.rstrip() for line in lines) + "\n")


def _in_line(cell: str) -> str:
    """Return a cell that cannot break its row: ends of lines are shown."""
    return printable(cell).replace("\n", "\\n").replace("\t", "\\t")


def _folded(name: str, cells: Sequence[str]) -> str:
    """Break a heading into lines no wider than its longest word, or the longest cell."""
    from textwrap import wrap

    return "\n".join(wrap(name, max(map(len, [*cells, *name.split(), "."]))))


def _build(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    align: str,
    styles: Sequence[str | None] | None,
    broken: bool,
) -> "Table":
    """Lay out a table; if ``broken``, the second column is as wide as its longest word."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for k, name in enumerate(header):
        words = [word for row in rows for word in row[k].split()] if broken and k == 1 else []
        table.add_column(
            name,
            justify="right" if align[k] == "r" else "left",
            no_wrap=k > 0 and not words,
            overflow="fold",
            max_width=max(map(len, [*words, *name.split()])) if words else None,
        )
    for k, row in enumerate(rows):
        table.add_row(*row, style=styles[k] if styles else None)
    return table
