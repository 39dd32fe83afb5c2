"""Workers: what runs at once, what waits for what, and what is told meanwhile."""

import threading
import time

import numpy as np
import pytest
import sweep_cells
from threadpoolctl import threadpool_info, threadpool_limits

from elinvar.errors import ElinvarError
from elinvar.sweeps import Sweep, run_sweep


def test_two_workers_run_two_cells_at_once():
    both = threading.Barrier(2, timeout=30)

    def meet(*, rng, repetition):
        both.wait()  # raises where nobody else comes
        return {"value": 0}

    sweep = Sweep(name="meet", function=meet, axes={"repetition": range(2)})
    assert len(run_sweep(sweep, workers=2)) == 2


def test_what_is_finished_does_not_wait_for_what_is_slow():
    slow = []

    def cell(*, rng, seconds, repetition):
        time.sleep(seconds)
        slow.append(seconds > 0)
        return {"value": 0}

    told = []
    axes = {"seconds": (0.0, 0.03), "repetition": range(50)}
    sweep = Sweep(name="slow", function=cell, axes=axes)
    run_sweep(sweep, progress=lambda done, *_: told.append((done, sum(slow))))
    done, n_slow = np.transpose(told)
    assert (done[-1], n_slow[-1]) == (100, 50)
    assert np.diff(n_slow).max() == 1


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

    axes = {"repetition": range(40)}
    waits = Sweep(name="waits", function=sweep_cells.wait, axes=axes, fixed={"seconds": 0.01})
    run_sweep(waits, workers=2, progress=progress)
    done, totals, left = zip(*calls, strict=True)
    assert (done[0], left[0], done[-1], left[-1]) == (0, None, 40, 0.0)
    assert set(totals) == {40} and sorted(done) == list(done)
    assert all(seconds > 0 for seconds in left[1:-1])


def test_cells_run_in_mixed_order_so_that_the_first_cost_what_the_last_do():
    # in the order of the grid, the first third would promise a third of the truth
    costs = []

    def cell(*, rng, cost, repetition):
        costs.append(cost)
        return {"value": 0}

    axes = {"cost": np.linspace(0.0, 1.0, 20), "repetition": range(5)}
    run_sweep(Sweep(name="costs", function=cell, axes=axes))
    assert np.mean(costs[:33]) == pytest.approx(0.5, abs=0.1)


def test_what_an_earlier_run_has_done_is_no_speed_of_this_one(tmp_path):
    told, out = [], tmp_path / "table.parquet"

    def stop(done, total, seconds_left):
        if done >= 20:
            raise KeyboardInterrupt

    sweep = sweep_cells.draws(repetitions=20)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep, out, progress=stop)
    run_sweep(sweep, out, progress=lambda *call: told.append(call))
    assert told[0][0] >= 20 and told[0][2] is None


def test_a_worker_that_dies_stops_the_sweep_in_one_sentence(tmp_path):
    sweep = Sweep(name="dies", function=sweep_cells.die, axes={"repetition": range(8)})
    with pytest.raises(ElinvarError, match="The workers failed") as raised:
        run_sweep(sweep, tmp_path / "table.parquet", workers=2, backend="processes")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "table.parquet").exists()
