r"""Laws of the sensing matrices X, and finite data sets that are used again and again.

For symmetric R every law has
:math:`E \langle X, R \rangle \mathrm{sym} X = c R + t\, \mathrm{tr}(R) I`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from elinvar._base._check import is_number
from elinvar.errors import DataError
from elinvar.sensing._arrays import Reals

# measurements are drawn this many numbers at a time
_AT_ONCE = 2**22


class MeasurementLaw:
    """Fresh measurements: the base of all laws, and of your own.

    A law of your own sets ``name``, ``curvature`` and ``trace``, and draws matrices in `draw`.
    """

    name: ClassVar[str]
    curvature: ClassVar[float] = 1.0
    trace: ClassVar[float] = 0.0
    # in law, X enters a step as a Gaussian matrix: the exact-law step is open
    isotropic: ClassVar[bool] = False

    def entries(self, dim: int) -> int:
        """Return how many numbers one measurement takes.

        Parameters
        ----------
        dim : int
            d.

        Returns
        -------
        int
        """
        rows, columns = self.shape(dim)
        return rows * columns

    def shape(self, dim: int) -> tuple[int, int]:
        """Return rows and columns of the matrices that are measured.

        Parameters
        ----------
        dim : int
            Rows of the factor.

        Returns
        -------
        tuple of int
        """
        return dim, dim

    def block(self, A: Reals) -> Reals:
        """Return the part of a product of factors that is measured: all of it.

        Parameters
        ----------
        A : ndarray of shape (d, d)
            The product.

        Returns
        -------
        ndarray
            Of the shape of the problem.
        """
        return A

    def seen(self, A: Reals) -> Reals:
        """Return a product of factors with what is not measured set to 0: nothing.

        Parameters
        ----------
        A : ndarray of shape (d, d)
            The product.

        Returns
        -------
        ndarray of shape (d, d)
        """
        return A

    def draw(self, rng: np.random.Generator, n: int, dim: int, dtype: DTypeLike) -> Reals:
        """Draw measurements.

        Parameters
        ----------
        rng : Generator
            Draws them.
        n : int
            How many.
        dim : int
            d.
        dtype : dtype
            Single or double precision.

        Returns
        -------
        ndarray of shape (n, d, d) or (n, d)
            Matrices, or vectors x that measure with x x'.

        Raises
        ------
        TypeError
            If the law does not say how.
        """
        raise TypeError(f"{type(self).__name__} does not say how measurements are drawn.")

    def apply(self, X: Reals, A: Reals) -> Reals:
        """Measure a matrix.

        Parameters
        ----------
        X : ndarray of shape (n, d, d) or (n, d)
            Measurements.
        A : ndarray of shape (d, d)
            The matrix.

        Returns
        -------
        ndarray of shape (n,)
            The inner products of X_i and A.
        """
        values: Reals = X.reshape(len(X), -1) @ A.ravel()
        return values

    def average(self, X: Reals, r: Reals) -> Reals:
        """Return the sum of r_i sym(X_i): the adjoint of :meth:`apply`.

        Parameters
        ----------
        X : ndarray of shape (n, d, d) or (n, d)
            Measurements.
        r : ndarray of shape (n,)
            Residuals.

        Returns
        -------
        ndarray of shape (d, d)
        """
        total = (r @ X.reshape(len(X), -1)).reshape(X.shape[1:])
        half: Reals = (total + total.T) / 2
        return half

    def expected(self, R: Reals) -> Reals:
        """Return the expectation of <X, R> sym(X).

        Parameters
        ----------
        R : ndarray of shape (d, d)
            A symmetric matrix.

        Returns
        -------
        ndarray of shape (d, d)
        """
        step: Reals = self.curvature * R + self.trace * np.trace(R) * np.eye(len(R), dtype=R.dtype)
        return step


@dataclass(frozen=True)
class Gaussian(MeasurementLaw):
    """Independent standard normal entries."""

    name: ClassVar[str] = "gaussian"
    isotropic: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator, n: int, dim: int, dtype: DTypeLike) -> Reals:
        """Return matrices, as :meth:`MeasurementLaw.draw` says."""
        return _normals(rng, (n, *self.shape(dim)), dtype)


@dataclass(frozen=True)
class Rectangular(Gaussian):
    """Independent standard normal entries of X, d1 x d2: they measure A = U V'.

    The factors lie one below the other, W = (U; V), so that a step on them is one on W W' whose
    gradient is (0, G; G', 0); the blocks U U' and V V' of W W' are not measured.

    Parameters
    ----------
    rows, columns : int
        d1 and d2.
    """

    rows: int
    columns: int

    def shape(self, dim: int) -> tuple[int, int]:
        """Return d1 and d2, as :meth:`MeasurementLaw.shape` says."""
        return self.rows, self.columns

    def block(self, A: Reals) -> Reals:
        """Return U V' of W W', as :meth:`MeasurementLaw.block` says."""
        return A[: self.rows, self.rows :]

    def seen(self, A: Reals) -> Reals:
        """Return W W' without U U' and V V', as :meth:`MeasurementLaw.seen` says."""
        return self._double(self.block(A))

    def apply(self, X: Reals, A: Reals) -> Reals:
        """Return the inner products of X_i and U V', as :meth:`MeasurementLaw.apply` says."""
        values: Reals = X.reshape(len(X), -1) @ self.block(A).ravel()
        return values

    def average(self, X: Reals, r: Reals) -> Reals:
        """Return (0, G; G', 0), G the sum of r_i X_i: see :meth:`MeasurementLaw.average`."""
        return self._double((r @ X.reshape(len(X), -1)).reshape(self.rows, self.columns))

    def expected(self, R: Reals) -> Reals:
        """Return (0, R; R', 0), as :meth:`MeasurementLaw.expected` says."""
        return self.seen(R)

    def total(self, rng: np.random.Generator, R: Reals, n: int, noise: float) -> Reals:
        r"""Draw the sum of r_i X_i over n fresh measurements from its law, doubled.

        With a :math:`\sim \chi^2_n`, l normal, q :math:`= l^2 + \chi^2_{n-1}` and
        :math:`b = \sqrt a\, l`, let :math:`S_1 = |R| a + \sigma b` and
        :math:`S_2 = |R|^2 a + 2 |R| \sigma b + \sigma^2 q`: the sum is :math:`\sqrt{S_2} Z`
        with its part along R replaced by :math:`S_1`.

        Parameters
        ----------
        rng : Generator
            Draws it.
        R : ndarray of shape (d, d)
            Residual, doubled.
        n : int
            Measurements.
        noise : float
            :math:`\sigma`.

        Returns
        -------
        ndarray of shape (d, d)

        References
        ----------
        Own derivation, docs/exact-law.md, section 2, without the symmetric part.
        """
        block = self.block(R)
        size, Z = float(np.linalg.norm(block)), _normals(rng, block.shape, R.dtype)
        a, line = rng.chisquare(n), rng.standard_normal()
        q = line**2 + (rng.chisquare(n - 1) if n > 1 else 0.0)
        first = size * a + noise * np.sqrt(a) * line
        second = size**2 * a + 2 * size * noise * np.sqrt(a) * line + noise**2 * q
        spread = float(np.sqrt(max(second, 0.0)))
        G = spread * Z
        if size > 0.0:
            G = G + (first - spread * float((Z * block).sum()) / size) / size * block
        return self._double(G.astype(R.dtype, copy=False))

    def _double(self, G: Reals) -> Reals:
        both: Reals = np.zeros((self.rows + self.columns,) * 2, dtype=G.dtype)
        both[: self.rows, self.rows :], both[self.rows :, : self.rows] = G, G.T
        return both


@dataclass(frozen=True)
class SymmetricGaussian(Gaussian):
    """The Gaussian orthogonal ensemble: variance 1 on the diagonal, 1/2 beside it."""

    name: ClassVar[str] = "goe"

    def draw(self, rng: np.random.Generator, n: int, dim: int, dtype: DTypeLike) -> Reals:
        """Return symmetric matrices, as :meth:`MeasurementLaw.draw` says."""
        X = super().draw(rng, n, dim, dtype)
        half: Reals = (X + X.transpose(0, 2, 1)) / 2
        return half


@dataclass(frozen=True)
class RankOne(MeasurementLaw):
    """X = x x' with standard normal x: the two-layer network with quadratic activation."""

    name: ClassVar[str] = "rank_one"
    # E (x'R x) x x' = 2 R + tr(R) I for standard normal x
    curvature: ClassVar[float] = 2.0
    trace: ClassVar[float] = 1.0

    def entries(self, dim: int) -> int:
        """Return d, as :meth:`MeasurementLaw.entries` says."""
        return dim

    def draw(self, rng: np.random.Generator, n: int, dim: int, dtype: DTypeLike) -> Reals:
        """Return vectors x, as :meth:`MeasurementLaw.draw` says."""
        return _normals(rng, (n, dim), dtype)

    def apply(self, X: Reals, A: Reals) -> Reals:
        """Return x_i' A x_i, as :meth:`MeasurementLaw.apply` says."""
        values: Reals = ((X @ A) * X).sum(axis=1)
        return values

    def average(self, X: Reals, r: Reals) -> Reals:
        """Return the sum of r_i x_i x_i', as :meth:`MeasurementLaw.average` says."""
        total: Reals = (X * r[:, None]).T @ X
        return total


@dataclass(frozen=True)
class CentredRankOne(RankOne):
    """X = x x' - I: a rank-one measurement without its mean."""

    name: ClassVar[str] = "rank_one_centred"
    # without its mean I, the measurement sees no trace: 2 R alone
    trace: ClassVar[float] = 0.0

    def apply(self, X: Reals, A: Reals) -> Reals:
        """Return x_i' A x_i - tr A, as :meth:`MeasurementLaw.apply` says."""
        values: Reals = super().apply(X, A) - np.trace(A)
        return values

    def average(self, X: Reals, r: Reals) -> Reals:
        """Return the sum of r_i (x_i x_i' - I), as :meth:`MeasurementLaw.average` says."""
        total = super().average(X, r)
        total[np.diag_indices(len(total))] -= r.sum()
        return total


@dataclass(frozen=True)
class SparseSign(MeasurementLaw):
    """Entries 0 but for a share, which are plus or minus one over its root.

    Parameters
    ----------
    density : float in (0, 1]
        The share.
    """

    density: float = 0.1
    name: ClassVar[str] = "sparse_sign"

    def __post_init__(self) -> None:
        if not (is_number(self.density) and 0.0 < self.density <= 1.0):
            raise DataError(f"density must lie in (0, 1]; got {self.density!r}.")

    def draw(self, rng: np.random.Generator, n: int, dim: int, dtype: DTypeLike) -> Reals:
        """Return matrices, as :meth:`MeasurementLaw.draw` says."""
        shape, single = (n, dim, dim), np.dtype(dtype) == np.float32
        # one uniform number decides both whether an entry is there and its sign
        u: Reals = rng.random(shape, dtype=np.float32) if single else rng.random(shape)
        size = np.asarray(self.density**-0.5, dtype=dtype)
        half = self.density / 2
        return np.where(u < half, size, np.where(u < self.density, -size, 0)).astype(dtype)


def _normals(rng: np.random.Generator, shape: tuple[int, ...], dtype: DTypeLike) -> Reals:
    if np.dtype(dtype) == np.float32:
        return rng.standard_normal(shape, dtype=np.float32)
    return rng.standard_normal(shape)


LAWS: dict[str, MeasurementLaw] = {
    law.name: law
    for law in (Gaussian(), SymmetricGaussian(), RankOne(), CentredRankOne(), SparseSign())
}


def law_of(measurements: "str | MeasurementLaw") -> MeasurementLaw:
    """Return the law of that name, or the law itself.

    Raises
    ------
    DataError
        If there is none.
    """
    if isinstance(measurements, MeasurementLaw):
        return measurements
    if not isinstance(measurements, str) or measurements not in LAWS:
        known = ", ".join(map(repr, LAWS))
        raise DataError(f"measurements must be one of {known}; got {measurements!r}.")
    return LAWS[measurements]


def pieces(law: MeasurementLaw, n: int, dim: int) -> list[int]:
    """Return sizes that sum to ``n``, each small enough to be drawn at once."""
    most = max(1, _AT_ONCE // law.entries(dim))
    return [most] * (n // most) + ([n % most] if n % most else [])
