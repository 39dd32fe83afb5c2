"""Every batch from one environment, the same for the same seed and epoch."""

import copy
import json
import pickle
from itertools import chain, islice, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch.utils.data import DataLoader, Sampler, TensorDataset

from elinvar.errors import DataError, ElinvarWarning
from elinvar.neural import (
    EnvironmentBatchSampler,
    EnvironmentStream,
    PooledBatchSampler,
    WindowBatchSampler,
    audit,
)

SITES = np.repeat(["a", "b", "c", "d"], [40, 25, 7, 31])
np.random.default_rng(5).shuffle(SITES)
SIZES = np.repeat(["big", "mid", "small"], [5000, 500, 100])

# Python 3.12 warns of any fork, and torch of workers on a machine with one core.
forks = pytest.mark.filterwarnings("ignore:.*fork", "ignore:This DataLoader will create")


def batches(sampler):
    return [list(batch) for batch in sampler]


def at_epoch(sampler, epoch):
    sampler.set_epoch(epoch)
    return batches(sampler)


def fed(loader):
    return [rows.tolist() for (rows,) in loader]


def loader(sampler, **settings):
    return DataLoader(TensorDataset(torch.arange(len(SITES))), batch_sampler=sampler, **settings)


@pytest.mark.parametrize(
    ("order", "small", "drop_last", "replacement"),
    list(
        product(["random", "cyclic", "blocks"], ["repeat", "shrink"], [False, True], [False, True])
    ),
)
def test_every_batch_is_of_one_environment(order, small, drop_last, replacement):
    sampler = EnvironmentBatchSampler(
        SITES, 10, order=order, small=small, drop_last=drop_last, replacement=replacement
    )
    found = batches(sampler)
    assert isinstance(sampler, Sampler)
    assert len(found) == len(sampler) == (10 if drop_last else 11)
    for code, batch in zip(sampler.schedule(), found, strict=True):
        assert {SITES[row] for row in batch} == {sampler.environments[code]}
        shrunk = small == "shrink" and not replacement and sampler.environments[code] == "c"
        assert len(batch) == (7 if shrunk else 10)
        assert all(type(row) is int for row in batch)


def test_seed_and_epoch_settle_the_batches():
    def first(seed, epoch):
        sampler = EnvironmentBatchSampler(SITES, 8, seed=seed)
        found = at_epoch(sampler, epoch)
        assert at_epoch(sampler, epoch) == found
        return str(found)

    # neighbours in seed and epoch share nothing: the two are no sum
    drawn = [first(seed, epoch) for seed, epoch in product(range(3), range(3))]
    assert len(set(drawn)) == 9
    assert first(1, 2) == drawn[5]


@pytest.mark.parametrize(
    "make",
    [
        lambda: EnvironmentBatchSampler(SIZES, 50),
        lambda: PooledBatchSampler(SIZES, 50),
        lambda: WindowBatchSampler(np.arange(5600), 50, weights="size"),
    ],
)
def test_plain_epochs_differ_and_see_all_rows(make):
    reader = DataLoader(TensorDataset(torch.arange(5600)), batch_sampler=make())
    epochs = [fed(reader) for _ in range(20)]
    seen = {row for epoch in epochs for batch in epoch for row in batch}
    # windows are drawn with replacement: about .37^20 of 5,600 rows are left
    assert len(seen) == 5600
    assert len({str(epoch[0]) for epoch in epochs}) == 20
    pinned = make()
    assert [at_epoch(pinned, epoch) for epoch in range(20)] == epochs
    assert batches(make()) == epochs[0]


def test_an_iteration_counts_from_its_first_batch():
    sampler = EnvironmentBatchSampler(SITES, 10)
    assert (len(sampler), iter(sampler) is None, sampler.epoch) == (11, False, 0)
    first, second = (at_epoch(EnvironmentBatchSampler(SITES, 10), epoch) for epoch in (0, 1))
    assert list(islice(sampler, 3)) == first[:3]
    assert batches(sampler) == second  # one that was broken off counts
    sampler.set_epoch(7)
    assert (sampler.epoch, len(list(sampler)), sampler.epoch) == (7, 11, 7)
    audit(sampler)
    assert sampler.epoch == 7
    assert next(iter(sampler)) and sampler.epoch == 8


def test_names_do_not_matter_but_for_their_order():
    renamed = np.array([f"site {'abcd'.index(site)}" for site in SITES])
    assert batches(EnvironmentBatchSampler(SITES, 8)) == batches(
        EnvironmentBatchSampler(renamed, 8)
    )


@given(
    counts=st.lists(st.integers(2, 12), min_size=1, max_size=5),
    batch_size=st.integers(1, 15),
    seed=st.integers(0, 100),
)
def test_rows_of_an_environment_come_equally_often(counts, batch_size, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    sampler = EnvironmentBatchSampler(labels, batch_size, seed=seed, order="cyclic")
    taken = np.zeros(len(labels), dtype=int)
    for code, batch in zip(sampler.schedule(), sampler, strict=True):
        within = np.bincount(batch, minlength=len(labels))
        taken += within
        for so_far in (within, taken):
            assert np.ptp(so_far[labels == code]) <= 1


def test_a_batch_across_two_passes_is_a_fair_draw():
    # 5 rows in batches of 3: the second batch is what was left and one of the first three
    pairs = {}
    for seed in range(3000):
        first, second = EnvironmentBatchSampler([0] * 5, 3, seed=seed)
        assert set(range(5)) - set(first) < set(second)
        key = tuple(sorted(second))
        pairs[key] = pairs.get(key, 0) + 1
    assert len(pairs) == 10
    assert stats.chisquare(list(pairs.values())).pvalue > 1e-4


def test_a_pass_is_shuffled_anew():
    sampler = EnvironmentBatchSampler([0] * 1000 + [1] * 2, 500, order="random", weights=[1, 0])
    first, second, third = batches(sampler)
    assert sorted(first + second) == list(range(1000))
    assert sorted(third) != sorted(first)
    overlap = len(set(third) & set(first))
    assert abs(overlap - 250) < 5 * np.sqrt(1000 / 16)


@pytest.mark.parametrize("sampler", [EnvironmentBatchSampler, PooledBatchSampler])
@pytest.mark.parametrize("order", ["through", "named", "resumed"])
def test_no_row_comes_twice_before_all_have_come(sampler, order):
    labels = np.repeat(["a", "b", "c"], [57, 30, 9])
    through, taken = sampler(labels, 8, seed=2), np.zeros(96, dtype=int)
    for epoch in range(12):
        found = batches(through)
        if order == "named":
            assert at_epoch(sampler(labels, 8, seed=2), epoch) == found
        elif order == "resumed":
            again = sampler(labels, 8, seed=2)
            again.load_state_dict(through.state_dict(consumed=5))
            assert batches(again) == found[5:]
        for batch in found:
            taken += np.bincount(batch, minlength=96)
            for name in "abc":
                assert np.ptp(taken[labels == name]) <= 1


@pytest.mark.parametrize("sampler", [EnvironmentBatchSampler, PooledBatchSampler])
def test_an_epoch_depends_on_its_number_alone(sampler):
    straight = sampler(SITES, 10)
    epochs = [batches(straight) for _ in range(6)]
    odd = sampler(SITES, 10)
    assert list(islice(odd, 4)) == epochs[0][:4]  # broken off
    assert batches(odd) == epochs[1]
    two = iter(odd), iter(odd)  # at once
    turns = [list(batch) for pair in zip(*two, strict=True) for batch in pair]
    assert turns == [batch for pair in zip(epochs[2], epochs[3], strict=True) for batch in pair]
    for epoch in (5, 1, 4, 0):
        assert at_epoch(odd, epoch) == epochs[epoch]
    assert batches(copy.deepcopy(odd)) == epochs[1]
    assert batches(pickle.loads(pickle.dumps(odd))) == epochs[1]
    twin = copy.copy(odd)
    assert [batches(twin), batches(odd), batches(twin)] == [epochs[1], epochs[1], epochs[2]]


@pytest.mark.parametrize("sampler", [EnvironmentBatchSampler, PooledBatchSampler])
def test_what_has_come_is_not_drawn_again(sampler, monkeypatch):
    source, drawn = sampler(SITES, 10), []
    draw = source._draw

    def counted(epoch, rows):
        for batch in draw(epoch, rows):
            drawn.append(epoch)
            yield batch

    monkeypatch.setattr(source, "_draw", counted)
    for epoch in range(4):
        assert list(islice(source, 3 if epoch == 1 else None))
    assert drawn == [epoch for epoch in range(4) for _ in range(len(source))]
    source.set_epoch(1)  # only a jump goes through what came before
    batches(source)
    assert drawn[-2 * len(source) :] == [0] * len(source) + [1] * len(source)


@pytest.mark.parametrize("weights", ["uniform", "size", [1, 2, 3]])
@pytest.mark.parametrize("order", ["random", "cyclic", "blocks"])
@pytest.mark.parametrize("make", [EnvironmentBatchSampler, PooledBatchSampler])
def test_coverage_is_what_has_come(make, order, weights):
    own = {} if make is PooledBatchSampler else {"order": order}
    sampler, seen = make(SIZES, 50, weights=weights, **own), set()
    for epochs in range(1, 1 + sampler.epochs_to_cover):
        seen |= {row for batch in sampler for row in batch}
        shares = {name: np.mean([row in seen for row in np.flatnonzero(SIZES == name)])
                  for name in ("big", "mid", "small")}  # fmt: skip
        assert shares == sampler.coverage(epochs)
        assert (set(shares.values()) == {1.0}) == (epochs == sampler.epochs_to_cover)


def test_an_epoch_by_size_reaches_every_row():
    for order, drop_last in product(["random", "cyclic", "blocks"], [False, True]):
        sampler = EnvironmentBatchSampler(SITES, 10, weights="size", order=order, block=None,
                                          drop_last=drop_last)  # fmt: skip
        whole = drop_last and order != "blocks"
        assert sampler.epochs_to_cover == (2 if whole else 1)
        assert (
            len(sampler) == len(batches(sampler)) == {"blocks": 40}.get(order, 10 + 2 * (1 - whole))
        )
    never = EnvironmentBatchSampler(SITES, 10, replacement=True)
    assert never.epochs_to_cover is None and 0.5 < never.coverage()["c"] < 1
    without = EnvironmentBatchSampler(SITES, 10, weights={"a": 1, "b": 2, "c": 0, "d": 1})
    assert without.coverage(without.epochs_to_cover) == {"a": 1, "b": 1, "c": 0, "d": 1}


def test_one_environment_is_said_to_be_ordinary():
    for make in (
        lambda: EnvironmentBatchSampler(["only"] * 30, 10),
        lambda: EnvironmentStream({"only": [1, 2]}, 1, 2),
    ):
        with pytest.warns(ElinvarWarning, match="one environment, 'only': .* no HeteroSGD"):
            make()


def test_one_environment_is_an_ordinary_epoch():
    sampler = EnvironmentBatchSampler(["only"] * 30, 10)
    assert sorted(chain.from_iterable(sampler)) == list(range(30))
    pooled = PooledBatchSampler(["only"] * 30, 10)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        pooled.set_epoch(epoch)
        assert batches(sampler) == batches(pooled)


def test_fewer_rows_than_a_batch():
    rows = batches(EnvironmentBatchSampler([0] * 3, 8))
    assert len(rows) == 1 and sorted(np.bincount(rows[0])) == [2, 3, 3]
    assert sorted(batches(EnvironmentBatchSampler([0] * 3, 8, small="shrink"))[0]) == [0, 1, 2]
    assert len(batches(EnvironmentBatchSampler([0] * 3, 8, small="refuse", replacement=True))) == 1
    with pytest.raises(DataError, match="larger than environment '0' with 3"):
        EnvironmentBatchSampler([0] * 3, 8, small="refuse")
    with pytest.raises(DataError, match="3 rows give no batch of 8"):
        EnvironmentBatchSampler([0] * 3, 8, drop_last=True)


def test_an_environment_that_is_not_drawn_may_be_small():
    sampler = EnvironmentBatchSampler(SITES, 10, small="refuse", weights=[1, 1, 0, 1])
    assert set(sampler.schedule().tolist()) == {0, 1, 3}


def test_rows_with_replacement_come_independently():
    sampler = EnvironmentBatchSampler([0] * 20, 20_000, replacement=True)
    (batch,) = batches(sampler)
    assert stats.chisquare(np.bincount(batch, minlength=20)).pvalue > 1e-4


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ("uniform", [0.25, 0.25, 0.25, 0.25]),
        ("size", np.array([40, 25, 7, 31]) / 103),
        ([3, 0, 0, 1], [0.75, 0, 0, 0.25]),
        ({"d": 1, "a": 3, "c": 0, "b": 0}, [0.75, 0, 0, 0.25]),
    ],
)
def test_weights_are_shares_of_batches(weights, shares):
    sampler = EnvironmentBatchSampler(SITES, 1, weights=weights)
    drawn = np.concatenate([sampler.schedule(epoch) for epoch in range(40)])
    counts, expected = np.bincount(drawn, minlength=4), len(drawn) * np.array(shares)
    assert (counts[expected == 0] == 0).all()
    assert stats.chisquare(counts[expected > 0], expected[expected > 0]).pvalue > 1e-4


def test_cyclic_goes_round_and_on_in_the_next_epoch():
    sampler = EnvironmentBatchSampler(SITES, 10, order="cyclic")
    turns = np.concatenate([sampler.schedule(epoch) for epoch in range(5)])
    assert turns.tolist() == [k % 4 for k in range(55)]


@given(
    weights=st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any),
    n_batches=st.integers(1, 40),
    epochs=st.integers(1, 6),
)
def test_cyclic_turns_are_evenly_spaced(weights, n_batches, epochs):
    shares = np.array(weights) / sum(weights)

    def cyclic(n_batches):
        labels = np.arange(7 * n_batches) % len(shares)
        return EnvironmentBatchSampler(labels, 7, order="cyclic", weights=weights)

    turns = np.concatenate([cyclic(n_batches).schedule(epoch) for epoch in range(epochs)])
    assert np.array_equal(turns, cyclic(len(turns)).schedule())
    so_far = np.cumsum(turns[:, None] == np.arange(len(shares)), axis=0)
    due = np.arange(1, len(turns) + 1)[:, None] * shares
    assert np.abs(so_far - due).max() < len(shares)
    assert np.abs(so_far - due).max() <= max(1, len(shares) / 2)


def test_blocks_keep_an_environment():
    sampler = EnvironmentBatchSampler(SITES, 1, order="blocks", block=5)
    turns = sampler.schedule()
    assert len(turns) == 103
    assert all(len(set(turns[first : first + 5])) == 1 for first in range(0, 103, 5))
    assert len(set(turns)) == 4
    assert EnvironmentBatchSampler(SITES, 1, order="blocks").block == 10


@forks
@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_draw_the_same_batches(workers):
    sampler, twin = (EnvironmentBatchSampler(SITES, 10, seed=3) for _ in range(2))
    reader = loader(sampler, num_workers=workers, persistent_workers=workers > 0)
    assert len(reader) == 11
    for epoch in (*range(3), 1):
        if epoch == 1:
            sampler.set_epoch(epoch)  # names the epoch that comes anyway, then goes back
        assert fed(reader) == at_epoch(twin, epoch)
        assert sampler.epoch == epoch


@pytest.mark.parametrize("order", ["random", "cyclic", "blocks"])
def test_a_run_goes_on_from_any_batch(order):
    def build():
        return EnvironmentBatchSampler(SITES, 10, order=order, seed=4)

    sampler = build()
    whole, following = at_epoch(sampler, 3), at_epoch(sampler, 4)
    for done in range(len(whole) + 1):
        stopped = build()
        stopped.set_epoch(3)
        assert list(islice(stopped, done)) == whole[:done]
        again = build()
        again.load_state_dict(json.loads(json.dumps(stopped.state_dict())))
        assert again.state_dict() == stopped.state_dict()
        again.set_epoch(again.epoch)  # the usual loop names the epoch once more
        assert batches(again) == whole[done:]
        assert batches(again) == following
    again.load_state_dict(stopped.state_dict(consumed=5))
    assert at_epoch(again, 4) == following


@forks
def test_a_run_with_workers_goes_on_from_what_the_loop_had():
    sampler = EnvironmentBatchSampler(SITES, 10, seed=1)
    whole = at_epoch(sampler, 0)
    reader = loader(sampler, num_workers=2, persistent_workers=True)
    sampler.set_epoch(0)
    for step, _ in enumerate(sampler.follow(reader), 1):
        if step == 4:
            state = sampler.state_dict()
            break
    # the workers are ahead of the loop
    assert state["batches"] == 4
    assert sampler.state_dict(consumed=4) == state
    again = EnvironmentBatchSampler(SITES, 10, seed=1)
    again.load_state_dict(state)
    reader = loader(again, num_workers=2, persistent_workers=True)
    assert fed(again.follow(reader)) == whole[4:]
    assert again.state_dict()["batches"] == len(whole)
    assert fed(again.follow(reader)) == at_epoch(sampler, 1)


def test_a_state_fits_its_data_and_settings_only():
    state = EnvironmentBatchSampler(SITES, 10).state_dict()
    other = SITES.copy()
    other[[0, 1]] = ["a", "b"] if SITES[0] != "a" else ["b", "a"]
    with pytest.raises(DataError, match="belongs to another data set"):
        EnvironmentBatchSampler(other, 10).load_state_dict(state)
    with pytest.raises(DataError, match="saved with batch_size=10, and here it is 11"):
        EnvironmentBatchSampler(SITES, 11).load_state_dict(state)
    with pytest.raises(DataError, match="saved with weights='uniform', and here it is 'array"):
        EnvironmentBatchSampler(SITES, 10, weights=[1, 1, 1, 2]).load_state_dict(state)
    with pytest.raises(DataError, match="saved with"):
        PooledBatchSampler(SITES, 10).load_state_dict(state)
    with pytest.raises(DataError, match="it lacks 'epoch'"):
        EnvironmentBatchSampler(SITES, 10).load_state_dict({})


def test_follow_wants_a_loader_of_its_own():
    sampler, twin = (EnvironmentBatchSampler(SITES, 10) for _ in range(2))
    with pytest.raises(DataError, match="does not draw from this sampler"):
        next(sampler.follow(loader(twin)))
    short = DataLoader(range(50), batch_sampler=sampler)
    with pytest.raises(DataError, match="data set has 50 rows, but there are 103 labels"):
        next(sampler.follow(short))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an integer of at least 1"),
        ({"batch_size": 2.5}, "batch_size must be an integer of at least 1"),
        ({"order": "shuffled"}, "order must be one of 'random', 'cyclic', 'blocks'"),
        ({"small": "pad"}, "small must be one of 'repeat', 'shrink', 'refuse'"),
        ({"small": "refuse"}, "A batch of 10 rows is larger than environment 'c' with 7"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"seed": None}, "seed must be an integer of at least 0"),
        ({"block": 3}, "block is for order='blocks'"),
        ({"order": "blocks", "block": 0}, "block must be an integer of at least 1"),
        ({"weights": "equal"}, "weights must be 'uniform', 'size' or one number"),
        ({"weights": [1, 2, 3]}, r"one number for each of the 4 .*got shape \(3,\)"),
        ({"weights": [1, 2, 3, -1]}, "weights must be finite, at least 0 and not all 0"),
        ({"weights": [1, 2, 3, np.inf]}, "weights must be finite, at least 0 and not all 0"),
        ({"weights": [0, 0, 0, 0]}, "weights must be finite, at least 0 and not all 0"),
        ({"weights": {"a": 1, "B": 2, "e": 1}}, "weights names 'B' and 'e'; .*: 'a', 'b', 'c' and"),
        ({"weights": {"a": 1}}, "weights has no number for 'b', 'c' and 'd'"),
        ({"weights": ["x"] * 4}, "weights must be numbers"),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(settings, message):
    with pytest.raises(DataError, match=message):
        EnvironmentBatchSampler(SITES, **({"batch_size": 10} | settings))


def test_bad_places_are_refused_in_a_sentence():
    sampler = EnvironmentBatchSampler(SITES, 10)
    with pytest.raises(DataError, match="epoch must be an integer of at least 0"):
        sampler.set_epoch(-1)
    with pytest.raises(DataError, match="consumed is 12, but an epoch has 11 batches"):
        sampler.state_dict(consumed=12)
