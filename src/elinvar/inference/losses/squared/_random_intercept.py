"""Pooled slopes with the environments' levels as random effects, from moments."""

import numpy as np

from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import RANK
from elinvar.inference.problem._types import Floats

# variances of levels that are tried, as shares of the noise's
_RATIOS = np.append(0.0, np.geomspace(1e-5, 100.0, 41))[:, None]
# roots of variances: far above those of ``RANK``
_REGULAR = 1e-3


def random_intercept(problem: LinearProblem) -> Floats:
    r"""Standardised coefficients (q,) of the model with a random level for each environment.

    .. math:: y_{ei} = \mu + x_{ei}^\top w + a_e + \varepsilon_{ei}, \qquad
              a_e \sim N(0, \tau^2),\ \varepsilon_{ei} \sim N(0, \sigma^2)

    by generalised least squares, :math:`\tau^2 / \sigma^2` being the best of 42 values by the
    restricted likelihood. With :math:`z_e` the constant's row of the second moments :math:`G_e`,

    .. math:: A = \sum_e n_e \Bigl(G_e - \frac{n_e \psi}{1 + n_e \psi} z_e z_e^\top\Bigr),
              \qquad \psi = \tau^2 / \sigma^2.

    A new environment is predicted with the mean level :math:`\mu`.

    Parameters
    ----------
    problem : LinearProblem
        With a shared intercept.

    References
    ----------
    Laird and Ware (1982); the restricted likelihood: Patterson and Thompson (1971).
    """
    count, gram, cross = problem.count, problem.gram, problem.cross
    total = np.einsum("e,ejk->jk", count, gram)
    pull, power = count @ cross, float(count @ problem.target_power)
    level, target = gram[:, 0], cross[:, 0]
    taken = count * (count * _RATIOS / (1 + count * _RATIOS))
    left = total - np.tensordot(taken, level[:, :, None] * level[:, None, :], 1)
    right = pull - (taken * target) @ level
    coef, rank, log_determinant = _solve(left, right)
    spare = np.maximum(count.sum() - rank, 1.0)
    fitted = np.einsum("rj,rj->r", right, coef)
    rest = np.maximum(power - taken @ target**2 - fitted, 1e-12 * power)
    # -2 log restricted likelihood, but for constants
    score = spare * np.log(rest) + np.log1p(count * _RATIOS).sum(axis=1) + log_determinant
    found: Floats = coef[np.argmin(score)]
    return found


def _solve(matrices: Floats, right: Floats) -> tuple[Floats, Floats, Floats]:
    """Least-norm solutions (R, q) of symmetric systems, ranks and log determinants there (R,)."""
    try:
        pivots = np.einsum("rjj->rj", np.linalg.cholesky(matrices))
    except np.linalg.LinAlgError:
        pivots = np.zeros((1, 1))
    # a decomposition in a tenth of the time, where the columns are surely not collinear
    if (pivots.min(axis=1) > _REGULAR * pivots.max(axis=1)).all():
        solved = np.linalg.solve(matrices, right[..., None])[..., 0].astype(np.float64, copy=False)
        return solved, np.full(len(right), float(right.shape[1])), 2 * np.log(pivots).sum(axis=1)
    values, vectors = np.linalg.eigh(matrices)
    good = values > RANK * values[:, -1:]
    size = np.where(good, values, 1.0)
    along = np.einsum("rjk,rj->rk", vectors, right) * good / size
    coef: Floats = np.einsum("rjk,rk->rj", vectors, along)
    return coef, good.sum(axis=1, dtype=np.float64), np.log(size).sum(axis=1)
