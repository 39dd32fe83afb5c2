"""Linear and piecewise-linear additive models, with one level or a random one."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats, Places, Sample
from elinvar.forecast.learners._basis import Basis, basis_of, whitening

# variance of the levels over that of the noise: nothing, and from tiny to all there is
_LEVELS = np.concatenate([[0.0], np.logspace(-4, 3, 29)])


@dataclass(frozen=True, kw_only=True)
class Additive:
    r"""A sum of one curve a feature, by penalised least squares.

    .. math:: y_i = b + u_{e(i)} + \sum_j g_j(x_{ij}) + \varepsilon_i,

    with g_j a line, or a line that bends at knots and is flat beyond the 2% and 98% quantiles. The
    basis of each g_j is whitened, and the sum of squares of its coefficients is penalised with
    ``ridge`` times the rows. With ``level="random"`` the levels are
    :math:`u_e \sim N(0, \lambda \sigma^2)`, λ by restricted maximum likelihood; a new environment
    is predicted with b.

    Parameters
    ----------
    name : str
    n_knots : int
        Bends of each curve; 0: lines.
    level : {"shared", "random"}
    ridge : float

    References
    ----------
    D. A. Harville, "Maximum likelihood approaches to variance component estimation and to related
    problems", JASA 72 (1977) 320-338.
    """

    name: str = "least squares"
    n_knots: int = 0
    level: Literal["shared", "random"] = "shared"
    ridge: float = 1e-6

    def fit(self, sample: Sample) -> "LearntAdditive":
        """Learn from rows.

        Parameters
        ----------
        sample : Sample
        """
        basis, design = basis_of(sample, n_knots=self.n_knots)
        weight = sample.weight / sample.weight.mean()
        centre = weight @ design / weight.sum()
        white = whitening(design - centre, weight, sample.columns.groups[basis.columns])
        A = np.column_stack([np.ones(len(design)), (design - centre) @ white])
        solve = _solve_random if self.level == "random" else _solve_shared
        middle = weight @ sample.y / weight.sum()
        beta = solve(A, sample.y - middle, weight, sample.codes, self.ridge * weight.sum())
        coef = white @ beta[1:]
        intercept = float(middle + beta[0] - centre @ coef)
        return LearntAdditive(basis=basis, coef=coef, intercept=intercept)


@dataclass(frozen=True, kw_only=True, eq=False)
class LearntAdditive:
    """Coefficients of the columns of a basis.

    Attributes
    ----------
    basis : Basis
    coef : (n_basis,) array
    intercept : float
    """

    basis: Basis
    coef: Floats
    intercept: float

    def predict(self, X: Floats) -> Floats:
        """Predict rows, (n, 1).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        return (self.intercept + self.basis.expand(X) @ self.coef)[:, None]

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {
            "kind": "additive",
            "basis": self.basis.entries(),
            "coef": self.coef.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def read(cls, entries: Reader) -> "LearntAdditive":
        """Return what `entries` has written.

        Raises
        ------
        ModelFileError
            If it is damaged.
        """
        basis = Basis.read(entries.inner("basis"))
        return cls(
            basis=basis,
            coef=entries.numbers("coef", length=len(basis.columns)),
            intercept=entries.number("intercept"),
        )


def _solve_shared(A: Floats, y: Floats, weight: Floats, codes: Places, penalty: float) -> Floats:
    # divided by the rows, so that the tiniest penalty does not depend on their number
    normal = (A * weight[:, None]).T @ A + penalty * _not_the_level(A.shape[1])
    return _solution(normal, A.T @ (weight * y))


def _solve_random(A: Floats, y: Floats, weight: Floats, codes: Places, penalty: float) -> Floats:
    """Maximise the restricted likelihood over λ, with slopes by generalised least squares.

    The normal matrix of λ is that within environments plus Σ_e n_e / (1 + λ n_e) m_e m_eᵀ, with
    m_e the means of environment e, so that each λ costs a p x p solution.
    """
    count = np.bincount(codes, weights=weight)
    present = count > 0
    joint = np.column_stack([A, y])
    sums = np.stack([np.bincount(codes, weights=weight * column) for column in joint.T], axis=1)
    count, means = count[present], sums[present] / count[present, None]
    scatter = (joint * weight[:, None]).T @ joint - (means * count[:, None]).T @ means
    p = A.shape[1]
    best: float = np.inf
    beta: Floats = np.zeros(p)
    for level in _LEVELS:
        share = count / (1 + level * count)
        total = scatter + (means * share[:, None]).T @ means
        normal = total[:p, :p] + penalty * _not_the_level(p)
        found = _solution(normal, total[:p, p])
        noise = max(total[p, p] - total[:p, p] @ found, 1e-12 * max(total[p, p], 1e-300))
        free = max(float(weight.sum()) - p, 1.0)
        loss = free * np.log(noise) + np.log1p(level * count).sum() + np.linalg.slogdet(normal)[1]
        if loss < best:
            best, beta = float(loss), found
    return beta


def _not_the_level(p: int) -> Floats:
    return np.diag(np.concatenate([[0.0], np.ones(p - 1)]))


def _solution(normal: Floats, right: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(normal, right, rcond=1e-12)[0], dtype=np.float64)
