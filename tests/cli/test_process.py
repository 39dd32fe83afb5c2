"""The command as a process of its own: streams, exit statuses, signals, pipes."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantRegressor, load_model, save_model
from elinvar.datasets import load_penguins

COMMAND = (sys.executable, "-m", "elinvar")
ROLES = ("--target", "yield", "--environment", "place")


def run(*arguments, **options):
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture
def large(frame, tmp_path):
    """Return a model and a table whose predictions do not fit into a pipe."""
    X = frame[["cause", "effect"]]
    model = InvariantRegressor().fit(X, frame["yield"], environments=frame.place)
    save_model(model, tmp_path / "model.json")
    pd.concat([frame] * 100).to_csv(tmp_path / "large.csv", index=False)
    return tmp_path / "model.json", tmp_path / "large.csv"


def test_results_and_refusals_have_their_own_streams(csv):
    done = run("fit", csv, *ROLES, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["status"] == "accepted"
    refused = run("fit", csv, "--target", "nothing", "--environment", "place")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("error: ")
    assert "Traceback" not in refused.stderr
    assert run("fit", csv).returncode == 2


def test_the_console_script_says_its_version():
    script = os.path.join(os.path.dirname(sys.executable), "elinvar")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("elinvar ")


def test_help_imports_little():
    code = (
        "import sys; from elinvar.cli._app import app\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'sklearn', 'numba', 'matplotlib', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("command", ["fit", "diagnose"])
def test_without_a_report_nothing_is_drawn(command, csv):
    code = (
        "import sys; from elinvar.cli._app import app\n"
        f"app({[command, str(csv), *ROLES]!r}, standalone_mode=False)\n"
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_closed_pipe_is_no_accident(large):
    process = subprocess.Popen(
        [*COMMAND, "predict", *large], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"prediction\n"
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_an_interrupt_ends_with_130_and_a_word(large):
    process = subprocess.Popen(
        [*COMMAND, "predict", *large], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"prediction\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().startswith("interrupted")
    assert b"Traceback" not in err


@pytest.mark.parametrize("option", ["--report", "--model", "--out"])
def test_an_interrupt_while_writing_leaves_no_file(option, csv, large, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    arguments = ["predict", *large] if option == "--out" else ["fit", csv, *ROLES]
    command = [*map(str, arguments), option, str(folder / "out")]
    code = (
        "import os, signal, elinvar._base._files as files\n"
        "files.os.fsync = lambda _: (os.kill(os.getpid(), signal.SIGINT), 1 / 0)\n"
        f"import sys; sys.argv = {['elinvar', *command]!r}\n"
        "from elinvar.cli import main; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []


def test_a_terminal_without_the_letters_is_no_accident(frame, tmp_path):
    frame.rename(columns={"cause": "Größe"}).to_csv(tmp_path / "rows.csv", index=False)
    done = run("fit", tmp_path / "rows.csv", *ROLES, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert r"Gr\xf6\xdfe" in done.stdout


def test_a_full_disk_is_a_sentence(large):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "predict", *large], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def unforeseen(arguments, folder, raised="numpy.linalg.LinAlgError('Singular\\nmatrix')"):
    """Run a command whose work raises what nobody foresaw; ``folder`` takes temporary files."""
    code = (
        "import numpy, sys, tempfile, elinvar.cli._fit as work\n"
        f"tempfile.tempdir = {str(folder)!r}\n"
        f"def run(request): raise {raised}\n"
        "work.run = run\n"
        f"sys.argv = {['elinvar', *map(str, arguments)]!r}\n"
        "from elinvar.cli import main; main()\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_an_unforeseen_error_is_one_sentence_and_a_file(csv, tmp_path):
    done = unforeseen(["fit", csv, *ROLES], tmp_path)
    assert (done.returncode, done.stdout) == (70, "")
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1
    assert "(LinAlgError: Singular matrix)" in done.stderr
    assert "fault of elinvar" in done.stderr and "report" in done.stderr
    (details,) = tmp_path.glob("elinvar-fault-*.txt")
    assert str(details) in done.stderr
    written = details.read_text()
    assert f"command: elinvar fit {csv} --target yield" in written
    assert "numpy " in written and "Traceback" in written and "in run" in written


def test_an_unforeseen_error_is_a_sentence_even_where_nothing_can_be_written(csv, tmp_path):
    code = "type('Odd', (Exception,), {})()"
    broken = unforeseen(["fit", csv, *ROLES], tmp_path / "missing", raised=code)
    assert broken.returncode == 70
    assert "(Odd)" in broken.stderr and "could not be written: Cannot write" in broken.stderr
    assert "Traceback" not in broken.stderr


def on_a_terminal(columns, *arguments, command=COMMAND):
    """Return what the command prints on a terminal of so many columns, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 50, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    process = subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=environment | {"TERM": "xterm-256color"},
    )
    os.close(theirs)
    printed = b""
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            printed += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", printed.decode()).replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 140])
def test_tables_fit_the_terminal(columns, tmp_path):
    load_penguins().frame.to_csv(tmp_path / "rows.csv", index=False)
    roles = ("--target", "body_mass_g", "--environment", "species", "--drop", "island,year")
    roles += ("--intercept", "environment")
    fitted = on_a_terminal(columns, "fit", tmp_path / "rows.csv", *roles)
    diagnosed = on_a_terminal(columns, "diagnose", tmp_path / "rows.csv", *roles)
    for printed in (fitted, diagnosed):
        assert max(map(len, printed.splitlines())) <= columns
        assert re.search(r"^flipper_length_mm  ", printed, re.MULTILINE)
    # columns that matter less make room, and verdicts break between words
    assert ("Chinstrap  male over female\n" in fitted) == (columns > 100)
    assert ("Of levels: sex, male over female." in fitted) == (columns < 100)
    assert "change seen from\n" in diagnosed


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_headings_break_and_columns_make_room(columns):
    code = """
from elinvar.cli._console import Printer
heads = ["setting", "group of runs", *["measured error low"] * 9, ""]
rows = [["k = d", "start of both factors", *["0.0123"] * 9, "x"]] * 2
printer = Printer()
left_out = printer.table(heads, rows, align="ll" + "r" * 9 + "l", optional=11, fold=True)
printer.flush()
print("left out", left_out)
"""
    printed = on_a_terminal(columns, "-c", code, command=[sys.executable])
    *table, last = printed.splitlines()
    assert max(map(len, table)) <= columns
    left_out = int(last.split()[-1])
    assert (left_out > 0) == (columns < 120)
    assert printed.count("k = d") == 2
    # every number that is shown is whole
    assert printed.count("0.0123") == 2 * (9 - max(left_out - 1, 0))


TRICK = "\x1b[31mred\u202e\x9b2J\x7f"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def tricky(frame, tmp_path):
    """Return a table whose names and levels would colour, clear and turn round what is shown."""
    frame = frame.assign(kind=np.where(np.arange(len(frame)) % 3, f"level{TRICK}", "plain"))
    frame["place"] += TRICK
    frame.columns = [f"{name}{TRICK}" for name in frame.columns]
    frame.to_csv(tmp_path / "tricky.csv", index=False)
    return tmp_path / "tricky.csv", "--target", f"yield{TRICK}", "--environment", f"place{TRICK}"


@pytest.mark.parametrize("command", ["fit", "fit --json", "diagnose"])
def test_names_and_levels_cannot_control_a_terminal(command, tricky, tmp_path):
    name, *options = command.split()
    assert not CONTROLS.search(on_a_terminal(120, name, *tricky, *options))


def test_names_and_levels_cannot_control_what_reads_errors_pages_and_pictures(tricky, tmp_path):
    outputs = ("--report", tmp_path / "page.html", "--figures", tmp_path / "figures")
    done = run("fit", *tricky, *outputs)
    assert done.returncode == 0, done.stderr
    pictures = [*(tmp_path / "figures").glob("*.svg")]
    for path in [tmp_path / "page.html", *pictures]:
        assert not CONTROLS.search(path.read_text("utf-8"))
        assert "u001b[31mred" in path.read_text("utf-8") or path in pictures
    for wrong in (["fit", tricky[0], "--target", TRICK, *tricky[3:]], ["fit", f"--{TRICK}"]):
        refused = run(*wrong)
        assert refused.returncode in (1, 2)
        assert "[31mred" in refused.stderr and not CONTROLS.search(refused.stderr)


def test_json_gives_back_the_names_that_it_does_not_show_raw(tricky):
    done = run("fit", *tricky, "--json")
    assert not CONTROLS.search(done.stdout)
    assert json.loads(done.stdout)["target"] == f"yield{TRICK}"


@pytest.mark.parametrize(("closed", "code", "said"), [
    (">&-", 1, "error: Standard output: it is closed.\n"),
    ("2>&-", 0, ""),
    (">&- 2>&-", 1, ""),
    ("| true; exit ${PIPESTATUS[0]}", 0, ""),
])  # fmt: skip
def test_closed_streams_cost_no_file(closed, code, said, csv, tmp_path):
    command = [*COMMAND, "fit", csv, *ROLES, "--model", tmp_path / "m.json"]
    line = f"{shlex.join(map(str, command))} {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    # whether the reader of a pipe had gone before the last line is chance
    assert done.returncode in (code, 141 if "|" in closed else code)
    assert done.stderr == said
    assert load_model(tmp_path / "m.json").status_ == "accepted"


def test_a_refusal_to_a_closed_stream_is_a_status(csv):
    line = f"{shlex.join([*COMMAND, 'fit', str(csv), '--target', 'x', '--environment', 'y'])} 2>&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
