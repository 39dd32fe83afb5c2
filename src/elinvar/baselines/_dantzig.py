"""Causal Dantzig: inner products of features and noise that are the same everywhere."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import linprog
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.baselines._risks import Risks
from elinvar.environments import Environments


class CausalDantzigRegressor(PeerRegressor):
    r"""Causal Dantzig: :math:`E_e[x (y - x^\top w)]` does not depend on the environment.

    With :math:`S_e`, :math:`c_e` the second moments about the pooled means, :math:`G_e = S_e - \bar
    S` and :math:`z_e = c_e - \bar c`, bars being averages over environments,

    .. math:: \min_w \sum_e \lVert z_e - G_e w \rVert^2 \quad (\lambda = 0), \qquad
        \min_w \lVert w \rVert_1 \ \text{s.t.}\ \max_e \lVert z_e - G_e w \rVert_\infty \leq
        \lambda \lambda_{\max}

    where :math:`\lambda_{\max} = \max_e \lVert z_e \rVert_\infty` is the smallest with the
    solution 0. With two environments the first is the paper's :math:`(S_1 - S_2)^{-1} (c_1 -
    c_2)`. It allows hidden confounders, when interventions are additive and leave the target and
    its noise alone.

    Deviations: the paper has two environments; with more, all are compared with their average,
    unweighted. Moments are about the pooled means, so a shift of means is information. Units of the
    pooled sds. No confidence intervals.

    Parameters
    ----------
    penalty : float in [0, 1]
        :math:`\lambda`; 0: unregularised.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    selected_ : boolean ndarray of shape (n_columns,), or None
        Columns with a coefficient, if regularised.

    References
    ----------
    D. Rothenhäusler, P. Bühlmann, N. Meinshausen, "Causal Dantzig: fast inference in linear
    structural equation models with hidden variables under additive interventions", Annals of
    Statistics 47 (2019), arXiv:1706.06159.
    """

    _fewest: ClassVar[int] = 2
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "penalty": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, *, penalty: float = 0.0) -> None:
        self.penalty = penalty

    def _learn(self, rows: Environments) -> None:
        moments = rows.moments()
        risks = Risks.from_moments(moments, standardize=True)
        gram, cross = risks.gram[:, 1:, 1:], risks.cross[:, 1:]
        # products with the residual, c_e - S_e w, are the same everywhere: z - G w = 0 for their
        # differences from the mean over environments
        G = (gram - gram.mean(axis=0)).reshape(-1, cross.shape[1])
        z = (cross - cross.mean(axis=0)).ravel()
        if self.penalty:
            w = _smallest(G, z, self.penalty * float(np.abs(z).max()))
            self.selected_ = w != 0
        else:
            w = np.linalg.lstsq(G, z, rcond=None)[0]
        # about the pooled means a column and the target average to 0, and so does the residual
        self._take(*risks.model(np.concatenate([[0.0], w])))


def _smallest(G: Floats, z: Floats, bound: float) -> Floats:
    """Return the w of smallest 1-norm with ``|z - G w| <= bound`` everywhere."""
    p = G.shape[1]
    # w = w+ - w-, both at least 0: then the 1-norm is their sum, and this a linear program
    both = np.hstack([G, -G])
    found = linprog(
        np.ones(2 * p),
        A_ub=np.vstack([both, -both]),
        b_ub=np.concatenate([z + bound, bound - z]),
        bounds=(0, None),
        method="highs",
    )
    if found.x is None:
        # more equations than unknowns: no w meets them all, so the closest takes its place
        return np.asarray(np.linalg.lstsq(G, z, rcond=None)[0])
    return np.asarray(found.x[:p] - found.x[p:])
