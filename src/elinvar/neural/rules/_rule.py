"""How the batches of a step become the direction that an optimiser follows."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from elinvar.neural.rules._learner import Batch, Learner


class StepRule:
    """Base of all rules: plain HeteroSGD, the gain, and the penalties of peers.

    A rule adds a direction to the parameters' ``grad`` and leaves the step to the optimiser, so
    that any optimiser of torch goes with any rule.
    """

    # batches, each of one environment, that a step takes
    environments: int = 1
    # whether every step needs a batch of each environment, in the same order
    every_environment: ClassVar[bool] = False
    # whether replicas of the model on several processes may average what it leaves
    replicated: ClassVar[bool] = False
    # whether it looks at outputs and labels by themselves, hence needs pairs
    needs_pairs: ClassVar[bool] = False

    def backward(self, learner: Learner, batches: Sequence[Batch], step: int = 0) -> Tensor:
        """Leave a direction in the parameters' ``grad``.

        Parameters
        ----------
        learner : Learner
            Model and loss.
        batches : sequence of (x, y)
            Each of one environment.
        step : int
            Number of the step, from 0.

        Returns
        -------
        Tensor of shape ()
            Mean loss over the batches, without a graph.

        Raises
        ------
        TypeError
            If the rule does not say how.
        """
        raise TypeError(f"{type(self).__name__} does not say how to take a step.")

    def state_dict(self) -> dict[str, Any]:
        """Return what the rule remembers from step to step.

        Returns
        -------
        dict
            Of tensors and plain values.
        """
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` returned.

        Parameters
        ----------
        state : dict
            Of the same rule.
        """
