"""Inverses and solutions where the data may not tell every direction: one rule for all."""

from contextlib import suppress

import numpy as np
from scipy.linalg.lapack import dpotrs

from elinvar.inference.problem._types import Bools, Floats

RANK = 1e-10
"""A direction whose second moment is below this share of the largest one is none."""

# pivots are roots of variances, and 1e-6 is far above ``RANK``
FAR = 1e-3
"""Pivots of Cholesky's factor above this share of the largest one lose no rank."""

# so many matrices, of at most so many columns, are gone through at once
_SMALL, _MANY = 40, 40


def pseudo_inverses(matrices: Floats, *, rescale: bool = True) -> tuple[Floats, Floats]:
    r"""Inverses of positive semidefinite matrices on what they can tell.

    An environment in which a column is constant, or a combination of others, says nothing about
    some directions; there the inverse is 0. With :math:`D` the diagonal and
    :math:`D^{-1/2} M D^{-1/2} = \sum_i \lambda_i v_i v_i^\top`, directions with
    :math:`\lambda_i` at most ``RANK`` times the largest one are not told: the units of the columns
    do not matter, and a column that hardly varies is told if it varies at all.

    Parameters
    ----------
    matrices : array of shape (..., k, k)
    rescale : bool
        False takes D as 1, so that turning the coordinates changes nothing.

    Returns
    -------
    inverses : array of shape (..., k, k)
        Symmetric and reflexive; with ``rescale=False`` those of Moore and Penrose.
    told : array of shape (..., k)
        The part of each coordinate in the range, 1 where it can be told; the sum is the rank.
    """
    diagonal, unit = np.einsum("...jj->...j", matrices), np.ones(matrices.shape[:-1])
    none = diagonal == 0
    if none.any():
        # a column of nothing but 0 is told apart at once
        fill = none[..., None] * np.eye(matrices.shape[-1])
        inverses, told = pseudo_inverses(matrices + fill, rescale=rescale)
        return inverses - fill, told * ~none
    if rescale:
        unit = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    inverses, regular = _regular_inverses(matrices, unit)
    told = np.ones(unit.shape)
    if not regular.all():
        rest = _in_units(matrices[~regular], unit[~regular])
        inverse, told[~regular] = _told_inverses(rest)
        inverses[~regular] = _in_units(inverse, unit[~regular])
    return inverses, told


def _in_units(matrices: Floats, unit: Floats) -> Floats:
    """Matrices of columns (..., k, k) times ``unit`` (..., k)."""
    return matrices * unit[..., :, None] * unit[..., None, :]


def _told_inverses(matrices: Floats) -> tuple[Floats, Floats]:
    values, vectors = np.linalg.eigh(matrices)
    good = values > RANK * np.maximum(values[..., -1:], 1e-300)
    kept = vectors * good[..., None, :]
    inverses = (kept / np.where(good, values, 1.0)[..., None, :]) @ np.swapaxes(kept, -1, -2)
    return inverses, np.square(kept).sum(axis=-1)


def _regular_inverses(matrices: Floats, unit: Floats) -> tuple[Floats, Bools]:
    """Inverses, and which matrices are plainly regular (...); those of others mean nothing.

    They are where columns times ``unit`` (..., k) are far from depending on each other.
    """
    if not _many(matrices):
        scaled = _in_units(matrices, unit)
        regular = plainly_regular(scaled)
        inverses = np.empty(matrices.shape)
        whole = np.asarray(np.linalg.inv(scaled[regular]), dtype=np.float64)
        inverses[regular] = _in_units(whole, unit[regular])
        return inverses, regular
    # no root depends on the units of other columns: those of pivots are enough
    lower = _all_at_once(matrices)[0]
    regular = _far(lower, unit)[1]
    upper = np.ascontiguousarray(lower.T).reshape(*matrices.shape[-2:], -1)
    back, found = np.zeros(upper.shape), np.empty(upper.shape)
    with np.errstate(all="ignore"):
        for j in range(len(upper)):
            # L L^-1 = 1, row after row, with U = L'
            back[j, j] = 1.0 / upper[j, j]
            if j:
                row = np.einsum("bn,ban->an", upper[:j, j], back[:j, :j])
                np.multiply(row, -back[j, j], out=back[j, :j])
        for j in range(len(upper)):
            found[j, : j + 1] = np.einsum("bn,ban->an", back[j:, j], back[j:, : j + 1])
            found[:j, j] = found[j, :j]
    return found.reshape(matrices.shape[::-1]).T, regular


def roots(matrices: Floats) -> tuple[Floats, Floats]:
    r"""Roots of positive semidefinite matrices and of their inverses, on what they can tell.

    Returns
    -------
    back : array of shape (..., k, k)
        :math:`A` with :math:`A A^\top` the inverse of ``pseudo_inverses``.
    forth : array of shape (..., k, k)
        :math:`R` with :math:`R^\top R` the matrix and :math:`R A` the identity, 0 where a direction
        is not told.
    """
    diagonal = np.einsum("...jj->...j", matrices)
    unit = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = _in_units(matrices, unit)
    if plainly_regular(scaled).all():
        forth = np.swapaxes(np.linalg.cholesky(scaled), -1, -2)
        back = unit[..., :, None] * np.linalg.inv(forth)
        return back, forth / unit[..., None, :]
    values, vectors = np.linalg.eigh(scaled)
    good = values > RANK * np.maximum(values[..., -1:], 1e-300)
    size = np.sqrt(np.where(good, values, 1.0))
    back = unit[..., :, None] * vectors * (good / size)[..., None, :]
    return back, np.swapaxes(vectors, -1, -2) * (good * size)[..., :, None] / unit[..., None, :]


def _many(matrices: Floats) -> bool:
    """Whether to go through all matrices at once, entry by entry, and not through one by one."""
    k = matrices.shape[-1]
    return bool(0 < k <= _SMALL and matrices.size >= _MANY * k**2)


def plainly_regular(matrices: Floats) -> Bools:
    """Whether Cholesky's pivots already show that a matrix is far from losing a rank, (...)."""
    return _cholesky(matrices)[1]


def _cholesky(matrices: Floats) -> tuple[Floats, Bools]:
    """Lower factors, and which matrices are far from losing a rank; others may have none."""
    if 0 in matrices.shape:
        return np.zeros(matrices.shape), np.ones(matrices.shape[:-2], dtype=bool)
    if _many(matrices):
        return _far(_all_at_once(matrices)[0])
    try:
        return _far(np.asarray(np.linalg.cholesky(matrices), dtype=np.float64))
    except np.linalg.LinAlgError:
        return _far(_one_by_one(matrices))


def _all_at_once(matrices: Floats, vectors: Floats | None = None) -> tuple[Floats, Floats]:
    """Lower factors of many matrices, NaN where there are none, and z with L z the vectors."""
    k, batch = matrices.shape[-1], matrices.shape[:-2]
    wide = np.empty((k, k + (vectors is not None), *batch[::-1]))
    wide[:, :k] = matrices.T
    if vectors is not None:
        wide[:, k] = vectors.T
    upper = wide.reshape(*wide.shape[:2], -1)
    with np.errstate(all="ignore"):
        for j in range(k):
            # U' U is the matrix, row after row; a vector beside it becomes z on the way
            row = upper[j, j:]
            if j:
                row -= np.einsum("bn,ban->an", upper[:j, j], upper[:j, j:])
            row /= np.sqrt(row[0])
            upper[j, :j] = 0.0
    return wide[:, :k].T, wide[:, k:].T


def _one_by_one(matrices: Floats) -> Floats:
    """Return lower factors, NaN where a matrix has none."""
    lower: Floats = np.full(matrices.shape, np.nan)
    for place in np.ndindex(matrices.shape[:-2]):
        with suppress(np.linalg.LinAlgError):
            lower[place] = np.linalg.cholesky(matrices[place])
    return lower


def _far(lower: Floats, unit: Floats | float = 1.0) -> tuple[Floats, Bools]:
    """Return factors, and which are of matrices that are far from losing a rank in these units."""
    with np.errstate(invalid="ignore"):
        pivots = np.einsum("...jj->...j", lower) * unit
        return lower, pivots.min(axis=-1) > FAR * pivots.max(axis=-1)


def ranks(estimable: Floats) -> Floats:
    """Return ranks (...) from what ``pseudo_inverses`` says of the coordinates (..., k)."""
    counted: Floats = np.rint(estimable.sum(axis=-1))
    return counted


def solve(matrices: Floats, vectors: Floats) -> Floats:
    """Least-norm solutions (..., k) of symmetric positive semidefinite systems."""
    lower, regular = _cholesky(matrices)
    if matrices.ndim == 2 and regular and len(matrices):
        return np.asarray(dpotrs(lower, vectors, lower=1)[0], dtype=np.float64)
    if regular.all():
        return np.asarray(np.linalg.solve(matrices, vectors[..., None])[..., 0], dtype=np.float64)
    solutions = np.empty(vectors.shape)
    solutions[regular] = np.linalg.solve(matrices[regular], vectors[regular][..., None])[..., 0]
    inverses, _ = pseudo_inverses(matrices[~regular], rescale=False)
    solutions[~regular] = np.einsum("...jk,...k->...j", inverses, vectors[~regular])
    return solutions


def factors(matrices: Floats, vectors: Floats) -> tuple[Floats, Floats, Floats]:
    r"""Factors :math:`L L^\top` of semidefinite matrices, :math:`z` with :math:`L z` the vectors.

    The vectors (..., k) are in the matrices' range. With :math:`w` the solution,
    :math:`|L^\top u - z|^2 = (u - w)^\top M (u - w)`, without loss of digits.

    Returns
    -------
    lower : array of shape (..., k, k)
    z : array of shape (..., k)
    ranks : array of shape (...)
    """
    if _many(matrices):
        lower, z = _all_at_once(matrices, vectors)
        z, regular = z[..., 0, :], _far(lower)[1]
    else:
        lower, regular = _cholesky(matrices)
        z = np.empty(vectors.shape)
        z[regular] = np.linalg.solve(lower[regular], vectors[regular][..., None])[..., 0]
    rank = np.full(vectors.shape[:-1], float(vectors.shape[-1]), order="F")
    if not regular.all():
        back, forth = roots(matrices[~regular])
        lower[~regular] = np.swapaxes(forth, -1, -2)
        z[~regular] = np.einsum("...jk,...j->...k", back, vectors[~regular])
        rank[~regular] = (forth != 0).any(axis=-1).sum(axis=-1)
    return lower, z, rank
