import pickle

import pytest

from elinvar import _base
from elinvar._base import import_extra
from elinvar.errors import (
    DataError,
    DataTypeError,
    ElinvarError,
    ElinvarWarning,
    FileError,
    MissingExtraError,
    ModelFileError,
    printable,
)


@pytest.mark.parametrize(
    ("error", "standard"),
    [
        (DataError, ValueError),
        (DataTypeError, TypeError),
        (DataTypeError, ValueError),
        (FileError, OSError),
        (ModelFileError, ValueError),
        (MissingExtraError, ImportError),
    ],
)
def test_errors_can_be_caught_as_ours_and_as_the_standard_kind(error, standard):
    assert issubclass(error, ElinvarError)
    assert issubclass(error, standard)


def test_errors_keep_their_sentence_through_other_processes():
    error = pickle.loads(pickle.dumps(DataTypeError("The target is text.")))
    assert str(error) == "The target is text."


def test_an_installed_extra_is_imported():
    assert import_extra("json", "none").dumps([1]) == "[1]"


def test_a_missing_extra_names_its_install_command():
    with pytest.raises(MissingExtraError, match=r"pip install 'elinvar\[sachs\]'"):
        import_extra("elinvar_has_no_such_package", "sachs")


def test_public_names_of_the_ground_floor_exist():
    assert all(hasattr(_base, name) for name in _base.__all__)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("price \x1b[2J", r"price \u001b[2J"),
        ("\x00\x7f\x9b", r"\u0000\u007f\u009b"),
        ("abc\u202edef\u2066", r"abc\u202edef\u2066"),
        ("half \ud800", r"half \ud800"),
        ("back\rover", r"back\u000dover"),
        ("two\nlines, Größe, 東京, 👩‍🔬", "two\nlines, Größe, 東京, 👩‍🔬"),
    ],
)
def test_what_controls_a_terminal_is_shown_as_an_escape(text, shown):
    assert printable(text) == shown
    assert str(DataError(text)) == str(FileError(text)) == str(ElinvarWarning(text)) == shown
