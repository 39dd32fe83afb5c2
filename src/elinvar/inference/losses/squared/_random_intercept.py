"""Pooled slopes with the environments' levels as random effects, from moments."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import RANK
from elinvar.inference.problem._types import Floats

# variances of levels that are tried, as shares of the noise's
_RATIOS = np.append(0.0, np.geomspace(1e-5, 100.0, 41))
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
    best, found = np.inf, np.zeros(len(pull))
    for ratio in _RATIOS:
        taken = count * (count * ratio / (1 + count * ratio))
        left = total - (level * taken[:, None]).T @ level
        right = pull - (taken * target) @ level
        coef, rank, log_determinant = _solve(left, right)
        spare = max(count.sum() - rank, 1.0)
        rest = max(power - float(taken @ target**2) - float(right @ coef), 1e-12 * power)
        # -2 log restricted likelihood, but for constants
        score = spare * np.log(rest) + np.log1p(count * ratio).sum() + log_determinant
        if score < best:
            best, found = score, coef
    return found


def _solve(matrix: Floats, right: Floats) -> tuple[Floats, int, float]:
    """Least-norm solution (q,) of a symmetric system, its rank and its log determinant there."""
    try:
        root, _ = cho_factor(matrix, lower=True)
        pivots = root.diagonal()
    except LinAlgError:
        pivots = np.zeros(1)
    # a decomposition in a tenth of the time, where the columns are surely not collinear
    if pivots.min() > _REGULAR * pivots.max():
        return cho_solve((root, True), right), len(right), 2 * float(np.log(pivots).sum())
    values, vectors = np.linalg.eigh(matrix)
    good = values > RANK * values[-1]
    values, vectors = values[good], vectors[:, good]
    return vectors @ (vectors.T @ right / values), len(values), float(np.log(values).sum())
