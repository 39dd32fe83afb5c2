"""Moments of the quadratic features x x' of rows in environments."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from elinvar.environments import Environments
from elinvar.sensing.quadratic._units import (
    Floats,
    Intercept,
    QuadraticUnits,
    centre,
    packing,
    parts_of,
)

# rows are taken so many numbers at a time
_AT_ONCE = 2**22
# keeps pooled least squares finite
_TINY_RIDGE = 1e-10
# Slopes: the ridge in units of the mean variance of a feature, and the least such variance in
# units of the largest environment's. They slow steps down and do not move where they end.
_RIDGE = 1e-3
_FLAT = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class QuadraticMoments:
    """Moments of the packed features in each environment, about its own means.

    Parameters
    ----------
    count : ndarray of shape (E,)
        Rows, or the sum of their weights.
    mean_f, mean_y : ndarray of shape (E, q) and (E,)
        Means.
    cov_ff, cov_fy, var_y : ndarray of shape (E, q, q), (E, q) and (E,)
        Second moments with divisor n.
    """

    count: Floats
    mean_f: Floats
    mean_y: Floats
    cov_ff: Floats
    cov_fy: Floats
    var_y: Floats

    @classmethod
    def of(cls, rows: Environments, units: QuadraticUnits) -> Self:
        """Take the moments of rows, in two passes."""
        pack = packing(rows.X.shape[1])
        q, E = len(pack.upper), len(rows.names)
        count, mean_f, mean_y = np.zeros(E), np.zeros((E, q)), np.zeros(E)
        cov_ff, cov_fy, var_y = np.zeros((E, q, q)), np.zeros((E, q)), np.zeros(E)
        for e, (at, w) in enumerate(parts_of(rows)):
            count[e] = w.sum()
            w = w / count[e]
            Z, y = rows.X[at] * units.x_inverse, rows.y[at] / units.y_scale
            mean_f[e] = pack.pack((Z * w[:, None]).T @ Z)
            mean_y[e] = w @ y
            y = y - mean_y[e]
            var_y[e] = w @ y**2
            for part in _chunks(len(y), q):
                F = pack.pack(Z[part, :, None] * Z[part, None, :]) - mean_f[e]
                weighted = F * w[part, None]
                cov_ff[e] += weighted.T @ F
                cov_fy[e] += weighted.T @ y[part]
        return cls(
            count=count, mean_f=mean_f, mean_y=mean_y, cov_ff=cov_ff, cov_fy=cov_fy, var_y=var_y
        )

    def without(self, e: int) -> Self:
        """Return all environments but one."""
        return replace(self, **{k: np.delete(v, e, axis=0) for k, v in vars(self).items()})

    def about(self, intercept: Intercept, weights: Floats) -> "CentredMoments":
        """Return second moments about the centre that ``intercept`` sets."""
        # E (f - c)(f - c)' = Cov f + (E f - c)(E f - c)'
        centre_f, centre_y = centre(self.mean_f, self.mean_y, intercept, weights)
        off_f, off_y = self.mean_f - centre_f, self.mean_y - centre_y
        return CentredMoments(
            gram=self.cov_ff + off_f[:, :, None] * off_f[:, None, :],
            cross=self.cov_fy + off_f * off_y[:, None],
            power=self.var_y + off_y**2,
            weights=weights,
        )

    def intercepts(self, A: Floats) -> Floats:
        """Return the best intercept of each environment, (E,)."""
        best: Floats = self.mean_y - self.mean_f @ packing(len(A)).pack(A)
        return best

    def error(self, e: int, A: Floats, b: float) -> float:
        """Return the mean squared error of <f, A> + b in an environment."""
        a = packing(len(A)).pack(A)
        # E (y - a'f - b)^2 = Var(y - a'f) + (E y - a'E f - b)^2
        spread = self.var_y[e] - 2 * self.cov_fy[e] @ a + a @ self.cov_ff[e] @ a
        return float(max(spread, 0.0) + (self.mean_y[e] - self.mean_f[e] @ a - b) ** 2)


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

    @property
    def dim(self) -> int:
        """Number of columns p."""
        return int(np.sqrt(2 * self.gram.shape[1]))

    @property
    def pull(self) -> Floats:
        """Cross moments as matrices, (E, p, p)."""
        return packing(self.dim).unpack(self.cross)

    @property
    def spread(self) -> Floats:
        """Second moment of the features, (E,)."""
        traces: Floats = np.einsum("ejj->e", self.gram)
        return traces

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


def _chunks(n: int, q: int) -> Iterator[slice]:
    most = max(1, _AT_ONCE // q)
    for start in range(0, n, most):
        yield slice(start, start + most)
