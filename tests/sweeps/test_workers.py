"""Workers: how much they help, what they cost, and what is told meanwhile."""

import threading
import time

import numpy as np
import pytest
import sweep_cells
from threadpoolctl import threadpool_info, threadpool_limits

from elinvar.errors import ElinvarError
from elinvar.sweeps import Sweep, run_sweep
from elinvar.sweeps._workers import BATCH_SECONDS, Batch, Finished, Pace, run_batch


def timed(sweep, out=None, **crew):
    start = time.perf_counter()
    run_sweep(sweep, out, **crew)
    return time.perf_counter() - start


def waits(repetitions, seconds):
    axes = {"repetition": range(repetitions)}
    return Sweep(name="waits", function=sweep_cells.wait, axes=axes, fixed={"seconds": seconds})


def test_two_workers_take_half_the_time(tmp_path):
    # waiting stands for work without the GIL, and needs no second core
    timed(waits(4, 0.001), workers=2)
    one = timed(waits(50, 0.02), tmp_path / "one.parquet")
    two = min(timed(waits(50, 0.02), tmp_path / f"{k}.parquet", workers=2) for k in range(2))
    assert one / two > 1.7


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cell_costs_little(workers, tmp_path):
    sweep = Sweep(
        name="quick",
        function=lambda *, rng, repetition: {"value": rng.random()},
        axes={"repetition": range(3000)},
    )
    assert timed(sweep, tmp_path / "table.parquet", workers=workers) / len(sweep) < 1e-3


def test_what_is_finished_does_not_wait_for_what_is_slow():
    # cells that seem to take no time, and then some that do
    def cell(*, rng, seconds, repetition):
        time.sleep(seconds)
        return {"value": 0}

    axes = {"seconds": (0.0, 0.03), "repetition": range(50)}
    sweep = Sweep(name="slow", function=cell, axes=axes)
    batch = run_batch(sweep, list(range(40, 100)), False)
    assert 10 <= len(batch.finished) <= 15
    assert [done.place for done in batch.finished] + batch.left == list(range(40, 100))
    assert BATCH_SECONDS < batch.seconds < BATCH_SECONDS + 0.1
    times = []
    run_sweep(sweep, workers=2, progress=lambda *_: times.append(time.perf_counter()))
    assert np.diff(times).max() < 0.3


@pytest.mark.parametrize(("workers", "backend"), [(1, "threads"), (2, "threads"), (2, "processes")])
def test_linear_algebra_stays_on_one_thread(workers, backend):
    sweep = Sweep(name="threads", function=sweep_cells.threads, axes={"repetition": range(6)})
    with threadpool_limits(3):
        before = threadpool_info()
        if max(library["num_threads"] for library in before) == 1:
            pytest.skip("the libraries here cannot be given more than one thread")
        assert sweep_cells.threads(rng=None, repetition=0)["threads"] == 3
        table = run_sweep(sweep, workers=workers, backend=backend)
        assert threadpool_info() == before
    assert table["threads"].tolist() == [1] * 6


def test_progress_is_told_to_the_caller_in_order():
    calls = []

    def progress(done, total, seconds_left):
        assert threading.current_thread() is threading.main_thread()
        calls.append((done, total, seconds_left))

    run_sweep(waits(40, 0.01), workers=2, progress=progress)
    done, totals, left = zip(*calls, strict=True)
    assert (done[0], left[0], done[-1], left[-1]) == (0, None, 40, 0.0)
    assert set(totals) == {40} and sorted(done) == list(done)
    assert all(seconds > 0 for seconds in left[1:-1])


def test_the_time_that_is_left_is_honest_where_costs_differ(tmp_path):
    # costs grow along the grid: in its order, the first third would promise a third of the truth
    costs = np.linspace(0.0, 0.06, 20)
    sweep = Sweep(
        name="costs", function=sweep_cells.wait, axes={"seconds": costs, "repetition": range(5)}
    )
    out, told = tmp_path / "table.parquet", []

    def progress(done, total, seconds_left):
        told.append((time.perf_counter(), done, seconds_left))
        if done >= 20 and len(told) < 1000 and not resumed:
            raise KeyboardInterrupt

    resumed = False
    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep, out, workers=2, progress=progress)
    told, resumed = [], True
    run_sweep(sweep, out, workers=2, progress=progress)
    # what an earlier run has done is no speed of this one
    assert told[0][1] >= 20 and told[0][2] is None
    end = told[-1][0]
    middle = [row for row in told if 0.3 < row[1] / 100 < 0.7 and row[2] is not None]
    ratios = [left / (end - when) for when, _, left in middle]
    assert len(ratios) >= 3
    assert 0.65 < np.median(ratios) < 1.5


def test_an_estimate_needs_a_cell():
    pace = Pace(n_workers=2)
    assert pace.seconds_left(5) is None
    cell = Finished(place=0, columns="{}", kinds={})
    pace.note(Batch(finished=[cell], left=[], seconds=10.0))
    # one cell in ten seconds, on one of two workers: the other has nearly finished its own
    assert pace.seconds_left(4) == pytest.approx(4 * 10 / 2, rel=0.1)


def test_a_worker_that_dies_stops_the_sweep_in_one_sentence(tmp_path):
    sweep = Sweep(name="dies", function=sweep_cells.die, axes={"repetition": range(8)})
    with pytest.raises(ElinvarError, match="The workers failed") as raised:
        run_sweep(sweep, tmp_path / "table.parquet", workers=2, backend="processes")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "table.parquet").exists()
