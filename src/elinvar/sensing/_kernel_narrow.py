r"""The exact-law step on a narrow factor, without ever forming a d x d matrix.

With k columns a step needs :math:`G P`, and G acts on the k + s directions that P and the block
span: only that part of the noise is drawn, (d - s)(k + s) + k (k + 1) / 2 normals in the place of
d (d + 1) / 2. Own derivation, docs/exact-law.md.
"""

from typing import Any

import numpy as np

from elinvar._base._compile import compiled
from elinvar.sensing._kernel_normals import fill_normals
from elinvar.sensing._kernel_update import renew
from elinvar.sensing._kernel_wide import HALF, copy, draw_block, multiply


@compiled(fastmath=True)
def outside_narrow(inner: Any, outer: Any, n_plus: int) -> float:
    """Return |A|^2 outside the block from the Gram matrices of the rows within and without."""
    total = 0.0
    for k in range(outer.shape[0]):
        for j in range(outer.shape[0]):
            sign = 1.0 if (k < n_plus) == (j < n_plus) else -1.0
            total += sign * outer[k, j] * (2.0 * inner[k, j] + outer[k, j])
    return max(total, 0.0)


@compiled(fastmath=True)
def put_goe(normals: Any, start: int, G: Any) -> None:
    """Write a GOE matrix into G from the normals that follow ``start``."""
    half = G.dtype.type(HALF)
    for i in range(G.shape[0]):
        for j in range(i):
            G[i, j] = half * normals[start]
            G[j, i] = G[i, j]
            start += 1
        G[i, i] = normals[start]
        start += 1


@compiled()
def orthonormal(tall: Any, basis: Any) -> Any:
    """Write an orthonormal basis of the columns of ``tall`` (n, K) into ``basis``; return R."""
    found, triangle = np.linalg.qr(tall)
    copy(found, basis)
    return triangle


@compiled(fastmath=True)
def scatter(normals: Any, scale: float, flat: Any) -> None:
    """Fill a flat array with scaled normals."""
    factor = flat.dtype.type(scale)
    for i in range(flat.shape[0]):
        flat[i] = factor * normals[i]


@compiled(fastmath=True)
def add_noise(
    P: Any,
    s: int,
    n_plus: int,
    normals: Any,
    side: Any,
    away: Any,
    basis: Any,
    squares: Any,
    moved: Any,
    descent: Any,
) -> float:
    """Write Z P into ``descent``, Z white outside the block and 0 in it; return <Z, A>.

    ``side`` (d - s, s), ``away`` and ``basis`` (d - s, K), ``squares`` (2, K, K) and ``moved``
    (d - s, K) are working space.
    """
    n, width = away.shape
    scatter(normals, HALF, side.ravel())
    scatter(normals[n * s :], HALF, away.ravel())
    core, middle = squares[0], squares[1]
    put_goe(normals, n * (s + width), core)

    inside, beyond = P[:s], P[s:]
    top, below = descent[:s], descent[s:]
    triangle = orthonormal(beyond, basis)
    multiply(side.T, beyond, top)
    multiply(basis.T, away, middle)
    for i in range(width):
        for j in range(width):
            middle[i, j] = core[i, j] - middle[i, j]
    multiply(basis, middle, moved)
    for i in range(n):
        for k in range(width):
            moved[i, k] += away[i, k]
    multiply(moved, triangle, away)
    multiply(side, inside, below)
    for i in range(n):
        for k in range(width):
            below[i, k] += away[i, k]

    product = 0.0
    for i in range(s):
        for k in range(width):
            sign = 1.0 if k < n_plus else -1.0
            product += 2.0 * sign * top[i, k] * inside[i, k]
    for i in range(width):
        for j in range(width):
            entry = 0.0
            for k in range(max(i, j), width):
                entry += (1.0 if k < n_plus else -1.0) * triangle[i, k] * triangle[j, k]
            product += core[i, j] * entry
    return product


@compiled(fastmath=True)
def run_narrow(
    P: Any,
    n_plus: int,
    cores: Any,
    which: Any,
    chi: Any,
    linear: Any,
    rest: Any,
    small: Any,
    mix: Any,
    noise: float,
    noisy: bool,
    batch: float,
    state: Any,
    rule: Any,
    memory: Any,
    bound: float,
    tiny: float,
    start: int,
    record_every: int,
    blocks: Any,
    outsides: Any,
) -> int:
    """Take as many steps as ``which`` has rows, in place; return how many stayed below ``bound``.

    Columns of P (d, K) from ``n_plus`` on count negative. The arguments are those of `run_wide`.
    """
    d, width = P.shape
    s = cores.shape[1]
    n_steps: int = which.shape[0]
    n_normals = (d - s) * (s + width) + width * (width + 1) // 2
    n_normals = -(-n_normals // state.shape[1]) * state.shape[1]
    words = np.empty(n_normals, np.uint32)
    mantissa = np.empty(n_normals // 2, np.float32)
    normals = np.zeros(n_normals, np.float32)
    side, away = np.empty((d - s, s), P.dtype), np.empty((d - s, width), P.dtype)
    basis, moved = np.empty((d - s, width), P.dtype), np.empty((d - s, width), P.dtype)
    squares, grams = np.empty((2, width, width), P.dtype), np.empty((2, width, width), P.dtype)
    descent, action = np.zeros((d, width), P.dtype), np.empty((d, width), P.dtype)
    block, drawn = np.empty((s, s)), np.empty((s, s))
    recorded = 0
    for step in range(n_steps):
        inside, beyond = P[:s], P[s:]
        inner, outer = grams[0], grams[1]
        multiply(inside.T, inside, inner)
        multiply(beyond.T, beyond, outer)
        beyond2 = outside_narrow(inner, outer, n_plus)
        total = beyond2
        for i in range(s):
            for j in range(s):
                entry = 0.0
                for k in range(width):
                    entry += (1.0 if k < n_plus else -1.0) * inside[i, k] * inside[j, k]
                block[i, j] = entry
                total += entry * entry
        if not total <= bound * bound:
            return step
        if (start + step) % record_every == 0:
            copy(block, blocks[recorded])
            outsides[recorded] = beyond2
            recorded += 1
        norm = np.sqrt(beyond2)
        along, tau = draw_block(
            block, norm, cores, which[step], chi[step], linear[step], rest[step], small[step],
            mix, noise, noisy, batch, drawn,
        )  # fmt: skip
        pull = along / norm if norm > 0.0 and (norm > tiny or not noisy) else 0.0
        if noisy:
            fill_normals(state, words, mantissa, normals)
            product = add_noise(P, s, n_plus, normals, side, away, basis, squares, moved, descent)
            if norm > tiny:
                pull -= tau * product / beyond2
        on_noise, on_a = P.dtype.type(tau), P.dtype.type(pull)
        for k in range(width):
            for j in range(width):
                whole = inner[k, j] + outer[k, j]
                inner[k, j] = whole if k < n_plus else -whole
        multiply(P, inner, action)
        for i in range(d):
            for k in range(width):
                descent[i, k] = on_noise * descent[i, k] + on_a * action[i, k]
        for i in range(s):
            for k in range(width):
                change = 0.0
                for j in range(s):
                    change += (drawn[i, j] - pull * block[i, j]) * inside[j, k]
                descent[i, k] += change
        renew(P, descent, n_plus, True, rule, memory, start + step + 1)
    return n_steps
