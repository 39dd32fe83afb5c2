"""Networks trained with the penalties of IRM and CORAL."""

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sklearn.utils._param_validation import Interval

from elinvar.baselines._network import NetworkRegressor
from elinvar.baselines._regressor import Floats
from elinvar.environments import Environments

if TYPE_CHECKING:
    from elinvar.neural import DenseModel


class IRMNetworkRegressor(NetworkRegressor):
    r"""A network whose scale is right in every environment: invariant risk minimisation.

    .. math:: \min_f\ \frac1E \sum_e \Bigl\{ E_e (y - f(x))^2 + \lambda \bigl( E_e [2 (f(x) - y)
        f(x)] \bigr)^2 \Bigr\}

    The penalty is the squared slope of the risk along a factor on f, at 1.

    Deviations: the penalty of a batch, not the product over two halves of it; standardised columns
    and target; a linear map beside the hidden layers. As the authors do, the penalty starts after a
    part of the steps (a fifth), and a large one divides the whole objective.

    Parameters
    ----------
    penalty : float, at least 0
        :math:`\lambda`.
    hidden : sequence of int
        Units of each layer; none: a linear model.
    n_steps : int
        Steps of Adam.
    batch_size : int
        Rows of each environment in a step.
    step_size, weight_decay : float
        Of Adam; the step falls to 0 linearly.
    random_state : int
        Draws start and rows.

    Attributes
    ----------
    network_ : DenseModel

    References
    ----------
    M. Arjovsky, L. Bottou, I. Gulrajani, D. Lopez-Paz, "Invariant risk minimization" (2019),
    arXiv:1907.02893, equation (IRMv1).
    """

    _rule: ClassVar[Literal["irm", "coral"]] = "irm"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **NetworkRegressor._parameter_constraints,
        "penalty": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        penalty: float = 1.0,
        hidden: Sequence[int] = (32,),
        n_steps: int = 1500,
        batch_size: int = 64,
        step_size: float = 3e-3,
        weight_decay: float = 1e-3,
        random_state: Any = 0,
    ) -> None:
        self.penalty = penalty
        self.hidden = hidden
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.step_size = step_size
        self.weight_decay = weight_decay
        self.random_state = random_state

    def _train(self, x: Floats, y: Floats, rows: Environments) -> "DenseModel":
        from elinvar.neural import train_network

        return train_network(
            x,
            y,
            rows.codes,
            self._training(self.n_steps),
            rule=self._rule,
            penalty=self.penalty,
            seed=self._seed(),
        )


class CORALNetworkRegressor(IRMNetworkRegressor):
    r"""A network whose last hidden layer has the same moments in every environment.

    .. math:: \min_{h, w}\ \frac1E \sum_e E_e (y - w^\top h(x))^2 + \lambda\, \overline{
        \lVert m_e - m_f \rVert^2 / d + \lVert C_e - C_f \rVert_F^2 / d^2 }

    averaged over pairs of environments, with :math:`m_e, C_e` mean and covariance of the d hidden
    units h.

    Deviations: means are aligned too, as in DomainBed's version for several environments; a linear
    map beside the hidden layers is not aligned; otherwise as `IRMNetworkRegressor`.

    Parameters
    ----------
    penalty : float, at least 0
        :math:`\lambda`.
    hidden, n_steps, batch_size, step_size, weight_decay, random_state
        As in `IRMNetworkRegressor`.

    Attributes
    ----------
    network_ : DenseModel

    References
    ----------
    B. Sun, K. Saenko, "Deep CORAL: correlation alignment for deep domain adaptation", ECCV
    workshops 2016, arXiv:1607.01719, equation (1).
    """

    _rule = "coral"
