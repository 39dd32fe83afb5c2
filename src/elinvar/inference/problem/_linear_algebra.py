"""Inverses and solutions where the data may not tell every direction: one rule for all."""

import numpy as np

from elinvar.inference.problem._types import Floats

RANK = 1e-10
"""A direction whose second moment is below this share of the largest one is none."""

# pivots are roots of variances, and 1e-6 is far above ``RANK``
_FAR = 1e-3


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
    if _plainly_regular(matrices):
        inverses = np.linalg.inv(matrices) * unit[..., :, None] * unit[..., None, :]
        return inverses, np.ones(matrices.shape[:-1])
    values, vectors = np.linalg.eigh(matrices)
    good = values > RANK * np.maximum(values[..., -1:], 1e-300)
    kept = vectors * good[..., None, :]
    turned = unit[..., :, None] * kept
    inverses = (turned / np.where(good, values, 1.0)[..., None, :]) @ np.swapaxes(turned, -1, -2)
    return inverses, np.square(kept).sum(axis=-1)


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
    if _plainly_regular(scaled):
        forth = np.swapaxes(np.linalg.cholesky(scaled), -1, -2)
        back = unit[..., :, None] * np.linalg.inv(forth)
        return back, forth / unit[..., None, :]
    values, vectors = np.linalg.eigh(scaled)
    good = values > RANK * np.maximum(values[..., -1:], 1e-300)
    size = np.sqrt(np.where(good, values, 1.0))
    back = unit[..., :, None] * vectors * (good / size)[..., None, :]
    return back, np.swapaxes(vectors, -1, -2) * (good * size)[..., :, None] / unit[..., None, :]


def _plainly_regular(matrices: Floats) -> bool:
    """Whether Cholesky's pivots already show that all matrices are far from losing a rank."""
    if matrices.shape[-1] == 0:
        return True
    try:
        pivots = np.einsum("...jj->...j", np.linalg.cholesky(matrices))
    except np.linalg.LinAlgError:
        return False
    return bool((pivots.min(axis=-1) > _FAR * pivots.max(axis=-1)).all())


def ranks(estimable: Floats) -> Floats:
    """Return ranks (...) from what ``pseudo_inverses`` says of the coordinates (..., k)."""
    counted: Floats = np.rint(estimable.sum(axis=-1))
    return counted


def solve(matrices: Floats, vectors: Floats) -> Floats:
    """Least-norm solutions (..., k) of symmetric positive semidefinite systems."""
    if _plainly_regular(matrices):
        return np.asarray(np.linalg.solve(matrices, vectors[..., None])[..., 0], dtype=np.float64)
    inverses, _ = pseudo_inverses(matrices, rescale=False)
    solutions: Floats = np.einsum("...jk,...k->...j", inverses, vectors)
    return solutions
