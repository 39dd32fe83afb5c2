import os
import stat
import sys
from pathlib import Path

import pytest

from elinvar._base import atomic_save, atomic_write, check_writable
from elinvar.errors import FileError


class Interruption(BaseException):
    """Stands for Ctrl-C."""


def test_what_is_written_arrives_and_nothing_else_is_left(tmp_path):
    with atomic_write(tmp_path / "a.txt") as file:
        file.write("βeta\n")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "βeta\n"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("before", [None, "the old content"])
def test_an_interrupted_write_leaves_what_was_there(tmp_path, before):
    path = tmp_path / "a.txt"
    if before is not None:
        path.write_text(before)
    with pytest.raises(Interruption), atomic_write(path) as file:
        file.write("half of the new con")
        raise Interruption
    assert [p.read_text() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_the_target_is_untouched_until_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_write(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_bytes_are_saved_by_a_function(tmp_path):
    atomic_save(tmp_path / "a.bin", lambda file: file.write(b"\x00\xff\r\n"))
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\xff\r\n"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "atomic"):
        pass
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")]
    assert modes[0] == modes[1]


def test_parent_folders_are_never_created(tmp_path):
    with pytest.raises(FileError, match="there is no folder"):
        check_writable(tmp_path / "missing" / "a.txt")
    with pytest.raises(FileError, match="there is no folder"), atomic_write(tmp_path / "no" / "a"):
        pytest.fail("the block must not run")
    assert os.listdir(tmp_path) == []


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileError, match="is a folder"):
        check_writable(tmp_path)


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(FileError, match="no permission"):
        check_writable(tmp_path / "a.txt")


def test_a_good_place_is_returned_as_a_path(tmp_path):
    assert check_writable(str(tmp_path / "a.txt")) == Path(tmp_path / "a.txt")
