"""A rehearsal: the same algorithm in the span of U* and V* alone, many times, in no time."""

from dataclasses import dataclass

import numpy as np

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
    error : float
        Median over runs and the last quarter of the steps of the distance to A*, in the span; NaN
        if all diverged.
    """

    diverged: float
    error: float


def rehearse(
    reduced: Reduced,
    *,
    steps: int,
    init_scale: float,
    width: int | None = None,
    two_sided: bool = False,
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
    width : int, optional
        Columns of U, if fewer than the span has dimensions: then the start is Gaussian.
    two_sided : bool
        Whether A = U U' - V V'.
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
    rng, cores = np.random.default_rng(rng), reduced.cores
    size, goal = cores.shape[1], np.diag(np.pad(reduced.sigma, (0, len(reduced.across))))
    U = np.tile(init_scale * np.eye(size), (runs, 1, 1))
    if width is not None and width < size:
        U = init_scale * rng.normal(size=(runs, size, width)) / np.sqrt(width)
    V = U.copy() if two_sided else np.zeros((runs, size, 1))
    drawn = rng.choice(len(cores), size=(steps, runs), p=reduced.weights)
    alive, errors = np.arange(runs), np.full((runs, steps - 3 * steps // 4), np.nan)
    for t in range(steps):
        A = U @ U.transpose(0, 2, 1) - V @ V.transpose(0, 2, 1)
        move = reduced.step * _noisy(cores[drawn[t, alive]] - A, reduced, size, rng)
        U, V = U + move @ U, V - move @ V
        fine = (np.abs(U).max((1, 2)) < _LARGE) & (np.abs(V).max((1, 2)) < _LARGE)
        if not fine.all():
            U, V, A, alive = U[fine], V[fine], A[fine], alive[fine]
            if not len(alive):
                break
        if t >= 3 * steps // 4:
            errors[alive, t - 3 * steps // 4] = np.linalg.norm(A - goal, axis=(1, 2))
    error = float(np.median(errors[alive])) if len(alive) else float(np.nan)
    return Rehearsal(diverged=1 - len(alive) / runs, error=error)


def _noisy(R: Floats, reduced: Reduced, size: int, rng: np.random.Generator) -> Floats:
    """Return R plus the noise of a batch."""
    if reduced.batch_size is None:
        return R
    power = (R**2).sum((1, 2)) + reduced.unseen_power
    Z = rng.standard_normal(R.shape)
    noise = (Z + Z.transpose(0, 2, 1)) / 2
    found: Floats = R + np.sqrt(power / reduced.batch_size)[:, None, None] * noise
    return found
