r"""What the exact-law step needs besides the white noise of a whole matrix.

A step uses its measurements through :math:`G = \frac1m \sum_i r_i X_i` alone, with
:math:`r_i = \langle X_i, R \rangle + \sigma \varepsilon_i`. For Gaussian X and given R, X splits
into its coordinate along R and an independent rest, and the law of G needs
:math:`a \sim \chi^2_m`, a normal l and :math:`\chi^2_{m-1}`, drawn here for many steps at once.
Own derivation, docs/exact-law.md.
"""

from typing import NamedTuple

import numpy as np

from elinvar.sensing._arrays import Floats, Indices
from elinvar.sensing._own import BatchParts


class StepDraws(NamedTuple):
    r"""What n steps of C parts draw, with s block axes; a tuple, so that kernels can take it.

    Parameters
    ----------
    cores : ndarray of shape (N, s, s)
        A* + A^(e) in the basis of the problem.
    which : ndarray of shape (n, C)
        Index into ``cores`` of each part.
    chi : ndarray of shape (n, C)
        :math:`\chi^2` with as many degrees of freedom as the part has measurements.
    linear, rest : ndarray of shape (n, C)
        l, and the square of the label noise's other coordinates; 0 without label noise.
    small : ndarray of shape (n, C, s (s + 1) / 2 + 1)
        Normals for the directions that the residuals span.
    """

    cores: Floats
    which: Indices
    chi: Floats
    linear: Floats
    rest: Floats
    small: Floats


class RunSetting(NamedTuple):
    """What stays the same over all steps of a run; a tuple, so that kernels can take it.

    Parameters
    ----------
    mix : ndarray of shape (C,)
        Weight of each part of a batch.
    batch : float
        Measurements of a batch.
    noise : float
        Standard deviation of the labels' noise.
    noisy : bool
        Whether measurements are sampled at all.
    bound, tiny : float
        Size of A beyond which the run has diverged, and below which its direction is rounding.
    record_every : int
        Distance between recorded steps.
    """

    mix: Floats
    batch: float
    noise: float
    noisy: bool
    bound: float
    tiny: float
    record_every: int


def draw(parts: BatchParts, *, noisy: bool, noise: float, rng: np.random.Generator) -> StepDraws:
    """Draw for all steps of ``parts``; without sampling nothing is random."""
    cores, which, counts = parts.cores, parts.which, parts.counts
    s = cores.shape[1]
    size = (*counts.shape, s * (s + 1) // 2 + 1)
    linear, rest = np.zeros(counts.shape), np.zeros(counts.shape)
    if not noisy:
        return StepDraws(cores, which, counts, linear, rest, np.zeros(size))
    chi = _chi_square(counts, rng)
    if noise > 0.0:
        linear = rng.standard_normal(counts.shape)
        # |e|^2 = l^2 + chi^2 with m - 1: docs/exact-law.md, section 2
        rest = _chi_square(counts - 1, rng)
    return StepDraws(cores, which, chi, linear, rest, rng.standard_normal(size))


def _chi_square(freedom: Floats, rng: np.random.Generator) -> Floats:
    # numpy knows no chi-square with 0 degrees of freedom, which is 0
    drawn: Floats = rng.chisquare(np.maximum(freedom, 1.0))
    return np.where(freedom > 0, drawn, 0.0)
