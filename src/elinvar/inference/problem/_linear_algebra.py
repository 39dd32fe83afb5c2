"""Inverses and solutions where the data may not tell every direction: one rule for all."""

from contextlib import suppress

import numpy as np

from elinvar.inference.problem._types import Bools, Floats

RANK = 1e-10
"""A direction whose second moment is below this share of the largest one is none."""

# pivots are roots of variances, and 1e-6 is far above ``RANK``
_FAR = 1e-3
# matrices of at most so many columns, and so many of them a column, are gone through at once
_SMALL, _MANY = 24, 8


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
    unit = np.ones(matrices.shape[:-1])
    if rescale:
        diagonal = np.einsum("...jj->...j", matrices)
        unit = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        matrices = matrices * unit[..., :, None] * unit[..., None, :]
    inverses, regular = _regular_inverses(matrices)
    told = np.ones(unit.shape)
    if not regular.all():
        inverses[~regular], told[~regular] = _told_inverses(matrices[~regular])
    inverses *= unit[..., :, None] * unit[..., None, :]
    return inverses, told


def _told_inverses(matrices: Floats) -> tuple[Floats, Floats]:
    values, vectors = np.linalg.eigh(matrices)
    good = values > RANK * np.maximum(values[..., -1:], 1e-300)
    kept = vectors * good[..., None, :]
    inverses = (kept / np.where(good, values, 1.0)[..., None, :]) @ np.swapaxes(kept, -1, -2)
    return inverses, np.square(kept).sum(axis=-1)


def _regular_inverses(matrices: Floats) -> tuple[Floats, Bools]:
    """Inverses, and which matrices are plainly regular (...); those of others mean nothing."""
    if not _many(matrices):
        regular = _plainly_regular(matrices)
        if regular.all():
            whole = np.asarray(np.linalg.inv(matrices), dtype=np.float64)
            return whole, regular
        inverses = np.empty(matrices.shape)
        inverses[regular] = np.linalg.inv(matrices[regular])
        return inverses, regular
    left = np.moveaxis(matrices, (-2, -1), (0, 1)).copy(order="K")
    pivots = np.empty(left.shape[1:])
    with np.errstate(all="ignore"):
        for j in range(len(left)):
            # Gauss and Jordan: column after column changes places with its coordinate
            pivots[j] = left[j, j]
            row = left[j] / left[j, j]
            column = left[:, j].copy()
            left -= column[:, None] * row
            left[j] = row
            left[:, j] = -column / pivots[j]
            left[j, j] = 1 / pivots[j]
        regular = pivots.min(axis=0) > _FAR**2 * pivots.max(axis=0)
    return np.moveaxis(left, (0, 1), (-2, -1)), regular


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
    scaled = matrices * unit[..., :, None] * unit[..., None, :]
    if _plainly_regular(scaled).all():
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
    return bool(0 < k <= _SMALL and matrices.size >= _MANY * k**3)


def _plainly_regular(matrices: Floats) -> Bools:
    """Whether Cholesky's pivots already show that a matrix is far from losing a rank, (...)."""
    return _cholesky(matrices)[1]


def _cholesky(matrices: Floats) -> tuple[Floats, Bools]:
    """Lower factors, and which matrices are far from losing a rank; others may have none."""
    k = matrices.shape[-1]
    if 0 in matrices.shape:
        return np.zeros(matrices.shape), np.ones(matrices.shape[:-2], dtype=bool)
    if not _many(matrices):
        try:
            return _far(np.asarray(np.linalg.cholesky(matrices), dtype=np.float64))
        except np.linalg.LinAlgError:
            return _far(_one_by_one(matrices))
    left = np.moveaxis(matrices, (-2, -1), (0, 1)).copy(order="K")
    with np.errstate(all="ignore"):
        for j in range(k):
            left[j:, j] /= np.sqrt(left[j, j])
            left[j, j + 1 :] = 0.0
            left[j + 1 :, j + 1 :] -= left[j + 1 :, j, None] * left[None, j + 1 :, j]
    return _far(np.moveaxis(left, (0, 1), (-2, -1)))


def _one_by_one(matrices: Floats) -> Floats:
    """Return lower factors, NaN where a matrix has none."""
    lower: Floats = np.full(matrices.shape, np.nan)
    for place in np.ndindex(matrices.shape[:-2]):
        with suppress(np.linalg.LinAlgError):
            lower[place] = np.linalg.cholesky(matrices[place])
    return lower


def _far(lower: Floats) -> tuple[Floats, Bools]:
    """Return factors, and which of them are of matrices that are far from losing a rank."""
    pivots = np.einsum("...jj->...j", lower)
    with np.errstate(invalid="ignore"):
        return lower, pivots.min(axis=-1) > _FAR * pivots.max(axis=-1)


def ranks(estimable: Floats) -> Floats:
    """Return ranks (...) from what ``pseudo_inverses`` says of the coordinates (..., k)."""
    counted: Floats = np.rint(estimable.sum(axis=-1))
    return counted


def solve(matrices: Floats, vectors: Floats) -> Floats:
    """Least-norm solutions (..., k) of symmetric positive semidefinite systems."""
    regular = _plainly_regular(matrices)
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
    lower, regular = _cholesky(matrices)
    rank = np.full(vectors.shape[:-1], float(vectors.shape[-1]))
    if regular.all() and _many(matrices):
        z = np.array(vectors)
        for j in range(vectors.shape[-1]):
            z[..., j] /= lower[..., j, j]
            z[..., j + 1 :] -= lower[..., j + 1 :, j] * z[..., j, None]
        return lower, z, rank
    if regular.all():
        solved = np.asarray(np.linalg.solve(lower, vectors[..., None])[..., 0], dtype=np.float64)
        return lower, solved, rank
    z = np.empty(vectors.shape)
    z[regular] = np.linalg.solve(lower[regular], vectors[regular][..., None])[..., 0]
    back, forth = roots(matrices[~regular])
    lower[~regular] = np.swapaxes(forth, -1, -2)
    z[~regular] = np.einsum("...jk,...j->...k", back, vectors[~regular])
    rank[~regular] = (forth != 0).any(axis=-1).sum(axis=-1)
    return lower, z, rank
