"""A real Dask cluster of two worker processes on this machine."""

import os
import signal
import sys

import pytest
import sweep_cells
from pandas.testing import assert_frame_equal

from elinvar.errors import DataError, ElinvarError, MissingExtraError
from elinvar.sweeps import Sweep, run_sweep

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_worker_killed_in_the_middle_changes_nothing(cluster, tmp_path):
    sweep, killed = sweep_cells.draws(4, 10, seconds=0.02), []

    def progress(done, total, seconds_left):
        if done > total / 4 and not killed:
            killed.append(cluster.workers[0].process.pid)
            os.kill(killed[0], signal.SIGKILL)

    out, local = tmp_path / "cluster.parquet", tmp_path / "local.parquet"
    table = run_sweep(sweep, out, cluster=cluster.scheduler_address, progress=progress)
    assert killed
    assert_frame_equal(table, run_sweep(sweep, local), check_exact=True)
    assert out.read_bytes() == local.read_bytes()


def test_a_cell_that_raises_is_named(cluster):
    axes = {"a": range(3), "repetition": range(3)}
    sweep = Sweep(name="fails", function=sweep_cells.fail, axes=axes)
    with pytest.raises(ElinvarError, match=r"stopped at a=2, repetition=1: ZeroDivisionError"):
        run_sweep(sweep, cluster=cluster.scheduler_address)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_cell_that_kills_its_workers_stops_the_sweep(cluster):
    sweep = Sweep(name="dies", function=sweep_cells.die, axes={"repetition": range(5)})
    with pytest.raises(ElinvarError, match=r"The workers failed \(.*workers died"):
        run_sweep(sweep, cluster=cluster.scheduler_address)


def test_workers_that_cannot_load_the_function(cluster, monkeypatch):
    def lacking(*, rng, repetition):
        return {"value": 1}

    # a module that exists in this process alone
    module = type(sys)("only_here")
    module.lacking = lacking
    lacking.__module__, lacking.__qualname__ = "only_here", "lacking"
    monkeypatch.setitem(sys.modules, "only_here", module)
    sweep = Sweep(name="lacking", function=lacking, axes={"repetition": (0,)})
    with pytest.raises(ElinvarError, match=r"cannot load only_here\.lacking") as raised:
        run_sweep(sweep, cluster=cluster.scheduler_address)
    assert "\n" not in str(raised.value)


def test_nobody_at_the_address(monkeypatch):
    monkeypatch.setattr("elinvar.sweeps._cluster._SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "nonsense"):
        with pytest.raises(DataError, match="There is no cluster at") as raised:
            run_sweep(sweep_cells.draws(), cluster=address)
        assert "\n" not in str(raised.value)


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"elinvar\[dask\]"):
        run_sweep(sweep_cells.draws(), cluster="tcp://127.0.0.1:1")
