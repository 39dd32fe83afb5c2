"""The exact-law step without compilation: the same numbers as the kernels, to rounding."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.sensing._exact import Draws
from elinvar.sensing._kernel_normals import fill_normals_numpy, padded
from elinvar.sensing._schedule import Parts

Floats = NDArray[np.floating[Any]]

_HALF = np.sqrt(0.5)


class NumpyNoise:
    """A GOE matrix (d, d) at every call, 0 in its first s x s block.

    Parameters
    ----------
    state : ndarray of shape (4, LANES)
        Of the generators; advanced in place.
    dim, block : int
        d and s.
    """

    def __init__(self, state: Any, dim: int, block: int) -> None:
        n = padded(dim * (dim + 1) // 2)
        self._state, self._block = state, block
        self._words, self._normals = np.empty(n, np.uint32), np.empty(n, np.float32)
        self._below = np.tril_indices(dim)

    def draw(self, dtype: Any) -> Floats:
        """Return the next one."""
        fill_normals_numpy(self._state, self._words, self._normals)
        rows, columns = self._below
        dim = int(rows[-1]) + 1
        Z = np.zeros((dim, dim), dtype=dtype)
        Z[rows, columns] = self._normals[: len(rows)]
        off = ~np.eye(dim, dtype=bool)
        Z[off] *= dtype(_HALF)
        Z = np.tril(Z) + np.tril(Z, -1).T
        Z[: self._block, : self._block] = 0
        return Z


def gradient(
    A: Floats,
    parts: Parts,
    draws: Draws,
    step: int,
    mix: Floats,
    noise: float,
    batch: float,
    tiny: float,
    source: NumpyNoise | None,
) -> Floats:
    """Return G, the averaged gradient (d, d) of row ``step``; ``source`` None: no sampling."""
    s = parts.cores.shape[1]
    outside = A.astype(np.float64)
    outside[:s, :s] = 0.0
    beyond = np.linalg.norm(outside)
    block, along, tau2 = np.zeros((s, s)), 0.0, 0.0
    below = np.tril_indices(s)
    weights = np.where(below[0] == below[1], 1.0, 2.0)
    for c in np.flatnonzero(draws.chi[step] > 0):
        chi, linear = draws.chi[step, c], draws.linear[step, c]
        residual = (parts.cores[parts.which[step, c]] - A[:s, :s])[below]
        z = draws.small[step, c, 1:] * np.where(weights == 1.0, 1.0, _HALF)
        norm = np.sqrt(beyond**2 + weights @ residual**2)
        inner = weights @ (z * residual) - draws.small[step, c, 0] * beyond
        root = np.sqrt(chi)
        first = norm * chi + noise * root * linear
        second = 0.0
        if source is not None:
            q = linear**2 + draws.rest[step, c]
            second = norm**2 * chi + 2 * norm * noise * root * linear + noise**2 * q
        spread = np.sqrt(max(second, 0.0))
        scale = mix[c] / batch
        pull = scale * (first - spread * inner / norm) / norm if norm > 0 else 0.0
        drawn = np.zeros((s, s))
        drawn[below] = pull * residual + scale * spread * z
        block += drawn + np.tril(drawn, -1).T
        along += -pull * beyond + scale * spread * draws.small[step, c, 0]
        tau2 += scale**2 * second
    tau = np.sqrt(tau2)
    G = np.zeros(A.shape)
    directed = beyond > (0.0 if source is None else tiny)
    pull = along / beyond if directed else 0.0
    if source is not None:
        Z = source.draw(A.dtype.type).astype(np.float64)
        if directed:
            pull -= tau * (Z * outside).sum() / beyond**2
        G += tau * Z
    G += pull * outside
    G[:s, :s] = block
    return G.astype(A.dtype)
