"""How far a run is: a bar in the terminal, or whatever the caller wants to be told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from elinvar.neural._processes import rank


class Progress(Protocol):
    """Anything that wants to know how far a run is."""

    def __call__(self, done: int, steps: int, /) -> None:
        """Hear that so many of the steps are done."""


@contextmanager
def progress_bar(
    progress: Progress | bool | None, begin: int, steps: int, loss: Callable[[], float]
) -> Iterator[Progress | None]:
    """Yield what is to be told at every record, and close it however the run ends.

    Parameters
    ----------
    progress : callable or bool, optional
        True: a bar on standard error, if that is a terminal and this the first of all processes.
    begin : int
        Steps taken before.
    steps : int
        Steps in all.
    loss : callable
        Returns the loss last recorded.
    """
    if not isinstance(progress, bool):
        yield progress
        return
    if not progress or rank() > 0:
        yield None
        return
    from rich import progress as rich
    from rich.console import Console

    console = Console(stderr=True)
    columns = [
        rich.TextColumn("Training"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("loss {task.fields[loss]}"),
        rich.TimeElapsedColumn(),
        rich.TextColumn("left"),
        rich.TimeRemainingColumn(),
    ]
    # the estimate is from the pace of all steps of this call, not of the last half minute
    with rich.Progress(
        *columns, console=console, disable=not console.is_terminal, speed_estimate_period=1e9
    ) as bar:
        task = bar.add_task("", total=steps, completed=begin, loss="-")

        def tell(done: int, steps: int, /) -> None:
            bar.update(task, completed=done, total=steps, loss=f"{loss():.4g}")

        yield tell
