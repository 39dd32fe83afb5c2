"""Rows for steps on quadratic features: for batches, and where moments would be too many."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from elinvar.environments import Environments
from elinvar.sensing.quadratic._units import Floats, Intercept, QuadraticUnits, centre, parts_of

# iterations of conjugate gradients for pooled least squares
_CG_STEPS = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class QuadraticRows:
    """The rows, in the units of the steps.

    Parameters
    ----------
    Z, y, weight : list of ndarray
        Rows of each environment, their targets about the centre, and weights of sum 1.
    centre : ndarray of shape (E, p, p)
        Centre of z z' in each environment.
    weights : ndarray of shape (E,)
        Probability of each environment.
    """

    Z: list[Floats]
    y: list[Floats]
    weight: list[Floats]
    centre: Floats
    weights: Floats

    @classmethod
    def of(
        cls, rows: Environments, units: QuadraticUnits, intercept: Intercept, weights: Floats
    ) -> Self:
        """Sort rows by environment, and put them in units."""
        Z, y, weight = [], [], []
        for at, w in parts_of(rows):
            Z.append(rows.X[at] * units.x_inverse)
            y.append(rows.y[at] / units.y_scale)
            weight.append(w / w.sum())
        seconds = [(z * w[:, None]).T @ z for z, w in zip(Z, weight, strict=True)]
        means = np.array([w @ v for v, w in zip(y, weight, strict=True)])
        second, mean = centre(np.array(seconds), means, intercept, weights)
        y = [v - m for v, m in zip(y, mean, strict=True)]
        return cls(Z=Z, y=y, weight=weight, centre=second, weights=weights)

    @property
    def pull(self) -> Floats:
        """Cross moments of features and target, (E, p, p)."""
        return np.array([self._average(e, y) for e, y in enumerate(self.y)])

    @property
    def power(self) -> Floats:
        """Second moment of the centred target, (E,)."""
        return np.array([w @ v**2 for v, w in zip(self.y, self.weight, strict=True)])

    @property
    def spread(self) -> Floats:
        """Second moment of the features, (E,)."""
        traces = []
        for z, w, c in zip(self.Z, self.weight, self.centre, strict=True):
            # |z z' - c|^2 = |z|^4 - 2 z'c z + |c|^2
            sizes = (z**2).sum(axis=1) ** 2 - 2 * ((z @ c) * z).sum(axis=1)
            traces.append(w @ sizes + (c**2).sum())
        return np.array(traces)

    def apply(self, e: int, A: Floats) -> Floats:
        """Return T_e(A), (p, p)."""
        return self._average(e, self._values(e, A))

    def gradient(self, e: int, A: Floats) -> Floats:
        """Return the mean of r phi in an environment."""
        return self._average(e, self.y[e] - self._values(e, A))

    def drawn_gradient(self, e: int, A: Floats, size: int, rng: np.random.Generator) -> Floats:
        """Return it over ``size`` rows drawn with replacement."""
        weight = self.weight[e]
        even = weight.min() == weight.max()
        at = rng.choice(len(weight), size=size, p=None if even else weight)
        Z = self.Z[e][at]
        r = self.y[e][at] - ((Z @ A) * Z).sum(axis=1) + (self.centre[e] * A).sum()
        # mean of r (z z' - c)
        G: Floats = (Z * r[:, None]).T @ Z / size - r.mean() * self.centre[e]
        return G

    def loss(self, A: Floats) -> float:
        """Return the mean squared error over all environments."""
        errors = [w @ (self.y[e] - self._values(e, A)) ** 2 for e, w in enumerate(self.weight)]
        return float(self.weights @ errors)

    def pooled_solution(self) -> Floats:
        """Return pooled least squares by conjugate gradients, (p, p)."""
        # conjugate gradients on E_e T_e(A) = E_e y f, from A = 0: r is the residual
        r: Floats = np.tensordot(self.weights, self.pull, axes=1)
        A, direction, size = np.zeros_like(r), r.copy(), float((r**2).sum())
        first = size
        for _ in range(_CG_STEPS):
            if not size > 1e-20 * first:
                break
            T = sum(s * self.apply(e, direction) for e, s in enumerate(self.weights))
            step = size / max(float((direction * T).sum()), np.finfo(float).tiny)
            A, r = A + step * direction, r - step * T
            size, before = float((r**2).sum()), size
            direction = r + size / before * direction
        return A

    def _values(self, e: int, A: Floats) -> Floats:
        Z = self.Z[e]
        values: Floats = ((Z @ A) * Z).sum(axis=1) - (self.centre[e] * A).sum()
        return values

    def _average(self, e: int, r: Floats) -> Floats:
        weighted = r * self.weight[e]
        G: Floats = (self.Z[e] * weighted[:, None]).T @ self.Z[e] - weighted.sum() * self.centre[e]
        return G
