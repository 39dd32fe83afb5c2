"""Optional packages, imported when they are needed."""

from importlib import import_module
from typing import Any

from elinvar.errors import MissingExtraError


def import_extra(module: str, extra: str) -> Any:
    """Import an optional ``module``, or say which command installs it.

    Raises
    ------
    MissingExtraError
        If the module is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"This needs the optional package {module!r}, which is not installed. "
            f"Install it with: pip install 'elinvar[{extra}]'"
        ) from error
