"""What an optimiser step sees, counted without reading the data."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    WeightedRandomSampler,
)

from elinvar.errors import DataError
from elinvar.neural import (
    EnvironmentBatchSampler,
    PooledBatchSampler,
    WindowBatchSampler,
    audit,
)

SITES = np.array(["a"] * 40 + ["b"] * 60 + ["c"] * 20)


class Unread(Dataset):
    """Rows that must not be read."""

    def __len__(self):
        return len(SITES)

    def __getitem__(self, row):
        raise AssertionError(row)


class Shard:
    """Hands each process its part of the batches, as Accelerate's BatchSamplerShard."""

    def __init__(self, batch_sampler, num_processes, process_index, split_batches):
        self.batch_sampler, self.split_batches = batch_sampler, split_batches
        self.num_processes, self.process_index = num_processes, process_index

    def __iter__(self):
        each = self.batch_sampler.batch_size // self.num_processes
        for number, batch in enumerate(self.batch_sampler):
            if self.split_batches and len(batch) == self.batch_sampler.batch_size:
                yield batch[each * self.process_index : each * (self.process_index + 1)]
            elif not self.split_batches and number % self.num_processes == self.process_index:
                yield batch


def loader(sampler, **settings):
    return DataLoader(Unread(), batch_sampler=sampler, **settings)


def test_our_samplers():
    hetero = audit(loader(EnvironmentBatchSampler(SITES, 10)))
    assert (hetero.verdict, hetero.notes) == ("hetero", ())
    assert hetero.environments == ("a", "b", "c")
    assert hetero.per_step.tolist() == [1] * 12
    pooled = audit(loader(PooledBatchSampler(SITES, 20)))
    assert pooled.verdict == "pooled"
    assert pooled.per_step.min() >= 2
    assert audit(EnvironmentBatchSampler(SITES, 10)).verdict == "hetero"


def test_any_loader_with_labels():
    def verdict(**settings):
        return audit(DataLoader(Unread(), **settings), SITES).verdict

    assert verdict(batch_size=30, shuffle=True) == "pooled"
    assert verdict(batch_size=20) == "hetero"  # rows are sorted by environment
    assert verdict(batch_size=30) == "mixed"
    assert verdict(batch_size=1, shuffle=True) == "hetero"
    assert (
        verdict(batch_size=None, sampler=BatchSampler(RandomSampler(SITES), 40, False)) == "pooled"
    )
    drawn = WeightedRandomSampler(np.where(SITES == "a", 1.0, 0.0), 80)
    assert verdict(batch_size=20, sampler=drawn) == "hetero"
    assert verdict(batch_sampler=WindowBatchSampler(np.arange(120.0), 20)) == "mixed"
    assert audit([[0, 1], [50, 60]], SITES).verdict == "hetero"


def test_labels_given_overrule_those_of_the_sampler():
    parity = np.arange(120) % 2
    assert audit(loader(EnvironmentBatchSampler(SITES, 10)), parity).verdict == "pooled"


def test_batches_with_one_environment_by_chance_are_mixed():
    found = audit(DataLoader(Unread(), batch_size=2, shuffle=True), SITES)
    assert found.verdict == "mixed"
    assert set(found.per_step.tolist()) == {1, 2}


def test_accumulated_gradients_are_counted_together():
    sampler = EnvironmentBatchSampler(SITES, 5, order="cyclic")
    found = audit(loader(sampler), accumulate=3)
    assert found.verdict == "pooled"
    assert found.per_step.tolist() == [3] * 8
    assert "order='blocks' with block=3" in found.notes[0]
    advised = EnvironmentBatchSampler(SITES, 5, order="blocks", block=3)
    assert audit(loader(advised), accumulate=3).verdict == "hetero"
    assert len(audit(loader(sampler), accumulate=5).per_step) == 5  # a last step of 4 batches


def test_processes_that_share_out_rows_are_stood_in_for():
    sampler = EnvironmentBatchSampler(SITES, 8, num_replicas=4, rank=2)
    found = audit(loader(sampler))
    assert (found.verdict, found.n_processes, found.notes) == ("hetero", 4, ())
    usual = DistributedSampler(Unread(), num_replicas=2, rank=0)
    found = audit(DataLoader(Unread(), batch_size=10, sampler=usual), SITES)
    assert (found.verdict, found.n_processes) == ("pooled", 2)
    assert "draw them with EnvironmentBatchSampler" in found.notes[0]
    # one row a batch, yet two processes: only together do they see two environments
    found = audit(DataLoader(Unread(), batch_size=1, sampler=usual), SITES)
    assert found.verdict == "mixed"
    assert "different environments at the same step" in found.notes[0]


def test_sharding_of_accelerate_is_explained():
    sampler = EnvironmentBatchSampler(SITES, 10, order="cyclic")
    found = audit(loader(Shard(sampler, 2, 0, False)))
    assert (found.verdict, found.n_processes) == ("pooled", 2)
    assert "gives each process another batch" in found.notes[0]
    assert "set split_batches=True" in found.notes[0]
    found = audit(loader(Shard(sampler, 2, 1, True)))
    assert (found.verdict, found.n_processes, found.notes) == ("hetero", 2, ())
    twice = EnvironmentBatchSampler(SITES, 10, order="cyclic", num_replicas=2, rank=0)
    found = audit(loader(Shard(twice, 2, 0, False)))
    assert found.verdict == "pooled"
    assert "shares of a process already" in found.notes[0]
    shrunk = EnvironmentBatchSampler(SITES, 24, small="shrink")
    assert "never seen" in audit(loader(Shard(shrunk, 2, 0, True))).notes[0]


def test_a_loader_read_in_one_process_for_all_is_refused():
    class DataLoaderDispatcher(DataLoader):
        """Reads for all processes, as Accelerate's does."""

    sampler = EnvironmentBatchSampler(SITES, 8)
    with pytest.raises(DataError, match="dispatch_batches=False"):
        audit(DataLoaderDispatcher(Unread(), batch_sampler=sampler))


def test_workers_that_overtake_each_other_are_mentioned():
    sampler = EnvironmentBatchSampler(SITES, 8)
    found = audit(loader(sampler, num_workers=2, in_order=False))
    assert "in_order=False" in found.notes[0]


def test_one_environment_is_both():
    found = audit(EnvironmentBatchSampler(["only"] * 9, 3))
    assert found.verdict == "hetero"
    assert found.notes == (
        "There is only one environment, so HeteroSGD and PooledSGD are the same.",
    )


def test_nothing_is_disturbed():
    sampler = EnvironmentBatchSampler(SITES, 10, seed=1)
    whole = list(sampler)
    sampler.load_state_dict(sampler.state_dict(consumed=4))
    before = sampler.state_dict()
    assert len(audit(loader(sampler)).per_step) == 12
    assert sampler.state_dict() == before
    assert list(sampler) == whole[4:]

    generator = torch.Generator().manual_seed(0)
    shuffled = DataLoader(Unread(), batch_size=10, shuffle=True, generator=generator)
    states = torch.get_rng_state(), generator.get_state()
    assert audit(shuffled, SITES).verdict == "pooled"
    assert torch.equal(states[0], torch.get_rng_state())
    assert torch.equal(states[1], generator.get_state())


def test_steps_limit_what_is_looked_at():
    found = audit(EnvironmentBatchSampler(SITES, 10), accumulate=2, steps=3)
    assert len(found.per_step) == 3


def test_it_prints_a_sentence_and_what_to_do():
    found = audit(loader(EnvironmentBatchSampler(SITES, 5, order="cyclic")), accumulate=3)
    assert repr(found).split(".")[0] == "Audit: pooled"
    assert "A step sees 3 of 3 environments on average" in repr(found).replace("\n", " ")
    assert "(8 optimiser steps, 1 process, 3 batches a step of each)" in repr(found).replace(
        "\n", " "
    )
    assert all(len(line) <= 100 for line in repr(found).splitlines())
    page = found._repr_html_()
    assert page.startswith("<p>Audit: pooled.") and "<li>Gradients of 3 batches" in page
    assert "order=&#x27;blocks&#x27;" in page


def test_it_tells_which_rows_came():
    labels = np.repeat(["big", "mid", "small"], [5000, 500, 100])
    sampler = EnvironmentBatchSampler(labels, 50)
    once, often = audit(sampler), audit(sampler, epochs=3)
    assert once.coverage == sampler.coverage() and often.coverage == sampler.coverage(3)
    assert f"came {int(100 * once.coverage['big'])}% of 'big' and all rows of the others" in (
        " ".join(repr(once).split())
    )
    assert f"in 1 epoch, and all within {sampler.epochs_to_cover}." in repr(once).replace("\n", " ")
    assert len(often.per_step) == 3 * len(sampler) and "every row came" in repr(
        audit(sampler, epochs=sampler.epochs_to_cover)
    )
    fixed = DistributedSampler(Unread(), num_replicas=2, rank=0, shuffle=True)
    half = audit(DataLoader(Unread(), batch_size=10, sampler=fixed), SITES)
    assert set(half.coverage.values()) == {1.0}  # both processes together
    first = DataLoader(Unread(), batch_size=20, sampler=range(50))
    assert audit(first, SITES, epochs=2).coverage == {"a": 1.0, "b": 10 / 60, "c": 0.0}
    assert "17%" not in repr(audit(first, SITES)) and "16% of 'b'" in repr(audit(first, SITES))


class Rows(IterableDataset):
    """Rows that are read through, with their source in a nested entry."""

    def __iter__(self):
        for row, site in enumerate(SITES):
            yield {"x": torch.tensor(float(row)), "meta": {"source": site, "code": ord(site)}}


def test_batches_can_be_asked():
    loader = DataLoader(Rows(), batch_size=20)
    found = audit(loader, "meta.source")
    assert (found.verdict, found.environments, found.coverage) == ("hetero", ("a", "b", "c"), {})
    assert audit(DataLoader(Rows(), batch_size=30), "meta.code").verdict == "mixed"
    assert audit(loader, lambda batch: batch["meta"]["source"], accumulate=6).verdict == "pooled"
    assert len(audit(loader, "meta.source", steps=2).per_step) == 2
    batches = [SimpleNamespace(site="a"), SimpleNamespace(site=["a", "b"])]
    assert audit(batches, "site").per_step.tolist() == [1, 2]


class Stream(IterableDataset):
    """Rows that are read through."""

    def __iter__(self):
        return iter(range(5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: audit(DataLoader(Unread(), batch_size=4)),
            "environments of the rows are not known",
        ),
        (lambda: audit(DataLoader(Unread()), SITES[:50]), "has 120 rows, but there are 50 labels"),
        (lambda: audit(DataLoader(Stream()), [0] * 5), "make it an EnvironmentStream"),
        (lambda: audit([[0, 130]], SITES), "no row number of 120 labels"),
        (lambda: audit([["row7"]], SITES), "yields .'row7'., which is no row number"),
        (lambda: audit([[0.5]], SITES), "which is no row number"),
        (lambda: audit(7, SITES), "needs a DataLoader or a sampler.* got int"),
        (lambda: audit([{"x": 1}], "source"), "Batch 0 does not say .*KeyError: 'source'"),
        (lambda: audit([1, 2], lambda batch: batch.site), "Batch 0 does not say"),
        (
            lambda: audit(
                DataLoader(Unread(), sampler=EnvironmentBatchSampler(SITES, 8), batch_size=2)
            ),
            "batch sampler was given as sampler=.*batch_sampler=sampler",
        ),
        (lambda: audit([[0]], SITES, epochs=0), "epochs must be an integer of at least 1"),
        (lambda: audit([], SITES), "no batch, so there is no step"),
        (lambda: audit([[0]], SITES, accumulate=0), "accumulate must be an integer of at least 1"),
        (lambda: audit([[0]], SITES, steps=0), "steps must be an integer of at least 1"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_a_sentence(call, message):
    with pytest.raises(DataError, match=message):
        call()
