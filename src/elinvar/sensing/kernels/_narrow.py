r"""The exact-law step on a narrow factor, without ever forming a d x d matrix.

With k columns a step needs :math:`G P`, and G acts on the k + s directions that P and the block
span: only that part of the noise is drawn, (d - s)(k + s) + k (k + 1) / 2 normals in the place of
d (d + 1) / 2. Own derivation, docs/exact-law.md.
"""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.sensing._arrays import Floats, Reals, Singles, Words
from elinvar.sensing._draws import RunSetting, StepDraws
from elinvar.sensing.kernels._law import HALF, copy, draw_block, multiply, pull_outside, record
from elinvar.sensing.kernels._normals import fill_normals, room_for
from elinvar.sensing.kernels._update import renew


@compiled(fastmath=True)
def outside_narrow(inner: Reals, outer: Reals, n_plus: int) -> float:
    """Return |A|^2 outside the block from the Gram matrices of the rows within and without."""
    # |A|^2 = |X + Y|^2 - |X|^2 with the Gram matrices X within and Y without: Y (2 X + Y)
    total = 0.0
    for k in range(outer.shape[0]):
        for j in range(outer.shape[0]):
            sign = 1.0 if (k < n_plus) == (j < n_plus) else -1.0
            total += sign * outer[k, j] * (2.0 * inner[k, j] + outer[k, j])
    return max(total, 0.0)


@compiled(fastmath=True)
def fill_block(inside: Reals, n_plus: int, block: Floats) -> None:
    """Write the block of A from the rows of the factor within it."""
    for i in range(block.shape[0]):
        for j in range(block.shape[0]):
            entry = 0.0
            for k in range(inside.shape[1]):
                entry += (1.0 if k < n_plus else -1.0) * inside[i, k] * inside[j, k]
            block[i, j] = entry


@compiled(fastmath=True)
def put_goe(normals: Singles, start: int, G: Reals) -> None:
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
def orthonormal(tall: Reals, basis: Reals) -> Reals:
    """Write an orthonormal basis of the columns of ``tall`` (n, K) into ``basis``; return R."""
    found, triangle = np.linalg.qr(tall)
    copy(found, basis)
    return triangle


@compiled(fastmath=True)
def scatter(normals: Singles, scale: float, flat: Reals) -> None:
    """Fill a flat array with scaled normals."""
    factor = flat.dtype.type(scale)
    for i in range(flat.shape[0]):
        flat[i] = factor * normals[i]


@compiled(fastmath=True)
def add_noise(
    P: Reals,
    s: int,
    n_plus: int,
    normals: Singles,
    side: Reals,
    away: Reals,
    basis: Reals,
    squares: Reals,
    moved: Reals,
    descent: Reals,
) -> float:
    """Write Z P into ``descent``, Z white outside the block and 0 in it; return <Z, A>.

    ``side`` (d - s, s), ``away`` and ``basis`` (d - s, K), ``squares`` (2, K, K) and ``moved``
    (d - s, K) are working space.
    """
    n, width = away.shape
    # entries beside the diagonal have the variance 1/2
    scatter(normals, HALF, side.ravel())
    scatter(normals[n * s :], HALF, away.ravel())
    core, middle = squares[0], squares[1]
    put_goe(normals, n * (s + width), core)

    inside, beyond = P[:s], P[s:]
    top, below = descent[:s], descent[s:]
    triangle = orthonormal(beyond, basis)
    # Z_oo Q = H + Q (K - Q'H), then times T: docs/exact-law.md, section 5
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

    # <Z, A> = 2 <Z_os, U_o U_s'> + <K, T T'>, columns of V negative
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
    P: Reals,
    n_plus: int,
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

    Columns of P (d, K) from ``n_plus`` on count negative. The arguments are those of `run_wide`.
    """
    d, width = P.shape
    s = draws.cores.shape[1]
    n_steps: int = draws.which.shape[0]
    # Z_os, H and K of docs/exact-law.md, section 5
    n_normals = (d - s) * (s + width) + width * (width + 1) // 2
    words, mantissa, normals = room_for(n_normals, state.shape[1])
    side, away = np.empty((d - s, s), P.dtype), np.empty((d - s, width), P.dtype)
    basis, moved = np.empty((d - s, width), P.dtype), np.empty((d - s, width), P.dtype)
    squares, grams = np.empty((2, width, width), P.dtype), np.empty((2, width, width), P.dtype)
    descent, action = np.zeros((d, width), P.dtype), np.empty((d, width), P.dtype)
    block, drawn = np.empty((s, s)), np.empty((s, s))
    for step in range(n_steps):
        inside, beyond = P[:s], P[s:]
        inner, outer = grams[0], grams[1]
        # Gram matrices (K, K) stand for A, which is never formed
        multiply(inside.T, inside, inner)
        multiply(beyond.T, beyond, outer)
        beyond2 = outside_narrow(inner, outer, n_plus)
        fill_block(inside, n_plus, block)
        if not record(block, beyond2, start + step, setting, blocks, outsides):
            return step
        norm = np.sqrt(beyond2)
        along, tau = draw_block(block, norm, draws, step, setting, drawn)
        product = 0.0
        if setting.noisy:
            fill_normals(state, words, mantissa, normals)
            product = add_noise(P, s, n_plus, normals, side, away, basis, squares, moved, descent)
        pull = pull_outside(along, tau, product, norm, setting)
        on_noise, on_a = P.dtype.type(tau), P.dtype.type(pull)
        for k in range(width):
            for j in range(width):
                whole = inner[k, j] + outer[k, j]
                inner[k, j] = whole if k < n_plus else -whole
        # A P = P (P'P), with signs; G P = tau Z P + pull A P, but drawn apart in the block
        multiply(P, inner, action)
        for i in range(d):
            for k in range(width):
                descent[i, k] = on_noise * descent[i, k] + on_a * action[i, k]
        for i in range(s):
            for k in range(width):
                # in the block G is what was drawn, not pull A
                change = 0.0
                for j in range(s):
                    change += (drawn[i, j] - pull * block[i, j]) * inside[j, k]
                descent[i, k] += change
        renew(P, descent, n_plus, True, rule, memory, start + step + 1)
    return n_steps
