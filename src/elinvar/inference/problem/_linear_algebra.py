"""Inverses and solutions where the data may not tell every direction: one rule for all."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RANK = 1e-10
"""A direction whose second moment is below this share of the largest one is none."""


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
    if matrices.shape[-1] == 0:
        return matrices, np.zeros(matrices.shape[:-1])
    unit = np.ones(matrices.shape[:-1])
    if rescale:
        diagonal = np.einsum("...jj->...j", matrices)
        unit = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        matrices = matrices * unit[..., :, None] * unit[..., None, :]
    values, vectors = np.linalg.eigh(matrices)
    good = values > RANK * np.maximum(values[..., -1:], 1e-300)
    kept = vectors * good[..., None, :]
    turned = unit[..., :, None] * kept
    inverses = (turned / np.where(good, values, 1.0)[..., None, :]) @ np.swapaxes(turned, -1, -2)
    return inverses, np.square(kept).sum(axis=-1)


def ranks(told: Floats) -> Floats:
    """Return ranks (...) from what ``pseudo_inverses`` says of the coordinates (..., k)."""
    counted: Floats = np.rint(told.sum(axis=-1))
    return counted


def solve(matrices: Floats, vectors: Floats) -> Floats:
    """Least-norm solutions (..., k) of symmetric positive semidefinite systems."""
    inverses, _ = pseudo_inverses(matrices, rescale=False)
    solutions: Floats = np.einsum("...jk,...k->...j", inverses, vectors)
    return solutions
