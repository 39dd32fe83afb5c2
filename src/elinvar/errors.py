"""The errors a user can meet: each says what came, what was needed, and what to do.

Every one of them is an `ElinvarError` and, where Python has a name for it, also that one: a
`DataError` is a ``ValueError``, a `DataTypeError` a ``TypeError``, a `FileError` an ``OSError``, a
`MissingExtraError` an ``ImportError``.
"""

import re

__all__ = [
    "DataError",
    "DataTypeError",
    "ElinvarError",
    "ElinvarWarning",
    "FileError",
    "MissingExtraError",
    "ModelFileError",
]


# what moves a cursor, clears a screen or turns letters round: controls of C0 and C1, separators of
# lines, marks and overrides of direction; and halves of a letter, which no terminal can encode
_UNSHOWN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Return text that is safe to show, whatever names and levels in it are made of.

    Parameters
    ----------
    text : str
        Lines of it stay lines.

    Returns
    -------
    str
        With an escape that JSON can read, too, in place of each letter that controls a terminal.

    Examples
    --------
    >>> from elinvar.errors import printable
    >>> print(printable("price \x1b[2J"))
    price \u001b[2J
    """
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class ElinvarError(Exception):
    """Base of every error that elinvar raises on purpose."""

    def __str__(self) -> str:
        return printable(super().__str__())


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

    def __str__(self) -> str:
        return printable(super().__str__())
