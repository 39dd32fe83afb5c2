r"""The exact-law step on the whole matrix, a trajectory at a time.

In the frame whose first s axes span the invariant and spurious subspaces every environment's
residual is :math:`R_e = C_e - A` with :math:`C_e` zero outside the first s x s block. A step needs
the measurements through :math:`G = \frac1m \sum_i r_i X_i` alone, and given A its law is known: see
docs/exact-law.md. `_exact` draws what is small; the d (d + 1) / 2 normals are drawn here.
"""

from typing import Any

import numpy as np

from elinvar._base._compile import compiled
from elinvar.sensing._kernel_normals import fill_normals
from elinvar.sensing._kernel_update import renew

PSD, SYMMETRIC, DIRECT = 0, 1, 2
HALF = np.sqrt(0.5)
CHUNK = 1024


@compiled()
def multiply(a: Any, b: Any, out: Any) -> None:
    """Write the matrix product a b into ``out``; compiled once for all kernels."""
    np.dot(a, b, out)


@compiled()
def copy(source: Any, target: Any) -> None:
    """Write a matrix into another; a loop compiles faster than an assignment of slices."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@compiled(fastmath=True)
def flat_product(a: Any, b: Any) -> float:
    """Return the inner product of two flat arrays: short sums in their precision, then double."""
    total = 0.0
    for start in range(0, a.shape[0], CHUNK):
        part = a.dtype.type(0)
        for i in range(start, min(start + CHUNK, a.shape[0])):
            part += a[i] * b[i]
        total += part
    return total


@compiled(fastmath=True)
def outside(A: Any, s: int) -> float:
    """Return the squared Frobenius norm of A outside its first s x s block."""
    rows = A[s:].ravel()
    total = flat_product(rows, rows)
    for i in range(s):
        for j in range(s, A.shape[1]):
            total += A[i, j] * A[i, j]
    return total


@compiled(fastmath=True)
def draw_block(
    block: Any,
    beyond: float,
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
    out: Any,
) -> tuple[float, float]:
    """Draw G on the block, into ``out`` (s, s); return its part along A outside, and tau.

    Sums over the parts of a batch: part c has measurements of environment ``which[c]`` and enters
    with the weight ``mix[c]``. What is drawn lives in the s (s + 1) / 2 + 1 directions that the
    residuals span; in all others G is tau times white.
    """
    s = block.shape[0]
    for i in range(s):
        for j in range(s):
            out[i, j] = 0.0
    along, tau2 = 0.0, 0.0
    for c in range(which.shape[0]):
        if chi[c] == 0.0:
            continue
        core = cores[which[c]]
        norm2 = beyond * beyond
        inner = -small[c, 0] * beyond
        at = 1
        for i in range(s):
            for j in range(i + 1):
                weight = 1.0 if i == j else 2.0
                z = small[c, at] if i == j else small[c, at] * HALF
                residual = core[i, j] - block[i, j]
                norm2 += weight * residual * residual
                inner += weight * z * residual
                at += 1
        norm = np.sqrt(norm2)
        root = np.sqrt(chi[c])
        first = norm * chi[c] + noise * root * linear[c]
        second = 0.0
        if noisy:
            q = linear[c] * linear[c] + rest[c]
            second = norm2 * chi[c] + 2.0 * norm * noise * root * linear[c] + noise * noise * q
            second = max(second, 0.0)
        spread = np.sqrt(second)
        scale = mix[c] / batch
        pull = 0.0
        if norm > 0.0:
            pull = scale * (first - spread * inner / norm) / norm
        at = 1
        for i in range(s):
            for j in range(i + 1):
                z = small[c, at] if i == j else small[c, at] * HALF
                drawn = pull * (core[i, j] - block[i, j]) + scale * spread * z
                out[i, j] += drawn
                if i != j:
                    out[j, i] += drawn
                at += 1
        along += -pull * beyond + scale * spread * small[c, 0]
        tau2 += scale * scale * second
    return along, np.sqrt(tau2)


@compiled(fastmath=True)
def fill_goe(normals: Any, s: int, G: Any) -> None:
    """Write a GOE matrix into G: variance 1 on the diagonal, 1/2 beside it; 0 in the block."""
    start = s * (s + 1) // 2
    half = G.dtype.type(HALF)
    for i in range(s, G.shape[0]):
        row = G[i]
        for j in range(i):
            row[j] = half * normals[start + j]
        for j in range(i):
            G[j, i] = row[j]
        row[i] = normals[start + i]
        start += i + 1
    for i in range(s):
        for j in range(s):
            G[i, j] = 0


@compiled(fastmath=True)
def combine(
    G: Any, A: Any, block: Any, tau: float, pull: float, shift: float, scale: float
) -> None:
    """Turn Z in G into ``shift`` I + ``scale`` (tau Z + pull A), with ``block`` as the block."""
    on_noise, on_a = G.dtype.type(scale * tau), G.dtype.type(scale * pull)
    flat, other = G.ravel(), A.ravel()
    for i in range(flat.shape[0]):
        flat[i] = on_noise * flat[i] + on_a * other[i]
    s = block.shape[0]
    for i in range(s):
        for j in range(s):
            G[i, j] = scale * block[i, j]
    for i in range(G.shape[0]):
        G[i, i] += shift


@compiled(fastmath=True)
def assemble(P: Any, kind: int, n_plus: int, signed: Any, A: Any) -> None:
    """Write the matrix that the factor P (d, K) stands for into A."""
    if kind == PSD:
        multiply(P, P.T, A)
    elif kind == SYMMETRIC:
        for i in range(P.shape[0]):
            for j in range(P.shape[1]):
                signed[i, j] = P[i, j] if j < n_plus else -P[i, j]
        multiply(signed, P.T, A)
    else:
        copy(P, A)


@compiled(fastmath=True)
def run_wide(
    P: Any,
    kind: int,
    n_plus: int,
    rotation: Any,
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

    ``rotation`` (d, d), or empty: P lives in coordinates that it maps the frame to. Before a step
    whose number is a multiple of ``record_every`` the block and the squared norm outside it are
    recorded. Where A outside the block is below ``tiny`` its direction is rounding, and noise there
    is white in all directions.
    """
    d, s = P.shape[0], cores.shape[1]
    n_steps: int = which.shape[0]
    rotated = rotation.shape[0] > 0
    plain_sgd = rule[0] == 0.0 and not rotated and kind != DIRECT
    A, G = np.empty((d, d), P.dtype), np.zeros((d, d), P.dtype)
    framed, moved, signed = np.empty_like(P), np.empty_like(P), np.empty_like(P)
    n_normals = -(-(d * (d + 1) // 2) // state.shape[1]) * state.shape[1]
    words = np.empty(n_normals, np.uint32)
    mantissa = np.empty(n_normals // 2, np.float32)
    normals = np.zeros(n_normals, np.float32)
    block, drawn = np.empty((s, s)), np.empty((s, s))
    current = P
    recorded = 0
    for step in range(n_steps):
        if rotated:
            multiply(rotation.T, current, framed)
            if kind == DIRECT:
                multiply(framed, rotation, A)
            else:
                assemble(framed, kind, n_plus, signed, A)
        else:
            assemble(current, kind, n_plus, signed, A)
        beyond2 = outside(A, s)
        total = beyond2
        for i in range(s):
            for j in range(s):
                block[i, j] = A[i, j]
                total += block[i, j] * block[i, j]
        if not total <= bound * bound:
            copy(current, P)
            return step
        if (start + step) % record_every == 0:
            copy(block, blocks[recorded])
            outsides[recorded] = beyond2
            recorded += 1
        beyond = np.sqrt(beyond2)
        along, tau = draw_block(
            block, beyond, cores, which[step], chi[step], linear[step], rest[step], small[step],
            mix, noise, noisy, batch, drawn,
        )  # fmt: skip
        pull = 0.0
        if noisy:
            fill_normals(state, words, mantissa, normals)
            fill_goe(normals, s, G)
            if beyond > tiny:
                pull = (along - tau * flat_product(G.ravel(), A.ravel()) / beyond) / beyond
        elif beyond > 0.0:
            pull = along / beyond
        if plain_sgd:
            combine(G, A, drawn, tau, pull, 1.0, rule[1])
            multiply(G, current, moved)
            for i in range(d if kind == SYMMETRIC else 0):
                for j in range(n_plus, P.shape[1]):
                    moved[i, j] = 2 * current[i, j] - moved[i, j]
            current, moved = moved, current
            continue
        combine(G, A, drawn, tau, pull, 0.0, 1.0)
        if kind == DIRECT:
            if rotated:
                multiply(rotation, G, framed)
                multiply(framed, rotation.T, G)
            renew(current, G, n_plus, False, rule, memory, start + step + 1)
        else:
            if rotated:
                multiply(G, framed, signed)
                multiply(rotation, signed, moved)
            else:
                multiply(G, current, moved)
            renew(current, moved, n_plus, kind == SYMMETRIC, rule, memory, start + step + 1)
    copy(current, P)
    return n_steps
