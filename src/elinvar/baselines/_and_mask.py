"""Gradient steps where environments agree: the AND-mask and the geometric mean."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from elinvar.baselines._regressor import Floats, PeerRegressor, Weights
from elinvar.baselines._risks import Risks
from elinvar.environments import Environments


class ANDMaskRegressor(PeerRegressor):
    r"""AND-mask: a coefficient moves only where environments agree on the sign of its gradient.

    .. math:: w \leftarrow w - \eta\, \bigl( m \odot \sum_e \pi_e g_e + \mu w \bigr), \qquad
        m_j = 1 \Bigl[ \bigl| \sum_e \pi_e \operatorname{sign} g_{ej} \bigr| \geq \tau \Bigr]

    with :math:`g_e = \nabla R_e(w)`, from :math:`w = 0`. No objective is minimised: the loop is the
    method, and where it starts matters. With weight decay :math:`\mu` what is masked dies out.

    Deviations: full batch from moments; plain steps of :math:`\eta = \text{step\_size} / L`, L the
    largest eigenvalue of twice the average second moments, for Adam; it starts at zero, not at
    random; standardised units by default. The reference implementation on the linear unit tests
    also divides each environment's gradient by its norm: ``normalize=True``.

    Parameters
    ----------
    threshold : float in [0, 1]
        :math:`\tau`; 1: all must agree.
    weight_decay : float, at least 0
        :math:`\mu`.
    step_size : float, above 0
        Step in units of the largest stable one over two.
    n_steps : int
        Steps taken.
    normalize : bool
        Divide each environment's gradient by its norm; steps then are of length ``step_size``
        at most, and shrink as one over the square root of their number.
    standardize : bool
        Units of the pooled sds, about the pooled means.
    environment_weights : {"equal", "size"}
        :math:`\pi_e`; the paper's are equal.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float

    References
    ----------
    G. Parascandolo, A. Neitz, A. Orvieto, L. Gresele, B. Schölkopf, "Learning explanations that are
    hard to vary", ICLR 2021, arXiv:2009.00329.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "step_size": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "normalize": ["boolean"],
        "standardize": ["boolean"],
        "environment_weights": [StrOptions({"equal", "size"})],
    }

    def __init__(
        self,
        *,
        threshold: float = 1.0,
        weight_decay: float = 0.0,
        step_size: float = 0.5,
        n_steps: int = 5000,
        normalize: bool = False,
        standardize: bool = True,
        environment_weights: Weights = "equal",
    ) -> None:
        self.threshold = threshold
        self.weight_decay = weight_decay
        self.step_size = step_size
        self.n_steps = n_steps
        self.normalize = normalize
        self.standardize = standardize
        self.environment_weights = environment_weights

    def _direction(self, gradients: Floats, weights: Floats) -> Floats:
        """Return where to step from, given each environment's gradient (E, q)."""
        # the slack lets a sum of weights that should be 1 pass a threshold of 1
        agree = np.abs(weights @ np.sign(gradients)) >= self.threshold - 1e-9
        return np.asarray(agree * (weights @ gradients))

    def _learn(self, rows: Environments) -> None:
        risks = Risks.from_moments(
            rows.moments(),
            standardize=self.standardize,
            environment_weights=self.environment_weights,
        )
        self._take(*risks.model(self._walk(risks)))

    def _walk(self, risks: Risks) -> Floats:
        """Take the steps."""
        weights = risks.weights
        # plain steps of 2 / L and more diverge, L the largest curvature of the average risk
        largest = 2 * float(np.linalg.eigvalsh(np.tensordot(weights, risks.gram, 1))[-1])
        step = self.step_size if self.normalize else self.step_size / largest
        w = np.zeros(risks.cross.shape[1])
        for t in range(self.n_steps):
            gradients = risks.gradient(w)
            eta = step
            if self.normalize:
                size = np.linalg.norm(gradients, axis=1, keepdims=True)
                gradients /= np.maximum(size, 1e-300)
                # steps of one length never settle: they shrink, but add up to infinity
                eta = step / np.sqrt(1 + t)
            move = self._direction(gradients, weights)
            if self.weight_decay:
                move = move + self.weight_decay * w
            elif not move.any():
                break
            w = w - eta * move
        return w


class ANDGradientRegressor(ANDMaskRegressor):
    r"""AND-gradient: steps along the geometric mean of the environments' gradients.

    .. math:: w_j \leftarrow w_j - \eta\, \Bigl( \sigma_j \prod_e |g_{ej}|^{\pi_e} + \mu w_j
        \Bigr)

    where :math:`\sigma_j` is the sign that all :math:`g_{ej}` share, and 0 where they do not. This
    is the average that the paper derives its logical AND from; the mask is its practical stand-in.

    Deviations: as `ANDMaskRegressor`. The geometric mean vanishes with the smallest of the
    gradients, so steps near an agreement are slow.

    Parameters
    ----------
    threshold : float in [0, 1]
        Not used: all environments must agree.
    weight_decay : float, at least 0
        :math:`\mu`.
    step_size, n_steps, normalize, standardize, environment_weights
        As `ANDMaskRegressor`.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float

    References
    ----------
    As `ANDMaskRegressor`.
    """

    def _direction(self, gradients: Floats, weights: Floats) -> Floats:
        signs = np.sign(gradients)
        agree = (signs == signs[0]).all(axis=0)
        size = np.exp(weights @ np.log(np.maximum(np.abs(gradients), 1e-300)))
        return np.asarray(np.where(agree, signs[0] * size, 0.0))
