"""Shards that can only be read through: batches of one environment, whatever the workers."""

import pickle
from itertools import chain

import pytest
from torch.utils.data import DataLoader

from elinvar.errors import DataError
from elinvar.neural import EnvironmentStream, audit

forks = pytest.mark.filterwarnings("ignore:.*fork", "ignore:This DataLoader will create")


class Shard:
    """Rows such as a0, a1, ..., counting how often it is opened."""

    def __init__(self, name, size):
        self.name, self.size, self.opened = name, size, 0

    def __call__(self):
        self.opened += 1
        return (f"{self.name}{number}" for number in range(self.size))


def stream(**settings):
    shards = {name: Shard(name, size) for name, size in {"b": 50, "a": 7, "c": 24}.items()}
    settings = {"batch_size": 8, "n_batches": 23, "collate_fn": list} | settings
    return EnvironmentStream(shards, **settings)


def read(stream, **settings):
    return list(DataLoader(stream, batch_size=None, **settings))


def test_batches_are_the_rows_of_a_shard_in_order():
    source = stream(seed=3)
    batches, turns = read(source), source.schedule()
    assert len(batches) == len(source) == 23
    for code, name in enumerate("abc"):
        rows = [*chain(*(b for b, turn in zip(batches, turns, strict=True) if turn == code))]
        size = source._shards[code].size
        assert rows == [f"{name}{number % size}" for number in range(len(rows))]
        assert source._shards[code].opened == -(-len(rows) // size)


@forks
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(workers):
    source = stream(seed=1)
    loader = DataLoader(source, batch_size=None, num_workers=workers, persistent_workers=True)
    alone = stream(seed=1)
    for epoch in (0, 1):
        source.set_epoch(epoch)
        alone.set_epoch(epoch)
        assert list(loader) == read(alone)


def test_processes_share_out_every_batch():
    whole = read(stream())
    shares = [read(stream(num_replicas=4, rank=rank)) for rank in range(4)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(chain(*parts)) == sorted(batch)
        assert {len(part) for part in parts} == {2}


@forks
@pytest.mark.parametrize("settings", [{}, {"num_workers": 2, "persistent_workers": True}])
def test_no_row_comes_twice_before_its_shard_is_read(settings):
    source, twin = stream(n_batches=5), stream(n_batches=5)
    loader = DataLoader(source, batch_size=None, **settings)
    rows = []
    for epoch in range(9):
        if epoch == 3:
            loaded = list(zip(range(2), loader, strict=False))  # broken off
            twin.set_epoch(3)
            assert [batch for _, batch in loaded] == read(twin)[:2]
            continue
        found = list(loader)
        twin.set_epoch(epoch)
        assert found == read(twin)
        rows += chain(*found)
    opened_anew = stream(n_batches=5)
    opened_anew.set_epoch(8)
    assert read(opened_anew) == found
    assert len({row for row in rows if row[0] == "b"}) > 40


def test_what_has_come_is_not_read_again():
    source = stream(n_batches=5, order="cyclic")
    for _ in range(6):
        read(source)
    # 10 batches of 8 rows from each shard of 7, 50 and 24
    assert [shard.opened for shard in source._shards] == [-(-80 // size) for size in (7, 50, 24)]


def test_copies_open_shards_themselves():
    source = stream(n_batches=5)
    read(source)
    again = pickle.loads(pickle.dumps(source))
    assert read(again) == read(source)


@forks
@pytest.mark.parametrize("settings", [{}, {"persistent_workers": True}])
def test_plain_epochs_differ_whoever_reads(settings):
    source, twin = stream(seed=1), stream(seed=1)
    loader = DataLoader(source, batch_size=None, num_workers=3, **settings)
    turns = []
    for epoch in range(4):
        twin.set_epoch(epoch)
        turns.append(twin.schedule().tolist())
        assert list(loader) == read(twin)
        assert source.epoch == epoch
    assert len({str(order) for order in turns}) == 4
    assert next(iter(loader)) and source.epoch == 4  # broken off, and yet it counts
    twin.set_epoch(5)
    assert list(loader) == read(twin)


@forks
@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_goes_on_from_what_the_loop_had(workers):
    source = stream(seed=5)
    source.set_epoch(2)
    whole = read(source)
    source.set_epoch(2)
    loader = DataLoader(source, batch_size=None, num_workers=workers)
    for step, _ in enumerate(source.follow(loader), 1):
        if step == 9:
            state = source.state_dict()
            break
    again = stream(seed=5)
    again.load_state_dict(state)
    again.set_epoch(2)
    loader = DataLoader(again, batch_size=None, num_workers=workers)
    assert list(again.follow(loader)) == whole[9:]
    source.set_epoch(3)
    assert list(again.follow(loader)) == read(source)
    again.set_epoch(0)
    assert list(loader) == read(stream(seed=5))


def test_the_place_in_a_stream_is_not_guessed():
    with pytest.raises(DataError, match="loop over follow"):
        stream().state_dict()
    with pytest.raises(DataError, match="belongs to another data set"):
        EnvironmentStream({"x": [1]}, 1, 1).load_state_dict(stream().state_dict(consumed=0))
    with pytest.raises(DataError, match="reads another data set"):
        next(stream().follow(DataLoader(stream(), batch_size=None)))


def test_the_audit_reads_no_shard():
    source = stream()
    found = audit(DataLoader(source, batch_size=None))
    assert found.verdict == "hetero" and len(found.per_step) == 23
    assert all(shard.opened == 0 for shard in source._shards)
    assert audit(DataLoader(source, batch_size=None), accumulate=23).verdict == "pooled"
    blocks = stream(order="blocks", block=4, n_batches=24)
    assert audit(DataLoader(blocks, batch_size=None), accumulate=4).verdict == "hetero"


def test_a_loader_must_not_batch_the_batches():
    with pytest.raises(DataError, match="would put 4 batches of the stream into one"):
        audit(DataLoader(stream(), batch_size=4))
    with pytest.raises(DataError, match="would put 1 batches"):
        source = stream()
        next(source.follow(DataLoader(source)))


@pytest.mark.parametrize(
    ("shards", "settings", "message"),
    [
        ({}, {}, "at least one environment and its rows"),
        ([[1, 2]], {}, "at least one environment and its rows"),
        ({1: [1, 2]}, {}, "named by strings; got 1"),
        ({"a": iter([1, 2])}, {}, "'a' can be read at most once"),
        ({"a": 3}, {}, "'a' can be read at most once"),
        ({"a": [1]}, {"weights": "size"}, "sizes of shards are not known"),
        ({"a": [1]}, {"weights": [1, 2]}, "weights must hold one number"),
        ({"a": [1]}, {"n_batches": 0}, "n_batches must be an integer of at least 1"),
        ({"a": [1]}, {"batch_size": 3, "num_replicas": 2, "rank": 0}, "take 2 or 4"),
    ],
)
def test_bad_shards_are_refused_in_a_sentence(shards, settings, message):
    with pytest.raises(DataError, match=message):
        EnvironmentStream(shards, **({"batch_size": 1, "n_batches": 2} | settings))


def test_an_empty_shard_is_refused_when_it_is_opened():
    with pytest.raises(DataError, match="shard of environment 'a' has no rows"):
        read(EnvironmentStream({"a": []}, 2, 1))
