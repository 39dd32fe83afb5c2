"""Focused adversarial invariance regularisation of networks."""

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from elinvar.baselines._network import NetworkRegressor
from elinvar.baselines._regressor import Floats, Mask
from elinvar.environments import Environments

if TYPE_CHECKING:
    from elinvar.neural import DenseModel


class FAIRNetworkRegressor(NetworkRegressor):
    r"""FAIR-NN: a network and gates against an opponent network in each environment.

    .. math:: \min_{g, a} \max_{f_1, \dots, f_E}\ \sum_e E_e \bigl[ \tfrac12 (y - g(a \odot x))^2
        + \gamma \{ (y - g(a \odot x)) f_e(a \odot x) - \tfrac12 f_e(a \odot x)^2 \} \bigr]

    The opponent of an environment sees the columns that the predictor sees, and gains as far as it
    explains there what g leaves of y. Gates :math:`a \in \{0, 1\}^p` are drawn: a gate is
    :math:`\sigma((l_j + \text{logistic noise}) / \tau)` with a logit :math:`l_j` that is learned
    and a temperature :math:`\tau` that falls from 5 to .05, so that it is open with probability
    :math:`\sigma(l_j)` in the end. Opponents take three steps of Adam, then predictor and gates
    one. The columns whose gates are open with probability ``threshold`` are kept, and a network is
    trained on them by least squares (the paper's "FAIR-RF").

    Deviations: columns and target are standardised; fewer and larger steps, and networks of half
    the width or less, than the paper's 70,000 steps with 128 and 2 x 196 units; gates start
    further open (:math:`l_j = -1`, not -3), so that few steps suffice; all columns of a
    categorical feature share a gate; where no gate is open, the widest open one is; the refit's
    number of steps is not chosen on new data.

    Parameters
    ----------
    penalty : float, at least 0
        :math:`\gamma`; the authors' experiments have 36.
    threshold : float in (0, 1)
        The paper's is .6 for up to 2,000 rows an environment, and .9 beyond.
    hidden : sequence of int
        Units of each layer of the predictor and of the refit; none: linear models.
    opponent_hidden : sequence of int
        Units of each layer of an opponent.
    n_steps : int
        Rounds of the game, about 300 a second; with far fewer, causes with curved effects are
        still shut out.
    refit_steps : int
        Steps of the refit.
    batch_size : int
        Rows of each environment in a step.
    step_size, gate_step : float
        Of Adam on networks, and on logits.
    weight_decay : float
        Of networks.
    random_state : int
        Draws starts, rows and gates.

    Attributes
    ----------
    network_ : DenseModel
        The refit.
    selected_ : boolean ndarray of shape (n_columns,)
        Columns that it uses.
    gates_ : ndarray of shape (n_columns,)
        Probabilities that gates are open.

    References
    ----------
    Y. Gu, C. Fang, P. Bühlmann, J. Fan, "Causality pursuit from heterogeneous environments via
    neural adversarial invariance learning", Annals of Statistics 53 (2025), arXiv:2405.04715,
    sections 3 and 5.
    """

    gates_: Floats
    selected_: Mask

    _fewest: ClassVar[int] = 2
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **NetworkRegressor._parameter_constraints,
        "penalty": [Interval(Real, 0, None, closed="left")],
        "threshold": [Interval(Real, 0, 1, closed="neither")],
        "opponent_hidden": ["array-like"],
        "refit_steps": NetworkRegressor._parameter_constraints["n_steps"],
        "gate_step": NetworkRegressor._parameter_constraints["step_size"],
    }

    def __init__(
        self,
        *,
        penalty: float = 36.0,
        threshold: float = 0.6,
        hidden: Sequence[int] = (64,),
        opponent_hidden: Sequence[int] = (64,),
        n_steps: int = 8000,
        refit_steps: int = 1500,
        batch_size: int = 64,
        step_size: float = 5e-3,
        gate_step: float = 1e-2,
        weight_decay: float = 1e-3,
        random_state: Any = 0,
    ) -> None:
        self.penalty = penalty
        self.threshold = threshold
        self.hidden = hidden
        self.opponent_hidden = opponent_hidden
        self.n_steps = n_steps
        self.refit_steps = refit_steps
        self.batch_size = batch_size
        self.step_size = step_size
        self.gate_step = gate_step
        self.weight_decay = weight_decay
        self.random_state = random_state

    def _train(self, x: Floats, y: Floats, rows: Environments) -> "DenseModel":
        from elinvar.neural import FairSettings, fair_gates, train_network

        settings = FairSettings(
            penalty=self.penalty,
            opponent_hidden=tuple(self.opponent_hidden),
            gate_step=self.gate_step,
            **vars(self._training(self.n_steps)),
        )
        seed, gate_of = self._seed(), np.asarray(rows.schema.groups)
        gates = fair_gates(x, y, rows.codes, gate_of, settings, seed)
        open_ = gates >= min(self.threshold, gates.max())
        self.gates_, self.selected_ = gates[gate_of], open_[gate_of]
        training = self._training(self.refit_steps)
        return train_network(x * self.selected_, y, rows.codes, training, seed=seed)

    def _without_intercept(self, encoded: Floats) -> Floats:
        return super()._without_intercept(np.where(self.selected_, encoded, self._center))
