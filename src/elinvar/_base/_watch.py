"""Who watches long work: a function that is told how many of its parts are done."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias, TypeVar

Progress: TypeAlias = Callable[[str, int, int], None]
T = TypeVar("T")

_watcher: ContextVar[Progress | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(progress: Progress | None) -> Iterator[None]:
    """Tell a function how far long work is while the block runs.

    Parameters
    ----------
    progress : callable or None
        Called as ``progress(what, done, total)`` before the first part and after each, where
        ``what`` names the parts: "left-out environments". None: nobody is told.

    Examples
    --------
    >>> from elinvar import InvariantRegressor, watching
    >>> from elinvar.datasets import make_random_linear
    >>> data = make_random_linear(n_environments=4, n_samples=100, rng=0)
    >>> with watching(lambda what, done, total: print(f"{what}: {done} of {total}")):
    ...     model = InvariantRegressor().fit(data.X, data.y, environments=data.environments)
    left-out environments: 0 of 4
    left-out environments: 1 of 4
    left-out environments: 2 of 4
    left-out environments: 3 of 4
    left-out environments: 4 of 4
    """
    token = _watcher.set(progress)
    try:
        yield
    finally:
        _watcher.reset(token)


def parts(what: str, items: Sequence[T]) -> Iterator[T]:
    """Go through the parts of long work; of parts within parts nobody is told."""
    progress = _watcher.get()
    if progress is None:
        yield from items
        return
    progress(what, 0, len(items))
    for done, item in enumerate(items, start=1):
        token = _watcher.set(None)
        try:
            yield item
        finally:
            _watcher.reset(token)
        progress(what, done, len(items))
