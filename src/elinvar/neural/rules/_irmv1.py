"""Invariant risk minimisation, in its practical version."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from elinvar.neural.rules._learner import Batch, Learner
from elinvar.neural.rules._penalty import PenaltyRule


@dataclass(frozen=True, kw_only=True)
class IRMv1(PenaltyRule):
    r"""IRMv1: no environment gains by rescaling the outputs.

    .. math:: \frac1E \sum_e \bigl[ R_e + \lambda D_e^2 \bigr], \qquad
        D_e = \partial_s R_e(s f) |_{s = 1}

    Deviations: averages of environments for sums; :math:`D_e^2` from one batch, as in the authors'
    code, and not from two independent ones.

    Parameters
    ----------
    penalty : float >= 0
        :math:`\lambda`; 1e2 to 1e5 after a warm-up in the paper's experiments.
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
    M. Arjovsky, L. Bottou, I. Gulrajani, D. Lopez-Paz, "Invariant risk minimization",
    arXiv:1907.02893 (2019), equation (IRMv1).

    Examples
    --------
    >>> from elinvar.neural import IRMv1
    >>> IRMv1(penalty=100.0, environments=2, warmup=200).every_environment
    True
    """

    def _disagreement(
        self, learner: Learner, batches: Sequence[Batch], outputs: Sequence[Tensor], risks: Tensor
    ) -> Tensor:
        slopes = []
        for output, (_, y) in zip(outputs, batches, strict=True):
            # D_e = d R_e(s f) / ds at s = 1, with a graph, for the step goes through its square
            scale = torch.ones((), device=output.device, dtype=output.dtype, requires_grad=True)
            risk = learner.compare(scale * output, y)
            (slope,) = torch.autograd.grad(risk, scale, create_graph=True)
            slopes.append(slope)
        return torch.stack(slopes).square().mean()
