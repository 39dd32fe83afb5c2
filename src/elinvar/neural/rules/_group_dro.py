"""Distributionally robust optimisation over groups."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from elinvar._base._check import check_count, check_number
from elinvar.neural.rules._learner import Batch, Learner
from elinvar.neural.rules._rule import StepRule


class GroupDRO(StepRule):
    r"""GroupDRO: the smallest worst risk over environments, online.

    .. math:: q_e \leftarrow q_e \exp(\gamma R_e) / \textstyle\sum_f q_f \exp(\gamma R_f), \qquad
        \text{then a step on } \sum_e q_e R_e

    Deviation: no adjustment for the size of groups.

    Parameters
    ----------
    environments : int
        Environments, of each of which a step takes a batch.
    rate : float >= 0
        :math:`\gamma`: how fast weight moves to bad environments.

    Raises
    ------
    DataError
        If a value is out of its range.

    References
    ----------
    S. Sagawa, P. W. Koh, T. B. Hashimoto, P. Liang, "Distributionally robust neural networks for
    group shifts", ICLR 2020, arXiv:1911.08731, algorithm 1.

    Examples
    --------
    >>> from elinvar.neural import GroupDRO
    >>> GroupDRO(environments=2).weights
    tensor([0.5000, 0.5000])
    """

    every_environment: ClassVar[bool] = True

    def __init__(self, *, environments: int, rate: float = 0.01) -> None:
        check_count("environments", environments, "the batches of a step")
        check_number("rate", rate, least=0.0)
        self.environments, self.rate = environments, rate
        self._logarithms = torch.zeros(environments)

    @property
    def weights(self) -> Tensor:
        """The weights q of the environments now, (E,)."""
        return self._logarithms.softmax(0)

    def backward(self, learner: Learner, batches: Sequence[Batch], step: int = 0) -> Tensor:
        """Return the mean loss and leave the gradient, as :meth:`StepRule.backward` says."""
        risks = torch.stack([learner.risk(batch) for batch in batches])
        # log q_e <- log q_e + gamma R_e, and log_softmax divides by the sum of all
        moved = self._logarithms.to(risks.device) + self.rate * risks.detach().float()
        self._logarithms = moved.log_softmax(0)
        learner.backward(self.weights.to(risks) @ risks)
        return risks.detach().mean()

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, as :meth:`StepRule.state_dict` says."""
        return {"logarithms": self._logarithms}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the weights back, as :meth:`StepRule.load_state_dict` says."""
        self._logarithms = state["logarithms"]
