"""Lightning: the sampler is built where the processes have met, in ``train_dataloader``."""

import argparse

import lightning
import torch
from three_sources import STEP, Gates, half_squared_loss, report, rows
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from elinvar.neural import EnvironmentBatchSampler, audit


class Module(lightning.LightningModule):
    """The network, with its data."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Gates()

    def train_dataloader(self) -> DataLoader:
        """Draw every batch from one source, the same in all processes."""
        x, y, source = rows()
        # batches whose gradients are added up are from one source, too
        block = self.trainer.accumulate_grad_batches
        sampler = EnvironmentBatchSampler(source, batch_size=200, order="blocks", block=block)
        return DataLoader(TensorDataset(x, y), batch_sampler=sampler)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Return the loss."""
        x, y = batch
        return half_squared_loss(self.network(x), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return plain SGD."""
        return torch.optim.SGD(self.parameters(), lr=STEP)


def main() -> None:
    """Train."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--devices", type=int, default=1)
    devices = options.parse_args().devices
    module = Module()
    trainer = lightning.Trainer(
        max_epochs=30,
        accelerator="cpu",
        devices=devices,
        strategy="ddp_spawn" if devices > 1 else "auto",
        # the sampler shares its batches out itself
        use_distributed_sampler=False,
        callbacks=[Audit()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module)
    report(module.network)


class Audit(lightning.Callback):
    """Look at what the steps see, in all processes, before the first."""

    def on_train_start(self, trainer: lightning.Trainer, module: Module) -> None:
        """Print the audit once."""
        found = audit(trainer.train_dataloader, accumulate=trainer.accumulate_grad_batches)
        if trainer.is_global_zero:
            print(found)


if __name__ == "__main__":
    main()
