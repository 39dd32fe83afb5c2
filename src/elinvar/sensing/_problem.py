"""Multi-environment low-rank matrix sensing: the truth, the environments and the measurements."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base import DataError
from elinvar.sensing import _environment_laws as laws
from elinvar.sensing._check import check_count, check_number
from elinvar.sensing._environment_laws import EnvironmentLaw, Signs
from elinvar.sensing._measurements import Data, MeasurementLaw, RankOne, law_of, pieces

Floats = NDArray[np.float64]

_INSIDE = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """What generates the labels: A* = U* diag(eigenvalues) U*', and A^(e) = V* S_e V*'.

    Parameters
    ----------
    invariant_basis : ndarray of shape (d, r1)
        U*.
    invariant_eigenvalues : ndarray of shape (r1,)
        Of A*; negative ones make it a general symmetric matrix.
    spurious_basis : ndarray of shape (d, r2)
        V*.
    law : EnvironmentLaw
        Of S_e.
    """

    invariant_basis: Floats
    invariant_eigenvalues: Floats
    spurious_basis: Floats
    law: EnvironmentLaw


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SensingProblem:
    r"""Labels :math:`y = \langle X, A^* + A^{(e)} \rangle + \sigma \varepsilon` in environments e.

    Made by one of the class methods: `two_point`, `uniform`, `gaussian`, `finite` and `continuum`
    generate the problem of the paper, `from_measurements` takes your own.

    Parameters
    ----------
    dim : int
        d: the matrices are d x d.
    measurements : MeasurementLaw
        The law of X.
    noise : float
        :math:`\sigma`.
    truth : Truth or None
        None where it is unknown: your own measurements.
    data : Data or None
        A finite data set that is used again and again; None: every step draws afresh.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, section 2.

    Examples
    --------
    >>> from elinvar.sensing import SensingProblem
    >>> problem = SensingProblem.two_point(
    ...     dim=50, invariant_rank=2, spurious_rank=2, heterogeneity=6.0, rng=0
    ... )
    >>> problem
    SensingProblem: 50 x 50, invariant rank 2, spurious rank 2, 2 environments (two-point),
    gaussian measurements, fresh at every step
    >>> problem.invariant.shape
    (50, 50)
    """

    dim: int
    measurements: MeasurementLaw
    noise: float = 0.0
    truth: Truth | None = None
    data: Data | None = None

    @classmethod
    def two_point(
        cls,
        *,
        dim: int,
        invariant_rank: int,
        spurious_rank: int,
        heterogeneity: float,
        rng: int | np.random.Generator | None = None,
        mean: float = 1.0,
        signs: Signs = "common",
        invariant_eigenvalues: ArrayLike = 1.0,
        angle: float = 0.0,
        noise: float = 0.0,
        measurements: str | MeasurementLaw = "gaussian",
    ) -> Self:
        r"""Take spurious eigenvalues :math:`\mu + M` and :math:`\mu - M`, equally likely.

        Parameters
        ----------
        dim : int
            d.
        invariant_rank, spurious_rank : int
            r1 and r2, of sum at most d.
        heterogeneity : float >= 0
            M.
        rng : int or Generator, optional
            Directs the two subspaces; they are uniformly distributed.
        mean : float
            :math:`\mu`.
        signs : {"common", "independent"}
            Whether all spurious directions have the same sign in an environment, or one each.
        invariant_eigenvalues : float or array of shape (r1,)
            Of A*; negative ones make it a general symmetric matrix.
        angle : float in [0, pi/2]
            By how much each of the first min(r1, r2) spurious directions leans into the invariant
            subspace, in radians. 0: orthogonal, as the theory asks.
        noise : float >= 0
            Standard deviation :math:`\sigma` of the labels' noise.
        measurements : {"gaussian", "goe", "rank_one", "rank_one_centred", "sparse_sign"} or law
            Of X; a `SparseSign` object sets its own density.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        check_count("spurious_rank", spurious_rank)
        law = laws.two_point(spurious_rank, heterogeneity, mean, signs)
        return cls._generated(
            law, dim, invariant_rank, invariant_eigenvalues, angle, noise, measurements, rng
        )

    @classmethod
    def uniform(
        cls,
        *,
        dim: int,
        invariant_rank: int,
        spurious_rank: int,
        heterogeneity: float,
        rng: int | np.random.Generator | None = None,
        mean: float = 1.0,
        signs: Signs = "common",
        invariant_eigenvalues: ArrayLike = 1.0,
        angle: float = 0.0,
        noise: float = 0.0,
        measurements: str | MeasurementLaw = "gaussian",
    ) -> Self:
        r"""Draw spurious eigenvalues uniform on :math:`[\mu - M, \mu + M]`: a continuum.

        Parameters
        ----------
        dim, invariant_rank, spurious_rank, heterogeneity, rng, mean, signs
            As in :meth:`two_point`.
        invariant_eigenvalues, angle, noise, measurements
            As in :meth:`two_point`.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        check_count("spurious_rank", spurious_rank)
        law = laws.uniform(spurious_rank, heterogeneity, mean, signs)
        return cls._generated(
            law, dim, invariant_rank, invariant_eigenvalues, angle, noise, measurements, rng
        )

    @classmethod
    def gaussian(
        cls,
        *,
        dim: int,
        invariant_rank: int,
        spurious_rank: int,
        heterogeneity: float,
        rng: int | np.random.Generator | None = None,
        mean: float = 1.0,
        signs: Signs = "common",
        invariant_eigenvalues: ArrayLike = 1.0,
        angle: float = 0.0,
        noise: float = 0.0,
        measurements: str | MeasurementLaw = "gaussian",
    ) -> Self:
        r"""Draw normal spurious eigenvalues: mean :math:`\mu`, standard deviation M.

        Parameters
        ----------
        dim, invariant_rank, spurious_rank, heterogeneity, rng, mean, signs
            As in :meth:`two_point`.
        invariant_eigenvalues, angle, noise, measurements
            As in :meth:`two_point`.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        check_count("spurious_rank", spurious_rank)
        law = laws.gaussian(spurious_rank, heterogeneity, mean, signs)
        return cls._generated(
            law, dim, invariant_rank, invariant_eigenvalues, angle, noise, measurements, rng
        )

    @classmethod
    def finite(
        cls,
        *,
        dim: int,
        invariant_rank: int,
        values: ArrayLike,
        weights: ArrayLike | None = None,
        rng: int | np.random.Generator | None = None,
        invariant_eigenvalues: ArrayLike = 1.0,
        angle: float = 0.0,
        noise: float = 0.0,
        measurements: str | MeasurementLaw = "gaussian",
    ) -> Self:
        """Take a list of environments.

        Parameters
        ----------
        dim, invariant_rank, rng
            As in :meth:`two_point`.
        values : array of shape (E, r2) or (E, r2, r2)
            Spurious eigenvalues of each environment, or its matrix S_e in the basis V*.
        weights : array of shape (E,), optional
            How often each is drawn; equally often if not given.
        invariant_eigenvalues, angle, noise, measurements
            As in :meth:`two_point`.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        law = laws.finite(values, weights)
        return cls._generated(
            law, dim, invariant_rank, invariant_eigenvalues, angle, noise, measurements, rng
        )

    @classmethod
    def continuum(
        cls,
        *,
        dim: int,
        invariant_rank: int,
        curve: Callable[[Floats], Any],
        rng: int | np.random.Generator | None = None,
        invariant_eigenvalues: ArrayLike = 1.0,
        angle: float = 0.0,
        noise: float = 0.0,
        measurements: str | MeasurementLaw = "gaussian",
    ) -> Self:
        """Take environments along an axis, such as time.

        Parameters
        ----------
        dim, invariant_rank, rng
            As in :meth:`two_point`.
        curve : callable
            Turns times (n,) in [0, 1] into spurious eigenvalues (n, r2); an environment is a
            uniformly distributed time.
        invariant_eigenvalues, angle, noise, measurements
            As in :meth:`two_point`.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        law = laws.continuum(curve)
        return cls._generated(
            law, dim, invariant_rank, invariant_eigenvalues, angle, noise, measurements, rng
        )

    @classmethod
    def from_measurements(
        cls, X: ArrayLike, y: ArrayLike, environments: ArrayLike | None = None
    ) -> Self:
        """Take your own measurements; nothing is known of the truth.

        Parameters
        ----------
        X : array of shape (n, d, d) or (n, d)
            Sensing matrices, or vectors x that measure with x x'.
        y : array of shape (n,)
            Labels.
        environments : array of shape (n,), optional
            The environment of each; None: all are from one.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If shapes do not agree, or a value is not finite.
        """
        X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        square = X.ndim == 3 and X.shape[1] == X.shape[2]
        if X.size == 0 or not (square or X.ndim == 2):
            raise DataError(
                f"X has the shape {X.shape}; needed are square matrices (n, d, d) or vectors "
                "(n, d), n and d at least 1."
            )
        if y.shape != (len(X),):
            raise DataError(f"X has {len(X):,} measurements, but y has the shape {y.shape}.")
        if not (np.isfinite(X).all() and np.isfinite(y).all()):
            raise DataError("X and y must be finite numbers: leave out what is missing.")
        labels = np.zeros(len(y), dtype=int) if environments is None else np.asarray(environments)
        if labels.shape != y.shape:
            raise DataError(
                f"environments has the shape {labels.shape}; one label is needed for each of "
                f"{len(y):,} measurements."
            )
        names, codes = np.unique(labels, return_inverse=True)
        order = np.argsort(codes, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes))])
        data = Data(X=X[order], y=y[order], offsets=offsets, names=tuple(map(str, names)))
        law = law_of("gaussian") if square else RankOne()
        return cls(dim=int(X.shape[1]), measurements=law, data=data)

    def sample(
        self,
        n_samples: int,
        rng: int | np.random.Generator | None = None,
        *,
        n_environments: int | None = None,
    ) -> Self:
        """Return the problem with a finite data set that every step uses again.

        Parameters
        ----------
        n_samples : int
            Measurements in each environment.
        rng : int or Generator, optional
            Draws them.
        n_environments : int, optional
            Environments to draw from a continuous law; a finite one takes all.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If the problem has its own data already, or a number is missing or below 1.
        """
        if self.truth is None or self.data is not None:
            raise DataError(
                "This problem has a finite data set already; sample the problem itself."
            )
        check_count("n_samples", n_samples)
        law, rng = self.truth.law, np.random.default_rng(rng)
        if law.finite:
            if n_environments is not None:
                raise DataError(
                    f"n_environments={n_environments} is for continuous laws; this one has "
                    f"{len(law.weights)} environments, and all are sampled."
                )
            cores = self._cores(law.matrices)
        else:
            check_count("n_environments", n_environments)
            cores = self._cores(law.draw(rng, n_environments or 0))
        X, y = [], []
        for core in cores:
            matrix = self.basis @ core @ self.basis.T
            for n in pieces(self.measurements, n_samples, self.dim):
                X.append(self.measurements.draw(rng, n, self.dim, np.float64))
                labels = self.measurements.apply(X[-1], matrix)
                y.append(labels + self.noise * rng.standard_normal(n))
        data = Data(
            X=np.concatenate(X),
            y=np.concatenate(y),
            offsets=n_samples * np.arange(len(cores) + 1),
            names=tuple(str(e) for e in range(len(cores))),
        )
        return replace(self, data=data)

    @property
    def invariant_rank(self) -> int:
        """Rank r1 of A*."""
        return len(self._known.invariant_eigenvalues)

    @property
    def spurious_rank(self) -> int:
        """Spurious directions r2."""
        return self._known.law.rank

    @property
    def invariant_eigenvalues(self) -> Floats:
        """Eigenvalues (r1,) of A*."""
        return self._known.invariant_eigenvalues

    @property
    def invariant(self) -> Floats:
        """A*, (d, d)."""
        U = self._known.invariant_basis
        matrix: Floats = (U * self._known.invariant_eigenvalues) @ U.T
        return matrix

    @property
    def pooled(self) -> Floats:
        """Where pooled training ends, A* + E A^(e), (d, d)."""
        V = self._known.spurious_basis
        matrix: Floats = self.invariant + V @ self._known.law.mean @ V.T
        return matrix

    @property
    def spurious_matrices(self) -> Floats:
        """S_e in the basis V*, (E, r2, r2); of a continuous law, many equally likely ones."""
        return self._known.law.matrices

    @property
    def environment_weights(self) -> Floats:
        """How often each environment is drawn, (E,)."""
        return self._known.law.weights

    @property
    def overlap(self) -> Floats:
        """Cosines U*'V*, (r1, r2)."""
        cosines: Floats = self._known.invariant_basis.T @ self._known.spurious_basis
        cosines[np.abs(cosines) < _INSIDE] = 0.0
        return cosines

    @property
    def curvature(self) -> float:
        """The factor c of E<X, R>X = c R."""
        return self.measurements.curvature

    @cached_property
    def basis(self) -> Floats:
        """Orthonormal basis (d, s): U*, then what V* adds to it."""
        U, V = self._known.invariant_basis, self._known.spurious_basis
        added = V - U @ (U.T @ V)
        if not np.allclose(added, V, atol=_INSIDE):
            left, sizes, _ = np.linalg.svd(added, full_matrices=False)
            added = left[:, sizes > _INSIDE]
        basis: Floats = np.hstack([U, added])
        return basis

    @cached_property
    def frame(self) -> Floats:
        """Orthogonal matrix (d, d) whose first columns are the basis."""
        full: Floats = np.linalg.qr(self.basis, mode="complete")[0]
        full[:, : self.basis.shape[1]] = self.basis
        return full

    @cached_property
    def cores(self) -> Floats:
        """A* + A^(e) in the basis, (E, s, s)."""
        return self._cores(self._known.law.matrices)

    @cached_property
    def invariant_core(self) -> Floats:
        """A* in the basis, (s, s)."""
        return self._cores(np.zeros((1, self.spurious_rank, self.spurious_rank)))[0]

    @cached_property
    def pooled_core(self) -> Floats:
        """A* + E A^(e) in the basis, (s, s)."""
        return self._cores(self._known.law.mean[None])[0]

    def draw_cores(self, rng: np.random.Generator, n: int) -> Floats:
        """Return A* + A^(e) of ``n`` drawn environments in the basis.

        Parameters
        ----------
        rng : Generator
            Draws them.
        n : int
            How many.

        Returns
        -------
        ndarray of shape (n, s, s)
        """
        return self._cores(self._known.law.draw(rng, n))

    def _cores(self, matrices: Floats) -> Floats:
        inside = self.basis.T @ self._known.spurious_basis
        inside[np.abs(inside) < _INSIDE] = 0.0
        cores: Floats = inside @ matrices @ inside.T
        at = np.arange(self.invariant_rank)
        cores[:, at, at] += self._known.invariant_eigenvalues
        return cores

    @property
    def _known(self) -> Truth:
        if self.truth is None:
            raise DataError("The truth behind your own measurements is not known.")
        return self.truth

    @classmethod
    def _generated(
        cls,
        law: EnvironmentLaw,
        dim: int,
        rank: int,
        eigenvalues: ArrayLike,
        angle: float,
        noise: float,
        measurements: str | MeasurementLaw,
        rng: int | np.random.Generator | None,
    ) -> Self:
        check_count("dim", dim)
        check_count("invariant_rank", rank)
        if rank + law.rank > dim:
            raise DataError(
                f"An invariant rank of {rank} and {law.rank} spurious directions need "
                f"{rank + law.rank} dimensions to lie at an angle, but dim is {dim}."
            )
        if not (np.isfinite(angle) and 0.0 <= angle <= np.pi / 2):
            raise DataError(
                f"angle must lie between 0 (orthogonal) and pi/2, in radians; got {angle!r}."
            )
        check_number("noise", noise, least=0.0)
        values = np.asarray(eigenvalues, dtype=np.float64)
        if values.ndim == 0:
            values = np.full(rank, float(values))
        if values.shape != (rank,) or not np.isfinite(values).all() or (values == 0).any():
            raise DataError(
                f"invariant_eigenvalues must be {rank} finite numbers other than 0, or one for "
                f"all; got {np.asarray(eigenvalues).tolist()}."
            )
        normals = np.random.default_rng(rng).standard_normal((dim, rank + law.rank))
        directions = np.linalg.qr(normals)[0]
        U, V = directions[:, :rank], directions[:, rank:].copy()
        leaning = min(rank, law.rank)
        if angle > 0.0:
            V[:, :leaning] = np.cos(angle) * V[:, :leaning] + np.sin(angle) * U[:, :leaning]
        truth = Truth(invariant_basis=U, invariant_eigenvalues=values, spurious_basis=V, law=law)
        return cls(dim=dim, measurements=law_of(measurements), noise=float(noise), truth=truth)

    def __repr__(self) -> str:
        parts = [f"{self.dim} x {self.dim}"]
        if self.truth is not None:
            law = self.truth.law
            many = f"{len(law.weights)} environments" if law.finite else "a continuum"
            parts += [f"invariant rank {self.invariant_rank}", f"spurious rank {law.rank}"]
            parts += [f"{many} ({law.name}),\n{self.measurements.name} measurements"]
        elif self.data is not None:
            parts += [f"{len(self.data.names)} environments"]
        if self.data is None:
            parts += ["fresh at every step"]
        else:
            parts += [f"a data set of {len(self.data.y):,}"]
        if self.noise:
            parts += [f"label noise {self.noise:g}"]
        return f"SensingProblem: {', '.join(parts)}"
