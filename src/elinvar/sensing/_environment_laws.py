"""How the spurious part changes from one environment to the next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import as_numbers, as_weights, check_choice, check_number
from elinvar.errors import DataError
from elinvar.sensing._arrays import Floats

Signs = Literal["common", "independent"]

_REPRESENTATIVES = 4096
_MOST_SIGNS = 12
_WINDOWS, _FINE = 1024, 16


@dataclass(frozen=True, kw_only=True)
class EnvironmentLaw:
    """A law of symmetric spurious matrices S_e, in the basis V*.

    Parameters
    ----------
    name : str
        What the law is called.
    matrices : ndarray of shape (E, r2, r2)
        All environments, or, of a continuous law, many equally likely ones.
    weights : ndarray of shape (E,)
        How often each is drawn.
    mean : ndarray of shape (r2, r2)
        Expectation.
    sampler : callable, optional
        ``sampler(rng, n)`` draws the eigenvalues (n, r2) of n environments of a continuous law;
        None: the law is finite.
    curve : callable, optional
        Eigenvalues (n, r2) at places (n,) in [0, 1] of the axis, if environments lie on one.
    """

    name: str
    matrices: Floats
    weights: Floats
    mean: Floats
    sampler: Callable[[np.random.Generator, int], Floats] | None = None
    curve: Callable[[Floats], Floats] | None = None

    @property
    def finite(self) -> bool:
        """Tell whether there are finitely many environments."""
        return self.sampler is None

    @property
    def rank(self) -> int:
        """Spurious directions r2."""
        return int(self.mean.shape[0])

    @cached_property
    def closed(self) -> bool:
        """Tell whether the axis is a circle: its curve ends where it begins."""
        if self.curve is None:
            return False
        first, last = self.curve(np.array([0.0, 1.0]))
        # the curve may have been written with a rounded pi
        reach = np.abs(self.matrices).max()
        return bool(np.abs(last - first).max() <= 1e-6 * max(reach, 1e-300))

    def at(self, places: Floats) -> Floats:
        """Return eigenvalues at places (n,) of the axis, (n, r2).

        Beyond its ends a closed axis begins anew, and an open one turns back.
        """
        assert self.curve is not None
        within = places % 1.0 if self.closed else 1.0 - np.abs(places % 2.0 - 1.0)
        return self.curve(within)

    def window_means(self, width: float) -> Floats:
        """Return means of S_e over windows of the axis, at many places, (n, r2, r2)."""
        nodes, weights = np.polynomial.legendre.leggauss(_FINE)
        u = (np.arange(_WINDOWS) + 0.5) / _WINDOWS
        middles = u if self.closed else width / 2 + (1 - width) * u
        near = self.at((middles[:, None] + width * nodes / 2).ravel())
        return diagonals(np.einsum("nqr,q->nr", near.reshape(_WINDOWS, _FINE, -1), weights / 2))

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return S_e of ``n`` drawn environments, (n, r2, r2)."""
        if self.sampler is None:
            return self.matrices[rng.choice(len(self.weights), size=n, p=self.weights)]
        return diagonals(self.sampler(rng, n))


def diagonals(values: Floats) -> Floats:
    """Return diagonal matrices (n, r, r) with the rows of ``values`` (n, r)."""
    matrices: Floats = values[:, :, None] * np.eye(values.shape[1])
    return matrices


def doubled(law: EnvironmentLaw) -> EnvironmentLaw:
    """Return the law of (S, 0; 0, -S), which stands for a rectangular matrix with S."""

    def pairs(matrices: Floats) -> Floats:
        both = np.zeros((len(matrices), 2 * law.rank, 2 * law.rank))
        both[:, : law.rank, : law.rank], both[:, law.rank :, law.rank :] = matrices, -matrices
        return both

    def sampler(rng: np.random.Generator, n: int) -> Floats:
        values = np.diagonal(law.draw(rng, n), axis1=1, axis2=2)
        return np.hstack([values, -values])

    def curve(places: Floats) -> Floats:
        assert law.curve is not None
        values = law.curve(places)
        return np.hstack([values, -values])

    return replace(
        law,
        matrices=pairs(law.matrices),
        mean=pairs(law.mean[None])[0],
        sampler=None if law.finite else sampler,
        curve=None if law.curve is None else curve,
    )


def two_point(rank: int, heterogeneity: float, mean: float, signs: Signs) -> EnvironmentLaw:
    """Take eigenvalues mean + M and mean - M, equally likely."""
    _check_spread(heterogeneity, mean, signs)
    if signs == "common":
        side = np.repeat([[1.0], [-1.0]], rank, axis=1)
    else:
        if rank > _MOST_SIGNS:
            raise DataError(
                f"Independent signs over {rank} spurious directions are 2^{rank} environments; "
                f'take at most {_MOST_SIGNS}, or signs="common".'
            )
        # every pattern of signs is an environment
        side = np.array(list(product([1.0, -1.0], repeat=rank)))
    return finite(mean + heterogeneity * side, name="two-point")


def finite(
    values: ArrayLike, weights: ArrayLike | None = None, *, name: str = "finite"
) -> EnvironmentLaw:
    """Take a list of environments: eigenvalues (E, r2), or symmetric matrices (E, r2, r2)."""
    matrices = as_numbers("values", values)
    if matrices.ndim == 2:
        matrices = diagonals(matrices)
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2] or matrices.size == 0:
        raise DataError(
            "values must be eigenvalues of shape (E, r2) or matrices of shape (E, r2, r2), one for "
            f"each of E environments; got the shape {np.shape(values)}."
        )
    if not np.isfinite(matrices).all():
        raise DataError("values must be finite numbers.")
    if not np.allclose(matrices, matrices.transpose(0, 2, 1), rtol=1e-12, atol=1e-12):
        raise DataError("The matrices in values must be symmetric.")
    count = len(matrices)
    shares = as_weights("weights", np.ones(count) if weights is None else weights, count)
    mean = np.tensordot(shares, matrices, axes=1)
    return EnvironmentLaw(name=name, matrices=matrices, weights=shares, mean=mean)


def uniform(rank: int, heterogeneity: float, mean: float, signs: Signs) -> EnvironmentLaw:
    """Take eigenvalues uniform on [mean - M, mean + M]."""
    return _continuous(
        "uniform", rank, heterogeneity, mean, signs, lambda rng, shape: rng.uniform(-1, 1, shape)
    )


def gaussian(rank: int, heterogeneity: float, mean: float, signs: Signs) -> EnvironmentLaw:
    """Take normal eigenvalues with standard deviation M."""
    return _continuous(
        "gaussian", rank, heterogeneity, mean, signs, lambda rng, shape: rng.standard_normal(shape)
    )


def continuum(curve: Callable[[Floats], ArrayLike]) -> EnvironmentLaw:
    """Take eigenvalues ``curve(t)``, (n, r2), of times t that are uniform on [0, 1]."""
    if not callable(curve):
        raise DataError(f"curve must be a function of times; got {type(curve).__name__}.")
    # the law is known through its curve alone: many times, evenly spaced, stand for it
    times = (np.arange(_REPRESENTATIVES) + 0.5) / _REPRESENTATIVES
    values = as_numbers("What curve returns", curve(times))
    if values.ndim != 2 or len(values) != len(times) or not np.isfinite(values).all():
        raise DataError(
            "curve must turn times of shape (n,) into finite eigenvalues of shape (n, r2); "
            f"got the shape {values.shape} for n = {len(times)}."
        )

    def along(places: Floats) -> Floats:
        return np.asarray(curve(places), dtype=np.float64)

    def sampler(rng: np.random.Generator, n: int) -> Floats:
        return along(rng.uniform(size=n))

    return replace(_represented("continuum", values, sampler), curve=along)


def _continuous(
    name: str,
    rank: int,
    heterogeneity: float,
    mean: float,
    signs: Signs,
    deviations: Callable[[np.random.Generator, tuple[int, int]], Floats],
) -> EnvironmentLaw:
    _check_spread(heterogeneity, mean, signs)
    columns = 1 if signs == "common" else rank

    def sampler(rng: np.random.Generator, n: int) -> Floats:
        drawn = mean + heterogeneity * deviations(rng, (n, columns))
        return np.broadcast_to(drawn, (n, rank))

    values = sampler(np.random.default_rng(0), _REPRESENTATIVES // 2)
    # mirrored draws have the law's mean exactly
    return _represented(name, np.concatenate([values, 2 * mean - values]), sampler)


def _represented(
    name: str, values: Floats, sampler: Callable[[np.random.Generator, int], Floats]
) -> EnvironmentLaw:
    weights = np.full(len(values), 1.0 / len(values))
    return EnvironmentLaw(
        name=name,
        matrices=diagonals(values),
        weights=weights,
        mean=np.diag(values.mean(axis=0)),
        sampler=sampler,
    )


def _check_spread(heterogeneity: float, mean: float, signs: str) -> None:
    check_number("heterogeneity", heterogeneity, least=0.0)
    check_number("mean", mean)
    check_choice("signs", signs, get_args(Signs))
