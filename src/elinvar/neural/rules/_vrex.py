"""Risk extrapolation by the variance of risks."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from elinvar.neural.rules._learner import Batch, Learner
from elinvar.neural.rules._penalty import PenaltyRule


@dataclass(frozen=True, kw_only=True)
class VREx(PenaltyRule):
    r"""V-REx: the risk is the same in every environment.

    .. math:: \bar R + \lambda \frac1E \sum_e (R_e - \bar R)^2

    Deviation: the average of risks for their sum, so :math:`\lambda` is the paper's :math:`\beta`
    over E.

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
    D. Krueger et al., "Out-of-distribution generalization via risk extrapolation (REx)", ICML 2021,
    arXiv:2003.00688, equation (8).

    Examples
    --------
    >>> from elinvar.neural import VREx
    >>> VREx(penalty=10.0, environments=2).environments
    2
    """

    def _disagreement(
        self, learner: Learner, batches: Sequence[Batch], outputs: Sequence[Tensor], risks: Tensor
    ) -> Tensor:
        return risks.var(correction=0)
