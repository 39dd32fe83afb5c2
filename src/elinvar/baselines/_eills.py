"""Environment invariant linear least squares: the exact search over all supports."""

from collections.abc import Iterator
from itertools import combinations, islice
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from elinvar.baselines._regressor import Floats, PeerRegressor, Weights
from elinvar.baselines._risks import Risks
from elinvar.environments import Environments
from elinvar.errors import DataError

MOST_FEATURES = 16
_BATCH = 2048


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
        p = rows.X.shape[1]
        if p > MOST_FEATURES:
            raise DataError(
                f"EILLS tries all 2^p supports and so takes at most {MOST_FEATURES} columns; got "
                f"{p}: choose among them first."
            )
        risks = Risks.from_moments(
            rows.moments(),
            standardize=self.standardize,
            environment_weights=self.environment_weights,
            intercept=self.intercept,
        )
        best, w = np.inf, np.zeros(risks.cross.shape[1])
        for supports in _supports(p, self.intercept):
            values, found = focused(risks, supports, self.penalty)
            at = int(np.argmin(values))
            if values[at] < best:
                best, w = float(values[at]), np.zeros_like(w)
                w[supports[at]] = found[at]
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
    try:
        w = np.linalg.solve(left, right[..., None])[..., 0]
    except np.linalg.LinAlgError:
        w = (np.linalg.pinv(left, hermitian=True) @ right[..., None])[..., 0]
    values: Floats = (own - (w * right).sum(axis=1)) / 2
    return values, np.asarray(w)


def _supports(p: int, intercept: bool) -> Iterator[NDArray[np.intp]]:
    """Yield all supports, those of one size together, in batches."""
    for size in range(p + 1):
        every = combinations(range(int(intercept), p + int(intercept)), size)
        while batch := list(islice(every, _BATCH)):
            chosen = np.array(batch, dtype=np.intp).reshape(len(batch), size)
            yield np.insert(chosen, 0, 0, axis=1) if intercept else chosen
