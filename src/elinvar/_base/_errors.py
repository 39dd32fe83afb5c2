"""The errors a user can meet: each says what came, what was needed, and what to do."""

from importlib import import_module
from typing import Any


class ElinvarError(Exception):
    """Base of every error that elinvar raises on purpose."""


class DataError(ElinvarError, ValueError):
    """The data cannot be used as they are."""


class DataTypeError(DataError, TypeError):
    """The data are of a kind that cannot be used, whatever their values."""


class FileError(ElinvarError, OSError):
    """A file cannot be read or written."""


class ModelFileError(ElinvarError, ValueError):
    """A model file is damaged, of another kind, or newer than this version."""


class MissingExtraError(ElinvarError, ImportError):
    """An optional package is not installed."""


class ElinvarWarning(UserWarning):
    """Something the user should know, though the work went on."""


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
