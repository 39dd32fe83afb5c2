"""Average risk plus a penalty on how environments differ: what a family of peers minimises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from elinvar._base._check import check_count, check_number
from elinvar.neural.rules._learner import Batch, Learner
from elinvar.neural.rules._rule import StepRule


@dataclass(frozen=True, kw_only=True)
class PenaltyRule(StepRule):
    r"""Base of peers that minimise :math:`\bar R + \lambda P` over batches of all environments.

    Where :math:`\lambda > 1` the whole is divided by it, so that one step size serves all.

    Parameters
    ----------
    penalty : float >= 0
        :math:`\lambda`.
    environments : int
        Environments, of each of which a step takes a batch.
    warmup : int
        First steps, in which :math:`\lambda` is at most 1.

    Raises
    ------
    DataError
        If a value is out of its range.
    """

    penalty: float
    environments: int
    warmup: int = 0
    every_environment: ClassVar[bool] = True
    needs_pairs: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("penalty", self.penalty, least=0.0)
        check_number("warmup", self.warmup, least=0.0)
        check_count("environments", self.environments, "the batches of a step")

    def backward(self, learner: Learner, batches: Sequence[Batch], step: int = 0) -> Tensor:
        """Return the mean loss and leave the gradient, as :meth:`StepRule.backward` says."""
        outputs = [learner.output(x) for x, _ in batches]
        risks = torch.stack(
            [learner.compare(out, y) for out, (_, y) in zip(outputs, batches, strict=True)]
        )
        weight = min(self.penalty, 1.0) if step < self.warmup else self.penalty
        total = risks.mean()
        if weight:
            total = total + weight * self._disagreement(learner, batches, outputs, risks)
        # a large lambda sets the size of the whole, and is divided out of it
        learner.backward(total / max(weight, 1.0))
        return risks.detach().mean()

    def _disagreement(
        self, learner: Learner, batches: Sequence[Batch], outputs: Sequence[Tensor], risks: Tensor
    ) -> Tensor:
        """Return P, with its graph."""
        return torch.zeros(())
