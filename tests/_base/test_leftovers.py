import os
import signal
import subprocess
import sys
import time

import pytest

from elinvar._base import atomic_write, temporary_folder
from elinvar._base._leftovers import temporary_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and locks")

WRITER = """
import sys, time
from elinvar._base import atomic_write
with atomic_write(sys.argv[1]) as file:
    file.write("half of it")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""

FOLDER = """
import time
from elinvar._base._leftovers import temporary_folder
with temporary_folder() as folder:
    (folder / "rows.csv").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


def started(code, *arguments, **options):
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, **options
    )
    return process, process.stdout.readline().strip()


def ended(process, number):
    process.send_signal(number)
    process.stdout.close()
    return process.wait(timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_process_leaves_nothing(tmp_path, number):
    process, _ = started(WRITER, tmp_path / "a.txt")
    assert len(os.listdir(tmp_path)) == 1
    # as if nobody had handled it
    assert ended(process, number) == -number
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path):
    process, _ = started(WRITER, tmp_path / "a.txt")
    assert ended(process, signal.SIGKILL) == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 1
    with atomic_write(tmp_path / "another.txt"):
        pass
    assert os.listdir(tmp_path) == ["another.txt"]


def test_what_a_living_process_writes_stays(tmp_path):
    process, _ = started(WRITER, tmp_path / "a.txt")
    with atomic_write(tmp_path / "another.txt"):
        pass
    assert len(os.listdir(tmp_path)) == 2
    ended(process, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_folder_goes_likewise(tmp_path, monkeypatch, number):
    process, folder = started(FOLDER, env=os.environ | {"TMPDIR": str(tmp_path)})
    assert os.listdir(folder) == ["rows.csv"]
    ended(process, number)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_folder() as own:
        assert os.listdir(tmp_path) == [own.name]
    assert os.listdir(tmp_path) == []


def test_files_that_only_look_alike_stay(tmp_path):
    names = [".elinvar-notes.tmp", "elinvar-0123456789abcdef.tmp", ".a.txt.x1y2z3"]
    for name in names:
        (tmp_path / name).touch()
    # whose holder cannot be asked: a pipe, and a link
    os.mkfifo(tmp_path / ".elinvar-0123456789abcdef.tmp")
    (tmp_path / ".elinvar-1123456789abcdef.tmp").symlink_to(tmp_path / names[0])
    with atomic_write(tmp_path / "a.txt"):
        pass
    assert set(names) < set(os.listdir(tmp_path))


def test_a_handler_of_the_user_is_left_alone(tmp_path):
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        handler = signal.getsignal(signal.SIGTERM)
        with temporary_file(tmp_path):
            assert signal.getsignal(signal.SIGTERM) is handler
            assert signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_a_forked_process_does_not_remove_what_its_parent_writes(tmp_path):
    ready, tell = os.pipe()
    with temporary_file(tmp_path) as (path, _):
        child = os.fork()
        if not child:
            # a signal that comes before would be lost
            os.write(tell, b"1")
            time.sleep(20)
            os._exit(0)
        os.read(ready, 1)
        os.kill(child, signal.SIGTERM)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM
        assert path.exists()
