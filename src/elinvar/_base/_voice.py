"""How a message names what to say: as an argument in Python, as an option on the command line."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_COMMAND_LINE = ContextVar("command line", default=False)


@contextmanager
def command_line() -> Iterator[None]:
    """Name options in messages, and not arguments, for as long as a command runs."""
    token = _COMMAND_LINE.set(True)
    try:
        yield
    finally:
        _COMMAND_LINE.reset(token)


def on_command_line() -> bool:
    """Whether a command runs."""
    return _COMMAND_LINE.get()


def option(name: str, *values: str) -> str:
    """Return what to write for an argument of one or several values: ``--drop a,b``, ``drop='a'``.

    Parameters
    ----------
    name : str
        As in Python.
    *values : str
        None: the name alone.
    """
    if on_command_line():
        given = ",".join(f'"{value}"' if "," in value.strip(",") else value for value in values)
        # a sign that stands alone would be taken for a part of the sentence
        quoted = shlex.quote(given) if any(map(str.isalnum, given)) else f'"{given}"'
        return f"{flag(name)}{' ' + quoted if values else ''}"
    shown = repr(values[0]) if len(values) == 1 else repr(list(values)) if values else ""
    return f"{name}={shown}"


def flag(name: str) -> str:
    """Return what to write for an argument that is true: ``--no-na``, ``no_na=True``."""
    return f"--{name.replace('_', '-')}" if on_command_line() else f"{name}=True"
