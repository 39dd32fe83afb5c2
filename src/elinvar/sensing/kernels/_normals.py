r"""Standard normals in bulk, inside compiled loops: ten times as many a second as one by one.

Uniform bits come from xoshiro128++ (D. Blackman, S. Vigna, "Scrambled linear pseudorandom number
generators", ACM Transactions on Mathematical Software 47, 2021), `LANES` generators side by side,
each started from words of the caller's ``numpy.random.Generator``. The polar pairs of G. Box and
M. Muller (1958) turn two words into two normals, with the logarithm and the circular functions as
polynomials, so that every loop runs on whole vector registers.
"""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.sensing._arrays import Singles, Words

LANES = 128


def _single(*values: float) -> tuple[np.float32, ...]:
    return tuple(map(np.float32, values))


# Chebyshev fits: log(1 + x) / x for 1 + x in [1/sqrt 2, sqrt 2]; sin(2 pi t) / t and cos(2 pi t) in
# t^2, for |t| <= 1/4; each to 2e-9 or better.
_LOG = _single(
    1.0000000000182154, -0.4999998829414163, 0.3333332402364358, -0.2500158512308239,
    0.20002071674577962, -0.16609126503793148, 0.14180078721949632, -0.1324084270681884,
    0.1291417030831823, -0.07638592397789297,
)  # fmt: skip
_SIN = _single(
    6.283185307072582, -41.34170211699632, 81.60522630620792, -76.70428132156646,
    42.00980572813128, -14.39413537797875,
)  # fmt: skip
_COS = _single(
    0.9999999997799041, -19.739208548315304, 64.93934655290184, -85.45356819524262,
    60.14395233681919, -24.981836131878236,
)  # fmt: skip
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8, _L9 = _LOG
_S0, _S1, _S2, _S3, _S4, _S5 = _SIN
_C0, _C1, _C2, _C3, _C4, _C5 = _COS

_ROOT_HALF = np.int32(0x3F3504F3)  # the bits of 1/sqrt 2
_SMALLEST = np.float32(2.0**-32)
_PER_INT31 = np.float32(2.0**-31)
_QUARTER_TURN = np.float32(2.0**-33)
_LN2 = np.float32(np.log(2.0))
_ZERO, _ONE, _TWO = np.float32(0.0), np.float32(1.0), np.float32(2.0)

u32, i32, f32 = np.uint32, np.int32, np.float32


def lane_states(rng: np.random.Generator) -> Words:
    """Return the states (4, LANES) of the generators, drawn from ``rng``."""
    return rng.integers(0, 2**32, size=(4, LANES), dtype=np.uint32)


@compiled()
def room_for(n: int, lanes: int) -> tuple[Words, Singles, Singles]:
    """Return working space for at least ``n`` normals, and the normals, 0 at first."""
    whole = -(-n // lanes) * lanes
    words, mantissa = np.empty(whole, np.uint32), np.empty(whole // 2, np.float32)
    return words, mantissa, np.zeros(whole, np.float32)


@compiled()
def _fill_words(state: Words, words: Words) -> None:
    """One round of every lane for each block of ``words``."""
    for block in range(words.shape[0] // LANES):
        for lane in range(LANES):
            # the output is rotl(s0 + s3, 7) + s0
            s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            total = u32(s0 + s3)
            words[block * LANES + lane] = u32(
                u32(u32(total << u32(7)) | u32(total >> u32(25))) + s0
            )
            shifted = u32(s1 << u32(9))
            s2 = u32(s2 ^ s0)
            s3 = u32(s3 ^ s1)
            state[1, lane] = u32(s1 ^ s2)
            state[0, lane] = u32(s0 ^ s3)
            state[2, lane] = u32(s2 ^ shifted)
            state[3, lane] = u32(u32(s3 << u32(11)) | u32(s3 >> u32(21)))


@compiled()
def fill_normals(state: Words, words: Words, mantissa: Singles, normals: Singles) -> None:
    """Fill ``normals`` (n,), float32, n a multiple of LANES.

    ``words`` (n,), uint32, and ``mantissa`` (n / 2,), float32, are working space.
    """
    _fill_words(state, words)
    half = words.shape[0] // 2
    bits = mantissa.view(np.int32)
    # uniform on (0, 1), from 31 bits; the last bit is kept for a sign
    for i in range(half):
        mantissa[i] = f32(i32(words[i] >> u32(1))) * _PER_INT31 + _SMALLEST
    # u = 2^e m with m in [1/sqrt 2, sqrt 2), by the bits of u: log u = log m + e log 2
    for i in range(half):
        exponent = i32((bits[i] - _ROOT_HALF) >> i32(23))
        bits[i] = i32(bits[i] - i32(exponent << i32(23)))
        normals[i] = f32(exponent)
    for i in range(half):
        x = mantissa[i] - _ONE
        p = ((((_L9 * x + _L8) * x + _L7) * x + _L6) * x + _L5) * x + _L4
        p = (((p * x + _L3) * x + _L2) * x + _L1) * x + _L0
        radius = np.sqrt(max(-_TWO * (p * x + normals[i] * _LN2), _ZERO))
        # an angle in (-1/4, 1/4) of a turn; the sign of the cosine is the bit left over
        t = f32(i32(words[half + i])) * _QUARTER_TURN
        s = t * t
        cosine = ((((_C5 * s + _C4) * s + _C3) * s + _C2) * s + _C1) * s + _C0
        sine = ((((_S5 * s + _S4) * s + _S3) * s + _S2) * s + _S1) * s + _S0
        side = f32(_ONE - _TWO * f32(i32(words[i] & u32(1))))
        normals[i] = radius * cosine * side
        normals[half + i] = radius * sine * t
