"""The step on one environment, extrapolated or not."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from elinvar._base._check import check_count, check_number
from elinvar.errors import DataError
from elinvar.neural.rules._learner import Batch, Learner
from elinvar.neural.rules._rule import StepRule


@dataclass(frozen=True, kw_only=True)
class HeteroStep(StepRule):
    r"""A step on one environment, extrapolated away from the others by the gain.

    .. math:: \bar g + \kappa (g_e - \bar g) = \nabla \sum_j w_j L_j, \qquad
        w_j = \frac{1 - \kappa}{k} + \kappa\, [j = e], \quad \sum_j w_j = 1

    with :math:`\bar g` the mean gradient over the k batches of the step and e taken in turn. With
    :math:`\kappa > 1` the other environments have **negative** weights: the step is that of an
    environment which lies :math:`\kappa` times as far from the mean as e does, so that effects of
    one sign in all environments, only of different size, change sign too and die out. Such an
    extrapolated loss need not be bounded below: the larger the gain, the smaller the step must be.

    Parameters
    ----------
    gain : float >= 0
        :math:`\kappa`. 1: the paper's step, which needs a single batch. 0: a pooled step on the k
        batches.
    environments : int, optional
        k batches a step, best one of each environment (``order="cyclic"`` and as many as there
        are). None: 1 without gain; with it the number must be given.

    Raises
    ------
    DataError
        If a value is out of its range, or a gain other than 1 has a single batch.

    References
    ----------
    Plain steps: Y. Xu, Y. Gu, C. Fang, NeurIPS 2024, arXiv:2403.01420, Algorithm 1. The gain is an
    own derivation.

    Examples
    --------
    >>> import torch
    >>> from elinvar.neural import HeteroStep, Learner
    >>> rule = HeteroStep(gain=3.0, environments=2)
    >>> rule.weights(own=0)
    (2.0, -1.0)

    A step in a loop of your own, on a batch of each environment:

    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> learner = Learner(model=model, loss=torch.nn.functional.mse_loss)
    >>> batches = [(torch.eye(2), torch.ones(2, 1)), (torch.eye(2), torch.zeros(2, 1))]
    >>> loss = rule.backward(learner, batches, step=0)
    >>> optimizer.step()
    """

    gain: float = 1.0
    environments: int = 1
    replicated: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("gain", self.gain, least=0.0)
        check_count("environments", self.environments, "the batches of a step")
        if self.gain != 1.0 and self.environments == 1:
            raise DataError(
                f"gain={self.gain:g} compares environments, and a step has one batch: set "
                "environments to the number of batches a step is to take, one of each."
            )

    def weights(self, own: int) -> tuple[float, ...]:
        """Return what each batch counts for.

        Parameters
        ----------
        own : int
            Which one the step is on.

        Returns
        -------
        tuple of float
            Summing to one.
        """
        # w_j = (1 - kappa) / k + kappa [j = own]
        rest = (1.0 - self.gain) / self.environments
        return tuple(
            rest + self.gain * (j == own % self.environments) for j in range(self.environments)
        )

    def backward(self, learner: Learner, batches: Sequence[Batch], step: int = 0) -> Tensor:
        """Return the mean loss and leave the gradient, as :meth:`StepRule.backward` says."""
        if len(batches) == 1:
            risk = learner.risk(batches[0])
            learner.backward(risk)
            return risk.detach()
        total = torch.zeros(())
        weights = self.weights(step)
        last = max(j for j, weight in enumerate(weights) if weight)
        # one graph at a time, and replicas exchange gradients once
        silent = getattr(learner.model, "no_sync", nullcontext)
        for j, (weight, batch) in enumerate(zip(weights, batches, strict=True)):
            with nullcontext() if j == last else silent():
                risk = learner.risk(batch)
                if weight:
                    learner.backward(weight * risk)
            total = total.to(risk.device) + risk.detach() / len(batches)
        return total
