import subprocess
import sys

import pytest

HOLD = """
import threading, time
from elinvar._base._lent import lent

class File:
    pass

def read(file):
    time.sleep(0.3)
    print("given back", flush=True)

threading.Thread(target=read, args=(lent(File()),), daemon=True).start()
"""


@pytest.mark.parametrize("end", ["", "raise ValueError"])
def test_python_ends_when_threads_have_given_back_what_was_lent(end):
    done = subprocess.run([sys.executable, "-c", HOLD + end], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("given back\n", int(bool(end))), done.stderr


def test_what_nobody_gives_back_is_not_waited_for_long():
    script = "from elinvar._base._lent import lent\nkept = lent(lambda: None)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


def test_an_error_that_ends_the_run_holds_nothing():
    script = """
import atexit, weakref
held = []
atexit.register(lambda: print(held[0]() is not None))  # after what is registered later
from elinvar._base._lent import lent

class File:
    pass

def read():
    file = lent(File())
    held.append(weakref.ref(file))
    raise ValueError

read()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("False\n", 1), done.stderr
