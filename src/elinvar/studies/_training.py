"""How the studies of networks train: a loop that settles."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    import torch

    Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]

Network = TypeVar("Network", bound="torch.nn.Module")


def settle(
    model: Network, optimizer: "torch.optim.Optimizer", batches: "Batches", steps: int
) -> tuple[Network, bool]:
    """Train on squares with an intercept for each batch; return the average, and if it diverged.

    The step size falls to 0 over the last third of the steps, over which parameters are averaged.
    """
    import torch

    from elinvar.neural import HeteroTrainer, centred_squared_loss

    trainer = HeteroTrainer(
        model,
        optimizer,
        # / 8: half of the paper's 1/4, as the network's measurement xx' has twice the curvature
        lambda output, target: centred_squared_loss(output, target) / 8,
        scheduler=torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, 3.0 * (steps - step) / steps)
        ),
        average=1 / 3,
        warn=False,
    )
    diverged = trainer.fit(batches, steps=steps).status == "diverged"
    return cast(Network, trainer.averaged), diverged
