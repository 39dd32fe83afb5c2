"""Numbers at the door of the room."""

from math import isfinite
from numbers import Integral, Real
from typing import Any

from elinvar._base import DataError


def check_count(name: str, value: Any, meaning: str = "") -> None:
    """Refuse what is not an integer of at least 1.

    Raises
    ------
    DataError
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        explained = f" ({meaning})" if meaning else ""
        raise DataError(f"{name} must be an integer of at least 1{explained}; got {value!r}.")


def check_number(name: str, value: Any, *, least: float | None = None, above: bool = False) -> None:
    """Refuse what is not a finite number, or lies below ``least`` (or at it, if ``above``).

    Raises
    ------
    DataError
        If it is not.
    """
    fits = not isinstance(value, bool) and isinstance(value, Real) and isfinite(value)
    if fits and least is not None:
        fits = value > least if above else value >= least
    if not fits:
        bound = "" if least is None else f" {'above' if above else 'of at least'} {least:g}"
        raise DataError(f"{name} must be a finite number{bound}; got {value!r}.")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the choices.

    Raises
    ------
    DataError
        If it is not.
    """
    if value not in choices:
        raise DataError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}.")
