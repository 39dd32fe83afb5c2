"""Multi-environment low-rank matrix sensing: the truth, the environments and the measurements."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import check_count, check_number, generator
from elinvar.errors import DataError
from elinvar.sensing import _environment_laws as laws
from elinvar.sensing._arrays import Floats
from elinvar.sensing._data import Data, draw_data, read_data
from elinvar.sensing._environment_laws import EnvironmentLaw, Signs
from elinvar.sensing._measurements import Gaussian, MeasurementLaw, RankOne, law_of
from elinvar.sensing._truth import Truth, check_room, make_truth


class Setting(TypedDict, total=False):
    """What all generated problems take; `SensingProblem.two_point` explains it."""

    rng: int | np.random.Generator | None
    invariant_eigenvalues: ArrayLike
    angle: float
    noise: float
    measurements: str | MeasurementLaw


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
        check_room(dim, invariant_rank, spurious_rank)
        law = laws.two_point(spurious_rank, heterogeneity, mean, signs)
        return cls._generated(
            law,
            dim,
            invariant_rank,
            rng=rng,
            invariant_eigenvalues=invariant_eigenvalues,
            angle=angle,
            noise=noise,
            measurements=measurements,
        )

    @classmethod
    def uniform(
        cls,
        *,
        dim: int,
        invariant_rank: int,
        spurious_rank: int,
        heterogeneity: float,
        mean: float = 1.0,
        signs: Signs = "common",
        **setting: Unpack[Setting],
    ) -> Self:
        r"""Draw spurious eigenvalues uniform on :math:`[\mu - M, \mu + M]`: a continuum.

        Parameters
        ----------
        dim, invariant_rank, spurious_rank, heterogeneity, mean, signs
            As in :meth:`two_point`.
        **setting
            rng, invariant_eigenvalues, angle, noise and measurements, as there.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        check_room(dim, invariant_rank, spurious_rank)
        law = laws.uniform(spurious_rank, heterogeneity, mean, signs)
        return cls._generated(law, dim, invariant_rank, **setting)

    @classmethod
    def gaussian(
        cls,
        *,
        dim: int,
        invariant_rank: int,
        spurious_rank: int,
        heterogeneity: float,
        mean: float = 1.0,
        signs: Signs = "common",
        **setting: Unpack[Setting],
    ) -> Self:
        r"""Draw normal spurious eigenvalues: mean :math:`\mu`, standard deviation M.

        Parameters
        ----------
        dim, invariant_rank, spurious_rank, heterogeneity, mean, signs
            As in :meth:`two_point`.
        **setting
            rng, invariant_eigenvalues, angle, noise and measurements, as there.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        check_room(dim, invariant_rank, spurious_rank)
        law = laws.gaussian(spurious_rank, heterogeneity, mean, signs)
        return cls._generated(law, dim, invariant_rank, **setting)

    @classmethod
    def finite(
        cls,
        *,
        dim: int,
        invariant_rank: int,
        values: ArrayLike,
        weights: ArrayLike | None = None,
        **setting: Unpack[Setting],
    ) -> Self:
        """Take a list of environments.

        Parameters
        ----------
        dim, invariant_rank
            As in :meth:`two_point`.
        values : array of shape (E, r2) or (E, r2, r2)
            Spurious eigenvalues of each environment, or its matrix S_e in the basis V*.
        weights : array of shape (E,), optional
            How often each is drawn; equally often if not given.
        **setting
            rng, invariant_eigenvalues, angle, noise and measurements, as in :meth:`two_point`.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        law = laws.finite(values, weights)
        return cls._generated(law, dim, invariant_rank, **setting)

    @classmethod
    def continuum(
        cls,
        *,
        dim: int,
        invariant_rank: int,
        curve: Callable[[Floats], ArrayLike],
        **setting: Unpack[Setting],
    ) -> Self:
        """Take environments along an axis, such as time.

        Parameters
        ----------
        dim, invariant_rank
            As in :meth:`two_point`.
        curve : callable
            Turns times (n,) in [0, 1] into spurious eigenvalues (n, r2); an environment is a
            uniformly distributed time. A curve that ends where it begins is a circle.
        **setting
            rng, invariant_eigenvalues, angle, noise and measurements, as in :meth:`two_point`.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        law = laws.continuum(curve)
        return cls._generated(law, dim, invariant_rank, **setting)

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
        data = read_data(X, y, environments)
        law = Gaussian() if data.X.ndim == 3 else RankOne()
        return cls(dim=data.X.shape[1], measurements=law, data=data)

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
        law, rng = self.truth.law, generator(rng)
        if law.finite:
            if n_environments is not None:
                raise DataError(
                    f"n_environments={n_environments} is for continuous laws; this one has "
                    f"{len(law.weights)} environments, and all are sampled."
                )
            matrices = law.matrices
        else:
            check_count("n_environments", n_environments)
            matrices = law.draw(rng, n_environments or 0)
        basis = self.truth.basis
        full = (basis @ core @ basis.T for core in self.truth.cores_of(matrices))
        data = draw_data(self.measurements, full, n_samples, self.noise, rng)
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
        return self._full(self._known.invariant_core)

    @property
    def pooled(self) -> Floats:
        """Where pooled training ends, A* + E A^(e), (d, d)."""
        return self._full(self._known.pooled_core)

    @property
    def spurious_matrices(self) -> Floats:
        """S_e in the basis V*, (E, r2, r2); of a continuous law, many equally likely ones."""
        return self._known.law.matrices

    def window_matrices(self, width: float) -> Floats:
        """Return means of S_e over windows of a continuum, equally likely ones, (E, r2, r2).

        Parameters
        ----------
        width : float in (0, 1]
            Of the windows, as a share of the axis.

        Raises
        ------
        DataError
            If there is no axis.
        """
        law = self._known.law
        if law.curve is None:
            raise DataError(f"Windows need environments along an axis; a {law.name} law has none.")
        return law.window_means(width)

    @property
    def environment_weights(self) -> Floats:
        """How often each environment is drawn, (E,)."""
        return self._known.law.weights

    @property
    def overlap(self) -> Floats:
        """Cosines U*'V*, (r1, r2)."""
        return self._known.overlap

    @property
    def curvature(self) -> float:
        """The factor c of E<X, R>X = c R."""
        return self.measurements.curvature

    def _full(self, core: Floats) -> Floats:
        matrix: Floats = self._known.basis @ core @ self._known.basis.T
        return matrix

    @property
    def _known(self) -> Truth:
        if self.truth is None:
            raise DataError("The truth behind your own measurements is not known.")
        return self.truth

    @classmethod
    def _generated(
        cls, law: EnvironmentLaw, dim: int, invariant_rank: int, **setting: Unpack[Setting]
    ) -> Self:
        noise = setting.get("noise", 0.0)
        check_number("noise", noise, least=0.0)
        truth = make_truth(
            law,
            dim=dim,
            rank=invariant_rank,
            eigenvalues=setting.get("invariant_eigenvalues", 1.0),
            angle=setting.get("angle", 0.0),
            rng=setting.get("rng"),
        )
        measurements = law_of(setting.get("measurements", "gaussian"))
        return cls(dim=int(dim), measurements=measurements, noise=float(noise), truth=truth)

    def __repr__(self) -> str:
        parts = [f"{self.dim} x {self.dim}"]
        if self.truth is not None:
            law = self.truth.law
            many = f"{len(law.weights)} environments" if law.finite else "a continuum"
            parts += [f"invariant rank {self.invariant_rank}", f"spurious rank {law.rank}"]
            parts += [f"{many} ({law.name}),\n{self.measurements.name} measurements"]
        elif self.data is not None:
            count = len(self.data.names)
            parts += [f"{count} environment{'s' * (count != 1)}"]
        if self.data is None:
            parts += ["fresh at every step"]
        else:
            parts += [f"a data set of {len(self.data.y):,}"]
        if self.noise:
            parts += [f"label noise {self.noise:g}"]
        return f"SensingProblem: {', '.join(parts)}"
