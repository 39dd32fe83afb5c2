"""Invariant causal prediction without linearity."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.utils._param_validation import Interval

from elinvar.baselines._causalicp import common
from elinvar.baselines._regressor import Floats, Mask, PeerRegressor
from elinvar.baselines._screen import screen
from elinvar.baselines._subsets import all_supports
from elinvar.environments import Environments
from elinvar.estimators import random_generator

_FOLDS = 3


class NonlinearICPRegressor(PeerRegressor):
    r"""Nonlinear ICP: the features common to all sets whose residuals look alike everywhere.

    .. math:: \hat S = \bigcap \{S : H_{0,S} \text{ is accepted at level } \alpha\}

    where :math:`H_{0,S}`: what boosted trees on the columns S leave of the target, pooled over
    environments, has the same law in each environment as in all others together (the paper's
    "invariant residual distribution test"): Wilcoxon's rank sum test of its level and Levene's
    about medians of its spread, Bonferroni over both and over environments. Predictions are those
    of boosted trees on :math:`\hat S`, the mean if it is empty or every set is rejected.

    Deviations: residuals of boosted trees from fits without their third of the rows, for the
    paper's additive models or forests; more than ``max_features`` columns are screened by the lasso
    path, as for the linear method.

    Parameters
    ----------
    level : float in (0, 1)
        :math:`\alpha`.
    max_features : int
        The most columns of which all :math:`2^p` subsets are tested; each more doubles the time.
    n_trees : int
        Trees of each fit.
    random_state : int
        Draws the thirds.

    Attributes
    ----------
    booster_ : LGBMRegressor, or None
        On the selected columns.
    selected_ : boolean ndarray of shape (n_columns,)
        :math:`\hat S`; all False where every set is rejected.
    accepted_sets_ : list of tuple of int

    References
    ----------
    C. Heinze-Deml, J. Peters, N. Meinshausen, "Invariant causal prediction for nonlinear models",
    Journal of Causal Inference 6 (2018), arXiv:1706.08576, section 3.
    """

    booster_: Any
    selected_: Mask
    accepted_sets_: list[tuple[int, ...]]

    _fewest: ClassVar[int] = 2
    _learned_name: ClassVar[str] = "booster_"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "level": [Interval(Real, 0, 1, closed="neither")],
        "max_features": [Interval(Integral, 1, 12, closed="both")],
        "n_trees": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        level: float = 0.05,
        max_features: int = 6,
        n_trees: int = 50,
        random_state: Any = 0,
    ) -> None:
        self.level = level
        self.max_features = max_features
        self.n_trees = n_trees
        self.random_state = random_state

    def _learn(self, rows: Environments) -> None:
        columns = screen(rows, self.max_features)
        fold = random_generator(self.random_state, 0).permutation(len(rows.y)) % _FOLDS
        accepted = []
        for batch in all_supports(columns.size, False, "nonlinear ICP"):
            for one in batch:
                chosen = columns[one]
                left = self._left(rows.X[:, chosen], rows.y, fold)
                if _same_law(left, rows.codes) >= self.level:
                    accepted.append(tuple(chosen.tolist()))
        self.accepted_sets_ = sorted(accepted)
        self.selected_ = common(self.accepted_sets_, rows.X.shape[1])
        self.intercept_, self.booster_ = float(rows.y.mean()), None
        if self.selected_.any():
            self.booster_ = self._fit(rows.X[:, self.selected_], rows.y - self.intercept_)

    def _fit(self, X: Floats, y: Floats) -> Any:
        from lightgbm import LGBMRegressor

        return LGBMRegressor(
            n_estimators=self.n_trees,
            learning_rate=0.15,
            num_leaves=8,
            n_jobs=1,
            deterministic=True,
            force_row_wise=True,
            random_state=0,
            verbose=-1,
        ).fit(X, y)

    def _left(self, X: Floats, y: Floats, fold: NDArray[np.intp]) -> Floats:
        """Return what fits on other rows leave of the target, (n,)."""
        if not X.shape[1]:
            return y
        left = np.empty_like(y)
        for k in range(_FOLDS):
            inside = fold == k
            booster = self._fit(X[~inside], y[~inside])
            left[inside] = y[inside] - booster.booster_.predict(X[inside], num_threads=1)
        return left

    def _without_intercept(self, encoded: Floats) -> Floats:
        if self.booster_ is None:
            return np.zeros(len(encoded))
        chosen = encoded[:, self.selected_]
        return np.asarray(self.booster_.booster_.predict(chosen, num_threads=1))


def _same_law(left: Floats, codes: NDArray[np.intp]) -> float:
    """Return the p-value of the test that each environment's residuals are like all others'."""
    p_values = []
    for code in range(int(codes.max()) + 1):
        own, rest = left[codes == code], left[codes != code]
        p_values.append(stats.mannwhitneyu(own, rest).pvalue)
        p_values.append(stats.levene(own, rest, center="median").pvalue)
    return float(min(1.0, len(p_values) * np.nanmin(p_values)))
