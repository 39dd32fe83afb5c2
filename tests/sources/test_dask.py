"""A real Dask cluster, of which a worker dies while it works."""

import os
import signal
import threading
import time

import dask.dataframe as dd
import pytest
from distributed import Client, LocalCluster

from elinvar.environments import Moments

pytestmark = pytest.mark.filterwarnings("ignore")
ROLES = {"target": "y", "environment": "site"}


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_a_worker_that_dies_changes_nothing(client, rows, assert_same, tmp_path):
    folder = str(tmp_path)

    # within the test, so that workers get it by value
    def slowly(part):
        with open(os.path.join(folder, f"{time.time_ns()}-{os.getpid()}"), "w"):
            time.sleep(0.2)
        return part

    table = dd.from_pandas(rows, npartitions=16).map_partitions(slowly, meta=rows.head(0))
    pids = list(client.run(os.getpid).values())
    killed = []

    def kill_once_at_work():
        while not any(name.name.endswith(f"-{pids[0]}") for name in tmp_path.iterdir()):
            time.sleep(0.01)
        os.kill(pids[0], signal.SIGKILL)
        killed.append(pids[0])

    killer = threading.Thread(target=kill_once_at_work, daemon=True)
    killer.start()
    found = Moments.from_frame(table, **ROLES, missing="drop")
    killer.join(timeout=60)
    assert killed == pids[:1]
    assert_same(found)
    # what the dead worker had done was done again
    assert len(list(tmp_path.iterdir())) > 16
