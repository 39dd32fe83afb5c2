"""What is finished stays finished: killed, interrupted, extended, and run twice."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sweep_cells
from pandas.testing import assert_frame_equal

from elinvar.errors import ElinvarError, FileError
from elinvar.sweeps import Sweep, run_sweep

SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@contextmanager
def started(folder, workers=2, backend="threads", seconds=0.01):
    """Run the slow sweep in a process of its own, and clear up what that leaves behind."""
    command = [sys.executable, sweep_cells.__file__, str(folder)]
    command += [str(workers), backend, str(seconds)]
    with open(errors_of(folder), "w") as errors:
        process = subprocess.Popen(command, stderr=errors, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def errors_of(folder):
    return Path(folder) / "errors.txt"


def computed(folder):
    """Return the names of the cells that were computed, in that order."""
    path = Path(folder) / "log.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def stop_after(process, folder, n_cells, how):
    """Send a signal as soon as so many more cells were computed."""
    before = len(computed(folder))
    deadline = time.monotonic() + 30
    while len(computed(folder)) < before + n_cells and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    # Ctrl-C goes to all processes, kill -9 to one
    (os.killpg if how == signal.SIGINT else os.kill)(process.pid, how)
    process.wait(timeout=30)


def journal(folder):
    return Path(folder) / ".table.parquet.partial.sqlite"


def table_of(folder):
    return Path(folder) / "table.parquet"


def finished(folder):
    """Return the names of the cells in the journal, looking as another program would."""
    with closing(sqlite3.connect(journal(folder))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        keys = connection.execute("SELECT cell FROM cells").fetchall()
    cells = [json.loads(key) for (key,) in keys]
    return {f"{float(c['problem'])} {c['algorithm']} {c['repetition']}" for c in cells}


class Stop(Exception):
    """Ends a run from its progress."""


def stop_at(n_cells, error=Stop):
    def progress(done, total, seconds_left):
        if done >= n_cells:
            raise error

    return progress


@SIGNALS
@pytest.mark.parametrize(
    ("workers", "backend", "moments"),
    [(1, "threads", (3, 20, 30)), (2, "threads", (25, 40)), (2, "processes", (40,))],
)
def test_kill_9_at_any_moment(workers, backend, moments, tmp_path):
    reference = tmp_path / "reference.parquet"
    run_sweep(sweep_cells.slow_draws(tmp_path), reference)
    kept = set()
    for n_cells in moments:
        done = len(computed(tmp_path))
        with started(tmp_path, workers, backend) as process:
            stop_after(process, tmp_path, n_cells, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert not table_of(tmp_path).exists()
        # nothing that was kept is lost, and nothing that was kept is computed again
        assert kept <= finished(tmp_path)
        assert kept.isdisjoint(computed(tmp_path)[done:])
        kept = finished(tmp_path)
    assert 20 < len(kept) < 120
    done = len(computed(tmp_path))
    run_sweep(sweep_cells.slow_draws(tmp_path), table_of(tmp_path), workers=2)
    assert kept.isdisjoint(computed(tmp_path)[done:])
    assert table_of(tmp_path).read_bytes() == reference.read_bytes()
    assert not journal(tmp_path).exists()


@SIGNALS
@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_ctrl_c(backend, tmp_path):
    with started(tmp_path, 2, backend) as process:
        stop_after(process, tmp_path, 20, signal.SIGINT)
    assert process.returncode not in (0, -signal.SIGKILL)
    assert "KeyboardInterrupt" in errors_of(tmp_path).read_text()
    kept, done = finished(tmp_path), len(computed(tmp_path))
    assert len(kept) > 5
    table = run_sweep(sweep_cells.slow_draws(tmp_path), table_of(tmp_path))
    assert kept.isdisjoint(computed(tmp_path)[done:])
    assert_frame_equal(table, run_sweep(sweep_cells.draws(4, 15)), check_exact=True)


@SIGNALS
def test_a_second_run_at_the_same_time_is_refused(tmp_path):
    sweep, out = sweep_cells.slow_draws(tmp_path, 0.05), table_of(tmp_path)
    with started(tmp_path, seconds=0.05) as process:
        while not computed(tmp_path):
            time.sleep(0.002)
        with pytest.raises(FileError, match=r"Another run is at work on .*table\.parquet; wait"):
            run_sweep(sweep, out)
        process.wait(timeout=30)
    assert process.returncode == 0, errors_of(tmp_path).read_text()
    assert max(Counter(computed(tmp_path)).values()) == 1
    run_sweep(sweep, out)
    assert len(computed(tmp_path)) == 120


@SIGNALS
def test_a_run_that_waited_for_another_takes_its_table(tmp_path, monkeypatch):
    monkeypatch.setattr("elinvar.sweeps._journal._LOCK_SECONDS", 60.0)
    with started(tmp_path) as process:
        while not computed(tmp_path):
            time.sleep(0.002)
        table = run_sweep(sweep_cells.slow_draws(tmp_path), table_of(tmp_path))
        process.wait(timeout=30)
    assert process.returncode == 0, errors_of(tmp_path).read_text()
    assert len(table) == 240
    assert len(computed(tmp_path)) == 120


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_the_callers_own_code_loses_nothing(workers, error, tmp_path):
    sweep, out = sweep_cells.draws(log=str(tmp_path / "log.txt")), tmp_path / "table.parquet"
    with pytest.raises(error):
        run_sweep(sweep, out, workers=workers, progress=stop_at(7, error))
    assert len(kept := finished(tmp_path)) >= 7
    done = len(computed(tmp_path))
    run_sweep(sweep, out)
    assert kept.isdisjoint(computed(tmp_path)[done:])


def test_a_finished_table_is_returned_as_it_is(tmp_path):
    sweep, out = sweep_cells.draws(log=str(tmp_path / "log.txt")), tmp_path / "table.parquet"
    table, calls = run_sweep(sweep, out), []
    when = out.stat().st_mtime_ns
    # killed after the table was written and before the journal was removed
    journal(tmp_path).write_bytes(b"")
    again = run_sweep(sweep, out, workers=2, progress=lambda *told: calls.append(told))
    assert_frame_equal(table, again, check_exact=True)
    assert (len(computed(tmp_path)), out.stat().st_mtime_ns) == (24, when)
    assert calls == [(24, 24, 0.0)]
    assert not journal(tmp_path).exists()


@pytest.mark.parametrize(("workers", "backend"), [(1, "threads"), (2, "threads"), (2, "processes")])
def test_a_cell_that_raises_is_named_and_the_others_stay(workers, backend, tmp_path, monkeypatch):
    sweep = Sweep(
        name="fails", function=sweep_cells.fail, axes={"a": range(5), "repetition": range(8)}
    )
    out = tmp_path / "table.parquet"
    with pytest.raises(ElinvarError) as raised:
        run_sweep(sweep, out, workers=workers, backend=backend)
    words = str(raised.value)
    assert (
        "The sweep 'fails' stopped at a=2, repetition=1: ZeroDivisionError: nothing left;" in words
    )
    assert "\n" not in words
    if backend == "threads":
        assert isinstance(raised.value.__cause__, ZeroDivisionError)
    else:
        assert "in fail" in raised.value.__notes__[0]
    with closing(sqlite3.connect(journal(tmp_path))) as connection:
        kept = connection.execute("SELECT count(*) FROM cells").fetchone()[0]
    assert f"{kept} of 40 cells are finished" in words
    monkeypatch.setattr(sweep_cells, "BROKEN", None)
    calls = []
    table = run_sweep(sweep, out, progress=lambda done, *_: calls.append(done))
    assert (calls[0], calls[-1], len(table)) == (kept, 40, 40)


def test_axes_may_grow_and_must_not_shrink_before_the_end(tmp_path):
    log, out = str(tmp_path / "log.txt"), tmp_path / "table.parquet"
    with pytest.raises(Stop):
        run_sweep(sweep_cells.draws(3, log=log), out, progress=stop_at(10))
    kept = finished(tmp_path)
    with pytest.raises(FileError, match=r"keeps \d+ finished cells that are not in this grid"):
        run_sweep(sweep_cells.draws(1, log=log), out)
    assert finished(tmp_path) == kept
    done = len(computed(tmp_path))
    table = run_sweep(sweep_cells.draws(5, log=log), out)
    assert len(computed(tmp_path)) - done == 40 - len(kept)
    assert_frame_equal(table, run_sweep(sweep_cells.draws(5)), check_exact=True)


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize(
    ("other", "part"),
    [({"name": "other"}, "name"), ({"seed": 1}, "seed"), ({"seconds": 0.001}, "fixed")],
)
def test_another_sweep_in_the_same_place(other, part, complete, tmp_path):
    out = tmp_path / "table.parquet"
    if complete:
        run_sweep(sweep_cells.draws(), out)
    else:
        with pytest.raises(Stop):
            run_sweep(sweep_cells.draws(), out, progress=stop_at(1))
    before = sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir())
    with pytest.raises(FileError, match=rf"'?draws'?.* differs .*in .*{part}") as raised:
        run_sweep(sweep_cells.draws(**other), out)
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)
    assert before == sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir())


def test_a_finished_table_of_other_axes(tmp_path):
    out = tmp_path / "table.parquet"
    run_sweep(sweep_cells.draws(), out)
    with pytest.raises(FileError, match="differs in axes; needed that of the sweep 'draws'"):
        run_sweep(sweep_cells.draws(4), out)


def test_tables_that_are_none(tmp_path):
    out = tmp_path / "table.parquet"
    run_sweep(sweep_cells.draws(), out)
    table = pq.read_table(out)
    about = json.loads(table.schema.metadata[b"elinvar"])
    assert about["format"] == "elinvar-sweep/1" and about["name"] == "draws"

    def refused(words):
        with pytest.raises(FileError, match=words) as raised:
            run_sweep(sweep_cells.draws(), out)
        assert str(out) in str(raised.value) and "\n" not in str(raised.value)

    newer = {b"elinvar": json.dumps({**about, "format": "elinvar-sweep/2"}).encode()}
    pq.write_table(table.replace_schema_metadata(newer), out)
    refused(r"another version of elinvar \(format elinvar-sweep/2, not elinvar-sweep/1\)")
    pq.write_table(table.replace_schema_metadata(None), out)
    refused("is no table of a sweep")
    out.write_bytes(out.read_bytes()[:-100])
    refused("is damaged or no Parquet table")
    out.write_bytes(b"")
    refused("is damaged or no Parquet table")


def test_a_journal_that_is_none_or_of_another_version(tmp_path):
    out = tmp_path / "table.parquet"
    journal(tmp_path).write_text("not a database, but some text that somebody left here" * 20)
    with pytest.raises(FileError, match=r"is damaged .*delete it"):
        run_sweep(sweep_cells.draws(), out)
    journal(tmp_path).unlink()
    with pytest.raises(Stop):
        run_sweep(sweep_cells.draws(), out, progress=stop_at(1))
    with closing(sqlite3.connect(journal(tmp_path))) as connection, connection:
        connection.execute("UPDATE about SET value = '\"other/2\"' WHERE part = 'format'")
    with pytest.raises(FileError, match=r"differs in format"):
        run_sweep(sweep_cells.draws(), out)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE cells SET columns = '{}' WHERE rowid = 1",
        "UPDATE cells SET columns = '{}', kinds = '{}' WHERE rowid = 1",
        "UPDATE cells SET columns = replace(columns, '0.', '1.') WHERE rowid = 1",
        "UPDATE cells SET columns = x'00' WHERE rowid = 1",
        "UPDATE cells SET cell = 3 WHERE rowid = 1",
        "DELETE FROM about",
        "UPDATE about SET value = x'ff' WHERE part = 'name'",
        "DROP TABLE cells",
    ],
)
def test_a_journal_that_was_changed_is_refused(change, tmp_path):
    with pytest.raises(Stop):
        run_sweep(sweep_cells.draws(), tmp_path / "table.parquet", progress=stop_at(2))
    with closing(sqlite3.connect(journal(tmp_path))) as connection, connection:
        connection.execute(change)
    if change.startswith("DROP"):
        # cells that are lost are run again
        run_sweep(sweep_cells.draws(), tmp_path / "table.parquet")
        return
    with pytest.raises(FileError, match=r"delete (it|that file)|differs in"):
        run_sweep(sweep_cells.draws(), tmp_path / "table.parquet")
    assert not (tmp_path / "table.parquet").exists()


def test_folders_named_like_columns(tmp_path):
    folder = tmp_path / "M=6"
    folder.mkdir()
    table = run_sweep(sweep_cells.draws(), folder / "table.parquet")
    assert_frame_equal(table, run_sweep(sweep_cells.draws(), folder / "table.parquet"))
