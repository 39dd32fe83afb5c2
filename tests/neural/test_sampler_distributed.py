"""Several processes: one environment a step, disjoint rows, and the gradient of one process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from elinvar.errors import DataError
from elinvar.neural import (
    EnvironmentBatchSampler,
    PooledBatchSampler,
    WindowBatchSampler,
    audit,
)

SITES = np.array(["a"] * 40 + ["b"] * 30 + ["c"] * 7)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train with real processes, and return what each of them found."""
    folder = tmp_path_factory.mktemp("ranks")
    script = Path(__file__).with_name("train_ddp.py")
    command = [sys.executable, str(script), "--out", str(folder), "--ranks", "2", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = {"alone": torch.load(folder / "alone.pt")}
    for world in (2, 4):
        found[world] = [torch.load(folder / f"{world}-{rank}.pt") for rank in range(world)]
    return found


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("drawn", ["double", "windows"])
def test_the_averaged_gradient_is_that_of_one_process(trained, world, drawn):
    alone = trained["alone"][drawn]["gradient"]
    for rank in trained[world]:
        assert torch.allclose(rank[drawn]["gradient"], alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("world", [2, 4])
def test_parameters_agree_after_a_hundred_steps(trained, world):
    alone = trained["alone"]["single"]["parameters"]
    first = trained[world][0]["single"]["parameters"]
    assert (first - alone).abs().max() < 1e-6
    assert all(torch.equal(rank["single"]["parameters"], first) for rank in trained[world])


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("drawn", ["single", "windows"])
def test_processes_share_the_rows_of_every_batch(trained, world, drawn):
    whole = trained["alone"][drawn]["rows"]
    for batch, *parts in zip(whole, *(r[drawn]["rows"] for r in trained[world]), strict=True):
        assert sorted(row for part in parts for row in part) == sorted(batch)


@pytest.mark.parametrize("world", [2, 4])
def test_the_audit_gathers_what_processes_see(trained, world):
    for rank in trained[world]:
        assert rank["single"]["audit"] == ("hetero", world, ())
        others = rank["others"]
        assert others == trained[world][0]["others"]
        assert others["own seeds"][0] in ("mixed", "pooled")
        assert "different environments at the same step" in others["own seeds"][1][0]
        assert others["one seed"][0] == "hetero"
        assert f"All {world} processes read the same rows" in others["one seed"][1][0]
        assert "different numbers of batches" in others["own lengths"][1][-1]
        assert others["usual"][0] == "pooled"
        assert "Single batches mix environments" in others["usual"][1][0]
        assert "built for 1 process, before torch.distributed" in others["early"]


@pytest.mark.parametrize("world", [2, 4])
def test_processes_that_would_draw_different_batches_are_all_told(trained, world):
    for rank in trained[world]:
        told = rank["disagree"]
        assert "seed is 0 in process 0 and 1 in process 1" in told["seed"]
        assert "epoch is 0 in process 0 and 1 in process 1" in told["epoch"]
        assert "different batches: data is" in told["data"]
        assert len(set(told["orders"])) == 3


def test_plain_epochs_go_on_alike_in_all_processes():
    ranks = [EnvironmentBatchSampler(SITES, 12, num_replicas=2, rank=r) for r in (0, 1)]
    orders = []
    for _ in range(5):
        epoch = list(zip(*ranks, strict=True))
        for ours, theirs in epoch:
            assert len({*SITES[ours], *SITES[theirs]}) == 1
            assert SITES[ours[0]] == "c" or set(ours).isdisjoint(theirs)
        orders.append(str(epoch))
    assert len(set(orders)) == 5


@pytest.mark.parametrize("order", ["random", "cyclic", "blocks"])
@pytest.mark.parametrize("replacement", [False, True])
def test_shares_make_up_the_batch_of_one_process(order, replacement):
    settings = {"order": order, "replacement": replacement, "seed": 5}
    whole = EnvironmentBatchSampler(SITES, 12, **settings)
    ranks = [
        EnvironmentBatchSampler(SITES, 12, num_replicas=4, rank=rank, **settings)
        for rank in range(4)
    ]
    for sampler in (whole, *ranks):
        sampler.set_epoch(2)
    for batch, *parts in zip(whole, *ranks, strict=True):
        assert sorted(row for part in parts for row in part) == sorted(batch)
        assert {len(part) for part in parts} == {3}
        if not replacement and SITES[batch[0]] != "c":
            assert len({row for part in parts for row in part}) == 12


def test_shares_of_a_window_make_up_the_batch_of_one_process():
    hours = np.random.default_rng(0).permutation(100)
    settings = {"width": 24, "seed": 5}
    whole = WindowBatchSampler(hours, 12, **settings)
    ranks = [
        WindowBatchSampler(hours, 12, num_replicas=4, rank=rank, **settings) for rank in range(4)
    ]
    for batch, *parts in zip(whole, *ranks, strict=True):
        assert sorted(row for part in parts for row in part) == sorted(batch)
        assert {len(part) for part in parts} == {3}
        assert len({row for part in parts for row in part}) == 12
        assert np.ptp(hours[batch]) <= 24
    with pytest.raises(DataError, match="8 processes cannot share 12 rows evenly; take 8 or 16"):
        WindowBatchSampler(hours, 12, num_replicas=8, rank=0)
    with pytest.raises(DataError, match="small must be one of 'repeat', 'refuse'"):
        WindowBatchSampler(hours, 12, num_replicas=4, rank=0, small="shrink")


def test_shares_of_a_pooled_batch_make_up_the_batch_of_one_process():
    ranks = [PooledBatchSampler(SITES, 12, num_replicas=4, rank=rank) for rank in range(4)]
    for batch, *parts in zip(PooledBatchSampler(SITES, 12), *ranks, strict=True):
        assert sorted(row for part in parts for row in part) == sorted(batch)
        assert {len(part) for part in parts} == {3}
    found = audit(DataLoader(range(77), batch_sampler=ranks[0]))
    assert (found.verdict, found.n_processes) == ("pooled", 4)


def test_the_audit_asks_samplers_of_windows_for_every_process():
    season = np.repeat(["winter", "summer"], 50)
    loader = DataLoader(range(100), batch_sampler=WindowBatchSampler(
        np.repeat([0.0, 10.0], 50), 20, width=1.0, num_replicas=2, rank=0
    ))  # fmt: skip
    found = audit(loader, season)
    assert (found.verdict, found.n_processes, found.notes) == ("hetero", 2, ())


def test_a_run_goes_on_with_another_number_of_processes():
    two = [EnvironmentBatchSampler(SITES, 12, num_replicas=2, rank=r) for r in (0, 1)]
    whole = list(EnvironmentBatchSampler(SITES, 12))
    state = two[0].state_dict(consumed=3)
    for sampler in two:
        sampler.load_state_dict(state)
    for batch, *parts in zip(whole[3:], *two, strict=True):
        assert sorted(parts[0] + parts[1]) == sorted(batch)
    one = EnvironmentBatchSampler(SITES, 12)
    one.load_state_dict(state)
    assert list(one) == whole[3:]


def test_small_environments_are_shared_out_evenly():
    def ranks(**settings):
        return [
            list(EnvironmentBatchSampler(SITES, 12, num_replicas=4, rank=r, **settings))
            for r in range(4)
        ]

    for parts in zip(*ranks(small="shrink"), strict=True):
        rows = [row for part in parts for row in part]
        assert len(rows) == len(set(rows)) == (4 if SITES[rows[0]] == "c" else 12)
    for parts in zip(*ranks(small="repeat"), strict=True):
        rows = np.bincount([row for part in parts for row in part])
        assert rows.sum() == 12 and rows.max() <= 2
    with pytest.raises(DataError, match="larger than environment 'c'"):
        ranks(small="refuse")
    tiny = np.array(["a"] * 40 + ["b"] * 3)
    with pytest.raises(DataError, match=r"'b' has fewer rows than there are processes \(4\)"):
        EnvironmentBatchSampler(tiny, 8, num_replicas=4, rank=0, small="shrink")
    shrunk = [
        EnvironmentBatchSampler(SITES, 12, num_replicas=n, rank=0, small="shrink") for n in (2, 4)
    ]
    with pytest.raises(DataError, match="saved with num_replicas=2, and here it is 4"):
        shrunk[1].load_state_dict(shrunk[0].state_dict())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_replicas": 8, "rank": 0}, "8 processes cannot share 12 rows evenly; take 8 or 16"),
        ({"num_replicas": 16, "rank": 0}, "16 processes cannot share 12 rows evenly; take 16"),
        ({"num_replicas": 4}, "Give num_replicas and rank together"),
        ({"rank": 1}, "Give num_replicas and rank together"),
        ({"num_replicas": 4, "rank": 4}, "rank must be below num_replicas=4; got 4"),
        ({"num_replicas": 0, "rank": 0}, "num_replicas must be an integer of at least 1"),
        ({"num_replicas": 4, "rank": -1}, "rank must be an integer of at least 0"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1"),
    ],
)
def test_bad_ranks_are_refused_in_a_sentence(settings, message):
    with pytest.raises(DataError, match=message):
        EnvironmentBatchSampler(SITES, **({"batch_size": 12} | settings))


def test_launched_processes_must_have_met(monkeypatch):
    alone = EnvironmentBatchSampler(SITES, 12)
    assert (alone.num_replicas, alone.rank) == (1, 0)
    assert list(alone) == list(EnvironmentBatchSampler(SITES, 12, num_replicas=1, rank=0))
    monkeypatch.setenv("WORLD_SIZE", "8")
    with pytest.raises(DataError, match="one of 8 launched processes"):
        EnvironmentBatchSampler(SITES, 12)
    assert EnvironmentBatchSampler(SITES, 12, num_replicas=1, rank=0).rank == 0
