"""A plain loop of torch."""

import torch
from three_sources import STEP, Gates, half_squared_loss, report, rows
from torch.utils.data import DataLoader, TensorDataset

from elinvar.neural import EnvironmentBatchSampler, audit

x, y, source = rows()

sampler = EnvironmentBatchSampler(source, batch_size=200)
loader = DataLoader(TensorDataset(x, y), batch_sampler=sampler)
print(audit(loader, epochs=20))

model = Gates()
optimizer = torch.optim.SGD(model.parameters(), lr=STEP)
for _ in range(30):
    for inputs, labels in loader:
        optimizer.zero_grad()
        half_squared_loss(model(inputs), labels).backward()
        optimizer.step()
report(model)
