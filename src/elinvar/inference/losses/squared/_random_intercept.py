"""Pooled slopes with the environments' levels as random effects, from moments."""

import numpy as np

from elinvar.inference.problem._linear import LinearProblem, average
from elinvar.inference.problem._linear_algebra import RANK, roots
from elinvar.inference.problem._types import Floats

# variances of levels that are tried, as shares of the noise's
_RATIOS = np.append(0.0, np.geomspace(1e-5, 100.0, 41))[:, None]


def random_intercept(problem: LinearProblem) -> Floats:
    r"""Standardised coefficients (q,) of the model with a random level for each environment.

    .. math:: y_{ei} = \mu + x_{ei}^\top w + a_e + \varepsilon_{ei}, \qquad
              a_e \sim N(0, \tau^2),\ \varepsilon_{ei} \sim N(0, \sigma^2)

    by generalised least squares, :math:`\tau^2 / \sigma^2` being the best of 42 values by the
    restricted likelihood. With :math:`z_e` the constant's row of the second moments :math:`G_e`,

    .. math:: A = \sum_e n_e \Bigl(G_e - \frac{n_e \psi}{1 + n_e \psi} z_e z_e^\top\Bigr),
              \qquad \psi = \tau^2 / \sigma^2.

    Only as many directions as there are environments depend on :math:`\psi`: with :math:`C C^\top`
    the sum of all :math:`n_e G_e`, Z of rows :math:`z_e` and :math:`C^{-1} Z^\top = QR`,

    .. math:: A = C (I - Q R\, T_\psi R^\top Q^\top) C^\top.

    A new environment is predicted with the mean level :math:`\mu`.

    Parameters
    ----------
    problem : LinearProblem
        With a shared intercept.

    References
    ----------
    Laird and Ware (1982); the restricted likelihood: Patterson and Thompson (1971).
    """
    count, cross = problem.count, problem.cross
    level, target = problem.gram[:, 0], cross[:, 0]
    back, forth = roots(average(count, problem.gram))
    pull, power = back.T @ (count @ cross), float(count @ problem.target_power)
    axes, turned = np.linalg.qr(back.T @ level.T)
    along = axes.T @ pull
    # levels of infinite variance would leave the mean level untold
    taken = count * np.minimum(count * _RATIOS / (1 + count * _RATIOS), 1 - RANK)
    left = np.eye(len(along)) - (turned * taken[:, None]) @ turned.T
    right = along - (taken * target) @ turned.T
    solved = np.linalg.solve(left, right[..., None])[..., 0]
    spare = max(float(count.sum()) - float((forth != 0).any(axis=1).sum()), 1.0)
    fitted = pull @ pull - along @ along + np.einsum("rk,rk->r", right, solved)
    rest = np.maximum(power - taken @ target**2 - fitted, 1e-12 * power)
    # -2 log restricted likelihood, but for constants
    score = spare * np.log(rest) + np.log1p(count * _RATIOS).sum(axis=1)
    score += np.linalg.slogdet(left)[1]
    found: Floats = back @ (pull + axes @ (solved[np.argmin(score)] - along))
    return found
