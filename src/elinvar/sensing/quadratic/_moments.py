"""Moments of the quadratic features x x' of rows in environments."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from elinvar.environments import Environments, Moments
from elinvar.errors import DataError
from elinvar.sensing.quadratic._units import Floats, Intercept, QuadraticUnits, centre, packing

# rows are taken so many numbers at a time, and most numbers in the moments of all environments
_AT_ONCE, _MOST_NUMBERS = 2**22, 2**26
# keeps pooled least squares finite
_TINY_RIDGE = 1e-10
# Slopes: the ridge in units of the mean variance of a feature, and the least such variance in
# units of the largest environment's. They slow steps down and do not move where they end.
_RIDGE = 1e-3
_FLAT = 1e-6


def product_moments(rows: Environments, units: QuadraticUnits) -> Moments:
    """Return the moments of the packed products of columns, in units, in each environment.

    Raises
    ------
    DataError
        If there are too many, or products overflow.
    """
    pack, p = packing(rows.X.shape[1]), rows.X.shape[1]
    if len(rows.names) * len(pack.upper) ** 2 > _MOST_NUMBERS:
        raise DataError(
            f"{p} columns have {len(pack.upper):,} products, too many for the moments of "
            f"{len(rows.names)} environments: use fewer columns, or steps on the rows, as "
            "elinvar.sensing.solve takes on SensingProblem.from_measurements(X, y, environments)."
        )
    labels, weight = np.array(rows.names, dtype=object)[rows.codes], rows.sample_weight
    most = max(1, _AT_ONCE // len(pack.upper))

    def batches() -> Iterator[tuple[Floats | NDArray[np.object_] | None, ...]]:
        for start in range(0, len(rows.y), most):
            at = slice(start, start + most)
            Z = rows.X[at] * units.x_inverse
            F = pack.pack(Z[:, :, None] * Z[:, None, :])
            yield F, rows.y[at] / units.y_scale, labels[at], None if weight is None else weight[at]

    return Moments.from_batches(batches())


@dataclass(frozen=True, kw_only=True, eq=False)
class CentredMoments:
    """Second moments of packed features and target about the centre of the steps.

    Parameters
    ----------
    gram, cross, power : ndarray of shape (E, q, q), (E, q) and (E,)
        Of the features, with the target, and of the target.
    weights : ndarray of shape (E,)
        Probability of each environment.
    """

    gram: Floats
    cross: Floats
    power: Floats
    weights: Floats

    @classmethod
    def of(cls, moments: Moments, intercept: Intercept, weights: Floats) -> Self:
        """Move the moments of products to the centre that ``intercept`` sets."""
        centre_f, centre_y = centre(moments.mean_x, moments.mean_y, intercept, weights)
        # E (f - c)(f - c)' = Cov f + (E f - c)(E f - c)'
        off_f, off_y = moments.mean_x - centre_f, moments.mean_y - centre_y
        return cls(
            gram=moments.cov_xx + off_f[:, :, None] * off_f[:, None, :],
            cross=moments.cov_xy + off_f * off_y[:, None],
            power=moments.var_y + off_y**2,
            weights=weights,
        )

    @property
    def dim(self) -> int:
        """Number of columns p."""
        return int(np.sqrt(2 * self.gram.shape[1]))

    @property
    def pull(self) -> Floats:
        """Cross moments as matrices, (E, p, p)."""
        return packing(self.dim).unpack(self.cross)

    def apply(self, e: int, A: Floats) -> Floats:
        """Return T_e(A), (p, p)."""
        pack = packing(len(A))
        return pack.unpack(self.gram[e] @ pack.pack(A))

    def loss(self, A: Floats) -> float:
        """Return the mean squared error over all environments."""
        a = packing(len(A)).pack(A)
        middle = self.power - 2 * self.cross @ a + (self.gram @ a) @ a
        return max(float(self.weights @ middle), 0.0)

    def mixture(self) -> Self:
        """Return the environments as one."""
        return replace(
            self,
            gram=np.tensordot(self.weights, self.gram, axes=1)[None],
            cross=(self.weights @ self.cross)[None],
            power=np.array([self.weights @ self.power]),
            weights=np.ones(1),
        )

    def slopes(self) -> Self:
        r"""Return the moments times :math:`(T_e + \rho_e I)^{-1}`: slopes instead of gradients."""
        sizes = np.einsum("ejj->e", self.gram) / self.gram.shape[1]
        # an environment whose features hardly vary would have endless slopes
        sizes = np.maximum(sizes, _FLAT * sizes.max())
        gram, cross = np.zeros_like(self.gram), np.zeros_like(self.cross)
        for e, T in enumerate(self.gram):
            # K = (T_e + rho I)^-1, in units of the mean variance
            if sizes[e] > 0:
                K = np.linalg.inv(T / sizes[e] + _RIDGE * np.eye(len(T))) / sizes[e]
                gram[e], cross[e] = K @ T, K @ self.cross[e]
        return replace(self, gram=gram, cross=cross)

    def extrapolated(self, gain: float) -> Self:
        """Return environments ``gain`` times as far from their average."""
        if gain == 1.0 or len(self.weights) == 1:
            return self
        mean = self.mixture()
        return replace(
            self,
            gram=mean.gram + gain * (self.gram - mean.gram),
            cross=mean.cross + gain * (self.cross - mean.cross),
        )

    def pooled_solution(self) -> Floats:
        """Return pooled least squares, (p, p)."""
        mean = self.mixture()
        T = mean.gram[0]
        size = float(np.trace(T)) / len(T)
        if not size > 0:
            return np.zeros((self.dim, self.dim))
        solution = np.linalg.solve(T / size + _TINY_RIDGE * np.eye(len(T)), mean.cross[0] / size)
        return packing(self.dim).unpack(solution)
