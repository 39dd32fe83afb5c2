"""Sequences of one source each: no token lost, none mixed, whoever reads."""

from itertools import chain

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from elinvar.errors import DataError
from elinvar.neural import PackedStream, audit

# documents of different lengths; tokens of source k are 1000 k and more
SOURCES = {
    name: [
        (1000 * (k + 1) + 10 * d + np.arange(length)).tolist()
        for d, length in enumerate(np.random.default_rng(k).integers(1, 9, size=30))
    ]
    for k, name in enumerate(("books", "code", "news"))
}


def stream(**settings):
    return PackedStream(SOURCES, 7, **({"batch_size": 4, "n_batches": 12, "end": 0} | settings))


def read(source, **settings):
    found = list(DataLoader(source, batch_size=None, **settings))
    return [batch["input_ids"] for batch in found]


def test_no_token_is_lost_and_no_sequence_mixes_sources():
    source = stream(order="cyclic")
    tokens = {name: [] for name in SOURCES}
    for _ in range(4):
        for code, batch in zip(source.schedule(), read(source), strict=True):
            assert batch.shape == (4, 7) and batch.dtype == torch.int64
            tokens[source.environments[code]] += batch.flatten().tolist()
    for name, documents in SOURCES.items():
        whole = [*chain(*([*document, 0] for document in documents))]
        again = whole * (len(tokens[name]) // len(whole) + 1)
        assert len(tokens[name]) == 4 * 4 * 4 * 7 and tokens[name] == again[: len(tokens[name])]


@pytest.mark.filterwarnings("ignore:.*fork", "ignore:This DataLoader will create")
def test_workers_and_processes_change_nothing():
    whole = read(stream())
    many = read(stream(), num_workers=2)
    assert all(torch.equal(a, b) for a, b in zip(whole, many, strict=True))
    parts = [read(stream(num_replicas=2, rank=rank)) for rank in (0, 1)]
    for batch, *halves in zip(whole, *parts, strict=True):
        assert sorted(torch.cat(halves).tolist()) == sorted(batch.tolist())
    state = stream().state_dict(consumed=5)
    again = stream()
    again.load_state_dict(state)
    assert all(torch.equal(a, b) for a, b in zip(whole[5:], read(again), strict=True))
    with pytest.raises(DataError, match="saved with length=7, and here it is 8"):
        PackedStream(SOURCES, 8, 4, 12, end=0).load_state_dict(state)


def test_the_audit_counts_tokens():
    loader = DataLoader(stream(), batch_size=None)
    assert audit(loader).purity.tolist() == [1.0] * 12
    bare = DataLoader(stream(end=None), batch_size=None)
    of_token = audit(bare, lambda batch: batch["input_ids"] // 1000)
    assert of_token.verdict == "hetero" and of_token.purity.tolist() == [1.0] * 12

    plain = np.concatenate([np.concatenate(SOURCES[name]) for name in SOURCES])
    mixed = plain[: len(plain) // 14 * 14].reshape(-1, 2, 7)
    found = audit(list(mixed), lambda batch: batch // 1000)
    assert found.verdict == "mixed" and found.purity.min() < 1 == found.purity.max()
    rows = [{"source": ["a", "b"], "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0]])}]
    by_tokens = audit(rows, "source", tokens="attention_mask")
    assert (audit(rows, "source").purity[0], by_tokens.purity[0]) == (0.5, 0.8)
    assert "and 80% of it is from its commonest one" in repr(by_tokens).replace("\n", " ")
    with pytest.raises(DataError, match="say as well which of its entries"):
        audit(loader, tokens="attention_mask")
    with pytest.raises(DataError, match=r"\(2,\) labels, but tokens of shape"):
        audit(rows, "source", tokens=lambda batch: [1, 2, 3])


@pytest.mark.parametrize(
    ("shards", "settings", "message"),
    [
        ({"a": [["x", "y"]]}, {}, "A document must be a sequence of token numbers"),
        ({"a": ["text"]}, {}, "A document must be a sequence of token numbers"),
        ({"a": [[1.5]]}, {}, "A document must be a sequence of token numbers"),
        ({"a": [[1]]}, {"length": 0}, "length must be an integer of at least 1"),
        ({"a": [[1]]}, {"end": -1}, "end must be an integer of at least 0"),
    ],
)
def test_what_cannot_be_packed_is_refused_in_a_sentence(shards, settings, message):
    with pytest.raises(DataError, match=message):
        read(PackedStream(shards, **({"length": 4, "batch_size": 1, "n_batches": 1} | settings)))
