"""Triples (x, y, metadata), as the data sets of WILDS give them: metadata name the environment."""

import torch
from three_sources import STEP, Gates, half_squared_loss, report, rows
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from elinvar.neural import EnvironmentBatchSampler, HeteroTrainer, audit


class WILDSShaped(Dataset):
    """What a data set of WILDS has: rows of (x, y, metadata), and ``metadata_array``."""

    metadata_fields = ("source", "year")

    def __init__(self) -> None:
        self.x, self.y, source = rows()
        codes = torch.tensor([sorted(set(source)).index(name) for name in source])
        self.metadata_array = torch.stack([codes, torch.full_like(codes, 2026)], dim=1)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.x[row], self.y[row], self.metadata_array[row]


def loss(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Return the loss of a triple."""
    x, y, _ = batch
    return half_squared_loss(model(x), y)


data = WILDSShaped()
sampler = EnvironmentBatchSampler(data.metadata_array, batch_size=200)  # all columns together
loader = DataLoader(data, batch_sampler=sampler)
print(audit(loader))

model = Gates()
optimizer = torch.optim.SGD(model.parameters(), lr=STEP)
print(HeteroTrainer(model, optimizer, loss).fit(loader, steps=270))
report(model)
