"""Stabilised regression: the average over sets that are stable and predict well."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import stats
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.baselines._risks import Risks
from elinvar.baselines._screen import screen
from elinvar.baselines._subsets import Positions, all_supports, solve_all
from elinvar.environments import Environments


class StabilisedRegressor(PeerRegressor):
    r"""Stabilised regression: least squares, averaged over sets that hold and predict well.

    .. math:: \hat w = \frac{1}{|G|} \sum_{S \in G} w_S, \qquad G = \bigl\{ S : p(S) \ge \alpha,\
        R(w_S) \le R(w_Q) + z_{\text{pred}}\, \hat\sigma_Q / \sqrt n \bigr\}

    with :math:`w_S` the pooled least squares on S, p(S) the p-value of the Chow test that
    coefficients on S are the same in each environment as in all others together (Bonferroni over
    environments), and Q the stable set that predicts best, the standard deviation of whose squared
    residuals is :math:`\hat\sigma_Q`. Where no set is stable, the one with the largest p-value
    stands alone.

    Deviations: the cut of the second condition is the normal approximation of the paper's
    bootstrap, so nothing is random; more than ``max_features`` columns are screened by the lasso
    path (the paper screens, too); the weights are the paper's equal ones.

    Parameters
    ----------
    stability_level : float in (0, 1)
        :math:`\alpha`.
    prediction_level : float in (0, .5)
        One-sided level of the second condition: :math:`z` is its upper normal quantile.
    max_features : int
        The most columns of which all subsets are tried.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    importance_ : ndarray of shape (n_columns,)
        Share of the sets in G that hold the column.

    References
    ----------
    N. Pfister, E. G. Williams, J. Peters, R. Aebersold, P. Bühlmann, "Stabilizing variable
    selection and regression", Annals of Applied Statistics 15 (2021) 1220-1246, algorithm 1.
    """

    importance_: Floats

    _fewest: ClassVar[int] = 2
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "stability_level": [Interval(Real, 0, 1, closed="neither")],
        "prediction_level": [Interval(Real, 0, 0.5, closed="neither")],
        "max_features": [Interval(Integral, 1, 16, closed="both")],
    }

    def __init__(
        self,
        *,
        stability_level: float = 0.1,
        prediction_level: float = 0.01,
        max_features: int = 10,
    ) -> None:
        self.stability_level = stability_level
        self.prediction_level = prediction_level
        self.max_features = max_features

    def _learn(self, rows: Environments) -> None:
        risks = Risks.from_moments(rows.moments(), environment_weights="size")
        columns = screen(rows, self.max_features)
        sets = [
            np.insert(1 + columns[batch], 0, 0, axis=1)
            for batch in all_supports(columns.size, False, "stabilised regression")
        ]
        fits = [_pooled(risks, one) for one in sets]
        stability = [_stability(risks, one) for one in sets]
        risk, p_value = np.concatenate([r for _, r in fits]), np.concatenate(stability)
        stable = p_value >= min(self.stability_level, p_value.max())
        w = np.zeros((len(risk), risks.cross.shape[1]))
        places = np.concatenate([np.full(len(one), at) for at, one in enumerate(sets)])
        for at, (one, (found, _)) in enumerate(zip(sets, fits, strict=True)):
            held = np.zeros((len(one), w.shape[1]))
            np.put_along_axis(held, one, found, axis=1)
            w[places == at] = held
        best = int(np.argmin(np.where(stable, risk, np.inf)))
        X, y = risks.design(rows)
        spread = float(np.std((y - X @ w[best]) ** 2)) / np.sqrt(len(y))
        limit = risk[best] + stats.norm.isf(self.prediction_level) * spread
        chosen = stable & (risk <= limit)
        self.importance_ = (w[chosen, 1:] != 0).mean(axis=0)
        self._take(*risks.model(w[chosen].mean(axis=0)))


def _pooled(risks: Risks, sets: Positions) -> tuple[Floats, Floats]:
    """Return coefficients (m, k) and risks (m,) of pooled least squares on sets (m, k)."""
    gram, cross = np.tensordot(risks.weights, risks.gram, 1), risks.weights @ risks.cross
    return _fit(gram, cross, float(risks.weights @ risks.square_y), sets)


def _fit(gram: Floats, cross: Floats, square_y: float, sets: Positions) -> tuple[Floats, Floats]:
    S, c = gram[sets[:, :, None], sets[:, None, :]], cross[sets]
    w = solve_all(S, c)
    return w, np.maximum(square_y - (w * c).sum(axis=1), 1e-12)


def _stability(risks: Risks, sets: Positions) -> Floats:
    """Return p-values (m,) of the Chow test of each environment against the others together."""
    k, E, count = sets.shape[1], len(risks.count), risks.count
    total = float(count.sum())
    pooled = total * _pooled(risks, sets)[1]
    sums = [count @ risks.gram.reshape(E, -1), count @ risks.cross, count @ risks.square_y]
    worst = np.ones(len(sets))
    for e in range(E):
        own = count[e] * _fit(risks.gram[e], risks.cross[e], float(risks.square_y[e]), sets)[1]
        # moments of all other environments together
        n = total - count[e]
        gram = (sums[0].reshape(risks.gram[e].shape) - count[e] * risks.gram[e]) / n
        cross = (sums[1] - count[e] * risks.cross[e]) / n
        square = float(sums[2] - count[e] * risks.square_y[e]) / n
        apart = own + n * _fit(gram, cross, square, sets)[1]
        freedom = total - 2 * k
        statistic = (pooled - apart) / k / (apart / freedom)
        worst = np.minimum(worst, E * stats.f.sf(statistic, k, freedom))
    return worst
