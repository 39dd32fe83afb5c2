"""Problems that are generated from a law of environments: one class method a law."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import check_number
from elinvar.errors import DataError
from elinvar.sensing import _environment_laws as laws
from elinvar.sensing._arrays import Floats
from elinvar.sensing._data import Data
from elinvar.sensing._environment_laws import EnvironmentLaw, Signs
from elinvar.sensing._measurements import MeasurementLaw, Rectangular, law_of
from elinvar.sensing._truth import Truth, check_room, make_truth


class Setting(TypedDict, total=False):
    """What all generated problems take; `SensingProblem.two_point` explains it."""

    rng: int | np.random.Generator | None
    columns: int | None
    invariant_eigenvalues: ArrayLike
    angle: ArrayLike
    noise: float
    measurements: str | MeasurementLaw


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Generated:
    """What a problem is made of, and the class methods that generate its truth."""

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
        columns: int | None = None,
        invariant_eigenvalues: ArrayLike = 1.0,
        angle: ArrayLike = 0.0,
        noise: float = 0.0,
        measurements: str | MeasurementLaw = "gaussian",
    ) -> Self:
        r"""Take spurious eigenvalues :math:`\mu + M` and :math:`\mu - M`, equally likely.

        Parameters
        ----------
        dim : int
            d.
        invariant_rank, spurious_rank : int
            r1 and r2, of sum at most d, less the directions that both share.
        heterogeneity : float >= 0
            M.
        rng : int or Generator, optional
            Directs the two subspaces; they are uniformly distributed.
        mean : float
            :math:`\mu`.
        signs : {"common", "independent"}
            Whether all spurious directions have the same sign in an environment, or one each.
        columns : int, optional
            With it the matrices are dim x columns, :math:`A^* = U^* \Sigma^* W^{*\top}` and
            :math:`A^{(e)} = V^* S_e Z^{*\top}`, and learned as the product of two factors.
        invariant_eigenvalues : float or array of shape (r1,)
            Of A*; negative ones make it a general symmetric matrix. Of rectangular ones singular
            values, all positive.
        angle : float or array of shape (min(r1, r2),), in [0, pi/2]
            By how much each of the first min(r1, r2) spurious directions leans into the invariant
            subspace, in radians, towards the invariant direction of its number. 0: orthogonal, as
            the theory asks; pi/2: both subspaces share the direction.
        noise : float >= 0
            Standard deviation :math:`\sigma` of the labels' noise.
        measurements : {"gaussian", "goe", "rank_one", "rank_one_centred", "sparse_sign"} or law
            Of X; a `SparseSign` object sets its own density. Rectangular ones are Gaussian.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        check_room(dim, columns, invariant_rank, spurious_rank, angle)
        law = laws.two_point(spurious_rank, heterogeneity, mean, signs)
        return cls._generated(
            law,
            dim,
            invariant_rank,
            rng=rng,
            columns=columns,
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
            rng, columns, invariant_eigenvalues, angle, noise and measurements, as there.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        _check_room(dim, invariant_rank, spurious_rank, setting)
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
            rng, columns, invariant_eigenvalues, angle, noise and measurements, as there.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If a value is out of its range, or the subspaces have no room.
        """
        _check_room(dim, invariant_rank, spurious_rank, setting)
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
            rng, columns, invariant_eigenvalues, angle, noise and measurements, as in
            :meth:`two_point`.

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
            rng, columns, invariant_eigenvalues, angle, noise and measurements, as in
            :meth:`two_point`.

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
    def _generated(
        cls,
        law: EnvironmentLaw,
        dim: int,
        invariant_rank: int,
        *,
        rng: int | np.random.Generator | None = None,
        columns: int | None = None,
        invariant_eigenvalues: ArrayLike = 1.0,
        angle: ArrayLike = 0.0,
        noise: float = 0.0,
        measurements: str | MeasurementLaw = "gaussian",
    ) -> Self:
        check_number("noise", noise, least=0.0)
        truth = make_truth(
            law,
            dim=dim,
            columns=columns,
            rank=invariant_rank,
            eigenvalues=invariant_eigenvalues,
            angle=angle,
            rng=rng,
        )
        measured = law_of(measurements)
        if columns is not None:
            if measured.name != Rectangular.name:
                raise DataError(
                    'Rectangular matrices are measured by measurements="gaussian"; got '
                    f"{measured.name!r}."
                )
            measured = Rectangular(rows=int(dim), columns=int(columns))
        return cls(dim=len(truth.basis), measurements=measured, noise=float(noise), truth=truth)


def _check_room(dim: int, rank: int, spurious_rank: int, setting: Setting) -> None:
    check_room(dim, setting.get("columns"), rank, spurious_rank, setting.get("angle", 0.0))
