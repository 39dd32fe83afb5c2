"""Gradient matching between environments."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from elinvar.baselines._regressor import PeerRegressor
from elinvar.baselines._risks import Risks
from elinvar.environments import Environments
from elinvar.estimators import random_generator


class FishRegressor(PeerRegressor):
    r"""Fish: a step in each environment after another, then part of the way there.

    .. math:: \tilde w \leftarrow w; \quad \tilde w \leftarrow \tilde w - \alpha \nabla
        R_e(\tilde w) \text{ for all } e \text{ in random order}; \quad
        w \leftarrow w + \epsilon (\tilde w - w)

    Averaged over orders it follows, to first order in :math:`\alpha`, the gradient of

    .. math:: \sum_e R_e - \tfrac{\alpha}{2} \sum_{e < f} \nabla R_e \cdot \nabla R_f.

    For squared loss that need not be bounded below, so the loop is the method. As :math:`\alpha \to
    0` its limit is least squares with equally weighted environments.

    Deviations: full batch from moments; plain inner steps for Adam; it starts at zero; the answer
    is the average of the last half of the outer iterates, since each order ends elsewhere;
    standardised units by default.

    Parameters
    ----------
    step_size : float in (0, 1]
        :math:`\alpha`, in units of one over the largest curvature of any environment's risk.
    meta_step : float in (0, 1]
        :math:`\epsilon`.
    n_steps : int
        Outer steps.
    standardize : bool
        Units of the pooled sds, about the pooled means.
    random_state : int, RandomState, Generator or None
        Draws the orders.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float

    References
    ----------
    Y. Shi, J. Seely, P. H. S. Torr, N. Siddharth, A. Hannun, N. Usunier, G. Synnaeve, "Gradient
    matching for domain generalization", ICLR 2022, arXiv:2104.09937, algorithm 1.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "step_size": [Interval(Real, 0, 1, closed="right")],
        "meta_step": [Interval(Real, 0, 1, closed="right")],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
        "standardize": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        step_size: float = 0.1,
        meta_step: float = 0.5,
        n_steps: int = 2000,
        standardize: bool = True,
        random_state: Any = 0,
    ) -> None:
        self.step_size = step_size
        self.meta_step = meta_step
        self.n_steps = n_steps
        self.standardize = standardize
        self.random_state = random_state

    def _learn(self, rows: Environments) -> None:
        risks = Risks.from_moments(rows.moments(), standardize=self.standardize)
        rng = random_generator(self.random_state, 0)
        alpha = self.step_size / (2 * float(np.linalg.eigvalsh(risks.gram)[:, -1].max()))
        E, q = risks.cross.shape
        # a step in environment e is w -> (I - 2 alpha S_e) w + 2 alpha c_e
        matrix, shift = np.eye(q) - 2 * alpha * risks.gram, 2 * alpha * risks.cross
        w, total, kept = np.zeros(q), np.zeros(q), 0
        for step in range(self.n_steps):
            inner = w
            for e in rng.permutation(E):
                inner = matrix[e] @ inner + shift[e]
            w = w + self.meta_step * (inner - w)
            if 2 * step >= self.n_steps:
                total, kept = total + w, kept + 1
        self._take(*risks.model(total / kept))
