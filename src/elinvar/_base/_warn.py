"""Warnings that point at the user's own line, however deep the reason for them lies."""

import sys
import warnings

from elinvar.errors import ElinvarWarning


def warn(message: str) -> None:
    """Warn whoever called elinvar.

    Parameters
    ----------
    message : str
        What was found, and what to do.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].split(".")[0] == "elinvar":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, ElinvarWarning, stacklevel=level)
