"""Normals in bulk are normal, independent, and the same in both engines."""

import numpy as np
import pytest
from scipy import stats

from elinvar.sensing.kernels._normals import (
    fill_normals,
    lane_states,
    room_for,
)

LANES = 128  # generators that run side by side


def test_the_kernel_and_numpy_draw_the_same_bits(fill_normals_in_numpy):
    n = 10 * LANES
    ours, theirs = (lane_states(np.random.default_rng(3)) for _ in range(2))
    words, mantissa = np.empty(n, np.uint32), np.empty(n // 2, np.float32)
    same, normals, again = words.copy(), np.empty(n, np.float32), np.empty(n, np.float32)
    for _ in range(3):
        fill_normals(ours, words, mantissa, normals)
        fill_normals_in_numpy(theirs, same, again)
        np.testing.assert_array_equal(words, same)
        np.testing.assert_array_equal(normals, again)
    np.testing.assert_array_equal(ours, theirs)


def test_words_are_those_of_the_published_generator(fill_normals_in_numpy):
    """One lane against xoshiro128++ as its authors define it, in Python's integers."""
    state = lane_states(np.random.default_rng(0))
    s = [int(word) for word in state[:, 5]]
    mask = 2**32 - 1

    def rotate(x, k):
        return ((x << k) | (x >> (32 - k))) & mask

    expected = []
    for _ in range(20):
        expected.append((rotate((s[0] + s[3]) & mask, 7) + s[0]) & mask)
        t = (s[1] << 9) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 11)
    words = np.empty(20 * LANES, np.uint32)
    fill_normals_in_numpy(state, words, np.empty(20 * LANES, np.float32))
    assert [int(word) for word in words[5::LANES]] == expected


def test_the_law_is_standard_normal(draw_normals):
    z = draw_normals(1, 100 * LANES, times=80).ravel()
    n = len(z)
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(z.mean()) * np.sqrt(n) < 4
    assert abs((z**2).mean() - 1) * np.sqrt(n / 2) < 4
    assert abs((z**4).mean() - 3) * np.sqrt(n / 96) < 4
    assert 4.5 < np.abs(z).max() < 6.6
    far = np.abs(z) > 3.5
    expected = n * 2 * stats.norm.sf(3.5)
    assert abs(far.sum() - expected) < 4 * np.sqrt(expected)


@pytest.mark.parametrize("lag", [1, 2, LANES // 2, LANES, 2 * LANES, 50 * LANES])
def test_neighbours_are_independent(lag, draw_normals):
    """Also lanes, successive rounds, and the two normals of a pair (half a buffer apart)."""
    z = draw_normals(2, 100 * LANES, times=30)
    for x in (z, z**2 - 1, np.abs(z) - np.sqrt(2 / np.pi)):
        products = x[:, lag:] * x[:, :-lag]
        statistic = products.mean() / products.std() * np.sqrt(products.size)
        assert abs(statistic) < 4.5


def test_seeds_differ_and_repeat(draw_normals):
    np.testing.assert_array_equal(draw_normals(7, LANES), draw_normals(7, LANES))
    assert (
        abs(np.corrcoef(draw_normals(7, 40 * LANES)[0], draw_normals(8, 40 * LANES)[0])[0, 1])
        < 0.06
    )


@pytest.mark.parametrize("n", [1, LANES, LANES + 1, 5 * LANES - 1])
def test_buffers_are_whole_lanes(n):
    words, mantissa, normals = room_for(n, LANES)
    size = len(normals)
    assert len(words) == 2 * len(mantissa) == size
    assert size >= n
    assert size % LANES == 0
    assert size - n < LANES
