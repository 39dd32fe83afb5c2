"""The matrices behind the labels, and the frame in which they are small."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import as_numbers, check_count, generator, is_number
from elinvar.errors import DataError
from elinvar.sensing._arrays import Floats
from elinvar.sensing._environment_laws import EnvironmentLaw

_NOTHING = 1e-9


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

    @cached_property
    def overlap(self) -> Floats:
        """Cosines U*'V*, (r1, r2)."""
        return _rounded(self.invariant_basis.T @ self.spurious_basis)

    @cached_property
    def basis(self) -> Floats:
        """Orthonormal basis (d, s): U*, then what V* adds to it."""
        # the span of U* and V* has r1 + r2 dimensions at most: docs/exact-law.md, section 4
        added = self.spurious_basis
        if self.overlap.any():
            # of V* only what U* does not hold: directions of length 0 are in U* already
            left, sizes, _ = np.linalg.svd(added - self.invariant_basis @ self.overlap, False)
            added = left[:, sizes > _NOTHING]
        basis: Floats = np.hstack([self.invariant_basis, added])
        return basis

    @cached_property
    def frame(self) -> Floats:
        """Orthogonal matrix (d, d) whose first columns are the basis."""
        full: Floats = np.linalg.qr(self.basis, mode="complete")[0]
        # QR keeps the span of the basis, but may turn signs
        full[:, : self.basis.shape[1]] = self.basis
        return full

    @cached_property
    def cores(self) -> Floats:
        """A* + A^(e) in the basis, (E, s, s)."""
        return self.cores_of(self.law.matrices)

    @cached_property
    def invariant_core(self) -> Floats:
        """A* in the basis, (s, s)."""
        core: Floats = self.cores_of(np.zeros((1, self.law.rank, self.law.rank)))[0]
        return core

    @cached_property
    def pooled_core(self) -> Floats:
        """A* + E A^(e) in the basis, (s, s)."""
        core: Floats = self.cores_of(self.law.mean[None])[0]
        return core

    def cores_of(self, matrices: Floats) -> Floats:
        """Return A* + A^(e) in the basis for spurious matrices (n, r2, r2)."""
        inside = _rounded(self.basis.T @ self.spurious_basis)
        # B'A^(e) B = (B'V*) S_e (B'V*)', and A* is the first r1 entries of the diagonal
        cores: Floats = inside @ matrices @ inside.T
        at = np.arange(len(self.invariant_eigenvalues))
        cores[:, at, at] += self.invariant_eigenvalues
        return cores

    def cores_along(self, values: Floats) -> Floats:
        """Return the same for eigenvalues (n, r2), of many at once and sooner."""
        inside, s = _rounded(self.basis.T @ self.spurious_basis), self.basis.shape[1]
        # sum_r s_r v_r v_r', v_r the columns of B'V*
        squares = np.einsum("ir,jr->rij", inside, inside).reshape(-1, s * s)
        core = np.zeros((s, s))
        np.fill_diagonal(core[: len(self.invariant_eigenvalues)], self.invariant_eigenvalues)
        cores: Floats = (values @ squares).reshape(-1, s, s) + core
        return cores


def check_room(dim: int, rank: int, spurious_rank: int) -> None:
    """Refuse subspaces that have no room.

    Raises
    ------
    DataError
        If a number is not an integer of at least 1, or the ranks sum to more than ``dim``.
    """
    check_count("dim", dim)
    check_count("invariant_rank", rank)
    check_count("spurious_rank", spurious_rank)
    if rank + spurious_rank > dim:
        raise DataError(
            f"An invariant rank of {rank} and {spurious_rank} spurious directions need "
            f"{rank + spurious_rank} dimensions to lie at an angle, but dim is {dim}."
        )


def make_truth(
    law: EnvironmentLaw,
    *,
    dim: int,
    rank: int,
    eigenvalues: ArrayLike,
    angle: float,
    rng: int | np.random.Generator | None,
) -> Truth:
    """Direct the two subspaces at random, at an angle.

    Raises
    ------
    DataError
        If a value is out of its range, or the subspaces have no room.
    """
    check_room(dim, rank, law.rank)
    if not (is_number(angle) and 0.0 <= angle <= np.pi / 2):
        raise DataError(
            f"angle must lie between 0 (orthogonal) and pi/2, in radians; got {angle!r}."
        )
    values = as_numbers("invariant_eigenvalues", eigenvalues)
    if values.ndim == 0:
        values = np.full(rank, float(values))
    if values.shape != (rank,) or not np.isfinite(values).all() or (values == 0).any():
        raise DataError(
            f"invariant_eigenvalues must be {rank} finite numbers other than 0, or one for "
            f"all; got {np.asarray(eigenvalues).tolist()}."
        )
    normals = generator(rng).standard_normal((dim, rank + law.rank))
    directions = np.linalg.qr(normals)[0]
    U, V = directions[:, :rank], directions[:, rank:].copy()
    leaning = min(rank, law.rank)
    if angle > 0.0:
        # cos^2 + sin^2 = 1, and U and V are orthogonal: the columns keep their length
        V[:, :leaning] = np.cos(angle) * V[:, :leaning] + np.sin(angle) * U[:, :leaning]
    return Truth(invariant_basis=U, invariant_eigenvalues=values, spurious_basis=V, law=law)


def _rounded(cosines: Floats) -> Floats:
    return np.where(np.abs(cosines) < _NOTHING, 0.0, cosines)
