"""What every compiled step shares: the law of G on the block, the record, small matrix moves."""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.sensing._arrays import Floats, Reals
from elinvar.sensing._draws import RunSetting, StepDraws

HALF = np.sqrt(0.5)


@compiled()
def multiply(a: Reals, b: Reals, out: Reals) -> None:
    """Write the matrix product a b into ``out``; compiled once for all kernels."""
    np.dot(a, b, out)


@compiled()
def copy(source: Reals, target: Reals) -> None:
    """Write a matrix into another; a loop compiles faster than an assignment of slices."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@compiled(fastmath=True)
def record(
    block: Floats, beyond2: float, step: int, setting: RunSetting, blocks: Floats, outsides: Floats
) -> bool:
    """Keep the block and the squared norm outside it; tell whether A is still bounded."""
    total = beyond2
    for i in range(block.shape[0]):
        for j in range(block.shape[1]):
            total += block[i, j] * block[i, j]
    # NaN is not bounded either
    if not total <= setting.bound * setting.bound:
        return False
    if step % setting.record_every == 0:
        at = step // setting.record_every
        copy(block, blocks[at])
        outsides[at] = beyond2
    return True


@compiled(fastmath=True)
def draw_block(
    block: Floats, beyond: float, draws: StepDraws, step: int, setting: RunSetting, out: Floats
) -> tuple[float, float]:
    """Draw G on the block, into ``out`` (s, s); return its part along A outside, and tau.

    Sums over the parts of a batch (docs/exact-law.md, section 3): part c has measurements of
    environment ``which[c]`` and enters with the weight ``mix[c]``. What is drawn lives in the
    s (s + 1) / 2 + 1 directions that the residuals span, W; in all others G is tau times white.
    """
    s = block.shape[0]
    for i in range(s):
        for j in range(s):
            out[i, j] = 0.0
    along, tau2 = 0.0, 0.0
    small, noise = draws.small[step], setting.noise
    for c in range(draws.which.shape[1]):
        chi, linear = draws.chi[step, c], draws.linear[step, c]
        if chi == 0.0:
            continue
        core = draws.cores[draws.which[step, c]]
        # |R|^2 and <z, R>, R = C - A: its part outside the block is -A there
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
        root = np.sqrt(chi)
        # S1 and S2 of section 2
        first = norm * chi + noise * root * linear
        second = 0.0
        if setting.noisy:
            q = linear * linear + draws.rest[step, c]
            second = norm2 * chi + 2.0 * norm * noise * root * linear + noise * noise * q
            second = max(second, 0.0)
        spread = np.sqrt(second)
        scale = setting.mix[c] / setting.batch
        # S1 R/|R| + sqrt(S2) (z - <z, R/|R|> R/|R|) = |R| pull R/|R| + spread z
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
        # independent white noises add up in the complement of W
        tau2 += scale * scale * second
    return along, np.sqrt(tau2)


@compiled(fastmath=True)
def pull_outside(
    along: float, tau: float, inner: float, beyond: float, setting: RunSetting
) -> float:
    """Return by how much of A outside the block G is more than tau Z there.

    In the direction of A outside, G has the coordinate ``along`` in the place of that of tau Z,
    which is tau ``inner`` / ``beyond`` with ``inner`` = <Z, A> and ``beyond`` = |A| outside.
    """
    # an A that is rounding has no direction: noise is white in all of them
    if setting.noisy and beyond > setting.tiny:
        return (along - tau * inner / beyond) / beyond
    if not setting.noisy and beyond > 0.0:
        return along / beyond
    return 0.0
