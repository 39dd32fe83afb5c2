r"""What the exact-law step needs besides the white noise of a whole matrix.

A step uses its measurements through :math:`G = \frac1m \sum_i r_i X_i` alone, with
:math:`r_i = \langle X_i, R \rangle + \sigma \varepsilon_i`. For Gaussian X and given R, X splits
into its coordinate along R and an independent rest, and the law of G needs
:math:`a \sim \chi^2_m`, a normal l and :math:`\chi^2_{m-1}`, drawn here for many steps at once.
Own derivation, docs/exact-law.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elinvar.sensing._schedule import Parts

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    r"""Random numbers for n steps of C parts, and s block axes.

    Parameters
    ----------
    chi : ndarray of shape (n, C)
        :math:`\chi^2` with as many degrees of freedom as the part has measurements.
    linear, rest : ndarray of shape (n, C)
        l, and the square of the label noise's other coordinates; 0 without label noise.
    small : ndarray of shape (n, C, s (s + 1) / 2 + 1)
        Normals for the directions that the residuals span.
    """

    chi: Floats
    linear: Floats
    rest: Floats
    small: Floats


def draw(parts: Parts, *, noisy: bool, noise: float, rng: np.random.Generator) -> Draws:
    """Draw for all steps of ``parts``; without sampling nothing is random."""
    counts, s = parts.counts, parts.cores.shape[1]
    size = (*counts.shape, s * (s + 1) // 2 + 1)
    if not noisy:
        nothing = np.zeros(counts.shape)
        return Draws(chi=counts, linear=nothing, rest=nothing, small=np.zeros(size))
    chi = _chi_square(counts, rng)
    linear, rest = np.zeros(counts.shape), np.zeros(counts.shape)
    if noise > 0.0:
        linear = rng.standard_normal(counts.shape)
        rest = _chi_square(counts - 1, rng)
    return Draws(chi=chi, linear=linear, rest=rest, small=rng.standard_normal(size))


def _chi_square(freedom: Floats, rng: np.random.Generator) -> Floats:
    drawn: Floats = rng.chisquare(np.maximum(freedom, 1.0))
    return np.where(freedom > 0, drawn, 0.0)
