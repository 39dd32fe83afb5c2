"""Environment invariant linear least squares: the exact search over all supports."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from elinvar.baselines._regressor import Floats, PeerRegressor, Weights
from elinvar.baselines._risks import Risks
from elinvar.baselines._subsets import all_supports, best_support, solve_all
from elinvar.environments import Environments


class EILLSRegressor(PeerRegressor):
    r"""EILLS: least squares plus the focused invariance penalty, over all supports.

    .. math:: \min_S \min_{w : \operatorname{supp} w \subseteq S}\ \tfrac12 \sum_e \pi_e \Bigl\{
        E_e (y - x^\top w)^2 + \gamma \sum_{j \in S} \bigl( E_e[x_j (y - x^\top w)] \bigr)^2
        \Bigr\}

    For a support it is a linear system, :math:`\sum_e \pi_e (S_e + \gamma S_e^2) w = \sum_e \pi_e
    (c_e + \gamma S_e c_e)` with moments on S; all :math:`2^p` are solved, to p = 16.

    Deviations: an intercept, which belongs to every support and has its own penalty term;
    ``intercept=False`` is the paper's. The penalty depends on the units of the columns, and on the
    authors' model standardised ones do far worse: both are on the grid.

    Parameters
    ----------
    penalty : float, at least 0
        :math:`\gamma`; the authors' experiments have 36 (in the units of their data).
    intercept : bool
        Whether the constant is in every support.
    standardize : bool
        Columns in units of their pooled sds and, with intercept, about the pooled means.
    environment_weights : {"equal", "size"}
        :math:`\pi_e`; the paper's are equal.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    selected_ : boolean ndarray of shape (n_columns,)

    References
    ----------
    J. Fan, C. Fang, Y. Gu, T. Zhang, "Environment invariant linear least squares", Annals of
    Statistics (2024), arXiv:2303.03092, equation (3.1) and section 6.
    """

    _fewest: ClassVar[int] = 2
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "penalty": [Interval(Real, 0, None, closed="left")],
        "intercept": ["boolean"],
        "standardize": ["boolean"],
        "environment_weights": [StrOptions({"equal", "size"})],
    }

    def __init__(
        self,
        *,
        penalty: float = 36.0,
        intercept: bool = True,
        standardize: bool = False,
        environment_weights: Weights = "equal",
    ) -> None:
        self.penalty = penalty
        self.intercept = intercept
        self.standardize = standardize
        self.environment_weights = environment_weights

    def _learn(self, rows: Environments) -> None:
        risks = Risks.from_moments(
            rows.moments(),
            standardize=self.standardize,
            environment_weights=self.environment_weights,
            intercept=self.intercept,
        )
        w = best_support(
            all_supports(rows.X.shape[1], self.intercept, "EILLS"),
            lambda supports: focused(risks, supports, self.penalty),
            risks.cross.shape[1],
        )
        coef, intercept = risks.model(w)
        self.selected_ = w[int(self.intercept) :] != 0
        self._take(coef, intercept)


def focused(risks: Risks, supports: NDArray[np.intp], penalty: float) -> tuple[Floats, Floats]:
    """Return the objective of supports of one size, and the coefficients on them.

    Parameters
    ----------
    risks : Risks
    supports : (m, k) array of positions
    penalty : float
    """
    weights = risks.weights
    constant = float(weights @ risks.square_y)
    m, k = supports.shape
    if not k:
        return np.full(m, constant / 2), np.zeros((m, 0))
    # at its minimum w = M^-1 b the objective (s + penalty terms of c - 2 b'w + w'M w) / 2 is
    # (s + gamma sum_e pi_e |c_e|^2 - b'w) / 2
    left, right, own = np.zeros((m, k, k)), np.zeros((m, k)), np.full(m, constant)
    for weight, gram, cross in zip(weights, risks.gram, risks.cross, strict=True):
        S = gram[supports[:, :, None], supports[:, None, :]]
        c = cross[supports]
        left += weight * (S + penalty * (S @ S))
        right += weight * (c + penalty * (S @ c[..., None])[..., 0])
        own += weight * penalty * (c**2).sum(axis=1)
    w = solve_all(left, right)
    values: Floats = (own - (w * right).sum(axis=1)) / 2
    return values, w
