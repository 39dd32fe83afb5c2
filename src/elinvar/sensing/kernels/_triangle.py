r"""The exact-law step of plain gradient descent on A = U U', by lower triangles.

The law is that of `_wide`, where the frame and the arguments are explained; A, the noise and
:math:`I + \eta G` are symmetric, so each is computed once. U is held transposed, in whole tiles.
"""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.sensing._arrays import Floats, Reals, Singles, Words
from elinvar.sensing._draws import RunSetting, StepDraws
from elinvar.sensing.kernels._law import HALF, copy, draw_block, pull_outside, record
from elinvar.sensing.kernels._normals import fill_normals, room_for
from elinvar.sensing.kernels._product import ROWS, gram, product


@compiled(fastmath=True)
def measure(A: Reals, d: int, s: int, normals: Singles) -> tuple[float, float]:
    """Return |A|^2 and <Z, A> outside the block, Z a GOE matrix of these normals."""
    size2, inner = 0.0, 0.0
    at = s * (s + 1) // 2
    for i in range(s, d):
        row, z = A[i], normals[at : at + i]
        own, across = A.dtype.type(0), A.dtype.type(0)
        for j in range(i):
            own += row[j] * row[j]
            across += z[j] * row[j]
        # entries beside the diagonal count twice
        size2 += 2.0 * own + row[i] * row[i]
        inner += 2.0 * HALF * across + normals[at + i] * row[i]
        at += i + 1
    return size2, inner


@compiled(fastmath=True)
def move(
    A: Reals, d: int, block: Floats, normals: Singles, tau: float, pull: float, eta: float, W: Reals
) -> None:
    """Write I + eta (tau Z + pull A) into W, with ``block`` in the place of its block."""
    s = block.shape[0]
    off, on = W.dtype.type(eta * tau * HALF), W.dtype.type(eta * tau)
    on_a = W.dtype.type(eta * pull)
    at = s * (s + 1) // 2
    for i in range(s, d):
        row, source, z = W[i], A[i], normals[at : at + i + 1]
        for j in range(i):
            row[j] = off * z[j] + on_a * source[j]
        for j in range(i):
            W[j, i] = row[j]
        row[i] = 1 + (on * z[i] + on_a * source[i])
        at += i + 1
    for i in range(s):
        for j in range(s):
            W[i, j] = eta * block[i, j]
        W[i, i] += 1


@compiled(fastmath=True)
def run_triangle(
    T: Reals,
    d: int,
    width: int,
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

    T is U' with U (d, width), padded. The other arguments are those of `run_wide`; the rule is SGD.
    """
    s, wide = draws.cores.shape[1], T.shape[1]
    n_steps: int = draws.which.shape[0]
    A, W = np.zeros((-(-d // ROWS) * ROWS, wide), T.dtype), np.zeros((wide, wide), T.dtype)
    moved = np.zeros_like(T)
    words, mantissa, normals = room_for(d * (d + 1) // 2, state.shape[1])
    block, drawn = np.empty((s, s)), np.empty((s, s))
    current = T
    for step in range(n_steps):
        # the lower triangle of A = U U' from T = U'
        gram(current, width, A)
        if setting.noisy:
            fill_normals(state, words, mantissa, normals)
        beyond2, inner = measure(A, d, s, normals)
        for i in range(s):
            for j in range(s):
                block[i, j] = A[max(i, j), min(i, j)]
        if not record(block, beyond2, start + step, setting, blocks, outsides):
            copy(current, T)
            return step
        beyond = np.sqrt(beyond2)
        along, tau = draw_block(block, beyond, draws, step, setting, drawn)
        pull = pull_outside(along, tau, inner, beyond, setting)
        # T <- T (I + eta G), G symmetric
        move(A, d, drawn, normals, tau, pull, rule[1], W)
        product(current, W, d, moved)
        current, moved = moved, current
    copy(current, T)
    return n_steps
