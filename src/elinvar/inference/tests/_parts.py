"""The parts of invariance, for many supports at once: slopes, levels and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from elinvar.inference.problem._linear import Floats, LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks
from elinvar.inference.tests._equality import same_scale
from elinvar.inference.tests._overidentification import Masks, matched_f

_NORMAL = 3.0
_BATCH = 20_000


@dataclass(frozen=True, kw_only=True)
class Parts:
    """p-values of the parts of invariance, support by support.

    Attributes
    ----------
    slopes : array of shape (M,)
        The same slopes, whatever the intercepts.
    level : array of shape (M,)
        One intercept, given common slopes; 1 where each environment has its own.
    noise : array of shape (M,)
        The same residual variance about each environment's own fit, for normal noise; 1 where
        there is no noise.
    """

    slopes: Floats
    level: Floats
    noise: Floats


def parts(problem: LinearProblem, masks: Masks) -> Parts:
    r"""Test slopes, levels and noise of every support by themselves.

    The statistic of ``assess`` is the sum of two, of slopes with :math:`(E - 1)(k - 1)` degrees of
    freedom and of levels with :math:`E - 1`; what concerns one of them alone is diluted in the sum.
    With :math:`\bar x_e, \bar y_e` the means, b the common slopes with covariance
    :math:`\Phi` and :math:`D = \mathrm{diag}(\sigma_e^2 / n_e)`, the levels
    :math:`a_e = \bar y_e - \bar x_e' b` have the covariance :math:`V = D + \bar X \Phi \bar X'`:

    .. math:: Q_a = \min_\mu (a - \mu 1)' V^{-1} (a - \mu 1) .

    Parameters
    ----------
    problem : LinearProblem
    masks : boolean array of shape (M, n_gates)

    Returns
    -------
    Parts
        1 where there is nothing to test.

    References
    ----------
    As in ``assess``; Welch (1951) for the levels' denominator; Bartlett (1937) for the noise. The
    split is our own derivation, see docs/theory.md.
    """
    inside = problem.column_masks(masks)[:, problem.offset :]
    size = inside.sum(axis=1)
    table = np.ones((3, len(masks)))
    for k in np.unique(size):
        rows = np.flatnonzero(size == k)
        columns = np.nonzero(inside[rows])[1].reshape(len(rows), k)
        step = max(1, _BATCH // max(1, len(problem.count) * int(k)))
        for start in range(0, len(rows), step):
            some = slice(start, start + step)
            table[:, rows[some]] = _tests(problem, columns[some])
    return Parts(slopes=table[0], level=table[1], noise=table[2])


def _tests(problem: LinearProblem, columns: NDArray[np.intp]) -> Floats:
    """p-values (3, M) of supports of k columns each, (M, k)."""
    places = columns + problem.offset
    inner, joint = problem.within
    gram = np.moveaxis(inner[:, columns[:, :, None], columns[:, None, :]], 1, 0)
    cross = np.moveaxis(joint[:, columns], 1, 0)
    mean, target = np.zeros_like(cross), np.zeros(len(problem.count))
    if problem.offset:
        mean, target = np.moveaxis(problem.gram[:, 0, places], 1, 0), problem.cross[:, 0]
    inverse, told = pseudo_inverses(gram)
    explained = np.einsum("mej,mejk,mek->me", cross, inverse, cross)
    rank = ranks(told)
    freedom = np.maximum(problem.count - rank - 1, 1.0)
    residual = np.maximum(problem.power - target**2 - explained, problem.floor)
    weight = freedom / residual
    precision = weight[..., None, None] * gram
    covariance, common_told = pseudo_inverses(precision.sum(axis=1))
    common = np.einsum("mjk,me,mek->mj", covariance, weight, cross)
    part = covariance[:, None] @ precision
    first, second = np.einsum("mejj->me", part), np.einsum("mejk,mekj->me", part, part)
    b1 = ((rank - 2 * first + second) / freedom).sum(axis=1)
    b2 = ((rank - first) ** 2 / freedom).sum(axis=1)
    f = rank.sum(axis=1) - ranks(common_told)
    q = (weight * explained).sum(axis=1) - np.einsum("mj,me,mej->m", common, weight, cross)
    noise = residual * problem.count / freedom
    found = np.ones((3, len(columns)))
    found[0] = _p_value(q, f, 2 * b1, b2 + 2 * b1)
    if problem.offset:
        levels = target - np.einsum("mej,mj->me", mean, common)
        found[1] = _levels(problem, levels, mean, covariance, noise, freedom)
    exact = (residual <= 2 * problem.floor).any(axis=1)
    found[2] = np.where(exact, 1.0, same_scale(noise, freedom, _NORMAL))
    return found


def _levels(
    problem: LinearProblem,
    levels: Floats,
    mean: Floats,
    covariance: Floats,
    noise: Floats,
    freedom: Floats,
) -> Floats:
    """p-values (M,) of one intercept, given common slopes."""
    sampling = noise / problem.count
    # V^-1 = D^-1 - D^-1 W (1 + W' D^-1 W)^-1 W' D^-1 with W = X C and C C' = Phi (Woodbury): what
    # is inverted has no eigenvalue below 1, however small the noise of an environment
    values, vectors = np.linalg.eigh(covariance)
    design = mean @ (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])
    weighted = design / sampling[..., None]
    inner = np.swapaxes(design, 1, 2) @ weighted
    inner += np.eye(inner.shape[1])
    both = np.stack([levels, np.ones_like(levels)], axis=2)
    pulled = pseudo_inverses(inner)[0] @ (np.swapaxes(weighted, 1, 2) @ both)
    solved = both / sampling[..., None] - weighted @ pulled
    total = np.einsum("me,mea->ma", levels, solved)
    q = total[:, 0] - total[:, 1] ** 2 / solved[..., 1].sum(axis=1)
    share = 1 / sampling
    share /= share.sum(axis=1, keepdims=True)
    b = ((1 - share) ** 2 / freedom).sum(axis=1)
    return _p_value(q, np.full(len(q), len(problem.count) - 1.0), 2 * b, 3 * b)


def _p_value(q: Floats, f: Floats, excess: Floats, half: Floats) -> Floats:
    tested = f >= 1
    safe = np.where(tested, f, 1.0)
    correction, second = matched_f(safe, excess, half)
    return np.where(tested, fdtrc(safe, second, np.maximum(q, 0.0) / correction), 1.0)
