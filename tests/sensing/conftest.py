"""One problem of the paper, small enough to draw every measurement; the exact step in numpy."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import ks_2samp

from elinvar.sensing import SensingProblem, solve
from elinvar.sensing._draws import draw
from elinvar.sensing._schedule import Schedule
from elinvar.sensing.kernels import _normals as kernel

HALF = np.sqrt(0.5)


@pytest.fixture
def make_problem():
    """Return a function that makes a two-point problem, d = 12 unless said otherwise."""

    def make(**setting):
        plain = {"dim": 12, "invariant_rank": 2, "spurious_rank": 2, "heterogeneity": 4.0, "rng": 0}
        return SensingProblem.two_point(**(plain | setting))

    return make


@pytest.fixture
def smallest_p():
    """Return a function that compares two samples (n, k) column by column."""

    def compare(first, second):
        columns = zip(np.transpose(first), np.transpose(second), strict=True)
        return min(ks_2samp(a, b).pvalue for a, b in columns)

    return compare


@pytest.fixture
def take_kernel(monkeypatch):
    """Return a function that lets every run take one kernel."""

    def take(name):
        monkeypatch.setattr("elinvar.sensing._exact.fastest_kernel", lambda *_, **__: name)

    return take


@pytest.fixture
def solve_in_numpy(monkeypatch):
    """Return `solve` with the exact-law step written in numpy: a twin of the compiled kernels."""

    def run(problem, algorithm, *, steps, **how):
        source = partial(ExactSource, algorithm, steps)
        with monkeypatch.context() as patch:
            patch.setattr("elinvar.sensing._plain.FreshSource", source)
            # plain steps give every measurement of a window its own place, exact ones do not
            patch.setattr("elinvar.sensing._run.Schedule", lambda *how, apart: Schedule(*how))
            return solve(problem, algorithm, steps=steps, method="plain", **how)

    return run


def fill_normals(state, words, normals):
    """Do what the compiled `fill_normals` does: the same words, the same normals to rounding."""
    s0, s1, s2, s3 = state
    for block in words.reshape(-1, kernel.LANES):
        total = s0 + s3
        np.add((total << 7) | (total >> 25), s0, out=block)
        shifted = s1 << 9
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3[:] = (s3 << 11) | (s3 >> 21)
    half = words.shape[0] // 2
    one, two = np.float32(1), np.float32(2)
    mantissa = (words[:half] >> 1).astype(np.float32) * kernel._PER_INT31 + kernel._SMALLEST
    bits = mantissa.view(np.int32)
    exponent = (bits - kernel._ROOT_HALF) >> 23
    bits -= exponent << 23
    x = mantissa - one
    log = horner(kernel._LOG, x) * x + exponent.astype(np.float32) * kernel._LN2
    radius = np.sqrt(np.maximum(-two * log, np.float32(0)))
    t = words[half:].view(np.int32).astype(np.float32) * kernel._QUARTER_TURN
    side = one - two * (words[:half] & 1).astype(np.float32)
    normals[:half] = radius * horner(kernel._COS, t * t) * side
    normals[half:] = radius * horner(kernel._SIN, t * t) * t


def horner(coefficients, x):
    value = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


@pytest.fixture
def draw_normals():
    """Return a function that draws (times, n) normals by the compiled generator."""

    def draw(seed, n, times=1):
        state = kernel.lane_states(np.random.default_rng(seed))
        words, mantissa = np.empty(n, np.uint32), np.empty(n // 2, np.float32)
        normals = np.empty((times, n), np.float32)
        for row in normals:
            kernel.fill_normals(state, words, mantissa, row)
        return normals.astype(np.float64)

    return draw


@pytest.fixture
def fill_normals_in_numpy():
    return fill_normals


class ExactSource:
    """Averaged gradients by docs/exact-law.md, from the random numbers that the kernels draw."""

    def __init__(self, algorithm, steps, problem, schedule, rng):
        dim, truth = problem.dim, problem.truth
        self.frame, self.s = truth.frame, truth.basis.shape[1]
        self.mix, self.batch, self.noisy = schedule.mix, schedule.batch, schedule.noisy
        self.noise = problem.noise
        self.state = kernel.lane_states(rng)
        self.draws = draw(schedule.parts(0, steps), noisy=self.noisy, noise=self.noise, rng=rng)
        largest = np.sqrt((truth.cores**2).sum((1, 2)).max())
        self.size = largest + algorithm.init_scale**2 * np.sqrt(dim)
        self.words, _, self.normals = kernel.room_for(dim * (dim + 1) // 2, kernel.LANES)
        self.below = np.tril_indices(dim)

    def gradient(self, A, step):
        frame = self.frame.astype(A.dtype)
        G = self.in_frame((frame.T @ A @ frame).astype(np.float64), step, A.dtype)
        return frame @ G.astype(A.dtype) @ frame.T

    def in_frame(self, A, step, dtype):
        """Section 3, whose sums run over the parts of a batch."""
        s, draws, noise = self.s, self.draws, self.noise
        outside = A.copy()
        outside[:s, :s] = 0.0
        beyond = np.linalg.norm(outside)
        G, along, tau2 = np.zeros_like(A), 0.0, 0.0
        below = np.tril_indices(s)
        off = below[0] != below[1]
        for c in np.flatnonzero(draws.chi[step] > 0):
            chi, linear = draws.chi[step, c], draws.linear[step, c]
            residual = (draws.cores[draws.which[step, c]] - A[:s, :s])[below]
            z = draws.small[step, c, 1:] * np.where(off, HALF, 1.0)
            weights = np.where(off, 2.0, 1.0)
            norm = np.sqrt(beyond**2 + weights @ residual**2)
            inner = weights @ (z * residual) - draws.small[step, c, 0] * beyond
            first = norm * chi + noise * np.sqrt(chi) * linear
            second = 0.0
            if self.noisy:
                q = linear**2 + draws.rest[step, c]
                second = norm**2 * chi + 2 * norm * noise * np.sqrt(chi) * linear + noise**2 * q
            spread, scale = np.sqrt(max(second, 0.0)), self.mix[c] / self.batch
            pull = scale * (first - spread * inner / norm) / norm if norm > 0 else 0.0
            drawn = np.zeros((s, s))
            drawn[below] = pull * residual + scale * spread * z
            G[:s, :s] += drawn + np.tril(drawn, -1).T
            along += -pull * beyond + scale * spread * draws.small[step, c, 0]
            tau2 += scale**2 * second
        directed = beyond > (np.finfo(dtype).eps * self.size if self.noisy else 0.0)
        pull = along / beyond if directed else 0.0
        if self.noisy:
            Z = self.white()
            if directed:
                pull -= np.sqrt(tau2) * (Z * outside).sum() / beyond**2
            G += np.sqrt(tau2) * Z
        return G + pull * outside

    def white(self):
        """Return a GOE matrix, 0 in the block."""
        fill_normals(self.state, self.words, self.normals)
        Z = np.zeros((self.below[0][-1] + 1,) * 2)
        Z[self.below] = self.normals[: len(self.below[0])]
        Z = (Z + Z.T) * np.where(np.eye(len(Z)), 0.5, HALF)
        Z[: self.s, : self.s] = 0.0
        return Z
