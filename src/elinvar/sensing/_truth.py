"""The matrices behind the labels, and the frame in which they are small."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import as_numbers, check_count, generator
from elinvar.errors import DataError
from elinvar.sensing._arrays import Floats
from elinvar.sensing._environment_laws import EnvironmentLaw, doubled

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
    doubled : bool
        Whether it stands for a rectangular matrix M, as its symmetric double (0, M; M', 0): each
        singular value s of M is a pair s, -s of eigenvalues.
    """

    invariant_basis: Floats
    invariant_eigenvalues: Floats
    spurious_basis: Floats
    law: EnvironmentLaw
    doubled: bool = False

    def own(self, values: Floats, axes: tuple[int, ...] = (0,)) -> Floats:
        """Return the first half along ``axes`` if it is doubled: what belongs to M itself."""
        if not self.doubled:
            return values
        halves = [slice(n // 2) if i in axes else slice(None) for i, n in enumerate(values.shape)]
        return values[tuple(halves)]

    @property
    def share(self) -> float:
        """What a squared Frobenius norm counts: that of a double is twice that of M."""
        return 0.5 if self.doubled else 1.0

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


def check_room(
    dim: int, columns: int | None, rank: int, spurious_rank: int, angle: ArrayLike
) -> None:
    """Refuse angles that are none, and subspaces that have no room.

    Raises
    ------
    DataError
        If a number is not an integer of at least 1, an angle not one of [0, pi/2], or the ranks
        sum to more than ``dim`` or ``columns`` but for the directions that are shared.
    """
    check_count("dim", dim)
    check_count("invariant_rank", rank)
    check_count("spurious_rank", spurious_rank)
    if columns is not None:
        check_count("columns", columns)
    leaning = min(rank, spurious_rank)
    # at a right angle a spurious direction is an invariant one, and takes no room of its own
    angles = _angles(angle, leaning)
    shared = int((angles == np.pi / 2).sum()) * (1 if angles.ndim else leaning)
    needed = rank + spurious_rank - shared
    room, which = (dim, "dim") if columns is None or dim <= columns else (columns, "columns")
    if needed > room:
        raise DataError(
            f"An invariant rank of {rank} and {spurious_rank} spurious directions need "
            f"{needed} dimensions to lie at an angle, but {which} is {room}."
        )


def make_truth(
    law: EnvironmentLaw,
    *,
    dim: int,
    columns: int | None,
    rank: int,
    eigenvalues: ArrayLike,
    angle: ArrayLike,
    rng: int | np.random.Generator | None,
) -> Truth:
    """Direct the two subspaces at random, at an angle; twice for a rectangular matrix.

    Raises
    ------
    DataError
        If a value is out of its range, or the subspaces have no room.
    """
    check_room(dim, columns, rank, law.rank, angle)
    angles = _angles(angle, min(rank, law.rank))
    values = as_numbers("invariant_eigenvalues", eigenvalues)
    if values.ndim == 0:
        values = np.full(rank, float(values))
    if values.shape != (rank,) or not np.isfinite(values).all() or (values == 0).any():
        raise DataError(
            f"invariant_eigenvalues must be {rank} finite numbers other than 0, or one for "
            f"all; got {np.asarray(eigenvalues).tolist()}."
        )
    rng = generator(rng)
    U, V = _directions(rng, dim, rank, law.rank, angles)
    if columns is None:
        return Truth(invariant_basis=U, invariant_eigenvalues=values, spurious_basis=V, law=law)
    if (values < 0).any():
        raise DataError(
            "invariant_eigenvalues of a rectangular matrix are its singular values and must be "
            f"above 0; got {values.min():g}."
        )
    W, Z = _directions(rng, columns, rank, law.rank, angles)
    return Truth(
        invariant_basis=_double(U, W),
        invariant_eigenvalues=np.concatenate([values, -values]),
        spurious_basis=_double(V, Z),
        law=doubled(law),
        doubled=True,
    )


def _directions(
    rng: np.random.Generator, dim: int, rank: int, spurious_rank: int, angles: Floats
) -> tuple[Floats, Floats]:
    """Return U* (dim, rank) and V* (dim, spurious_rank), leaning into it at these angles."""
    leaning = min(rank, spurious_rank)
    # without room for all, directions that are shared are not drawn twice
    shared = np.broadcast_to(angles == np.pi / 2, leaning)
    kept = np.ones(spurious_rank, dtype=bool)
    if rank + spurious_rank > dim:
        kept[:leaning] = ~shared
    normals = rng.standard_normal((dim, rank + int(kept.sum())))
    directions = np.linalg.qr(normals)[0]
    U, V = directions[:, :rank], np.zeros((dim, spurious_rank))
    V[:, kept] = directions[:, rank:]
    if angles.any():
        # cos^2 + sin^2 = 1, and U and V are orthogonal: the columns keep their length
        V[:, :leaning] = np.cos(angles) * V[:, :leaning] + np.sin(angles) * U[:, :leaning]
    return U, V


def _double(left: Floats, right: Floats) -> Floats:
    """Return eigenvectors of (0, M; M', 0): for singular values of M, then for their opposites."""
    halves: Floats = np.block([[left, left], [right, -right]]) / np.sqrt(2)
    return halves


def _angles(angle: ArrayLike, leaning: int) -> Floats:
    """Return one angle for all leaning directions, (), or one each, (leaning,)."""
    try:
        angles = np.asarray(angle, dtype=np.float64)
    except (TypeError, ValueError):
        angles = np.array(np.nan)
    # nan lies between nothing
    if not ((angles >= 0.0) & (angles <= np.pi / 2)).all():
        raise DataError(
            f"angle must lie between 0 (orthogonal) and pi/2, in radians; got {angle!r}."
        )
    if angles.ndim and angles.shape != (leaning,):
        raise DataError(
            f"angle must be one number, or one for each of the {leaning} spurious directions that "
            f"can lean; got the shape {angles.shape}."
        )
    return angles


def _rounded(cosines: Floats) -> Floats:
    return np.where(np.abs(cosines) < _NOTHING, 0.0, cosines)
