"""The errors a user can meet: each says what came, what was needed, and what to do.

Every one of them is an `ElinvarError` and, where Python has a name for it, also that one: a
`DataError` is a ``ValueError``, a `DataTypeError` a ``TypeError``, a `FileError` an ``OSError``, a
`MissingExtraError` an ``ImportError``.
"""

__all__ = [
    "DataError",
    "DataTypeError",
    "ElinvarError",
    "ElinvarWarning",
    "FileError",
    "MissingExtraError",
    "ModelFileError",
]


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
