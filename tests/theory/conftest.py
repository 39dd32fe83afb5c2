"""The matrix step in plain numpy, for many runs at once: what the theory is held against."""

import numpy as np
import pytest


def _gradients(R, batch_size, noise, rng):
    """Return G given R (n, d, d), in law that of m fresh Gaussian measurements."""
    if batch_size is None:
        return R
    m, n = batch_size, len(R)
    size = np.maximum(np.linalg.norm(R, axis=(1, 2)), 1e-300)
    a, along = rng.chisquare(m, n), rng.standard_normal(n)
    q = along**2 + rng.chisquare(m - 1, n)
    first = size * a + noise * np.sqrt(a) * along
    second = np.sqrt(size**2 * a + 2 * size * noise * np.sqrt(a) * along + noise**2 * q)
    Z = rng.standard_normal(R.shape)
    Z = (Z + Z.transpose(0, 2, 1)) / 2
    unit = R / size[:, None, None]
    inner = (Z * unit).sum((1, 2))
    return (second[:, None, None] * Z + (first - second * inner)[:, None, None] * unit) / m


@pytest.fixture(scope="session")
def simulate():
    """Run U <- U + eta G U; U* are the first axes, V* the next ones."""

    def run(
        spurious, *, dim, step_size, steps, sigma=(1.0, 1.0), batch_size=None, noise=0.0, runs=8,
        init_scale=1e-3, pooled=False, seed=0, watch=None,
    ):  # fmt: skip
        rng, r1 = np.random.default_rng(seed), len(sigma)
        r2 = spurious.shape[1]
        truth = np.zeros((len(spurious), dim, dim))
        truth[:, :r1, :r1] = np.diag(sigma)
        truth[:, r1 : r1 + r2, r1 : r1 + r2] = spurious
        if pooled:
            truth = truth.mean(axis=0, keepdims=True)
        U, alive = np.tile(init_scale * np.eye(dim), (runs, 1, 1)), np.ones(runs, dtype=bool)
        seen = []
        for t in range(steps):
            R = truth[rng.integers(len(truth), size=runs)] - U @ U.transpose(0, 2, 1)
            U = U + step_size * _gradients(R, batch_size, noise, rng) @ U
            alive &= np.abs(U).max((1, 2)) < 1e3
            U[~alive] = 0.0
            if watch is not None:
                seen.append(watch(U))
            elif t >= 3 * steps // 4:
                A = U @ U.transpose(0, 2, 1)
                error = np.linalg.norm(A - np.diag(np.pad(sigma, (0, dim - r1))), axis=(1, 2))
                inside = np.linalg.norm(A[:, :r1, :r1], axis=(1, 2)) / np.linalg.norm(sigma)
                own = A[:, r1 : r1 + r2, r1 : r1 + r2]
                seen.append((inside, np.linalg.norm(own, axis=(1, 2)) / np.sqrt(r2), error))
        return np.array(seen), alive

    return run


def _two_point(heterogeneity, mean=1.0, rank=2):
    return np.stack([(mean + s * heterogeneity) * np.eye(rank) for s in (1, -1)])


@pytest.fixture(scope="session")
def two_point():
    """Return the spurious matrices (2, r, r) of two environments."""
    return _two_point
