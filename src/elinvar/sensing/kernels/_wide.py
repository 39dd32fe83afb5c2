r"""The exact-law step on the whole matrix, a trajectory at a time.

In the frame whose first s axes span the invariant and spurious subspaces every environment's
residual is :math:`R_e = C_e - A` with :math:`C_e` zero outside the first s x s block. A step needs
the measurements through :math:`G = \frac1m \sum_i r_i X_i` alone, and given A its law is known: see
docs/exact-law.md. `_draws` draws what is small; the d (d + 1) / 2 normals are drawn here.
"""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.sensing._arrays import Floats, Reals, Singles, Words
from elinvar.sensing._draws import RunSetting, StepDraws
from elinvar.sensing.kernels._law import HALF, copy, draw_block, multiply, pull_outside, record
from elinvar.sensing.kernels._normals import fill_normals, room_for
from elinvar.sensing.kernels._update import SGD, renew

PSD, SYMMETRIC, DIRECT = 0, 1, 2
CHUNK = 1024


@compiled(fastmath=True)
def flat_product(a: Reals, b: Reals) -> float:
    """Return the inner product of two flat arrays: short sums in their precision, then double."""
    total = 0.0
    for start in range(0, a.shape[0], CHUNK):
        part = a.dtype.type(0)
        for i in range(start, min(start + CHUNK, a.shape[0])):
            part += a[i] * b[i]
        total += float(part)
    return total


@compiled(fastmath=True)
def outside(A: Reals, s: int) -> float:
    """Return the squared Frobenius norm of A outside its first s x s block."""
    rows = A[s:].ravel()
    total = flat_product(rows, rows)
    for i in range(s):
        for j in range(s, A.shape[1]):
            total += A[i, j] * A[i, j]
    return total


@compiled(fastmath=True)
def fill_goe(normals: Singles, s: int, G: Reals) -> None:
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
    G: Reals, A: Reals, block: Floats, tau: float, pull: float, shift: float, scale: float
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
def assemble(
    P: Reals, kind: int, n_plus: int, rotation: Reals, framed: Reals, signed: Reals, A: Reals
) -> None:
    """Write the matrix that the factor P (d, K) stands for into A, in the frame."""
    source = P
    if rotation.shape[0] > 0:
        # A in the frame is F'P P'F, or F'A F; F'P is kept in ``framed``
        multiply(rotation.T, P, framed)
        if kind == DIRECT:
            multiply(framed, rotation, A)
            return
        source = framed
    if kind == PSD:
        multiply(source, source.T, A)
    elif kind == SYMMETRIC:
        for i in range(P.shape[0]):
            for j in range(P.shape[1]):
                signed[i, j] = source[i, j] if j < n_plus else -source[i, j]
        multiply(signed, source.T, A)
    else:
        copy(P, A)


@compiled(fastmath=True)
def turn_back(
    G: Reals, P: Reals, kind: int, rotation: Reals, framed: Reals, work: Reals, descent: Reals
) -> None:
    """Write G P, or G itself for ``DIRECT``, into ``descent``, in the coordinates of P."""
    if rotation.shape[0] == 0:
        if kind == DIRECT:
            copy(G, descent)
        else:
            multiply(G, P, descent)
    elif kind == DIRECT:
        multiply(rotation, G, work)
        multiply(work, rotation.T, descent)
    else:
        multiply(G, framed, work)
        multiply(rotation, work, descent)


@compiled(fastmath=True)
def run_wide(
    P: Reals,
    kind: int,
    n_plus: int,
    rotation: Reals,
    draws: StepDraws,
    setting: RunSetting,
    state: Words,
    rule: Floats,
    memory: Reals,
    start: int,
    blocks: Floats,
    outsides: Floats,
) -> int:
    """Take the steps from number ``start`` on, in place; return how many stayed bounded.

    ``rotation`` (d, d), or empty: P lives in coordinates that it maps the frame to. The block and
    the squared norm outside it are recorded before a step, if its number is a multiple of
    ``setting.record_every``. ``state`` is that of the generators of `fill_normals`, ``rule`` and
    ``memory`` those of `renew`.
    """
    d, s = P.shape[0], draws.cores.shape[1]
    n_steps: int = draws.which.shape[0]
    plain_sgd = rule[0] == SGD and rotation.shape[0] == 0 and kind != DIRECT
    A, G = np.empty((d, d), P.dtype), np.zeros((d, d), P.dtype)
    framed, moved, signed = np.empty_like(P), np.empty_like(P), np.empty_like(P)
    words, mantissa, normals = room_for(d * (d + 1) // 2, state.shape[1])
    block, drawn = np.empty((s, s)), np.empty((s, s))
    current = P
    for step in range(n_steps):
        assemble(current, kind, n_plus, rotation, framed, signed, A)
        beyond2 = outside(A, s)
        for i in range(s):
            for j in range(s):
                block[i, j] = A[i, j]
        if not record(block, beyond2, start + step, setting, blocks, outsides):
            copy(current, P)
            return step
        beyond = np.sqrt(beyond2)
        along, tau = draw_block(block, beyond, draws, step, setting, drawn)
        inner = 0.0
        if setting.noisy:
            fill_normals(state, words, mantissa, normals)
            fill_goe(normals, s, G)
            inner = flat_product(G.ravel(), A.ravel())
        pull = pull_outside(along, tau, inner, beyond, setting)
        if plain_sgd:
            # one product, (I + eta G) U; columns that count negative take (I - eta G) V
            combine(G, A, drawn, tau, pull, 1.0, rule[1])
            multiply(G, current, moved)
            for i in range(d if kind == SYMMETRIC else 0):
                for j in range(n_plus, P.shape[1]):
                    moved[i, j] = 2 * current[i, j] - moved[i, j]
            current, moved = moved, current
            continue
        combine(G, A, drawn, tau, pull, 0.0, 1.0)
        turn_back(G, current, kind, rotation, framed, signed, moved)
        renew(current, moved, n_plus, kind == SYMMETRIC, rule, memory, start + step + 1)
    copy(current, P)
    return n_steps
