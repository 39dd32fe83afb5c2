"""A rehearsal: the same algorithm in the span of U* and V* alone, many times, in no time."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._check import generator
from elinvar.theory._growth import Floats
from elinvar.theory._reduction import Reduced

_LARGE = 1e4


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What came of the runs.

    Attributes
    ----------
    diverged : float
        Share of the runs.
    error, spurious : float
        Medians, over the runs that did not diverge and the last quarter of the steps, of the
        distance to A* in the span and of the root mean square spurious eigenvalue; NaN if all
        diverged.
    visible : float
        Share of these steps at which the latter is above ``level``.
    """

    diverged: float
    error: float
    spurious: float
    visible: float


def rehearse(
    reduced: Reduced,
    *,
    steps: int,
    init_scale: float,
    level: float,
    width: int | None = None,
    two_sided: bool = False,
    order: str = "random",
    block: int = 1,
    free: int = 0,
    runs: int = 32,
    rng: np.random.Generator | int | None = 0,
) -> Rehearsal:
    r"""Run :math:`U \leftarrow U + h (R + \sqrt{v} N) U` in the span of U* and V*.

    Parameters
    ----------
    reduced : Reduced
        Problem and algorithm.
    steps : int
        Of each run.
    init_scale : float > 0
        The start, times the identity.
    level : float
        Of a spurious eigenvalue that is visible.
    width : int, optional
        Columns of U, if fewer than the span has dimensions: then the start is Gaussian.
    two_sided : bool
        Whether A = U U' - V V'.
    order : {"random", "cyclic"}
        Environments drawn at random, or in turn.
    block : int
        Steps that an environment stays once drawn.
    free : int
        Directions outside the span, which the trace of the residual moves if it is seen.
    runs : int
        How many.
    rng : Generator, int or None
        Source of randomness.

    Returns
    -------
    Rehearsal
        With what lies outside the span left out: the noise there neither grows nor comes back.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 9.
    """
    rng, cores = generator(rng), reduced.cores
    size, r1 = cores.shape[1], len(reduced.sigma)
    goal = np.diag(np.pad(reduced.sigma, (0, size - r1)))
    U = np.tile(init_scale * np.eye(size), (runs, 1, 1))
    if width is not None and width < size:
        U = init_scale * rng.normal(size=(runs, size, width)) / np.sqrt(width)
    V = U.copy() if two_sided else np.zeros((runs, size, 1))
    # all other directions are alike: u and v of one of them
    outside = np.tile([init_scale, init_scale if two_sided else 0.0], (runs, 1))
    drawn = rng.choice(len(cores), size=(steps // block + 1, runs), p=reduced.weights)
    drawn = np.repeat(drawn, block, axis=0)
    if order == "cyclic":
        drawn = np.tile(np.arange(len(drawn))[:, None] % len(cores), runs)
    first, alive = 3 * steps // 4, np.arange(runs)
    seen = np.full((2, runs, steps - first), np.nan)
    for t in range(steps):
        A = U @ U.transpose(0, 2, 1) - V @ V.transpose(0, 2, 1)
        move = reduced.step * _noisy(cores[drawn[t, alive]] - A, reduced, rng)
        rest = outside[:, 0] ** 2 - outside[:, 1] ** 2
        if reduced.trace:
            total = np.trace(cores[drawn[t, alive]] - A, axis1=1, axis2=2) - free * rest
            lift = reduced.step * reduced.trace * total
            move = move + lift[:, None, None] * np.eye(size)
            outside = outside * (1 + lift[:, None] * np.array([1.0, -1.0]))
        U, V = U + move @ U, V - move @ V
        fine = (np.abs(U).max((1, 2)) < _LARGE) & (np.abs(V).max((1, 2)) < _LARGE)
        fine &= np.abs(outside).max(1) < _LARGE
        if not fine.all():
            U, V, A, alive = U[fine], V[fine], A[fine], alive[fine]
            outside, rest = outside[fine], rest[fine]
            if not len(alive):
                break
        if t >= first:
            spurious = np.linalg.norm(A[:, r1:, r1:], axis=(1, 2)) / np.sqrt(max(size - r1, 1))
            error = np.linalg.norm(A - goal, axis=(1, 2))
            if reduced.trace:
                error = np.hypot(error, free**0.5 * rest)
            seen[:, alive, t - first] = error, spurious
    if not len(alive):
        return Rehearsal(diverged=1.0, error=np.nan, spurious=np.nan, visible=np.nan)
    medians = np.median(seen[:, alive], axis=(1, 2))
    return Rehearsal(
        diverged=1 - len(alive) / runs,
        error=float(medians[0]),
        spurious=float(medians[1]),
        visible=float((seen[1, alive] > level).mean()),
    )


def _noisy(R: Floats, reduced: Reduced, rng: np.random.Generator) -> Floats:
    """Return R plus the noise of a batch."""
    if reduced.batch_size is None:
        return R
    power = (R**2).sum((1, 2)) + reduced.unseen_power
    Z = rng.standard_normal(R.shape)
    noise = (Z + Z.transpose(0, 2, 1)) / 2
    found: Floats = R + np.sqrt(power / reduced.batch_size)[:, None, None] * noise
    return found
