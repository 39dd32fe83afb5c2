"""Invariant variances of gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from elinvar.neural.rules._learner import Batch, Learner
from elinvar.neural.rules._penalty import PenaltyRule


@dataclass(frozen=True, kw_only=True)
class Fishr(PenaltyRule):
    r"""Fishr: gradients of single rows vary alike in every environment.

    .. math:: \bar R + \lambda \frac1E \sum_e \lVert v_e - \bar v \rVert^2, \qquad
        v_e = \operatorname{Var}_{i \in e} \nabla_\theta \ell_i

    with variances element by element, and :math:`\theta` the parameters of the last layer. The loss
    must be a mean over rows.

    Deviation: variances of this step's batches alone, without a moving average.

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

    References
    ----------
    A. Rame, C. Dancette, M. Cord, "Fishr: invariant gradient variances for out-of-distribution
    generalization", ICML 2022, arXiv:2109.02934, equation (4).

    Examples
    --------
    >>> from elinvar.neural import Fishr
    >>> Fishr(penalty=1000.0, environments=2, warmup=500).penalty
    1000.0
    """

    def _disagreement(
        self, learner: Learner, batches: Sequence[Batch], outputs: Sequence[Tensor], risks: Tensor
    ) -> Tensor:
        variances = torch.stack([_variance(learner, x, y) for x, y in batches])
        return (variances - variances.mean(0)).square().sum() / len(batches)


def last_layer(model: nn.Module) -> dict[str, Tensor]:
    """Return the parameters of the last module that has any of its own."""
    layers = {name.rpartition(".")[0]: None for name, _ in model.named_parameters()}
    last = list(layers)[-1]
    named = dict(model.named_parameters())
    return {name: part for name, part in named.items() if name.rpartition(".")[0] == last}


def _variance(learner: Learner, x: Tensor, y: Tensor) -> Tensor:
    """Return the variance over rows of each entry of the last layer's gradient."""
    chosen = last_layer(learner.model)
    rest = {
        name: part
        for name, part in (*learner.model.named_parameters(), *learner.model.named_buffers())
        if name not in chosen
    }

    def loss(parameters: dict[str, Tensor], row: Tensor, label: Tensor) -> Any:
        output = functional_call(learner.model, {**rest, **parameters}, (row[None],))
        return learner.compare(output, label[None])

    # the gradient of every row by itself, one row of the batch at a time under vmap
    each = vmap(grad(loss), in_dims=(None, 0, 0), randomness="different")(chosen, x, y)
    return torch.cat([part.var(0, correction=0).ravel() for part in each.values()])
