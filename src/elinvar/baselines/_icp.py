"""Invariant causal prediction through the package invariant-causal-prediction."""

import warnings
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from elinvar._base import import_extra
from elinvar.baselines._causalicp import CausalICPRegressor
from elinvar.baselines._regressor import by_environment
from elinvar.baselines._screen import screen
from elinvar.environments import Environments


class ICPRegressor(CausalICPRegressor):
    r"""ICP as in the package ``invariant-causal-prediction``.

    The same estimate as `CausalICPRegressor` from other tests: residuals of pooled least squares
    are compared for every pair of environments, by Welch's t-test and Levene's test about the
    medians (``test="normal"``). **Correction:** none of Bonferroni's kind; Fisher's combination
    :math:`-2 \sum \log p \sim \chi^2` of all :math:`E (E - 1)` p-values, as if they were
    independent. With more than two environments pairs share data: at level 5% a true set is
    rejected in 5, 7, 14 and 20% of cases with 2, 3, 5 and 10 environments (own simulation, normal
    noise). A target of two values is fitted by logistic
    regressions, which takes minutes with many columns, and
    the model in use still is least squares on 0/1.

    Deviations: sets of any size are tried by default (the package: up to 3); more than
    ``max_features`` columns are screened by the lasso path.

    Parameters
    ----------
    level : float in (0, 1)
        :math:`\alpha`.
    test : {"normal", "ks", "ranks"}
        Tests of the package: Welch and Levene, Kolmogorov-Smirnov, or Mann-Whitney.
    max_features : int
        The most columns of which subsets are tested; each more doubles the time.
    max_set_size : int, optional
        The largest set tried; None: any.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
    selected_ : boolean ndarray of shape (n_columns,)
        All False where every set is rejected.
    accepted_sets_ : list of tuple of int

    References
    ----------
    J. Peters, P. Bühlmann, N. Meinshausen, "Causal inference by using invariant prediction", JRSS B
    78 (2016). https://github.com/simzim96/invariant_causal_prediction (GPL; never imported unless
    asked for).
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CausalICPRegressor._parameter_constraints,
        "test": [StrOptions({"normal", "ks", "ranks"})],
        "max_set_size": [None, Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        level: float = 0.05,
        test: str = "normal",
        max_features: int = 8,
        max_set_size: int | None = None,
    ) -> None:
        super().__init__(level=level, max_features=max_features)
        self.test = test
        self.max_set_size = max_set_size

    def _learn(self, rows: Environments) -> None:
        package = import_extra("invariant_causal_prediction", "bench")
        columns = screen(rows, self.max_features)
        size = columns.size if self.max_set_size is None else self.max_set_size
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # its fits of two classes warn of other packages' versions
            warnings.simplefilter("ignore")
            found = package.icp(
                rows.X[:, columns],
                rows.y,
                [np.flatnonzero(inside) for inside in by_environment(rows)],
                alpha=self.level,
                test=self.test,
                max_set_size=size,
            )
        self._accept(rows, columns, found["accepted_sets"])
