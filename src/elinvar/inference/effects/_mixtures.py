"""Laws of effects in a new environment: mixtures over how much environments differ."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from elinvar.inference.problem._types import Floats

_STEPS = 8


@dataclass(frozen=True, kw_only=True)
class NewEffects:
    """Laws of F effects in a new environment: mixtures of K normal laws, arrays of shape (F, K)."""

    mass: Floats
    mean: Floats
    sd: Floats

    def below(self, row: int, value: float) -> float:
        """Return the probability that one effect is smaller; NaN if nothing is known of it."""
        return float(self.mass[row] @ ndtr((value - self.mean[row]) / self.sd[row]))

    def quantile(self, row: int, target: float) -> float:
        """Return what one effect is below with this probability."""
        parts = (self.mass[[row]], self.mean[[row]], self.sd[[row]])
        return float(_quantile(*parts, np.array([target]))[0])


def ends(mass: Floats, mean: Floats, sd: Floats, tail: float) -> tuple[Floats, Floats]:
    """Find where mixtures (F, K) of normal laws have this probability below, and above."""
    low, high = (_quantile(mass, mean, sd, np.full(len(mass), q)) for q in (tail, 1 - tail))
    return low, high


def _quantile(mass: Floats, mean: Floats, sd: Floats, target: Floats) -> Floats:
    """Quantiles (F,) of mixtures (F, K) of normal laws: between two of theirs, then by Newton."""
    component = np.sort(mean + ndtri(target)[:, None] * sd, axis=1)
    rows = np.arange(len(mean))

    def miss(z: Floats) -> Floats:
        missed: Floats = np.einsum("fk,fk->f", mass, ndtr(z)) - target
        return missed

    first, last = np.zeros(len(mean), dtype=np.intp), np.full(len(mean), mean.shape[1] - 1)
    while (last - first > 1).any():
        middle = (first + last) // 2
        below = miss((component[rows, middle][:, None] - mean) / sd) < 0
        first, last = np.where(below, middle, first), np.where(below, last, middle)
    # the quantile of a mixture lies between two neighbouring ones of its components
    low, high = component[rows, first], component[rows, last]
    x: Floats = 0.5 * (low + high)
    density = mass / (sd * np.sqrt(2.0 * np.pi))
    for _ in range(_STEPS):
        z = (x[:, None] - mean) / sd
        value, slope = miss(z), np.einsum("fk,fk->f", density, np.exp(-0.5 * z * z))
        low, high = np.where(value < 0, x, low), np.where(value < 0, high, x)
        step = x - value / np.maximum(slope, 1e-300)
        # Newton's step, or halving where that would leave the bracket
        x = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
    return x
