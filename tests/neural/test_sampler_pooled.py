"""The mirror: batches that mix environments, and differ from the others in nothing else."""

import numpy as np
import pytest
from scipy import stats

from elinvar.errors import DataError
from elinvar.neural import EnvironmentBatchSampler, PooledBatchSampler

LABELS = np.repeat(["a", "b", "c"], [300, 150, 50])


def counted(sampler):
    """Return how many rows of each environment each batch holds."""
    return np.array([[np.sum(LABELS[batch] == e) for e in "abc"] for batch in map(list, sampler)])


@pytest.mark.parametrize(
    ("weights", "shares"),
    [("uniform", [1 / 3, 1 / 3, 1 / 3]), ("size", [0.6, 0.3, 0.1]), ([1, 0, 3], [0.25, 0, 0.75])],
)
def test_rows_of_a_batch_are_multinomial(weights, shares):
    sampler = PooledBatchSampler(LABELS, 20, weights=weights)
    found = []
    for epoch in range(20):
        sampler.set_epoch(epoch)
        found.append(counted(sampler))
    counts = np.concatenate(found)
    assert (counts.sum(1) == 20).all() and len(counts) == 20 * 25
    shares = np.array(shares)
    error = np.sqrt(20 * shares * (1 - shares) / len(counts))
    assert (np.abs(counts.mean(0) - 20 * shares) <= 4 * error).all()
    # the spread of a multinomial too, within the error of a variance
    expected = 20 * shares * (1 - shares)
    assert np.allclose(counts.var(0), expected, rtol=4 * np.sqrt(2 / len(counts)), atol=0)


def test_both_samplers_take_the_same_numbers_of_rows():
    pooled, hetero = (
        sampler(LABELS, 10, weights="size")
        for sampler in (PooledBatchSampler, EnvironmentBatchSampler)
    )
    assert len(pooled) == len(hetero) == 50
    ours, theirs = (np.concatenate(list(sampler)) for sampler in (pooled, hetero))
    assert len(ours) == len(theirs) == 500
    for rows in (ours, theirs):
        taken = np.bincount(rows, minlength=500)
        assert all(np.ptp(taken[LABELS == e]) <= 1 for e in "abc")
    rows = np.bincount(ours, minlength=500) @ (LABELS[:, None] == list("abc"))
    assert stats.chisquare(rows, [300, 150, 50]).pvalue > 1e-4


def test_it_goes_on_and_refuses_like_the_other():
    sampler = PooledBatchSampler(LABELS, 30, seed=2)
    whole = list(sampler)
    again = PooledBatchSampler(LABELS, 30, seed=2)
    again.load_state_dict(sampler.state_dict(consumed=7))
    assert list(again) == whole[7:]
    assert list(again) == list(sampler) != whole
    with pytest.raises(DataError, match="weights must hold one number"):
        PooledBatchSampler(LABELS, 30, weights=[1, 2])
