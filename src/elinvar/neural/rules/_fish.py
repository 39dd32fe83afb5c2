"""Gradient matching between environments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from elinvar._base._check import check_count, check_number
from elinvar.neural.rules._learner import Batch, Learner
from elinvar.neural.rules._rule import StepRule


@dataclass(frozen=True, kw_only=True)
class Fish(StepRule):
    r"""Fish: a step in each environment after another, then part of the way there.

    .. math:: \tilde w \leftarrow w; \quad \tilde w \leftarrow \tilde w - \alpha \nabla
        R_e(\tilde w) \text{ for all } e \text{ in random order}; \quad
        w \leftarrow w + \epsilon (\tilde w - w)

    What it leaves for the optimiser is :math:`w - \tilde w`, so that the last step is taken by
    plain SGD with :math:`\epsilon` as its ``lr``.

    Deviation: plain inner steps for Adam.

    Parameters
    ----------
    inner_step : float > 0
        :math:`\alpha`.
    environments : int
        Environments, of each of which a step takes a batch.
    seed : int
        Of the orders.

    Raises
    ------
    DataError
        If a value is out of its range.

    References
    ----------
    Y. Shi, J. Seely, P. H. S. Torr, N. Siddharth, A. Hannun, N. Usunier, G. Synnaeve, "Gradient
    matching for domain generalization", ICLR 2022, arXiv:2104.09937, algorithm 1.

    Examples
    --------
    >>> from elinvar.neural import Fish
    >>> Fish(inner_step=0.01, environments=3).inner_step
    0.01
    """

    inner_step: float
    environments: int
    seed: int = 0
    every_environment: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("inner_step", self.inner_step, least=0.0, above=True)
        check_count("environments", self.environments, "the batches of a step")
        check_number("seed", self.seed, least=0.0)

    def backward(self, learner: Learner, batches: Sequence[Batch], step: int = 0) -> Tensor:
        """Return the mean loss and leave the way to go, as :meth:`StepRule.backward` says."""
        parameters = learner.parameters
        start = [part.detach().clone() for part in parameters]
        risks = []
        # numbered by the step, so that a resumed run has the same orders
        # w~ <- w~ - alpha grad R_e(w~), one environment after another
        for e in np.random.default_rng([self.seed, step]).permutation(len(batches)):
            risk = learner.risk(batches[e])
            gradients = torch.autograd.grad(risk, parameters, allow_unused=True)
            risks.append(risk.detach())
            with torch.no_grad():
                for part, gradient in zip(parameters, gradients, strict=True):
                    if gradient is not None:
                        part.sub_(self.inner_step * gradient)
        with torch.no_grad():
            for part, origin in zip(parameters, start, strict=True):
                way = origin - part
                part.copy_(origin)
                # w - w~ in a gradient's place: plain SGD takes the last step, epsilon is its lr
                part.grad = way if learner.scaler is None else learner.scaler.scale(way)
        return torch.stack(risks).mean()
