"""HeteroTrainer on batches that are dicts, with its records in TensorBoard."""

import argparse
from pathlib import Path

import torch
from three_sources import STEP, Gates, half_squared_loss, report, rows
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter

from elinvar.neural import EnvironmentBatchSampler, HeteroTrainer

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--out", type=Path, default=Path("runs"))
x, y, source = rows()
data = [{"x": a, "y": b} for a, b in zip(x, y, strict=True)]


def loss(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Return the loss of a batch."""
    return half_squared_loss(model(batch["x"]), batch["y"])


def weights(trainer: HeteroTrainer) -> dict[str, float]:
    """Return what is to be recorded beside the loss."""
    return dict(zip(("same", "differs"), trainer.model.weight.tolist(), strict=True))


model = Gates()
with SummaryWriter(options.parse_args().out) as writer:
    trainer = HeteroTrainer(
        model,
        torch.optim.SGD(model.parameters(), lr=STEP),
        loss,
        callbacks=[weights],
        loggers=[writer],
        record_every=10,
    )
    sampler = EnvironmentBatchSampler(source, batch_size=200)
    print(trainer.fit(DataLoader(data, batch_sampler=sampler), steps=270))
report(model)
