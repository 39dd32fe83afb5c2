import errno
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from elinvar._base import atomic_save, atomic_write, check_page, check_writable
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


@pytest.mark.parametrize("name", ["a.html", "a.HTM", "a"])
def test_a_page_ends_as_pages_do_or_not_at_all(name, tmp_path):
    assert check_page(str(tmp_path / name)) == tmp_path / name


@pytest.mark.parametrize("name", ["a.pdf", "a.html.csv"])
def test_a_page_is_not_named_as_another_kind_of_file(name, tmp_path):
    with pytest.raises(FileError, match=r"end its name in \.html"):
        check_page(tmp_path / name)


def test_a_page_is_a_file_that_can_be_written(tmp_path):
    with pytest.raises(FileError, match="Create it first"):
        check_page(tmp_path / "missing" / "a.html")


posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


@posix
def test_a_link_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    for target in ("there/old.txt", "there/new.txt"):
        (tmp_path / "there" / "old.txt").write_text("old")
        link = tmp_path / f"to {Path(target).stem}"
        link.symlink_to(target)
        with atomic_write(link) as file:
            file.write("content")
        assert link.is_symlink()
        assert (tmp_path / target).read_text() == "content"
    assert sorted(os.listdir(tmp_path / "there")) == ["new.txt", "old.txt"]


@posix
def test_a_link_in_a_circle_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(FileError, match=r"a: it is a link that leads in a circle"):
        check_writable(tmp_path / "a")
    with pytest.raises(FileError, match="Cannot write"):
        check_writable(tmp_path / "a" / "file")


@posix
def test_mode_and_owner_of_a_file_are_kept(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 1234, 4321)
    before = path.stat()
    with atomic_write(path) as file:
        file.write("new")
    after = path.stat()
    assert path.read_text() == "new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode, before.st_uid, before.st_gid
    )  # fmt: skip


@posix
def test_a_file_of_another_user_is_filled_and_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("an older and longer text")
    number = path.stat().st_ino
    monkeypatch.setattr(os, "chown", Mock(side_effect=PermissionError(errno.EPERM, "not yours")))
    with atomic_write(path) as file:
        file.write("new")
    assert (path.read_text(), path.stat().st_ino) == ("new", number)
    assert os.listdir(tmp_path) == ["a.txt"]


@posix
def test_a_read_only_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda place, _: Path(place) != path)
    with pytest.raises(FileError, match="no permission to change it"):
        check_writable(path)


@posix
def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        atomic_save(pipe, lambda file: np.savez(file, a=np.arange(3)))
        content = read.result(timeout=10)
    assert np.load(BytesIO(content))["a"].tolist() == [0, 1, 2]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@posix
def test_a_device_is_written_to_and_says_when_it_is_full():
    with atomic_write("/dev/null") as file:
        file.write("gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    if os.path.exists("/dev/full"):
        with pytest.raises(FileError, match=r"Cannot write /dev/full: No space left"):
            atomic_save("/dev/full", lambda file: file.write(b"0" * 100_000))


@posix
@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_what_the_process_has_open_is_written_to_where_it_stands(tmp_path, name):
    if not os.path.isdir(os.path.dirname(name)):
        pytest.skip("this system has no such names")
    path = tmp_path / "a.txt"
    with path.open("w") as file:
        file.write("first ")
        file.flush()
        with atomic_write(name.format(file.fileno())) as same:
            same.write("second")
        closed = name.format(file.fileno())
    assert path.read_text() == "first second"
    with pytest.raises(FileError, match="nothing open there"):
        check_writable(closed)


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
from elinvar._base import atomic_save
from elinvar.errors import FileError
def save(file):
    if sys.argv[2] == "wrapped":
        try:
            file.write(b"0" * 100_000)
            file.flush()
        except OSError as error:
            raise RuntimeError("a library's own words") from error
    file.write(b"0" * 100_000)
try:
    atomic_save(sys.argv[1], save)
except FileError as error:
    print(error)
"""


@posix
@pytest.mark.parametrize("way", ["plain", "wrapped"])
def test_a_full_disk_names_the_file_and_leaves_what_was_there(tmp_path, way):
    path = tmp_path / "a.bin"
    path.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, path, way], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"Cannot write {path}: File too large.\n"
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_names_that_are_no_unicode_can_be_written(tmp_path):
    with atomic_write(tmp_path / "a.json") as file:
        file.write('["\udcff"]')
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == ["\udcff"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_an_impossible_name_is_refused_in_a_sentence(tmp_path, name):
    with pytest.raises(FileError, match="Cannot write"):
        check_writable(tmp_path / name)


def test_the_longest_possible_name_is_written(tmp_path):
    name = "x" * 255
    with atomic_write(tmp_path / name):
        pass
    assert os.listdir(tmp_path) == [name]
